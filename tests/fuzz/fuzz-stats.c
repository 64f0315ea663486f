/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Both sides of the statistics socket: a request as the server reads it, an answer as --monitor does.
 * An answer that was understood and is written again is understood the same.
 *
 * Covers: src/scheduler/stats.c
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "scheduler/stats.h"

static void check_answer(const char *text, size_t size)
{
	struct rl_stats stats = {0}, again = {0};
	char buf[STATS_TEXT_MAX];
	const char *json;
	size_t json_len, len;

	int r = stats_parse_answer(text, size, &stats, &json, &json_len);

	require(r <= 0 && r > -4096);
	if (r)
		return;
	require(json >= text && json + json_len <= text + size);
	len = stats_answer_top(buf, sizeof(buf), &stats);
	require(len < sizeof(buf) && buf[len - 1] == '\n');
	require(stats_parse_answer(buf, len, &again, &json, &json_len) == 0);
	require(memcmp(&stats, &again, sizeof(stats)) == 0);
	len = stats_line(buf, sizeof(buf), &stats);
	require(len > 0 && memchr(buf, '\n', len) == buf + len - 1);
	require(stats_json(buf, 16, &stats) < 16);
}

static void check_request(const char *text, size_t size)
{
	enum stats_request request;
	const char *why = stats_parse_request(text, size, &request);
	struct rl_stats stats;
	const char *json;
	char buf[STATS_TEXT_MAX];
	size_t len;

	if (!why) {
		require(request == STATS_REQUEST_TOP || request == STATS_REQUEST_META);
		return;
	}
	require(!strpbrk(why, "\"\\\n"));
	len = stats_answer_error(buf, sizeof(buf), EINVAL, why);
	require(stats_parse_answer(buf, len, &stats, &json, &len) == -EINVAL);
}

/* The writers that read nothing, once, so that every line of the file is in the count. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct rl_stats now = {.nr_cpus = 8, .nr_asked = 1}, before = {.nr_asked = 2}, delta;
	char buf[STATS_TEXT_MAX];
	FILE *null = fopen("/dev/null", "we");

	(void)argc, (void)argv;
	require(null && stats_answer_meta(buf, sizeof(buf)) > 0);
	stats_describe(null);
	fclose(null);
	stats_delta(&delta, &now, &before);
	require(delta.nr_asked == 0 && delta.nr_cpus == 8);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	check_answer(text, size);
	check_request(text, size);
	free(text);
	return 0;
}
