/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The socket of the scx_stats protocol with clients that behave badly. The server runs in this
 * process, one turn of its poll loop at a time.
 */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "scheduler/stats-server.h"
#include "scheduler/stats.h"
#include "tests/unit/stats-sample.h"

static struct stats_server server;
static char dir[64], path[108];
static struct rl_stats current;
static uint64_t now_ns;

static void read_current(struct rl_stats *ret, void *userdata)
{
	assert_ptr_equal(userdata, &current);
	*ret = current;
}

static int open_server(struct stats_server *s)
{
	stats_server_init(s);
	return stats_server_open(s, path, read_current, &current);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test-stats-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
	snprintf(path, sizeof(path), "%s/scx/root/stats", dir);
	current = sample;
	now_ns = UINT64_C(1000000000);
	return open_server(&server);
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	stats_server_close(&server);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

/* One turn of the poll loop; returns whether there was anything to do. */
static bool turn(void)
{
	struct pollfd fds[STATS_SERVER_FDS];
	uint64_t again = stats_server_prepare(&server, fds, now_ns);
	int n = poll(fds, STATS_SERVER_FDS, 0);

	assert_true(n >= 0);
	stats_server_dispatch(&server, fds);
	return n > 0 || again <= now_ns;
}

/* Until nothing is left to do, within the budget of one period. */
static void settle(void)
{
	now_ns += UINT64_C(1000000000);
	while (turn())
		;
}

static int try_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	settle();
	return fd;
}

static void put(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	settle();
}

/* What has arrived; "" for nothing, NULL when the server has closed. */
static const char *get_text(int fd)
{
	static char text[1 << 20];
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, text + len, sizeof(text) - 1 - len, 0)) > 0)
		len += (size_t)n;
	text[len] = 0;
	return n == 0 && !len ? NULL : text;
}

#define REQUEST "{\"req\":\"stats\",\"args\":{\"target\":\"top\"}}\n"

static uint64_t answered(const char *text, const char *name)
{
	const char *found = text ? strstr(text, name) : NULL;

	if (!found)
		fail_msg("no %s in %s", name, text ? text : "(closed)");
	return strtoull(found + strlen(name) + 2, NULL, 10);
}

static void test_serve(void **state)
{
	struct stat st;
	const char *text;
	int a = try_connect(), b = try_connect();

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0666);
	/* Each client has its own differences, from its first request on. */
	put(a, REQUEST);
	text = get_text(a);
	assert_int_equal(answered(text, "errno"), 0);
	assert_int_equal(answered(text, "nr_running"), 3);
	assert_int_equal(answered(text, "nr_user_dispatches"), 0);
	current.nr_user_dispatches += 40;
	put(b, REQUEST);
	assert_int_equal(answered(get_text(b), "nr_user_dispatches"), 0);
	put(a, REQUEST);
	assert_int_equal(answered(get_text(a), "nr_user_dispatches"), 40);
	current.nr_user_dispatches += 2;
	put(b, REQUEST);
	assert_int_equal(answered(get_text(b), "nr_user_dispatches"), 2);
	put(a, "{\"req\":\"stats_meta\"}\n");
	assert_non_null(strstr(get_text(a), "\"Metrics\""));
	put(a, REQUEST);
	assert_int_equal(answered(get_text(a), "nr_user_dispatches"), 2);
	close(a);
	close(b);
	/* A place that was given back starts anew. */
	current.nr_user_dispatches += 5;
	settle();
	a = try_connect();
	put(a, REQUEST);
	assert_int_equal(answered(get_text(a), "nr_user_dispatches"), 0);
	close(a);
}

