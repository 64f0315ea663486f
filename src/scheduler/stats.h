/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Statistics as text: the line that scx_rustland is known by, JSON, and the requests and answers of
 * the scx_stats protocol (sched-ext/scx, rust/scx_stats), which scxtop, scxstats_to_openmetrics.py
 * and the Rust scx_rustland speak. One JSON object a line each way:
 *
 *	{"req":"stats","args":{"target":"top"}}
 *	{"errno":0,"args":{"resp":{"nr_cpus":8,...}}}
 *
 * Everything here works on the caller's buffers; it must never allocate, print or read the clock.
 */
#ifndef SCX_RUSTLAND_STATS_H
#define SCX_RUSTLAND_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <rustland.h>

/* No text made here is longer, whatever the counters say. */
#define STATS_TEXT_MAX 8192

/* What a request asks for. */
enum stats_request {
	STATS_REQUEST_TOP,
	STATS_REQUEST_META,
};

/*
 * Read a request. Returns NULL, or why it is none, for stats_answer_error(); upstream answers
 * EINVAL to everything it cannot serve, and so do we.
 */
const char *stats_parse_request(const char *line, size_t len, enum stats_request *ret);

/* Counters become what happened since prev, the rest stays what it is now. */
void stats_delta(struct rl_stats *ret, const struct rl_stats *now, const struct rl_stats *prev);

/* These write at most size bytes with a newline and a zero at the end, and return the length. */
size_t stats_line(char *buf, size_t size, const struct rl_stats *stats);
size_t stats_json(char *buf, size_t size, const struct rl_stats *stats);
size_t stats_answer_top(char *buf, size_t size, const struct rl_stats *stats);
size_t stats_answer_meta(char *buf, size_t size);
/* reason goes into the JSON as it is: give a literal without quotes and backslashes. */
size_t stats_answer_error(char *buf, size_t size, int error, const char *reason);

/*
 * Read an answer to a request for "top". Members that only newer servers know are skipped, ours may
 * be missing (the Rust scx_rustland lacks them), upstream's must be there. ret_json is the text of
 * the statistics inside answer. Returns 0, -EPROTO for something else, or minus the server's error.
 */
int stats_parse_answer(const char *answer, size_t len, struct rl_stats *ret, const char **ret_json,
		       size_t *ret_json_len);

/* What --help-stats prints. */
void stats_describe(FILE *f);

#endif /* SCX_RUSTLAND_STATS_H */
