/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gate between two sockets: this test is the bus at one of them, and GDBus at the other. Nothing
 * here depends on how long something takes; what waits in vain is ended by an alarm.
 */

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#include "daemon/bus/gate-backlog.h"
#include "daemon/bus/gate-ledger.h"
#include "daemon/bus/gate-message.h"
#include "daemon/bus/gate.h"

#define OWN_UID 900
#define DRIVER	"org.freedesktop.DBus"
#define US	":1.7"

struct fixture {
	struct gate *gate;
	int bus, client;
	GDBusMessageByteOrder order;
};

/* ---- Messages ------------------------------------------------------------------------------- */

static GBytes *finish(struct fixture *f, GDBusMessage *message, const char *sender, uint32_t serial)
{
	size_t len;
	uint8_t *bytes;

	if (sender)
		g_dbus_message_set_sender(message, sender);
	g_dbus_message_set_byte_order(message, f->order);
	g_dbus_message_set_serial(message, serial);
	bytes = g_dbus_message_to_blob(message, &len, G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING,
				       NULL);
	assert_non_null(bytes);
	g_object_unref(message);
	return g_bytes_new_take(bytes, len);
}

static GBytes *call_of(struct fixture *f, const char *sender, uint32_t serial, const char *text,
		       bool no_reply)
{
	GDBusMessage *message = g_dbus_message_new_method_call(US, "/x", "x.Y", "Method");

	g_dbus_message_set_body(message, g_variant_new("(s)", text));
	if (no_reply)
		g_dbus_message_set_flags(message, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
	return finish(f, message, sender, serial);
}

static GBytes *signal_of(struct fixture *f, const char *sender, uint32_t serial)
{
	return finish(f, g_dbus_message_new_signal("/x", "x.Y", "Signal"), sender, serial);
}

static GBytes *answer_to(struct fixture *f, const char *sender, const char *destination,
			 uint32_t reply_serial, GVariant *body)
{
	GDBusMessage *message = g_dbus_message_new();

	g_dbus_message_set_message_type(message, G_DBUS_MESSAGE_TYPE_METHOD_RETURN);
	g_dbus_message_set_reply_serial(message, reply_serial);
	g_dbus_message_set_destination(message, destination);
	if (body)
		g_dbus_message_set_body(message, body);
	return finish(f, message, sender, 4711);
}

static void put_raw(int fd, const void *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		assert_true(n > 0);
		bytes = (const char *)bytes + n;
		len -= (size_t)n;
	}
}

static void put(int fd, GBytes *bytes)
{
	size_t len;
	const void *data = g_bytes_get_data(bytes, &len);

	put_raw(fd, data, len);
	g_bytes_unref(bytes);
}

static void get_raw(int fd, void *ret, size_t len)
{
	assert_int_equal(recv(fd, ret, len, MSG_WAITALL), len);
}

/* The next message, byte by byte what came. */
static GBytes *get(int fd)
{
	struct gate_message message;
	uint8_t fixed[GATE_FIXED_LEN], *bytes;

	get_raw(fd, fixed, sizeof(fixed));
	assert_true(gate_message_begin(&message, fixed));
	bytes = g_malloc(message.len);
	memcpy(bytes, fixed, sizeof(fixed));
	get_raw(fd, bytes + sizeof(fixed), message.len - sizeof(fixed));
	return g_bytes_new_take(bytes, message.len);
}

static GDBusMessage *get_message(int fd)
{
	g_autoptr(GBytes) bytes = get(fd);
	GDBusMessage *message;
	size_t len;
	guchar *data = (guchar *)g_bytes_get_data(bytes, &len);

	message = g_dbus_message_new_from_blob(data, len, G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING,
					       NULL);
	assert_non_null(message);
	return message;
}

