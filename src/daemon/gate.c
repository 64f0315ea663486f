/* SPDX-License-Identifier: GPL-2.0-only */
/* See gate.h. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gate-ledger.h"
#include "gate-message.h"
#include "gate.h"

#define DRIVER	   "org.freedesktop.DBus"
#define BEGIN_LINE "BEGIN\r\n"
#define EXCEEDED   "org.freedesktop.DBus.Error.LimitsExceeded"
/* Until the bus is asked again who somebody is. */
#define LOOKUP_PATIENCE_US (2 * G_USEC_PER_SEC)
/* With our own messages as many as the protocol allows may leave. */
#define FDS_OUT_MAX 16

/* A message that waits until its sender's user is known. */
struct held {
	struct gate_message message;
	uint8_t *bytes;
	int fd;
};

struct stranger {
	char *name;
	GQueue held;	  /* of struct held */
	uint32_t lookup;  /* the serial of the question */
	int64_t asked_us; /* when it was asked */
	size_t bytes;
	unsigned int fds;
};

struct gate {
	int bus_fd, client_fd;
	GThread *inward, *outward;
	GMutex write_lock; /* one message at a time to the bus */
	/* Between both threads. */
	GMutex lock;
	struct ledger *ledger;
	/* The inward thread's own. */
	GHashTable *strangers; /* name to struct stranger */
	GHashTable *lookups;   /* serial to struct stranger */
	GQueue asked;	       /* strangers, the one that waits longest first */
	uint8_t in[GATE_MESSAGE_MAX];
	/* The outward thread's own. */
	uint8_t out[GATE_MESSAGE_MAX];
};

static void held_free(gpointer data)
{
	struct held *held = data;

	if (held->fd >= 0)
		close(held->fd);
	g_free(held->bytes);
	g_free(held);
}

static void stranger_free(gpointer data)
{
	struct stranger *stranger = data;

	g_queue_clear_full(&stranger->held, held_free);
	g_free(stranger->name);
	g_free(stranger);
}

/* ---- Sockets -------------------------------------------------------------------------------- */

/* Descriptors that came with a message. */
struct fds {
	int fds[FDS_OUT_MAX];
	unsigned int n, max;
	bool lost; /* some came that had no place, or could not be opened */
};

static void close_fds(struct fds *fds)
{
	for (unsigned int i = 0; i < fds->n; i++)
		close(fds->fds[i]);
	fds->n = 0;
}

static void take_control(struct msghdr *header, struct fds *fds)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (fds->n < fds->max) {
				fds->fds[fds->n++] = fd;
			} else {
				close(fd);
				fds->lost = true;
			}
		}
	}
	if (header->msg_flags & MSG_CTRUNC)
		fds->lost = true;
}

/* As recv(), with the room for control messages that max descriptors take: the kernel drops others. */
static ssize_t receive(int fd, uint8_t *bytes, size_t len, struct fds *fds)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char data[CMSG_SPACE(FDS_OUT_MAX * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = bytes, .iov_len = len};
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_LEN(fds->max * sizeof(int)),
	};
	ssize_t n;

	do
		n = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		take_control(&header, fds);
	return n;
}

