/* SPDX-License-Identifier: GPL-2.0-only */
/* See gate.h. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/bus/gate-backlog.h"
#include "daemon/bus/gate-ledger.h"
#include "daemon/bus/gate-message.h"
#include "daemon/bus/gate-socket.h"
#include "daemon/bus/gate.h"

#define DRIVER	   "org.freedesktop.DBus"
#define BEGIN_LINE "BEGIN\r\n"
#define EXCEEDED   "org.freedesktop.DBus.Error.LimitsExceeded"
/* Until the bus is asked again who somebody is. */
#define LOOKUP_PATIENCE_US (2 * G_USEC_PER_SEC)
/*
 * Bytes between us and the bus, which the kernel doubles and counts with its own part of each
 * message: a dozen small ones. dbus-daemon reads 2 KiB of a connection in a turn, so what is ahead
 * of an answer there takes about two turns.
 */
#define BUS_BUFFER 8192
/* How long the bus may take, at the end, for what the client wrote before. */
#define END_PATIENCE_US (2 * G_USEC_PER_SEC)

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
	GThread *inward, *outward, *own;
	GMutex write_lock; /* one message at a time to the bus */
	/* Between the threads. */
	GMutex lock;
	GCond changed; /* the backlog, or one of the two at the end */
	struct ledger *ledger;
	struct backlog *backlog;
	bool ended;    /* nothing more is to be sent */
	bool finished; /* the inward thread is all but over, and the others are */
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

/* ---- What the gate has to say itself -------------------------------------------------------- */

/*
 * For messages of our own: an answer to a call of the client's, which counts from 1 on, or a late
 * complaint about one of our refusals must not look like an answer to a question of ours.
 */
static uint32_t new_serial(void)
{
	return g_random_int() | UINT32_C(1) << 31;
}

static void refuse(struct gate *gate, const struct gate_message *message, const char *text)
{
	uid_t uid = BACKLOG_STRANGERS;
	uint8_t *bytes;
	size_t len;

	/* A signal; or nobody would hear it. */
	if (message->type != GATE_CALL || message->no_reply || !*message->sender)
		return;
	bytes = gate_message_new_error(message->sender, message->serial, new_serial(), EXCEEDED,
				       text, &len);
	g_mutex_lock(&gate->lock);
	ledger_find(gate->ledger, message->sender, &uid);
	backlog_add_refusal(gate->backlog, uid, g_bytes_new_take(bytes, len));
	g_cond_broadcast(&gate->changed);
	g_mutex_unlock(&gate->lock);
}

static void ask_for_user(struct gate *gate, struct stranger *stranger)
{
	size_t len;
	uint8_t *bytes;

	stranger->lookup = new_serial();
	stranger->asked_us = g_get_monotonic_time();
	g_hash_table_insert(gate->lookups, GUINT_TO_POINTER(stranger->lookup), stranger);
	g_queue_push_tail(&gate->asked, stranger);
	bytes = gate_message_new_lookup(stranger->name, stranger->lookup, &len);
	g_mutex_lock(&gate->lock);
	backlog_add_question(gate->backlog, g_bytes_new_take(bytes, len));
	g_cond_broadcast(&gate->changed);
	g_mutex_unlock(&gate->lock);
}

static void forget_question(struct gate *gate, struct stranger *stranger)
{
	g_hash_table_remove(gate->lookups, GUINT_TO_POINTER(stranger->lookup));
	g_queue_remove(&gate->asked, stranger);
}

/* dbus-daemon answers nothing while its queue for us is full, and says so to nobody. */
static void ask_again(struct gate *gate)
{
	struct stranger *first = g_queue_peek_head(&gate->asked);

	if (!first || g_get_monotonic_time() - first->asked_us < LOOKUP_PATIENCE_US)
		return;
	forget_question(gate, first);
	ask_for_user(gate, first);
}

/* ---- From the bus to the client ------------------------------------------------------------- */

static bool hand_on(struct gate *gate, const uint8_t *bytes, size_t len, int fd)
{
	const struct gate_fds fds = {.fds = {fd}, .n = fd >= 0};

	return gate_write(gate->client_fd, bytes, len, &fds);
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
		refuse(gate, message, refusal);
	if (refusal || !admitted)
		return true;
	if (message->type == GATE_CALL)
		gate_message_want_reply(bytes);
	return hand_on(gate, bytes, message->len, fd);
}