static void get_same(int fd, GBytes *sent)
{
	g_autoptr(GBytes) got = get(fd);

	assert_int_equal(g_bytes_get_size(got), g_bytes_get_size(sent));
	assert_memory_equal(g_bytes_get_data(got, NULL), g_bytes_get_data(sent, NULL),
			    g_bytes_get_size(sent));
}

static void get_call(int fd, uint32_t serial)
{
	g_autoptr(GDBusMessage) message = get_message(fd);

	assert_int_equal(g_dbus_message_get_message_type(message), G_DBUS_MESSAGE_TYPE_METHOD_CALL);
	assert_int_equal(g_dbus_message_get_serial(message), serial);
	assert_int_equal(g_dbus_message_get_flags(message), 0);
}

/* What the gate answers itself. */
static void get_refusal(int fd, const char *destination, uint32_t serial, const char *words)
{
	g_autoptr(GDBusMessage) message = get_message(fd);
	const char *text;

	assert_int_equal(g_dbus_message_get_message_type(message), G_DBUS_MESSAGE_TYPE_ERROR);
	assert_string_equal(g_dbus_message_get_error_name(message), DRIVER ".Error.LimitsExceeded");
	if (destination)
		assert_string_equal(g_dbus_message_get_destination(message), destination);
	assert_int_equal(g_dbus_message_get_reply_serial(message), serial);
	g_variant_get(g_dbus_message_get_body(message), "(&s)", &text);
	if (!strstr(text, words))
		fail_msg("no \"%s\" in: %s", words, text);
}

/* ---- The bus's part ------------------------------------------------------------------------- */

/* The serial of the gate's question who that is. */
static uint32_t get_lookup(struct fixture *f, const char *name)
{
	g_autoptr(GDBusMessage) message = get_message(f->bus);
	const char *asked;

	assert_string_equal(g_dbus_message_get_member(message), "GetConnectionUnixUser");
	assert_string_equal(g_dbus_message_get_destination(message), DRIVER);
	g_variant_get(g_dbus_message_get_body(message), "(&s)", &asked);
	assert_string_equal(asked, name);
	return g_dbus_message_get_serial(message);
}

static void tell_user(struct fixture *f, uint32_t serial, uint32_t uid)
{
	put(f->bus, answer_to(f, DRIVER, US, serial, g_variant_new("(u)", uid)));
}

/* The first call of a connection, and its answer. */
static void introduce(struct fixture *f, const char *name, uint32_t uid)
{
	g_autoptr(GBytes) answer = answer_to(f, NULL, name, 1, NULL);

	put(f->bus, call_of(f, name, 1, "hello", false));
	tell_user(f, get_lookup(f, name), uid);
	get_call(f->client, 1);
	put(f->client, g_bytes_ref(answer));
	get_same(f->bus, answer);
}

static void assert_under_way(struct fixture *f, unsigned int expected)
{
	unsigned int calls;
	size_t bytes;

	gate_count(f->gate, &calls, &bytes);
	assert_int_equal(calls, expected);
	assert_int_equal(bytes == 0, expected == 0);
}

static void relay(int from, int to, const char *text, size_t len)
{
	char got[256];

	put_raw(from, text, len);
	get_raw(to, got, len);
	assert_memory_equal(got, text, len);
}

static int open_gate(struct fixture *f)
{
	int pair[2];

	f->order = G_DBUS_MESSAGE_BYTE_ORDER_LITTLE_ENDIAN;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	f->bus = pair[1];
	f->gate = gate_new(pair[0], OWN_UID, &f->client, NULL);
	return f->gate ? 0 : -1;
}

static void authenticate(struct fixture *f)
{
	static const char hello[] = "\0AUTH EXTERNAL 30\r\n";

	relay(f->client, f->bus, hello, sizeof(hello) - 1);
	relay(f->bus, f->client, "OK 1234\r\n", 9);
	relay(f->client, f->bus, "NEGOTIATE_UNIX_FD\r\n", 19);
	relay(f->bus, f->client, "AGREE_UNIX_FD\r\n", 15);
	relay(f->client, f->bus, "BEGIN\r\n", 7);
}

