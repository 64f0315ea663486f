/* SPDX-License-Identifier: GPL-2.0-only */
/* See stats.h. */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "common/stats-fields.h"
#include "scheduler/json.h"
#include "scheduler/stats.h"

static uint64_t get(const struct rl_stats *stats, const struct stats_field *field)
{
	uint64_t value;

	memcpy(&value, (const char *)stats + field->offset, sizeof(value));
	return value;
}

static void set(struct rl_stats *stats, const struct stats_field *field, uint64_t value)
{
	memcpy((char *)stats + field->offset, &value, sizeof(value));
}

void stats_delta(struct rl_stats *ret, const struct rl_stats *now, const struct rl_stats *prev)
{
	struct rl_stats delta = *now;

	for (size_t i = 0; i < NR_STATS_FIELDS; i++) {
		uint64_t a = get(now, &stats_fields[i]), b = get(prev, &stats_fields[i]);

		/* The kernel adds up counters of several CPUs, so a sum may be read a bit early. */
		if (stats_fields[i].counter)
			set(&delta, &stats_fields[i], a > b ? a - b : 0);
	}
	*ret = delta;
}

/* ---- Writing -------------------------------------------------------------------------------- */

struct text {
	char *buf;
	size_t size;
	size_t len;
};

static void __attribute__((format(printf, 2, 3))) add(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->buf + t->len, t->size - t->len, format, args);
	va_end(args);
	if (n > 0)
		t->len += (size_t)n < t->size - t->len ? (size_t)n : t->size - t->len - 1;
}

/* Left-aligned numbers, to the widths of the Rust scx_rustland: people compare the two. */
size_t stats_line(char *buf, size_t size, const struct rl_stats *s)
{
	struct text t = {buf, size, 0};

	add(&t, "[RustLand] tasks -> r: %2" PRIu64 "/%-2" PRIu64 " w: %-2" PRIu64 "/%-2" PRIu64,
	    s->nr_running, s->nr_cpus, s->nr_queued, s->nr_scheduled);
	add(&t, " | pf: %-5" PRIu64 " | dispatch -> u: %-5" PRIu64 " k: %-5" PRIu64,
	    s->nr_page_faults, s->nr_user_dispatches, s->nr_kernel_dispatches);
	add(&t, " c: %-5" PRIu64 " b: %-5" PRIu64 " f: %-5" PRIu64 " | cg: %-5" PRIu64 "\n",
	    s->nr_cancel_dispatches, s->nr_bounce_dispatches, s->nr_failed_dispatches,
	    s->nr_sched_congested);
	return t.len;
}

static void add_object(struct text *t, const struct rl_stats *stats)
{
	for (size_t i = 0; i < NR_STATS_FIELDS; i++)
		add(t, "%c\"%s\":%" PRIu64, i ? ',' : '{', stats_fields[i].name,
		    get(stats, &stats_fields[i]));
	add(t, "}");
}

size_t stats_json(char *buf, size_t size, const struct rl_stats *stats)
{
	struct text t = {buf, size, 0};

	add_object(&t, stats);
	add(&t, "\n");
	return t.len;
}

size_t stats_answer_top(char *buf, size_t size, const struct rl_stats *stats)
{
	struct text t = {buf, size, 0};

	add(&t, "{\"errno\":0,\"args\":{\"resp\":");
	add_object(&t, stats);
	add(&t, "}}\n");
	return t.len;
}

/* Upstream's tools find the statistics by the struct that is marked "top". */
size_t stats_answer_meta(char *buf, size_t size)
{
	struct text t = {buf, size, 0};

	add(&t, "{\"errno\":0,\"args\":{\"resp\":{\"Metrics\":{\"fields\":");
	for (size_t i = 0; i < NR_STATS_FIELDS; i++)
		add(&t, "%c\"%s\":{\"datum\":\"u64\",\"desc\":\"%s\"}", i ? ',' : '{',
		    stats_fields[i].name, stats_fields[i].about);
	add(&t, "},\"name\":\"Metrics\",\"top\":\"true\"}}}}\n");
	return t.len;
}

size_t stats_answer_error(char *buf, size_t size, int error, const char *reason)
{
	struct text t = {buf, size, 0};

	add(&t, "{\"errno\":%d,\"args\":{\"resp\":\"%s\"}}\n", error, reason);
	return t.len;
}

#define SCREEN_COLUMNS 80