static void test_malformed(void **state)
{
	int fd = try_connect();
	const char *text;

	(void)state;
	put(fd, "nonsense\n");
	text = get_text(fd);
	assert_int_equal(answered(text, "errno"), EINVAL);
	put(fd, "\n");
	assert_int_equal(answered(get_text(fd), "errno"), EINVAL);
	put(fd, "{\"req\":\"reboot\"}\n");
	assert_int_equal(answered(get_text(fd), "errno"), EINVAL);
	put(fd, "{\"req\":\"stats\",\"args\":{\"target\":\"x\"}}\n");
	assert_int_equal(answered(get_text(fd), "errno"), EINVAL);
	/* The connection goes on, as upstream's does. */
	put(fd, REQUEST);
	assert_int_equal(answered(get_text(fd), "errno"), 0);
	close(fd);
}

static void test_split(void **state)
{
	int fd = try_connect();

	(void)state;
	for (const char *c = REQUEST; *c; c++) {
		assert_string_equal(get_text(fd), "");
		assert_int_equal(send(fd, c, 1, MSG_NOSIGNAL), 1);
		settle();
	}
	assert_int_equal(answered(get_text(fd), "errno"), 0);
	/* Two and a half at once, and the rest. */
	put(fd, REQUEST REQUEST "{\"req\":");
	{
		const char *text = get_text(fd), *second = strchr(text, '\n') + 1;

		assert_int_equal(answered(second, "errno"), 0);
		assert_string_equal(strchr(second, '\n'), "\n");
	}
	put(fd, "\"stats\"}\n");
	assert_int_equal(answered(get_text(fd), "errno"), 0);
	/* The end of the stream ends the last line, too. */
	put(fd, "{\"req\":\"stats\"}");
	assert_string_equal(get_text(fd), "");
	shutdown(fd, SHUT_WR);
	settle();
	assert_int_equal(answered(get_text(fd), "errno"), 0);
	assert_null(get_text(fd));
	close(fd);
}

static void test_oversize(void **state)
{
	char text[STATS_REQUEST_MAX + 1];
	int fd = try_connect();
	const char *reply;

	(void)state;
	/* As long as allowed, with its newline. */
	memset(text, ' ', sizeof(text));
	memcpy(text, REQUEST, strlen(REQUEST) - 1);
	text[STATS_REQUEST_MAX - 1] = '\n';
	text[STATS_REQUEST_MAX] = 0;
	put(fd, text);
	assert_int_equal(answered(get_text(fd), "errno"), 0);
	/* One more. */
	text[STATS_REQUEST_MAX - 1] = ' ';
	put(fd, text);
	reply = get_text(fd);
	assert_int_equal(answered(reply, "errno"), EMSGSIZE);
	assert_null(get_text(fd));
	close(fd);
}

/* The first client's answer waits for room. */
static bool is_stuck(void)
{
	struct pollfd fds[STATS_SERVER_FDS];

	stats_server_prepare(&server, fds, now_ns);
	return fds[1].fd >= 0 && fds[1].events == POLLOUT;
}

/* Requests, one after the other and without reading, until an answer is stuck or that many. */
static int send_requests(int fd, int max)
{
	int n = 0;

	while (n < max && !is_stuck()) {
		put(fd, REQUEST);
		n++;
	}
	return n;
}

/* Read everything that is still to come; returns the lines, the last of which has to be whole. */
static int drain(int fd)
{
	int lines = 0;

	for (;;) {
		const char *text = get_text(fd);

		if (!text || !*text)
			return lines;
		for (const char *c = text; *c; c++)
			lines += *c == '\n';
		assert_int_equal(text[strlen(text) - 1], '\n');
		settle();
	}
}