static int set_up(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);

	*state = f;
	if (open_gate(f) < 0)
		return -1;
	authenticate(f);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	gate_free(f->gate);
	close(f->bus);
	close(f->client);
	g_free(f);
	return 0;
}

static int nr_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* ---- Tests ---------------------------------------------------------------------------------- */

/* A byte at a time, with half a BEGIN in it, and the first message right behind the real one. */
static void test_authentication(void **state)
{
	static const char lines[] = "\0AUTH BEGBEGIN\rBEGI\r\nBEGIN\r\n";
	struct fixture fixture, *f = &fixture;
	GBytes *first;

	(void)state;
	assert_int_equal(open_gate(f), 0);
	first = call_of(f, NULL, 1, "Hello", false);
	for (size_t i = 0; i < sizeof(lines) - 1; i++) {
		if (i == sizeof(lines) - 2) {
			uint8_t last;

			put_raw(f->client, lines + i, 1);
			put(f->client, g_bytes_ref(first));
			get_raw(f->bus, &last, 1);
			get_same(f->bus, first);
		} else {
			relay(f->client, f->bus, lines + i, 1);
			relay(f->bus, f->client, "REJECTED\r\n", 10);
		}
	}
	put(f->bus, answer_to(f, DRIVER, US, 1, g_variant_new("(s)", US)));
	g_object_unref(get_message(f->client));
	g_bytes_unref(first);
	gate_free(f->gate);
	close(f->bus);
	close(f->client);
}

/* Cut at every byte, in both byte orders and both directions: nothing lost, nothing changed. */
static void test_split(void **state)
{
	struct fixture *f = *state;
	size_t len = 1;

	introduce(f, ":1.2", 0);
	for (size_t at = 0; at < len; at++) {
		f->order = at % 2 ? G_DBUS_MESSAGE_BYTE_ORDER_BIG_ENDIAN
				  : G_DBUS_MESSAGE_BYTE_ORDER_LITTLE_ENDIAN;
		for (int outward = 0; outward < 2; outward++) {
			uint32_t serial = 100 + (uint32_t)at;
			g_autoptr(GBytes) bytes =
				outward ? answer_to(f, NULL, ":1.2", serial,
						    g_variant_new("(ss)", "some", "text"))
					: call_of(f, ":1.2", serial, "some text", false);
			int from = outward ? f->client : f->bus, to = outward ? f->bus : f->client;
			const char *data = g_bytes_get_data(bytes, NULL);
			size_t size = g_bytes_get_size(bytes);

			len = MAX(len, size);
			put_raw(from, data, MIN(at, size));
			put_raw(from, data + MIN(at, size), size - MIN(at, size));
			get_same(to, bytes);
		}
	}
	assert_under_way(f, 0);
}

/* Many messages of several senders in pieces of any length arrive in order. */
static void test_order(void **state)
{
	static const char *const names[] = {":1.2", ":1.3", ":1.4"};
	struct fixture *f = *state;
	g_autoptr(GByteArray) all = g_byte_array_new();
	g_autoptr(GPtrArray) sent = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	g_autoptr(GRand) rand = g_rand_new_with_seed(1);

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		introduce(f, names[i], 0);
	for (uint32_t i = 0; i < 200; i++) {
		g_autofree char *text = g_strnfill((gsize)g_rand_int_range(rand, 0, 700), 'x');
		GBytes *bytes = i % 5 ? call_of(f, names[i % 3], 10 + i, text, false)
				      : signal_of(f, names[i % 3], 10 + i);

		g_ptr_array_add(sent, bytes);
		g_byte_array_append(all, g_bytes_get_data(bytes, NULL),
				    (guint)g_bytes_get_size(bytes));
	}
	for (guint at = 0; at < all->len;) {
		guint n = MIN((guint)g_rand_int_range(rand, 1, 3000), all->len - at);

		put_raw(f->bus, all->data + at, n);
		at += n;
	}
	for (guint i = 0; i < sent->len; i++)
		get_same(f->client, g_ptr_array_index(sent, i));
	assert_under_way(f, 160);
}

