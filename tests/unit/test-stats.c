/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Statistics: formatting, the JSON reader, the scx_stats protocol and the socket with clients that
 * behave badly. The server runs in this process, one turn of its poll loop at a time.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../src/scheduler/json.h"
#include "../../src/scheduler/output.h"
#include "../../src/scheduler/stats-server.h"
#include "../../src/scheduler/stats.h"

/* Every number differs, so that no two members can be mixed up. */
static const struct rl_stats sample = {
	.sz = sizeof(struct rl_stats),
	.nr_cpus = 8,
	.nr_running = 3,
	.nr_queued = 5,
	.nr_scheduled = 6,
	.nr_page_faults = 7,
	.nr_user_dispatches = 1001,
	.nr_kernel_dispatches = 1002,
	.nr_cancel_dispatches = 1003,
	.nr_bounce_dispatches = 1004,
	.nr_failed_dispatches = 1005,
	.nr_sched_congested = 1006,
	.nr_standing = 1007,
	.nr_late = 1008,
	.nr_flushed = 1009,
	.nr_asked = 1010,
	.nr_preempt_kicks = 1011,
	.policy_runtime_ns = 1012,
};

#define SAMPLE_JSON                                                                                \
	"{\"nr_cpus\":8,\"nr_running\":3,\"nr_queued\":5,\"nr_scheduled\":6,\"nr_page_faults\":7," \
	"\"nr_user_dispatches\":1001,\"nr_kernel_dispatches\":1002,\"nr_cancel_dispatches\":1003," \
	"\"nr_bounce_dispatches\":1004,\"nr_failed_dispatches\":1005,\"nr_sched_congested\":1006," \
	"\"nr_standing\":1007,\"nr_late\":1008,\"nr_flushed\":1009,\"nr_asked\":1010,"             \
	"\"nr_preempt_kicks\":1011,\"policy_runtime_ns\":1012}"

/* ---- Formatting ----------------------------------------------------------------------------- */

static void test_line(void **state)
{
	char line[STATS_TEXT_MAX];

	(void)state;
	stats_line(line, sizeof(line), &sample);
	assert_string_equal(line, "[RustLand] tasks -> r:  3/8  w: 5 /6  | pf: 7     | dispatch -> "
				  "u: 1001  k: 1002  c: 1003  b: 1004  f: 1005  | cg: 1006 \n");
}

static void test_json(void **state)
{
	char text[STATS_TEXT_MAX];

	(void)state;
	assert_int_equal(stats_json(text, sizeof(text), &sample), strlen(SAMPLE_JSON "\n"));
	assert_string_equal(text, SAMPLE_JSON "\n");
	stats_answer_top(text, sizeof(text), &sample);
	assert_string_equal(text, "{\"errno\":0,\"args\":{\"resp\":" SAMPLE_JSON "}}\n");
	stats_answer_error(text, sizeof(text), EINVAL, "why");
	assert_string_equal(text, "{\"errno\":22,\"args\":{\"resp\":\"why\"}}\n");
}

/* Whatever the counters say, it fits; and what does not fit is cut without harm. */
static void test_sizes(void **state)
{
	char text[STATS_TEXT_MAX], small[16];
	struct rl_stats biggest;

	(void)state;
	memset(&biggest, 0xff, sizeof(biggest));
	assert_true(stats_line(text, sizeof(text), &biggest) < sizeof(text) - 1);
	assert_int_equal(text[strlen(text) - 1], '\n');
	assert_true(stats_answer_top(text, sizeof(text), &biggest) < sizeof(text) - 1);
	assert_int_equal(text[strlen(text) - 1], '\n');
	assert_non_null(strstr(text, "\"nr_cpus\":18446744073709551615"));
	assert_true(stats_answer_meta(text, sizeof(text)) < sizeof(text) - 1);
	assert_int_equal(text[strlen(text) - 1], '\n');
	memset(small, 'x', sizeof(small));
	assert_int_equal(stats_json(small, sizeof(small), &biggest), sizeof(small) - 1);
	assert_int_equal(small[sizeof(small) - 1], 0);
}

