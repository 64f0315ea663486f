/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Statistics as text and as JSON, and the requests and answers of the scx_stats protocol.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "scheduler/json.h"
#include "common/stats-fields.h"
#include "scheduler/stats.h"
#include "tests/unit/stats-sample.h"

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
	now.nr_rounds += 40;
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
	assert_int_equal(delta.nr_rounds, 40);
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
	assert_int_equal(nr, NR_STATS_FIELDS);
	free(text);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),	     cmocka_unit_test(test_json),
		cmocka_unit_test(test_sizes),	     cmocka_unit_test(test_delta),
		cmocka_unit_test(test_descriptions), cmocka_unit_test(test_requests),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