static void test_oversized(void **state)
{
	const size_t size = 30 * 1024 * 1024;
	struct fixture *f = *state;
	g_autofree char *text = g_strnfill(size, 'x'), *path = NULL;
	GDBusMessage *message;

	introduce(f, ":1.2", 1000);
	put(f->bus, call_of(f, ":1.2", 5, text, false));
	get_refusal(f->bus, ":1.2", 5, "larger than 64 KiB");
	/* Nobody wants to know. Then, what is too large is the header itself. */
	put(f->bus, call_of(f, ":1.2", 6, text, true));
	text[100000] = 0;
	path = g_strconcat("/", text, NULL);
	message = g_dbus_message_new_method_call(US, path, "x.Y", "Method");
	put(f->bus, finish(f, message, ":1.2", 7));
	get_refusal(f->bus, ":1.2", 7, "larger than 64 KiB");
	text[GATE_MESSAGE_MAX] = 0;
	put(f->bus, call_of(f, ":1.2", 8, text, false));
	get_refusal(f->bus, ":1.2", 8, "larger than 64 KiB");
	text[GATE_MESSAGE_MAX - 1000] = 0;
	put(f->bus, call_of(f, ":1.2", 9, text, false));
	get_call(f->client, 9);
	assert_under_way(f, 1);
}

static void test_too_many(void **state)
{
	struct fixture *f = *state;

	introduce(f, ":1.2", 1000);
	introduce(f, ":1.3", 1001);
	for (uint32_t i = 0; i < LEDGER_SENDER_CALLS + 5; i++)
		put(f->bus, call_of(f, ":1.2", 10 + i, "x", false));
	for (uint32_t i = 0; i < LEDGER_SENDER_CALLS; i++)
		get_call(f->client, 10 + i);
	for (uint32_t i = LEDGER_SENDER_CALLS; i < LEDGER_SENDER_CALLS + 5; i++)
		get_refusal(f->bus, ":1.2", 10 + i, "this connection");
	/* Others are served, and so is this one when an answer has left. */
	put(f->bus, call_of(f, ":1.3", 5, "x", false));
	get_call(f->client, 5);
	put(f->client, answer_to(f, NULL, ":1.2", 12, NULL));
	g_bytes_unref(get(f->bus));
	put(f->bus, call_of(f, ":1.2", 99, "x", false));
	get_call(f->client, 99);
	for (uint32_t i = 0; i < LEDGER_SENDER_CALLS; i++) {
		put(f->client, answer_to(f, NULL, ":1.2", i == 2 ? 99 : 10 + i, NULL));
		g_bytes_unref(get(f->bus));
	}
	assert_under_way(f, 1);
}

/* Also a call whose answer nobody wants is under way until it is answered, which then goes nowhere. */
static void test_no_reply(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GBytes) after = signal_of(f, NULL, 77);

	introduce(f, ":1.2", 1000);
	for (uint32_t i = 0; i < LEDGER_SENDER_CALLS + 5; i++)
		put(f->bus, call_of(f, ":1.2", 10 + i, "x", true));
	put(f->bus, call_of(f, ":1.2", 9, "x", false));
	get_refusal(f->bus, ":1.2", 9, "this connection");
	assert_under_way(f, LEDGER_SENDER_CALLS);
	for (uint32_t i = 0; i < LEDGER_SENDER_CALLS; i++) {
		get_call(f->client, 10 + i);
		put(f->client, answer_to(f, NULL, ":1.2", 10 + i, g_variant_new("(s)", "x")));
	}
	put(f->client, g_bytes_ref(after));
	get_same(f->bus, after);
	assert_under_way(f, 0);
}