static void test_delta(void **state)
{
	struct rl_stats now = sample, delta;

	(void)state;
	now.nr_cpus = 4;
	now.nr_page_faults = 9;
	now.nr_queued = 1;
	now.nr_user_dispatches += 10;
	now.nr_sched_congested += 20;
	now.policy_runtime_ns += 30;
	now.nr_late -= 1; /* as if it had been read early */
	stats_delta(&delta, &now, &sample);
	assert_int_equal(delta.nr_cpus, 4);
	assert_int_equal(delta.nr_running, 3);
	assert_int_equal(delta.nr_queued, 1);
	assert_int_equal(delta.nr_scheduled, 6);
	assert_int_equal(delta.nr_page_faults, 9);
	assert_int_equal(delta.nr_user_dispatches, 10);
	assert_int_equal(delta.nr_kernel_dispatches, 0);
	assert_int_equal(delta.nr_cancel_dispatches, 0);
	assert_int_equal(delta.nr_bounce_dispatches, 0);
	assert_int_equal(delta.nr_failed_dispatches, 0);
	assert_int_equal(delta.nr_sched_congested, 20);
	assert_int_equal(delta.nr_standing, 0);
	assert_int_equal(delta.nr_late, 0);
	assert_int_equal(delta.nr_flushed, 0);
	assert_int_equal(delta.nr_asked, 0);
	assert_int_equal(delta.nr_preempt_kicks, 0);
	assert_int_equal(delta.policy_runtime_ns, 30);
	/* It may be the same object. */
	stats_delta(&now, &now, &sample);
	assert_memory_equal(&now, &delta, sizeof(now));
}

/* Every member has a description, in both places. */
static void test_descriptions(void **state)
{
	char meta[STATS_TEXT_MAX], *text = NULL;
	size_t size, nr = 0;
	FILE *f = open_memstream(&text, &size);
	struct json_string name;
	struct json j;

	(void)state;
	stats_describe(f);
	fclose(f);
	assert_int_equal(strncmp(text, "[Metrics]\n", 10), 0);
	stats_answer_meta(meta, sizeof(meta));
	assert_int_equal(strncmp(meta, "{\"errno\":0,\"args\":{\"resp\":{\"Metrics\":", 37), 0);
	assert_non_null(strstr(meta, "\"nr_cpus\":{\"datum\":\"u64\",\"desc\":\"CPUs online\"}"));
	assert_non_null(strstr(meta, "\"name\":\"Metrics\",\"top\":\"true\""));
	json_init(&j, meta, strlen(meta));
	assert_true(json_skip(&j) && json_end(&j));
	json_init(&j, SAMPLE_JSON, strlen(SAMPLE_JSON));
	json_object(&j);
	for (; json_member(&j, &name); nr++) {
		assert_non_null(strstr(text, name.text));
		assert_non_null(strstr(meta, name.text));
		json_skip(&j);
	}
	assert_int_equal(nr, 17);
	free(text);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static bool is_json(const char *text)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1); /* so that the sanitizer sees every step beyond */
	struct json j;
	bool ok;

	memcpy(copy, text, len);
	json_init(&j, copy, len);
	json_skip(&j);
	ok = json_end(&j);
	free(copy);
	return ok;
}