/* Whoever does not read is not answered any more, and keeps nobody else waiting. */
static void test_slow(void **state)
{
	int slow = try_connect(), other = try_connect(), nr_sent = send_requests(slow, 100000);
	struct pollfd fds[STATS_SERVER_FDS] = {{0}};

	(void)state;
	assert_true(nr_sent > 2 && nr_sent < 100000);
	/* More requests wait unread, and cost nothing. */
	put(slow, REQUEST REQUEST);
	assert_true(is_stuck());
	assert_false(turn());
	put(other, REQUEST);
	assert_int_equal(answered(get_text(other), "errno"), 0);
	/* An event without a reason changes nothing. */
	for (size_t i = 0; i < STATS_SERVER_FDS; i++)
		fds[i].fd = -1;
	fds[1].fd = server.clients[0].fd;
	fds[1].revents = POLLIN;
	stats_server_dispatch(&server, fds);
	assert_true(is_stuck());
	/* When it reads again it gets an answer to each request. */
	assert_int_equal(drain(slow), nr_sent + 2);
	close(slow);
	close(other);
	settle();

	/* The same without requests behind the stuck answer: room alone sends it. */
	slow = try_connect();
	assert_int_equal(send_requests(slow, 100000), nr_sent);
	assert_int_equal(drain(slow), nr_sent);
	close(slow);
	settle();

	/* And when the end of the stream comes in between. */
	slow = try_connect();
	assert_int_equal(send_requests(slow, nr_sent - 1), nr_sent - 1);
	put(slow, "{\"req\":\"stats\"}");
	shutdown(slow, SHUT_WR);
	settle();
	assert_true(is_stuck());
	assert_int_equal(drain(slow), nr_sent);
	assert_null(get_text(slow));
	close(slow);
}

static void test_vanish(void **state)
{
	int fd;

	(void)state;
	/* With an answer on its way, with half a request, and with nothing at all. */
	for (int i = 0; i < 3 * STATS_CLIENTS_MAX; i++) {
		fd = try_connect();
		if (i % 3 == 0)
			assert_true(send(fd, REQUEST, strlen(REQUEST), MSG_NOSIGNAL) > 0);
		if (i % 3 == 1)
			assert_true(send(fd, "{\"req", 5, MSG_NOSIGNAL) > 0);
		close(fd);
		settle();
	}
	fd = try_connect();
	put(fd, REQUEST);
	assert_int_equal(answered(get_text(fd), "errno"), 0);
	close(fd);
}

/*
 * Connects as somebody who is neither root nor the user that the scheduler runs as. The kernel takes
 * the effective user for the peer; where this test is not root, the server takes us for a stranger.
 */
static int connect_as(uid_t uid)
{
	int fd;

	if (geteuid() == 0) {
		assert_int_equal(seteuid(uid), 0);
		fd = try_connect();
		assert_int_equal(seteuid(0), 0);
	} else {
		server.own_uid = geteuid() + 1;
		fd = try_connect();
		server.own_uid = geteuid();
	}
	return fd;
}

static bool is_served(int fd)
{
	put(fd, REQUEST);
	return answered(get_text(fd), "errno") == 0;
}

static void assert_refused(int fd)
{
	assert_int_equal(answered(get_text(fd), "errno"), EBUSY);
	assert_null(get_text(fd));
	close(fd);
}

static void test_too_many(void **state)
{
	int fds[STATS_CLIENTS_MAX];

	(void)state;
	for (int i = 0; i < STATS_CLIENTS_MAX; i++)
		fds[i] = try_connect();
	assert_refused(try_connect());
	for (int i = 0; i < STATS_CLIENTS_MAX; i++)
		assert_true(is_served(fds[i]));
	close(fds[3]);
	settle();
	fds[3] = try_connect();
	assert_true(is_served(fds[3]));
	for (int i = 0; i < STATS_CLIENTS_MAX; i++)
		close(fds[i]);
}

/* Strangers take what they can get: nobody more than a share, and all of them not what is kept. */
static void test_kept_places(void **state)
{
	int fds[STATS_CLIENTS_MAX], n = 0, nr_users = geteuid() == 0 ? 3 : 1;

	(void)state;
	for (int user = 0; user < nr_users; user++) {
		for (int i = 0; i < STATS_CLIENTS_PER_USER; i++)
			fds[n++] = connect_as(1000 + (uid_t)user);
		assert_refused(connect_as(1000 + (uid_t)user));
	}
	if (nr_users == 3) {
		assert_int_equal(n, STATS_CLIENTS_MAX - STATS_CLIENTS_RESERVED);
		assert_refused(connect_as(1003));
		/* Root that is not the scheduler's user: all of the rest but the last place. */
		server.own_uid = 1004;
		while (n < STATS_CLIENTS_MAX - 1)
			fds[n++] = try_connect();
		assert_refused(try_connect());
		fds[n++] = connect_as(1004);
	} else {
		fds[n++] = try_connect();
	}
	for (int i = 0; i < n; i++) {
		assert_true(is_served(fds[i]));
		close(fds[i]);
	}
}