/* A call that comes with as many descriptors. */
static GBytes *call_with_fds(struct fixture *f, const char *sender, uint32_t serial, int nr_fds)
{
	GDBusMessage *message = g_dbus_message_new_method_call(US, "/x", "x.Y", "Method");
	g_autoptr(GUnixFDList) list = g_unix_fd_list_new();

	for (int i = 0; i < nr_fds; i++)
		g_unix_fd_list_append(list, STDERR_FILENO, NULL);
	g_dbus_message_set_unix_fd_list(message, list);
	return finish(f, message, sender, serial);
}

static void send_with_fds(struct fixture *f, GBytes *bytes, int nr_fds)
{
	union {
		struct cmsghdr header;
		char data[CMSG_SPACE(16 * sizeof(int))];
	} control = {0};
	struct iovec iov;
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control};
	const int fd = STDERR_FILENO;

	iov.iov_base = (void *)g_bytes_get_data(bytes, &iov.iov_len);
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN((size_t)nr_fds * sizeof(int));
	for (int i = 0; i < nr_fds; i++)
		memcpy(CMSG_DATA(&control.header) + (size_t)i * sizeof(int), &fd, sizeof(fd));
	header.msg_controllen = CMSG_SPACE((size_t)nr_fds * sizeof(int));
	assert_int_equal(sendmsg(f->bus, &header, 0), iov.iov_len);
	g_bytes_unref(bytes);
}

static void put_with_fds(struct fixture *f, const char *sender, uint32_t serial, int nr_fds)
{
	send_with_fds(f, call_with_fds(f, sender, serial, nr_fds), nr_fds);
}

/* How many come with the next message. */
static int get_fds(int fd)
{
	union {
		struct cmsghdr header;
		char data[CMSG_SPACE(16 * sizeof(int))];
	} control = {0};
	uint8_t bytes[1024];
	struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	struct msghdr header = {.msg_iov = &iov,
				.msg_iovlen = 1,
				.msg_control = &control,
				.msg_controllen = sizeof(control)};
	struct cmsghdr *c;
	int n = 0, got;

	assert_true(recvmsg(fd, &header, 0) > 0);
	for (c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
		for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++, n++) {
			memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(got));
			close(got);
		}
	}
	return n;
}

/* The gate closes its own after it has handed them on, which may be a moment later. */
static void await_descriptors(int wanted)
{
	for (int i = 0; i < 5000 && nr_descriptors() != wanted; i++)
		g_usleep(1000);
	assert_int_equal(nr_descriptors(), wanted);
}

static void test_descriptors(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, none;
	int before, next;
	GBytes *bytes;

	introduce(f, ":1.2", 1000);
	before = nr_descriptors();
	put_with_fds(f, ":1.2", 5, 1);
	assert_int_equal(get_fds(f->client), 1);
	for (int i = 2; i <= 16; i++) {
		put_with_fds(f, ":1.2", 5, i);
		get_refusal(f->bus, ":1.2", 5, "More than one descriptor");
	}
	/* From one who is not known yet: two are held, no more. */
	for (uint32_t i = 0; i < GATE_HELD_FDS + 1; i++)
		put_with_fds(f, ":1.3", 10 + i, 1);
	next = (int)get_lookup(f, ":1.3");
	get_refusal(f->bus, ":1.3", 10 + GATE_HELD_FDS, "beginning of a connection");
	tell_user(f, (uint32_t)next, 1000);
	for (uint32_t i = 0; i < GATE_HELD_FDS; i++)
		assert_int_equal(get_fds(f->client), 1);
	await_descriptors(before);
	/* None can be had: the caller hears that, and not that there was none. */
	next = dup(STDERR_FILENO);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = old.rlim_max};
	bytes = call_with_fds(f, ":1.2", 6, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	send_with_fds(f, bytes, 1);
	get_refusal(f->bus, ":1.2", 6, "could not be opened");
	put(f->bus, call_of(f, ":1.2", 7, "x", false));
	get_call(f->client, 7);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	await_descriptors(before);
}