/* Words from column indent on, in as many lines as it takes. */
static void print_words(FILE *f, const char *words, int indent)
{
	int column = indent;

	for (const char *word = words; *word; word += strspn(word, " ")) {
		int len = (int)strcspn(word, " ");

		if (column == indent)
			column += fprintf(f, "%.*s", len, word);
		else if (column + 1 + len <= SCREEN_COLUMNS)
			column += fprintf(f, " %.*s", len, word);
		else
			column = fprintf(f, "\n%*s%.*s", indent, "", len, word) - 1;
		word += len;
	}
	fputc('\n', f);
}

void stats_describe(FILE *f)
{
	char about[256];
	int width = 0;

	for (size_t i = 0; i < NR_STATS_FIELDS; i++)
		width = (int)strlen(stats_fields[i].name) > width
				? (int)strlen(stats_fields[i].name)
				: width;
	fprintf(f, "[Metrics]\n");
	for (size_t i = 0; i < NR_STATS_FIELDS; i++) {
		snprintf(about, sizeof(about), "%s%s", stats_fields[i].about,
			 stats_fields[i].counter ? ", in the interval" : "");
		print_words(f, about, fprintf(f, "  %-*s (u64) : ", width, stats_fields[i].name));
	}
}

/* ---- Reading -------------------------------------------------------------------------------- */

static bool is(const struct json_string *s, const char *name)
{
	return strcmp(s->text, name) == 0;
}

const char *stats_parse_request(const char *line, size_t len, enum stats_request *ret)
{
	struct json_string name, req, target = {"top"}, ignored;
	bool have_req = false, have_args = false;
	struct json j;

	json_init(&j, line, len);
	json_object(&j);
	while (json_member(&j, &name)) {
		if (is(&name, "req") && !have_req) {
			have_req = json_string(&j, &req);
		} else if (is(&name, "args") && !have_args) {
			have_args = json_object(&j);
			while (json_member(&j, &name))
				json_string(&j, is(&name, "target") ? &target : &ignored);
		} else if (is(&name, "req") || is(&name, "args")) {
			return "a member is there twice";
		} else {
			json_skip(&j);
		}
	}
	if (!json_end(&j))
		return "not a JSON object of the form {req: string, args: {string: string}}";
	if (!have_req)
		return "the member req is missing";
	if (is(&req, "stats_meta")) {
		*ret = STATS_REQUEST_META;
		return NULL;
	}
	if (!is(&req, "stats"))
		return "unknown command; known are stats and stats_meta";
	if (!is(&target, "top"))
		return "unknown stat target; known is top";
	*ret = STATS_REQUEST_TOP;
	return NULL;
}

/* The statistics themselves; false when one of upstream's is missing. */
static bool parse_object(struct json *j, struct rl_stats *ret)
{
	bool seen[NR_STATS_FIELDS] = {false};
	struct json_string name;
	uint64_t value;

	json_object(j);
	while (json_member(j, &name)) {
		const struct stats_field *field = stats_field_find(name.text);

		if (!field) {
			json_skip(j);
		} else if (json_u64(j, &value)) {
			set(ret, field, value);
			seen[field - stats_fields] = true;
		}
	}
	for (size_t i = 0; i < NR_STATS_FIELDS; i++)
		if (stats_fields[i].upstream && !seen[i])
			return false;
	return true;
}

int stats_parse_answer(const char *answer, size_t len, struct rl_stats *ret, const char **ret_json,
		       size_t *ret_json_len)
{
	struct rl_stats stats = {.sz = sizeof(stats)};
	const char *object = NULL, *object_end = NULL;
	uint64_t error = EPROTO;
	struct json_string name;
	struct json j, inner;

	json_init(&j, answer, len);
	json_object(&j);
	while (json_member(&j, &name)) {
		if (is(&name, "errno")) {
			json_u64(&j, &error);
		} else if (is(&name, "args")) {
			json_object(&j);
			while (json_member(&j, &name)) {
				object = is(&name, "resp") ? j.pos : object;
				json_skip(&j);
				object_end = is(&name, "resp") ? j.pos : object_end;
			}
		} else {
			json_skip(&j);
		}
	}
	if (!json_end(&j) || !object)
		return -EPROTO;
	if (error)
		return error < 4096 ? -(int)error : -EPROTO;
	json_init(&inner, object, (size_t)(object_end - object));
	if (!parse_object(&inner, &stats) || !json_end(&inner))
		return -EPROTO;
	*ret = stats;
	*ret_json = object;
	*ret_json_len = (size_t)(object_end - object);
	return 0;
}