static void test_json_grammar(void **state)
{
	static const char *const good[] = {
		"{}",
		" { } ",
		"[]",
		"[ 1 , 2 ]",
		"null",
		"true",
		"false",
		"0",
		"-0",
		"10",
		"-1.5e+10",
		"1E5",
		"0.25",
		"\"\"",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\uD834\\uDD1E\"",
		"\"\xc3\xa4\"",
		"{\"a\":{\"b\":[{\"c\":null}]},\"d\":[[[]]]}",
		"\t\r\n1\n",
		"[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
	};
	static const char *const bad[] = {
		"",
		" ",
		"{",
		"}",
		"[",
		"]",
		"{]",
		"[}",
		"{,}",
		"[,]",
		"[1,]",
		"[1 2]",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{\"a\":1 \"b\":2}",
		"{a:1}",
		"{1:1}",
		"{\"a\" 1}",
		"{}{}",
		"1 2",
		"01",
		"-",
		"-a",
		"+1",
		".5",
		"1.",
		"1.e5",
		"1e",
		"1e+",
		"0x10",
		"1a",
		"nul",
		"nulll",
		"True",
		"NaN",
		"'a'",
		"\"",
		"\"\\",
		"\"\\\"",
		"\"\\x\"",
		"\"\\u12\"",
		"\"\\u123",
		"\"\\u1234",
		"\"\\u12g4\"",
		"\"\\u",
		"\"a\nb\"",
		"\"\t\"",
		"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
		"\xef\xbb\xbf{}",
		"// x\n{}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!is_json(good[i]))
			fail_msg("not taken: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (is_json(bad[i]))
			fail_msg("taken: %s", bad[i]);
	/* A zero is a character like others, and not a valid one. */
	{
		struct json j;

		json_init(&j, "1\0", 2);
		json_skip(&j);
		assert_false(json_end(&j));
	}
}

static void test_json_numbers(void **state)
{
	static const char *const bad[] = {"18446744073709551616",
					  "99999999999999999999",
					  "-1",
					  "1.0",
					  "1e3",
					  "01",
					  "\"1\"",
					  "null",
					  ""};
	uint64_t value = 0;
	struct json j;

	(void)state;
	json_init(&j, "18446744073709551615", 20);
	assert_true(json_u64(&j, &value) && json_end(&j));
	assert_true(value == UINT64_MAX);
	json_init(&j, "0", 1);
	assert_true(json_u64(&j, &value) && json_end(&j));
	assert_int_equal(value, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_init(&j, bad[i], strlen(bad[i]));
		if (json_u64(&j, &value) && json_end(&j))
			fail_msg("taken: %s", bad[i]);
	}
}

/* What equals no known name is not kept. */
static void test_json_strings(void **state)
{
	static const char *const texts[][2] = {
		{"\"top\"", "top"},
		{"\"\\u0074o\\u0070\"", "top"},
		{"\"\\b\\f\\n\\r\\t\\/\\\\\\\"\"", "\b\f\n\r\t/\\\""},
		{"\"a\\u0000b\"", "a\377b"},
		{"\"a\\u00e4b\\u0174\"", "a\377b\377"},
		/* 63 characters fit, 64 do not. */
		{"\"0123456789012345678901234567890123456789012345678901234567890123\"", ""},
		{"\"012345678901234567890123456789012345678901234567890123456789012\"",
		 "012345678901234567890123456789012345678901234567890123456789012"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct json_string s;
		struct json j;

		json_init(&j, texts[i][0], strlen(texts[i][0]));
		assert_true(json_string(&j, &s) && json_end(&j));
		assert_string_equal(s.text, texts[i][1]);
	}
}

/* ---- Requests and answers ------------------------------------------------------------------- */

/* -1: refused */
static int request(const char *text)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	enum stats_request ret = 77;
	const char *error;

	memcpy(copy, text, len);
	error = stats_parse_request(copy, len, &ret);
	free(copy);
	if (error) {
		assert_null(strpbrk(error, "\"\\\n"));
		assert_int_equal(ret, 77);
		return -1;
	}
	return ret;
}

static void test_requests(void **state)
{
	static const char *const top[] = {
		"{\"req\":\"stats\",\"args\":{\"target\":\"top\"}}\n",
		"{\"req\":\"stats\",\"args\":{}}\n",
		"{\"req\":\"stats\"}",
		"{\"args\":{\"a\":\"b\"},\"req\":\"stats\"}\r\n",
		" { \"req\" : \"stats\" , \"later\" : [1, {\"req\":\"x\"}, null] } ",
		"{\"\\u0072eq\":\"\\u0073tats\"}",
		"{\"req\":\"stats\",\"args\":{\"target\":\"x\",\"target\":\"top\"}}",
	};
	static const char *const meta[] = {
		"{\"req\":\"stats_meta\"}",
		"{\"req\":\"stats_meta\",\"args\":{\"target\":\"x\"}}",
	};
	static const char *const bad[] = {
		"",
		"\n",
		"{}",
		"[]",
		"null",
		"stats",
		"\"stats\"",
		"{\"req\":\"stats\"",
		"{\"req\":stats}",
		"{\"req\":1}",
		"{\"req\":null}",
		"{\"req\":\"\"}",
		"{\"req\":\"Stats\"}",
		"{\"req\":\"stats_\"}",
		"{\"req\":\"stats\\u0000\"}",
		"{\"req\":\"stat\\u0173\"}",
		"{\"req\":\"stats\",\"req\":\"stats\"}",
		"{\"req\":\"stats\",\"args\":{},\"args\":{}}",
		"{\"req\":\"stats\",\"args\":null}",
		"{\"req\":\"stats\",\"args\":[]}",
		"{\"req\":\"stats\",\"args\":{\"target\":1}}",
		"{\"req\":\"stats\",\"args\":{\"a\":{}}}",
		"{\"req\":\"stats\",\"args\":{\"target\":\"other\"}}",
		"{\"req\":\"stats\",\"args\":{\"target\":\"top\\u0000\"}}",
		"{\"req\":\"stats\"} x",
		"{\"req\":\"stats\"}{\"req\":\"stats\"}",
		"{'req':'stats'}",
		"{\"args\":{\"target\":\"top\"}}",
		"{\"req\":\"stats\",}",
		"{\"req\":\"ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(top) / sizeof(top[0]); i++)
		if (request(top[i]) != STATS_REQUEST_TOP)
			fail_msg("not for top: %s", top[i]);
	for (size_t i = 0; i < sizeof(meta) / sizeof(meta[0]); i++)
		if (request(meta[i]) != STATS_REQUEST_META)
			fail_msg("not for meta: %s", meta[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (request(bad[i]) != -1)
			fail_msg("taken: %s", bad[i]);
	/* Cut anywhere, a request is none. */
	for (size_t len = 0; len < strlen(top[0]) - 1; len++) {
		char cut[128];

		memcpy(cut, top[0], len);
		cut[len] = 0;
		assert_int_equal(request(cut), -1);
	}
}

static void test_answers(void **state)
{
	char text[STATS_TEXT_MAX];
	struct rl_stats read = {0};
	const char *json;
	size_t json_len, len;

	(void)state;
	len = stats_answer_top(text, sizeof(text), &sample);
	assert_int_equal(stats_parse_answer(text, len, &read, &json, &json_len), 0);
	assert_memory_equal(&read, &sample, sizeof(read));
	assert_int_equal(json_len, strlen(SAMPLE_JSON));
	assert_memory_equal(json, SAMPLE_JSON, json_len);
	len = stats_answer_error(text, sizeof(text), EINVAL, "why");
	assert_int_equal(stats_parse_answer(text, len, &read, &json, &json_len), -EINVAL);
	for (len = 0; len < stats_answer_top(text, sizeof(text), &sample) - 1; len++)
		assert_int_equal(stats_parse_answer(text, len, &read, &json, &json_len), -EPROTO);

	/* The Rust one: sorted, and only what upstream has. */
	strcpy(text,
	       "{\"errno\":0,\"args\":{\"resp\":{\"nr_bounce_dispatches\":1,"
	       "\"nr_cancel_dispatches\":2,\"nr_cpus\":3,\"nr_failed_dispatches\":4,"
	       "\"nr_kernel_dispatches\":5,\"nr_page_faults\":6,\"nr_queued\":7,\"nr_running\":8,"
	       "\"nr_sched_congested\":9,\"nr_scheduled\":10,\"nr_user_dispatches\":11}}}\n");
	assert_int_equal(stats_parse_answer(text, strlen(text), &read, &json, &json_len), 0);
	assert_int_equal(read.nr_bounce_dispatches, 1);
	assert_int_equal(read.nr_user_dispatches, 11);
	assert_int_equal(read.nr_asked, 0);
	/* Another scheduler. */
	strcpy(text, "{\"errno\":0,\"args\":{\"resp\":{\"mseq\":1,\"nr_cpus\":3}}}\n");
	assert_int_equal(stats_parse_answer(text, strlen(text), &read, &json, &json_len), -EPROTO);
	strcpy(text, "{\"errno\":0,\"args\":{\"resp\":null}}\n");
	assert_int_equal(stats_parse_answer(text, strlen(text), &read, &json, &json_len), -EPROTO);
	strcpy(text, "{\"args\":{\"resp\":" SAMPLE_JSON "}}\n");
	assert_int_equal(stats_parse_answer(text, strlen(text), &read, &json, &json_len), -EPROTO);
}

/* ---- The socket ----------------------------------------------------------------------------- */

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

static void test_too_many(void **state)
{
	int fds[STATS_CLIENTS_MAX], extra;
	int nr_places =
		geteuid() == 0 ? STATS_CLIENTS_MAX : STATS_CLIENTS_MAX - STATS_CLIENTS_RESERVED;

	(void)state;
	for (int i = 0; i < nr_places; i++)
		fds[i] = try_connect();
	extra = try_connect();
	assert_int_equal(answered(get_text(extra), "errno"), EBUSY);
	assert_null(get_text(extra));
	close(extra);
	for (int i = 0; i < nr_places; i++) {
		put(fds[i], REQUEST);
		assert_int_equal(answered(get_text(fds[i]), "errno"), 0);
	}
	close(fds[3]);
	settle();
	extra = try_connect();
	put(extra, REQUEST);
	assert_int_equal(answered(get_text(extra), "errno"), 0);
	close(extra);
	for (int i = 0; i < nr_places; i++)
		if (i != 3)
			close(fds[i]);
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

/* ---- Lines that must not make the helper wait ----------------------------------------------- */

static void check_full(int fd, int reader)
{
	struct output out;
	char line[512];
	size_t written = 0;
	int r;

	memset(line, 'x', sizeof(line));
	output_open(&out, fd);
	while ((r = output_write(&out, line, sizeof(line))) == 0)
		assert_true((written += sizeof(line)) < (16 << 20));
	assert_int_equal(r, -EAGAIN);
	/* The others who write there are not made non-blocking. */
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	close(reader);
	assert_true(output_write(&out, line, sizeof(line)) < 0);
	output_close(&out);
	close(fd);
}

static void test_output(void **state)
{
	static char big[1 << 20];
	struct output out;
	int fds[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	/* More than there is room for is cut, not waited for. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	output_open(&out, fds[1]);
	assert_int_equal(output_write(&out, big, sizeof(big)), 0);
	output_close(&out);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(pipe(fds), 0);
	output_open(&out, fds[1]);
	assert_int_equal(output_write(&out, big, sizeof(big)), 0);
	output_close(&out);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(pipe(fds), 0);
	check_full(fds[1], fds[0]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	check_full(fds[1], fds[0]);
}

/* A file is continued, not written over from its start. */
static void test_output_file(void **state)
{
	char name[] = "/tmp/test-stats-XXXXXX", text[16] = "";
	int fd = mkstemp(name);
	struct output out;

	(void)state;
	assert_int_equal(write(fd, "one\n", 4), 4);
	output_open(&out, fd);
	assert_int_equal(output_write(&out, "two\n", 4), 0);
	output_close(&out);
	assert_int_equal(pread(fd, text, sizeof(text) - 1, 0), 8);
	assert_string_equal(text, "one\ntwo\n");
	close(fd);
	unlink(name);
}

#define socket_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_delta),
		cmocka_unit_test(test_descriptions),
		cmocka_unit_test(test_json_grammar),
		cmocka_unit_test(test_json_numbers),
		cmocka_unit_test(test_json_strings),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_answers),
		socket_test(test_serve),
		socket_test(test_malformed),
		socket_test(test_split),
		socket_test(test_oversize),
		socket_test(test_slow),
		socket_test(test_vanish),
		socket_test(test_too_many),
		socket_test(test_budget),
		socket_test(test_paths),
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_output_file),
	};

	alarm(120); /* what waits here waits for ever */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