/* Who is not known yet waits alone, in order, and with a bound. */
static void test_strangers(void **state)
{
	struct fixture *f = *state;
	g_autofree char *text = g_strnfill(GATE_HELD_BYTES, 'x');
	uint32_t first, second;

	introduce(f, ":1.2", 1000);
	put(f->bus, call_of(f, ":1.3", 1, "x", false));
	first = get_lookup(f, ":1.3");
	put(f->bus, call_of(f, ":1.4", 1, "x", false));
	second = get_lookup(f, ":1.4");
	put(f->bus, call_of(f, ":1.3", 2, "x", false));
	put(f->bus, call_of(f, ":1.3", 3, text, false));
	get_refusal(f->bus, ":1.3", 3, "beginning of a connection");
	put(f->bus, call_of(f, ":1.2", 5, "x", false));
	get_call(f->client, 5);
	/* An answer of that number from somebody else is none to this question. */
	put(f->bus, answer_to(f, ":1.9", US, second, g_variant_new("(u)", 0)));
	g_object_unref(get_message(f->client));
	tell_user(f, second, 1001);
	get_call(f->client, 1);
	tell_user(f, first, 1001);
	get_call(f->client, 1);
	get_call(f->client, 2);
	/* Gone: nothing of it is handed on, or kept. */
	put(f->bus, call_of(f, ":1.5", 1, "x", false));
	first = get_lookup(f, ":1.5");
	put(f->bus, answer_to(f, DRIVER, US, first, NULL));
	get_refusal(f->bus, ":1.5", 1, "which user you are");
	for (uint32_t i = 0; i < GATE_HELD_CALLS + 1; i++)
		put(f->bus, call_of(f, ":1.6", i + 1, "x", false));
	get_lookup(f, ":1.6");
	get_refusal(f->bus, ":1.6", GATE_HELD_CALLS + 1, "beginning of a connection");
	assert_under_way(f, 4);
}

static void test_signals(void **state)
{
	struct fixture *f = *state;
	int64_t start_us = g_get_monotonic_time();

	introduce(f, ":1.2", 1000);
	/* One call was made. */
	for (uint32_t i = 0; i < LEDGER_BURST + 100; i++)
		put(f->bus, signal_of(f, ":1.2", 1));
	put(f->bus, signal_of(f, DRIVER, 2));
	for (uint32_t n = 0;; n++) {
		g_autoptr(GDBusMessage) message = get_message(f->client);

		if (g_dbus_message_get_serial(message) == 2) {
			/* The bucket has got a drop now and then meanwhile. */
			assert_in_range(n, LEDGER_BURST - 1,
					LEDGER_BURST + (g_get_monotonic_time() - start_us) *
							       LEDGER_RATE / 1000000);
			break;
		}
	}
}

/* An answer that the client cannot have is replaced, so that it does not wait for it. */
static void test_answers(void **state)
{
	struct fixture *f = *state;
	g_autofree char *text = g_strnfill(2 * GATE_MESSAGE_MAX, 'x');
	g_autoptr(GBytes) good = answer_to(f, ":1.9", US, 5, g_variant_new("(s)", "x"));

	put(f->bus, answer_to(f, ":1.9", US, 4, g_variant_new("(s)", text)));
	get_refusal(f->client, NULL, 4, "larger than 64 KiB");
	put(f->bus, g_bytes_ref(good));
	get_same(f->client, good);
	/* Ours may be of any size. */
	put(f->client, answer_to(f, NULL, ":1.9", 6, g_variant_new("(s)", text)));
	g_clear_pointer(&good, g_bytes_unref);
	good = get(f->bus);
	assert_true(g_bytes_get_size(good) > 2 * GATE_MESSAGE_MAX);
}

static void assert_closed(int fd)
{
	char byte;

	assert_true(recv(fd, &byte, 1, 0) <= 0);
}