/* False at the end of the stream, and on errors. */
static bool read_all(int fd, uint8_t *bytes, size_t len, struct fds *fds)
{
	while (len > 0) {
		ssize_t n = receive(fd, bytes, len, fds);

		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static bool write_all(int fd, const uint8_t *bytes, size_t len, const struct fds *fds)
{
	unsigned int nr_fds = fds ? fds->n : 0;
	union {
		struct cmsghdr header;
		char data[CMSG_SPACE(FDS_OUT_MAX * sizeof(int))];
	} control = {0};

	while (len > 0) {
		struct iovec iov = {.iov_base = (void *)bytes, .iov_len = len};
		struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n;

		if (nr_fds) {
			control.header.cmsg_level = SOL_SOCKET;
			control.header.cmsg_type = SCM_RIGHTS;
			control.header.cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
			memcpy(CMSG_DATA(&control.header), fds->fds, nr_fds * sizeof(int));
			header.msg_control = &control;
			header.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
		}
		n = sendmsg(fd, &header, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		nr_fds = 0; /* they go with the first byte */
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* Read and thrown away. */
static bool discard(int fd, size_t len, struct fds *fds)
{
	uint8_t piece[16 * 1024];

	while (len > 0) {
		size_t n = MIN(len, sizeof(piece));

		if (!read_all(fd, piece, n, fds))
			return false;
		len -= n;
	}
	return true;
}

/* ---- To the bus, from us -------------------------------------------------------------------- */

static bool write_to_bus(struct gate *gate, uint8_t *bytes, size_t len)
{
	bool ok;

	g_mutex_lock(&gate->write_lock);
	ok = write_all(gate->bus_fd, bytes, len, NULL);
	g_mutex_unlock(&gate->write_lock);
	g_free(bytes);
	return ok;
}

/*
 * For messages of our own: an answer to a call of the client's, which counts from 1 on, or a late
 * complaint about one of our refusals must not look like an answer to a question of ours.
 */
static uint32_t new_serial(void)
{
	return g_random_int() | UINT32_C(1) << 31;
}

static bool refuse(struct gate *gate, const struct gate_message *message, const char *text)
{
	uint8_t *bytes;
	size_t len;

	/* A signal; or nobody would hear it. */
	if (message->type != GATE_CALL || message->no_reply || !*message->sender)
		return true;
	bytes = gate_message_new_error(message->sender, message->serial, new_serial(), EXCEEDED,
				       text, &len);
	return write_to_bus(gate, bytes, len);
}

static bool ask_for_user(struct gate *gate, struct stranger *stranger)
{
	size_t len;
	uint8_t *bytes;

	stranger->lookup = new_serial();
	stranger->asked_us = g_get_monotonic_time();
	g_hash_table_insert(gate->lookups, GUINT_TO_POINTER(stranger->lookup), stranger);
	g_queue_push_tail(&gate->asked, stranger);
	bytes = gate_message_new_lookup(stranger->name, stranger->lookup, &len);
	return write_to_bus(gate, bytes, len);
}

static void forget_question(struct gate *gate, struct stranger *stranger)
{
	g_hash_table_remove(gate->lookups, GUINT_TO_POINTER(stranger->lookup));
	g_queue_remove(&gate->asked, stranger);
}

/* dbus-daemon answers nothing while its queue for us is full, and says so to nobody. */
static bool ask_again(struct gate *gate)
{
	struct stranger *first = g_queue_peek_head(&gate->asked);

	if (!first || g_get_monotonic_time() - first->asked_us < LOOKUP_PATIENCE_US)
		return true;
	forget_question(gate, first);
	return ask_for_user(gate, first);
}

/* ---- From the bus to the client ------------------------------------------------------------- */

static bool hand_on(struct gate *gate, const uint8_t *bytes, size_t len, int fd)
{
	const struct fds fds = {.fds = {fd}, .n = fd >= 0};

	return write_all(gate->client_fd, bytes, len, &fds);
}

/* A call or a signal of a known sender. */
static bool admit(struct gate *gate, const struct gate_message *message, uint8_t *bytes, int fd)
{
	int64_t now_us = g_get_monotonic_time();
	g_autofree char *refusal = NULL;
	bool admitted = true;

	g_mutex_lock(&gate->lock);
	if (message->type == GATE_CALL)
		refusal = ledger_begin(gate->ledger, message->sender, message->serial, message->len,
				       message->no_reply, now_us);
	else
		admitted = ledger_take_signal(gate->ledger, message->sender, message->len, now_us);
	g_mutex_unlock(&gate->lock);
	if (refusal)
		return refuse(gate, message, refusal);
	if (!admitted)
		return true;
	if (message->type == GATE_CALL)
		gate_message_want_reply(bytes);
	return hand_on(gate, bytes, message->len, fd);
}

/* Takes over *fd if it keeps it. */
static bool hold(struct gate *gate, const struct gate_message *message, const uint8_t *bytes,
		 int *fd)
{
	struct stranger *stranger = g_hash_table_lookup(gate->strangers, message->sender);
	bool is_new = !stranger;
	struct held *held;

	if (is_new) {
		stranger = g_new0(struct stranger, 1);
		stranger->name = g_strdup(message->sender);
		g_queue_init(&stranger->held);
		g_hash_table_insert(gate->strangers, stranger->name, stranger);
	}
	if (stranger->held.length >= GATE_HELD_CALLS ||
	    stranger->bytes + message->len > GATE_HELD_BYTES ||
	    (*fd >= 0 && stranger->fds >= GATE_HELD_FDS)) {
		if (!refuse(gate, message,
			    "That is too much for the beginning of a connection; wait for the "
			    "answer to the first call"))
			return false;
	} else {
		held = g_new0(struct held, 1);
		held->message = *message;
		held->bytes = g_memdup2(bytes, message->len);
		held->fd = *fd;
		stranger->bytes += message->len;
		stranger->fds += *fd >= 0;
		*fd = -1;
		g_queue_push_tail(&stranger->held, held);
	}
	return !is_new || ask_for_user(gate, stranger);
}

/* The bus has said who that is; or that there is nobody of that name any more. */
static bool on_lookup(struct gate *gate, const struct gate_message *message, const uint8_t *bytes)
{
	struct stranger *stranger =
		g_hash_table_lookup(gate->lookups, GUINT_TO_POINTER(message->reply_serial));
	struct held *held;
	bool ok = true, known;
	uint32_t uid;

	forget_question(gate, stranger);
	known = gate_message_read_lookup(message, bytes, &uid);
	if (known) {
		g_mutex_lock(&gate->lock);
		ledger_learn(gate->ledger, stranger->name, uid);
		g_mutex_unlock(&gate->lock);
	}
	while (ok && (held = g_queue_pop_head(&stranger->held))) {
		ok = known ? admit(gate, &held->message, held->bytes, held->fd)
			   : refuse(gate, &held->message,
				    "The bus does not know which user you are");
		held_free(held);
	}
	g_hash_table_remove(gate->strangers, stranger->name);
	return ok;
}

/* An answer to a call of the client's that it cannot have; it must not wait for it in vain. */
static bool replace_answer(struct gate *gate, const struct gate_message *message, const char *text)
{
	g_autofree uint8_t *bytes = NULL;
	size_t len;

	bytes = gate_message_new_error("", message->reply_serial, new_serial(), EXCEEDED, text,
				       &len);
	return hand_on(gate, bytes, len, -1);
}

/* What is wrong with it, or NULL. */
static const char *find_fault(const struct gate_message *message, bool whole, const struct fds *fds)
{
	if (!whole)
		return "The message is larger than 64 KiB, or its header is not readable";
	if (message->nr_fds > 1 || (fds->lost && fds->n))
		return "More than one descriptor came with the message";
	if (message->nr_fds != fds->n)
		return "The descriptor that came with the message could not be opened: too many "
		       "are in use; try again";
	return NULL;
}

static bool handle_inward(struct gate *gate, const struct gate_message *message, uint8_t *bytes,
			  bool whole, struct fds *fds)
{
	const char *fault = find_fault(message, whole, fds);
	bool known;

	if (message->type == GATE_RETURN || message->type == GATE_ERROR) {
		if (g_hash_table_contains(gate->lookups, GUINT_TO_POINTER(message->reply_serial)) &&
		    strcmp(message->sender, DRIVER) == 0 && whole)
			return on_lookup(gate, message, bytes);
		return fault ? replace_answer(gate, message, fault)
			     : hand_on(gate, bytes, message->len, fds->n ? fds->fds[0] : -1);
	}
	if (fault)
		return refuse(gate, message, fault);
	if (strcmp(message->sender, DRIVER) == 0)
		return hand_on(gate, bytes, message->len, -1);
	if ((message->type != GATE_CALL && message->type != GATE_SIGNAL) || !*message->sender)
		return true; /* from nobody, or of a kind that is yet to be invented */
	g_mutex_lock(&gate->lock);
	known = ledger_knows(gate->ledger, message->sender);
	g_mutex_unlock(&gate->lock);
	if (known)
		return admit(gate, message, bytes, fds->n ? fds->fds[0] : -1);
	if (!fds->n)
		fds->fds[0] = -1;
	if (!hold(gate, message, bytes, &fds->fds[0]))
		return false;
	fds->n = fds->fds[0] >= 0;
	return true;
}

/* Message by message, so that descriptors belong to the message that they come with. */
static bool relay_inward(struct gate *gate)
{
	struct gate_message message;
	struct fds fds = {.max = 1};
	size_t kept;
	bool ok, whole;

	if (!read_all(gate->bus_fd, gate->in, GATE_FIXED_LEN, &fds) ||
	    !gate_message_begin(&message, gate->in)) {
		close_fds(&fds);
		return false;
	}
	/* Of one that is too large the header is enough, to answer it. */
	whole = message.len <= sizeof(gate->in);
	kept = whole ? message.len : MIN(message.header_len, sizeof(gate->in));
	ok = read_all(gate->bus_fd, gate->in + GATE_FIXED_LEN, kept - GATE_FIXED_LEN, &fds) &&
	     discard(gate->bus_fd, message.len - kept, &fds);
	if (ok) {
		whole = gate_message_read_fields(&message, gate->in, kept) && whole;
		ok = handle_inward(gate, &message, gate->in, whole, &fds) && ask_again(gate);
	}
	close_fds(&fds);
	return ok;
}

/* ---- From the client to the bus ------------------------------------------------------------- */

static bool relay_body(struct gate *gate, size_t len, struct fds *fds)
{
	while (len > 0) {
		size_t n = MIN(len, sizeof(gate->out));

		if (!read_all(gate->client_fd, gate->out, n, fds) ||
		    !write_all(gate->bus_fd, gate->out, n, NULL))
			return false;
		len -= n;
	}
	return true;
}

static bool is_wanted(struct gate *gate, const struct gate_message *message)
{
	bool wanted = true;

	g_mutex_lock(&gate->lock);
	if (message->type == GATE_RETURN || message->type == GATE_ERROR)
		wanted = ledger_end(gate->ledger, message->destination, message->reply_serial);
	g_mutex_unlock(&gate->lock);
	return wanted;
}

static bool relay_outward(struct gate *gate)
{
	struct gate_message message;
	struct fds fds = {.max = FDS_OUT_MAX};
	bool ok;

	ok = read_all(gate->client_fd, gate->out, GATE_FIXED_LEN, &fds) &&
	     gate_message_begin(&message, gate->out) && message.header_len <= sizeof(gate->out) &&
	     read_all(gate->client_fd, gate->out + GATE_FIXED_LEN,
		      message.header_len - GATE_FIXED_LEN, &fds) &&
	     gate_message_read_fields(&message, gate->out, message.header_len);
	if (ok && is_wanted(gate, &message)) {
		g_mutex_lock(&gate->write_lock);
		ok = write_all(gate->bus_fd, gate->out, message.header_len, &fds) &&
		     relay_body(gate, message.len - message.header_len, &fds);
		g_mutex_unlock(&gate->write_lock);
	} else if (ok) {
		ok = discard(gate->client_fd, message.len - message.header_len, &fds);
	}
	close_fds(&fds);
	return ok;
}

/* ---- Authentication ------------------------------------------------------------------------- */

/* One byte, and whether it is the last one of the line that ends it. */
static bool relay_line(struct gate *gate, const char **expected)
{
	struct fds none = {0};
	uint8_t byte;

	if (!read_all(gate->client_fd, &byte, 1, &none) || !write_all(gate->bus_fd, &byte, 1, NULL))
		return false;
	*expected = byte == (uint8_t)**expected ? *expected + 1 : BEGIN_LINE;
	return true;
}

/*
 * Lines pass untouched, until the client says BEGIN: what comes from there on are messages. From the
 * bus nothing is on its way then, since the client has waited for each answer.
 */
static bool relay_authentication(struct gate *gate)
{
	const char *expected = BEGIN_LINE;
	struct pollfd fds[] = {
		{.fd = gate->client_fd, .events = POLLIN},
		{.fd = gate->bus_fd, .events = POLLIN},
	};
	uint8_t piece[1024];
	struct fds none = {0};

	while (*expected) {
		if (poll(fds, G_N_ELEMENTS(fds), -1) < 0) {
			if (errno == EINTR)
				continue;
			return false;
		}
		if (fds[0].revents && !relay_line(gate, &expected))
			return false;
		if (fds[1].revents && *expected) {
			ssize_t n = receive(gate->bus_fd, piece, sizeof(piece), &none);

			if (n <= 0 || !write_all(gate->client_fd, piece, (size_t)n, NULL))
				return false;
		}
	}
	return true;
}

/* ---- Threads -------------------------------------------------------------------------------- */

static gpointer run_outward(gpointer userdata)
{
	struct gate *gate = userdata;

	while (relay_outward(gate))
		;
	shutdown(gate->bus_fd, SHUT_RDWR);
	return NULL;
}

static gpointer run_inward(gpointer userdata)
{
	struct gate *gate = userdata;

	if (relay_authentication(gate)) {
		gate->outward = g_thread_new("gate-outward", run_outward, gate);
		while (relay_inward(gate))
			;
	}
	shutdown(gate->bus_fd, SHUT_RDWR);
	shutdown(gate->client_fd, SHUT_RDWR);
	if (gate->outward)
		g_thread_join(gate->outward);
	return NULL;
}

struct gate *gate_new(int bus_fd, uid_t own_uid, int *ret_fd, GError **error)
{
	struct gate *gate;
	int pair[2];

	/* Threads of our own wait: GIO makes its sockets return at once. */
	if (bus_fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
	    fcntl(bus_fd, F_SETFL, fcntl(bus_fd, F_GETFL) & ~O_NONBLOCK) < 0) {
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno),
			    "cannot set up the way to the bus: %s", g_strerror(errno));
		if (bus_fd >= 0)
			close(bus_fd);
		return NULL;
	}
	gate = g_new0(struct gate, 1);
	gate->bus_fd = bus_fd;
	gate->client_fd = pair[0];
	*ret_fd = pair[1];
	g_mutex_init(&gate->write_lock);
	g_mutex_init(&gate->lock);
	gate->ledger = ledger_new(own_uid);
	gate->strangers = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, stranger_free);
	gate->lookups = g_hash_table_new(NULL, NULL);
	g_queue_init(&gate->asked);
	gate->inward = g_thread_new("gate-inward", run_inward, gate);
	return gate;
}

void gate_free(struct gate *gate)
{
	if (!gate)
		return;
	/* The end of what the client wrote; what it wrote before is still read. */
	shutdown(gate->client_fd, SHUT_RD);
	g_thread_join(gate->inward);
	close(gate->client_fd);
	close(gate->bus_fd);
	g_hash_table_unref(gate->lookups);
	g_queue_clear(&gate->asked);
	g_hash_table_unref(gate->strangers);
	ledger_free(gate->ledger);
	g_mutex_clear(&gate->lock);
	g_mutex_clear(&gate->write_lock);
	g_free(gate);
}

void gate_count(struct gate *gate, unsigned int *ret_calls, size_t *ret_bytes)
{
	g_mutex_lock(&gate->lock);
	ledger_count(gate->ledger, ret_calls, ret_bytes);
	g_mutex_unlock(&gate->lock);
}

/* ---- The system bus ------------------------------------------------------------------------- */

/* A connection that is being made. */
struct attempt {
	struct gate *gate;
};

static void attempt_free(gpointer data)
{
	struct attempt *attempt = data;

	gate_free(attempt->gate);
	g_free(attempt);
}

static void on_connection(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autoptr(GTask) task = userdata;
	GError *error = NULL;
	GDBusConnection *connection = g_dbus_connection_new_finish(result, &error);

	(void)source;
	if (connection)
		g_task_return_pointer(task, connection, g_object_unref);
	else
		g_task_return_error(task, error);
}

static void on_stream(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autoptr(GTask) task = userdata;
	g_autoptr(GIOStream) stream = NULL;
	g_autoptr(GSocket) socket = NULL;
	g_autoptr(GSocketConnection) client = NULL;
	struct attempt *attempt = g_task_get_task_data(task);
	GError *error = NULL;
	int bus_fd, fd = -1;

	(void)source;
	stream = g_dbus_address_get_stream_finish(result, NULL, &error);
	if (stream && !G_IS_SOCKET_CONNECTION(stream))
		error = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
					    "the bus is not at a socket");
	if (!error) {
		socket = g_object_ref(g_socket_connection_get_socket(G_SOCKET_CONNECTION(stream)));
		bus_fd = fcntl(g_socket_get_fd(socket), F_DUPFD_CLOEXEC, 3);
		g_clear_object(&socket);
		attempt->gate = gate_new(bus_fd, geteuid(), &fd, &error);
	}
	if (attempt->gate)
		socket = g_socket_new_from_fd(fd, &error);
	if (error) {
		if (fd >= 0)
			close(fd);
		g_task_return_error(task, error);
		return;
	}
	client = g_socket_connection_factory_create_connection(socket);
	g_dbus_connection_new(G_IO_STREAM(client), NULL,
			      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
				      G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
			      NULL, NULL, on_connection, g_steal_pointer(&task));
}

void gate_connect(GAsyncReadyCallback callback, gpointer userdata)
{
	GTask *task = g_task_new(NULL, NULL, callback, userdata);
	GError *error = NULL;
	g_autofree char *address = g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SYSTEM, NULL, &error);

	g_task_set_task_data(task, g_new0(struct attempt, 1), attempt_free);
	if (address) {
		g_dbus_address_get_stream(address, NULL, on_stream, task);
	} else {
		g_task_return_error(task, error);
		g_object_unref(task);
	}
}

GDBusConnection *gate_connect_finish(GAsyncResult *result, struct gate **ret_gate, GError **error)
{
	GTask *task = G_TASK(result);
	GDBusConnection *connection = g_task_propagate_pointer(task, error);

	if (connection)
		*ret_gate = g_steal_pointer(&((struct attempt *)g_task_get_task_data(task))->gate);
	return connection;
}