/* Takes over *fd if it keeps it. */
static void hold(struct gate *gate, const struct gate_message *message, const uint8_t *bytes,
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
		refuse(gate, message,
		       "That is too much for the beginning of a connection; wait for the answer to "
		       "the first call");
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
	if (is_new)
		ask_for_user(gate, stranger);
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
		if (known)
			ok = admit(gate, &held->message, held->bytes, held->fd);
		else
			refuse(gate, &held->message, "The bus does not know which user you are");
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
static const char *find_fault(const struct gate_message *message, bool whole,
			      const struct gate_fds *fds)
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
			  bool whole, struct gate_fds *fds)
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
	if (fault) {
		refuse(gate, message, fault);
		return true;
	}
	if (strcmp(message->sender, DRIVER) == 0)
		return hand_on(gate, bytes, message->len, -1);
	if ((message->type != GATE_CALL && message->type != GATE_SIGNAL) || !*message->sender)
		return true; /* from nobody, or of a kind that is yet to be invented */
	g_mutex_lock(&gate->lock);
	known = ledger_find(gate->ledger, message->sender, NULL);
	g_mutex_unlock(&gate->lock);
	if (known)
		return admit(gate, message, bytes, fds->n ? fds->fds[0] : -1);
	if (!fds->n)
		fds->fds[0] = -1;
	hold(gate, message, bytes, &fds->fds[0]);
	fds->n = fds->fds[0] >= 0;
	return true;
}

/* Message by message, so that descriptors belong to the message that they come with. */
static bool relay_inward(struct gate *gate)
{
	struct gate_message message;
	struct gate_fds fds = {.max = 1};
	size_t kept;
	bool ok, whole;

	if (!gate_read(gate->bus_fd, gate->in, GATE_FIXED_LEN, &fds) ||
	    !gate_message_begin(&message, gate->in)) {
		gate_close_fds(&fds);
		return false;
	}
	/* Of one that is too large the header is enough, to answer it. */
	whole = message.len <= sizeof(gate->in);
	kept = whole ? message.len : MIN(message.header_len, sizeof(gate->in));
	ok = gate_read(gate->bus_fd, gate->in + GATE_FIXED_LEN, kept - GATE_FIXED_LEN, &fds) &&
	     gate_discard(gate->bus_fd, message.len - kept, &fds);
	if (ok) {
		whole = gate_message_read_fields(&message, gate->in, kept) && whole;
		ok = handle_inward(gate, &message, gate->in, whole, &fds);
		ask_again(gate);
	}
	gate_close_fds(&fds);
	return ok;
}

/* ---- From the client to the bus ------------------------------------------------------------- */