static void test_end_of_bus(void **state)
{
	struct fixture *f = *state;

	shutdown(f->bus, SHUT_RDWR);
	assert_closed(f->client);
}

/* With a question that cannot be sent: all who are not known yet would wait for ever. */
static void test_end_of_questions(void **state)
{
	struct fixture *f = *state;

	shutdown(f->bus, SHUT_RD);
	put(f->bus, call_of(f, ":1.3", 1, "x", false));
	assert_closed(f->client);
}

static gpointer free_gate(gpointer gate)
{
	gate_free(gate);
	return NULL;
}

/* What was written before still arrives. */
static void test_end_of_client(void **state)
{
	struct fixture *f = *state;
	GBytes *bytes = signal_of(f, NULL, 5);
	GThread *thread;

	for (int i = 0; i < 100; i++)
		put(f->client, g_bytes_ref(bytes));
	thread = g_thread_new("free", free_gate, g_steal_pointer(&f->gate));
	for (int i = 0; i < 100; i++)
		get_same(f->bus, bytes);
	assert_closed(f->bus);
	g_thread_join(thread);
	g_bytes_unref(bytes);
}

/* A bus that takes nothing any more is not waited for: or the service would not end. */
static void test_end_beside_a_dead_bus(void **state)
{
	struct fixture *f = *state;
	GBytes *bytes = signal_of(f, NULL, 5);

	for (int i = 0; i < 200; i++)
		put(f->client, g_bytes_ref(bytes));
	gate_free(f->gate);
	f->gate = NULL;
	g_bytes_unref(bytes);
}

/* Returns when these bytes are among those that can be read. */
static void await_bytes(int fd, GBytes *bytes)
{
	static uint8_t there[256 * 1024];
	ssize_t n;

	do {
		g_usleep(1000);
		n = recv(fd, there, sizeof(there), MSG_PEEK | MSG_DONTWAIT);
	} while (n < 0 ||
		 !memmem(there, (size_t)n, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes)));
}

/* An answer does not wait until the bus has taken the refusals that came before. */
static void test_refusals_give_way(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GBytes) answer = answer_to(f, NULL, ":1.3", 1, NULL);
	unsigned int n = 0;

	introduce(f, ":1.2", 1000);
	introduce(f, ":1.3", 1001);
	/* The bus does not read while it sends: nor does that keep the gate from reading. */
	for (uint32_t i = 0; i < LEDGER_SENDER_CALLS + 500; i++)
		put(f->bus, call_of(f, ":1.2", 10 + i, "x", false));
	put(f->bus, call_of(f, ":1.3", 2, "x", false));
	for (uint32_t i = 0; i < LEDGER_SENDER_CALLS; i++)
		get_call(f->client, 10 + i);
	get_call(f->client, 2);
	put(f->client, g_bytes_ref(answer));
	/* While the bus reads nothing: few of the 500 are ahead of it. */
	await_bytes(f->bus, answer);
	for (;; n++) {
		g_autoptr(GDBusMessage) message = get_message(f->bus);

		if (g_dbus_message_get_message_type(message) == G_DBUS_MESSAGE_TYPE_METHOD_RETURN)
			break;
	}
	assert_true(n <= 30);
	for (; n < 500; n++)
		get_refusal(f->bus, ":1.2", 10 + LEDGER_SENDER_CALLS + n, "");
}