/* All clients together cannot keep the thread busy. */
static void test_budget(void **state)
{
	struct pollfd fds[STATS_SERVER_FDS];
	int fd = try_connect(), turns = 0, other = try_connect();
	char many[STATS_REQUEST_MAX];
	uint64_t again;

	(void)state;
	memset(many, '\n', sizeof(many));
	assert_int_equal(send(fd, many, sizeof(many), MSG_NOSIGNAL), sizeof(many));
	now_ns += UINT64_C(1000000000);
	while (turn())
		assert_true(++turns < 1000);
	assert_true(turns >= 50);
	again = stats_server_prepare(&server, fds, now_ns);
	assert_true(again > now_ns && again <= now_ns + UINT64_C(100000000));
	for (size_t i = 0; i < STATS_SERVER_FDS; i++)
		assert_int_equal(fds[i].fd, -1);
	/* In the next period the others have their turn at once. */
	assert_true(send(other, REQUEST, strlen(REQUEST), MSG_NOSIGNAL) > 0);
	now_ns = again;
	turn();
	assert_int_equal(answered(get_text(other), "errno"), 0);
	close(fd);
	close(other);
}

static void test_paths(void **state)
{
	static struct stats_server second;
	struct stat st;
	FILE *f;

	(void)state;
	/* A living one is left alone. */
	assert_int_equal(open_server(&second), -EADDRINUSE);
	stats_server_close(&second);
	assert_int_equal(stat(path, &st), 0);
	{
		int fd = try_connect();

		put(fd, REQUEST);
		assert_int_equal(answered(get_text(fd), "errno"), 0);
		close(fd);
	}
	/* A dead one's socket is replaced: its descriptor is closed, its file is there. */
	close(server.fd);
	server.fd = -1;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(open_server(&second), 0);
	/* Whose file it is now decides who removes it. */
	unlink(path);
	assert_int_equal(open_server(&server), 0);
	stats_server_close(&second);
	assert_int_equal(stat(path, &st), 0);
	stats_server_close(&server);
	assert_int_equal(stat(path, &st), -1);
	/* Nothing that is not a socket is removed. */
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(open_server(&server), -ENOTSOCK);
	assert_int_equal(stat(path, &st), 0);
	unlink(path);
	/* Nor a dead socket that another user has left there. Giving files away takes root. */
	if (geteuid() == 0) {
		assert_int_equal(open_server(&server), 0);
		close(server.fd);
		server.fd = -1;
		assert_int_equal(lchown(path, 65534, 65534), 0);
		assert_int_equal(open_server(&server), -EPERM);
		assert_int_equal(stat(path, &st), 0);
		unlink(path);
	}
	/* Too long, or nowhere. */
	stats_server_init(&server);
	{
		char longer[200];

		memset(longer, 'x', sizeof(longer) - 1);
		longer[sizeof(longer) - 1] = 0;
		assert_int_equal(stats_server_open(&server, longer, read_current, &current),
				 -ENAMETOOLONG);
	}
	assert_int_equal(
		stats_server_open(&server, "/proc/no/such/dir/stats", read_current, &current),
		-ENOENT);
	/* A closed server has nothing to poll and takes every call. */
	assert_false(turn());
	stats_server_close(&server);
}

#define socket_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		socket_test(test_serve),    socket_test(test_malformed),
		socket_test(test_split),    socket_test(test_oversize),
		socket_test(test_slow),	    socket_test(test_vanish),
		socket_test(test_too_many), socket_test(test_budget),
		socket_test(test_paths),    socket_test(test_kept_places),
	};

	alarm(120); /* what waits here waits for ever */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