static bool relay_body(struct gate *gate, size_t len, struct gate_fds *fds)
{
	while (len > 0) {
		size_t n = MIN(len, sizeof(gate->out));

		if (!gate_read(gate->client_fd, gate->out, n, fds) ||
		    !gate_write(gate->bus_fd, gate->out, n, NULL))
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
	struct gate_fds fds = {.max = GATE_FDS_OUT_MAX};
	bool ok;

	ok = gate_read(gate->client_fd, gate->out, GATE_FIXED_LEN, &fds) &&
	     gate_message_begin(&message, gate->out) && message.header_len <= sizeof(gate->out) &&
	     gate_read(gate->client_fd, gate->out + GATE_FIXED_LEN,
		       message.header_len - GATE_FIXED_LEN, &fds) &&
	     gate_message_read_fields(&message, gate->out, message.header_len);
	if (ok && is_wanted(gate, &message)) {
		g_mutex_lock(&gate->write_lock);
		ok = gate_write(gate->bus_fd, gate->out, message.header_len, &fds) &&
		     relay_body(gate, message.len - message.header_len, &fds);
		g_mutex_unlock(&gate->write_lock);
	} else if (ok) {
		ok = gate_discard(gate->client_fd, message.len - message.header_len, &fds);
	}
	gate_close_fds(&fds);
	return ok;
}

/* ---- From the gate to the bus --------------------------------------------------------------- */

/* False at the end. */
static bool wait_for_backlog(struct gate *gate, bool *is_question)
{
	bool ended;

	g_mutex_lock(&gate->lock);
	while (!gate->ended && backlog_is_empty(gate->backlog))
		g_cond_wait(&gate->changed, &gate->lock);
	ended = gate->ended;
	*is_question = backlog_has_question(gate->backlog);
	g_mutex_unlock(&gate->lock);
	return !ended;
}

static bool send_own(struct gate *gate)
{
	struct pollfd fd = {.fd = gate->bus_fd, .events = POLLOUT};
	GBytes *message;
	const uint8_t *bytes;
	bool is_question, ok;
	size_t len;

	if (!wait_for_backlog(gate, &is_question))
		return false;
	/* poll() says so when at most a quarter of the socket's buffer is in use. */
	if (!is_question && poll(&fd, 1, -1) < 0)
		return errno == EINTR;
	g_mutex_lock(&gate->lock);
	message = backlog_take(gate->backlog);
	g_mutex_unlock(&gate->lock);
	bytes = g_bytes_get_data(message, &len);
	g_mutex_lock(&gate->write_lock);
	ok = gate_write(gate->bus_fd, bytes, len, NULL);
	g_mutex_unlock(&gate->write_lock);
	g_bytes_unref(message);
	return ok;
}

/* ---- Authentication ------------------------------------------------------------------------- */

/* One byte, and whether it is the last one of the line that ends it. */
static bool relay_line(struct gate *gate, const char **expected)
{
	struct gate_fds none = {0};
	uint8_t byte;

	if (!gate_read(gate->client_fd, &byte, 1, &none) ||
	    !gate_write(gate->bus_fd, &byte, 1, NULL))
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
	struct gate_fds none = {0};

	while (*expected) {
		if (poll(fds, G_N_ELEMENTS(fds), -1) < 0) {
			if (errno == EINTR)
				continue;
			return false;
		}
		if (fds[0].revents && !relay_line(gate, &expected))
			return false;
		if (fds[1].revents && *expected) {
			ssize_t n = gate_receive(gate->bus_fd, piece, sizeof(piece), &none);

			if (n <= 0 || !gate_write(gate->client_fd, piece, (size_t)n, NULL))
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

static gpointer run_own(gpointer userdata)
{
	struct gate *gate = userdata;

	while (send_own(gate))
		;
	/* Without it nobody new would be asked about, so nobody new answered: better none at all. */
	shutdown(gate->bus_fd, SHUT_RDWR);
	return NULL;
}

/* The sockets are shut down by now, so neither of the two waits for the bus or the client. */
static void join_others(struct gate *gate)
{
	g_mutex_lock(&gate->lock);
	gate->ended = true;
	g_cond_broadcast(&gate->changed);
	g_mutex_unlock(&gate->lock);
	g_thread_join(gate->own);
	g_thread_join(gate->outward);
}

static gpointer run_inward(gpointer userdata)
{
	struct gate *gate = userdata;

	if (relay_authentication(gate)) {
		gate->outward = g_thread_new("gate-outward", run_outward, gate);
		gate->own = g_thread_new("gate-own", run_own, gate);
		while (relay_inward(gate))
			;
	}
	shutdown(gate->bus_fd, SHUT_RDWR);
	shutdown(gate->client_fd, SHUT_RDWR);
	if (gate->own)
		join_others(gate);
	g_mutex_lock(&gate->lock);
	gate->finished = true;
	g_cond_broadcast(&gate->changed);
	g_mutex_unlock(&gate->lock);
	return NULL;
}

struct gate *gate_new(int bus_fd, uid_t own_uid, int *ret_fd, GError **error)
{
	const int buffer = BUS_BUFFER;
	struct gate *gate;
	int pair[2];

	/* Threads of our own wait: GIO makes its sockets return at once. */
	if (bus_fd < 0 || fcntl(bus_fd, F_SETFL, fcntl(bus_fd, F_GETFL) & ~O_NONBLOCK) < 0 ||
	    setsockopt(bus_fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer)) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
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
	g_cond_init(&gate->changed);
	gate->ledger = ledger_new(own_uid);
	gate->backlog = backlog_new();
	gate->strangers = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, stranger_free);
	gate->lookups = g_hash_table_new(NULL, NULL);
	g_queue_init(&gate->asked);
	gate->inward = g_thread_new("gate-inward", run_inward, gate);
	return gate;
}

void gate_free(struct gate *gate)
{
	int64_t end_us = g_get_monotonic_time() + END_PATIENCE_US;
	bool in_time = true;

	if (!gate)
		return;
	/* The end of what the client wrote; what it wrote before is still read. */
	shutdown(gate->client_fd, SHUT_RD);
	g_mutex_lock(&gate->lock);
	while (!gate->finished && in_time)
		in_time = g_cond_wait_until(&gate->changed, &gate->lock, end_us);
	g_mutex_unlock(&gate->lock);
	if (!in_time)
		shutdown(gate->bus_fd, SHUT_RDWR);
	g_thread_join(gate->inward);
	close(gate->client_fd);
	close(gate->bus_fd);
	g_hash_table_unref(gate->lookups);
	g_queue_clear(&gate->asked);
	g_hash_table_unref(gate->strangers);
	backlog_free(gate->backlog);
	ledger_free(gate->ledger);
	g_cond_clear(&gate->changed);
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