/* Users take turns with their refusals; questions go first; what is too much is dropped. */
static void test_backlog(void **state)
{
	struct backlog *backlog = backlog_new();

	(void)state;
	for (const char *c = "1123?"; *c; c++) {
		GBytes *message = g_bytes_new(c, 1);

		if (*c == '?')
			backlog_add_question(backlog, message);
		else
			backlog_add_refusal(backlog, (uid_t)*c, message);
		assert_int_equal(backlog_has_question(backlog), *c == '?');
	}
	for (const char *c = "?1231"; *c; c++) {
		g_autoptr(GBytes) message = backlog_take(backlog);

		assert_memory_equal(g_bytes_get_data(message, NULL), c, 1);
	}
	assert_true(backlog_is_empty(backlog));
	assert_null(backlog_take(backlog));
	for (uid_t uid = 0; uid < BACKLOG_ALL / BACKLOG_USER + 2; uid++)
		for (int i = 0; i < BACKLOG_USER + 1; i++)
			backlog_add_refusal(backlog, uid, g_bytes_new(&uid, sizeof(uid)));
	for (int i = 0; i < BACKLOG_ALL; i++) {
		g_autoptr(GBytes) message = backlog_take(backlog);
		uid_t uid = (uid_t)i % (BACKLOG_ALL / BACKLOG_USER);

		assert_memory_equal(g_bytes_get_data(message, NULL), &uid, sizeof(uid));
	}
	assert_null(backlog_take(backlog));
	backlog_add_refusal(backlog, 1, g_bytes_new("x", 1));
	backlog_add_question(backlog, g_bytes_new("x", 1));
	backlog_free(backlog);
}

static void test_garbage(void **state)
{
	static const char *const garbage[] = {
		"x23456789012345678901234567890",	   /* no byte order */
		"l\1\0\2\0\0\0\0\1\0\0\0\0\0\0\0",	   /* another protocol */
		"l\1\0\1\xff\xff\xff\xff\1\0\0\0\0\0\0\0", /* a body beyond any bound */
		"l\1\0\1\0\0\0\0\1\0\0\0\xff\xff\xff\xff", /* a header likewise */
		"B\1\0\1\0\0\0\0\0\0\0\1\xff\xff\xff\xff", /* in the other order */
		"l\0\0\1\0\0\0\0\1\0\0\0\0\0\0\0",	   /* no type */
	};

	for (size_t i = 0; i < G_N_ELEMENTS(garbage); i++) {
		struct fixture *f;

		(void)state;
		assert_int_equal(set_up((void **)&f), 0);
		put_raw(f->bus, garbage[i], GATE_FIXED_LEN);
		assert_closed(f->client);
		assert_closed(f->bus);
		tear_down((void **)&f);
	}
}

/* Whatever the fields are, nothing beyond the header is read; the sanitizer looks. */
static void test_fields(void **state)
{
	struct fixture *f = *state;
	g_autoptr(GRand) rand = g_rand_new_with_seed(2);
	g_autoptr(GBytes) whole = call_of(f, ":1.2", 7, "text", false);
	size_t size = g_bytes_get_size(whole);

	for (int i = 0; i < 200000; i++) {
		size_t len = (size_t)g_rand_int_range(rand, GATE_FIXED_LEN, (gint32)size + 1);
		g_autofree uint8_t *bytes = g_memdup2(g_bytes_get_data(whole, NULL), len);
		struct gate_message message;

		for (int n = g_rand_int_range(rand, 0, 4); n > 0; n--)
			bytes[g_rand_int_range(rand, 0, (gint32)len)] =
				(uint8_t)g_rand_int_range(rand, 0, 256);
		if (gate_message_begin(&message, bytes))
			gate_message_read_fields(&message, bytes, len);
		assert_true(strlen(message.sender) <= GATE_NAME_MAX);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_authentication),
		TEST(test_split),
		TEST(test_order),
		TEST(test_oversized),
		TEST(test_too_many),
		TEST(test_no_reply),
		TEST(test_descriptors),
		TEST(test_strangers),
		TEST(test_signals),
		TEST(test_answers),
		TEST(test_end_of_bus),
		TEST(test_end_of_questions),
		TEST(test_end_of_client),
		TEST(test_end_beside_a_dead_bus),
		TEST(test_refusals_give_way),
		cmocka_unit_test(test_backlog),
		TEST(test_garbage),
		TEST(test_fields),
	};

	alarm(240);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
