/* SPDX-License-Identifier: GPL-2.0-only */
/* See stats.h. */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "scheduler/json.h"
#include "scheduler/stats.h"

struct field {
	const char *name;
	size_t offset;
	bool counter;  /* shown as a difference */
	bool upstream; /* the Rust scx_rustland has it, under the same name */
	const char *about;
};

#define FIELD(name, ...) {#name, offsetof(struct rl_stats, name), __VA_ARGS__}

/* Upstream's first. Descriptions go into JSON as they are: no quotes, no backslashes. */
static const struct field fields[] = {
	FIELD(nr_cpus, false, true, "CPUs online"),
	FIELD(nr_running, false, true, "Tasks running now"),
	FIELD(nr_queued, false, true, "Tasks waiting for the policy to be told about them now"),
	FIELD(nr_scheduled, false, true, "Tasks the policy holds back now"),
	FIELD(nr_page_faults, false, true,
	      "Page faults of the scheduler since it began to schedule (has to be 0)"),
	FIELD(nr_user_dispatches, true, true, "Decisions of the policy that were carried out"),
	FIELD(nr_kernel_dispatches, true, true,
	      "Tasks run without asking: a CPU was idle, or exempt"),
	FIELD(nr_cancel_dispatches, true, true, "Decisions that came too late and were dropped"),
	FIELD(nr_bounce_dispatches, true, true, "Decisions for a CPU that the task may not use"),
	FIELD(nr_failed_dispatches, true, true, "Decisions about a task that waited no more"),
	FIELD(nr_sched_congested, true, true, "Requests that found the ring full"),
	FIELD(nr_standing, true, false,
	      "Tasks queued under a decision that stood, not asked about"),
	FIELD(nr_late, true, false, "Tasks queued without asking because the policy was late"),
	FIELD(nr_flushed, true, false, "Waiting tasks that ran before their decision came"),
	FIELD(nr_asked, true, false, "Requests sent to the policy"),
	FIELD(nr_preempt_kicks, true, false, "Running tasks stopped for a more urgent one"),
	FIELD(policy_runtime_ns, true, false, "CPU time of the scheduler thread in nanoseconds"),
	FIELD(nr_rounds, true, false, "Rounds of the scheduler thread; at least one a second"),
};

#define NR_FIELDS (sizeof(fields) / sizeof(fields[0]))

static uint64_t get(const struct rl_stats *stats, const struct field *field)
{
	uint64_t value;

	memcpy(&value, (const char *)stats + field->offset, sizeof(value));
	return value;
}

static void set(struct rl_stats *stats, const struct field *field, uint64_t value)
{
	memcpy((char *)stats + field->offset, &value, sizeof(value));
}

void stats_delta(struct rl_stats *ret, const struct rl_stats *now, const struct rl_stats *prev)
{
	struct rl_stats delta = *now;

	for (size_t i = 0; i < NR_FIELDS; i++) {
		uint64_t a = get(now, &fields[i]), b = get(prev, &fields[i]);

		/* The kernel adds up counters of several CPUs, so a sum may be read a bit early. */
		if (fields[i].counter)
			set(&delta, &fields[i], a > b ? a - b : 0);
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
	for (size_t i = 0; i < NR_FIELDS; i++)
		add(t, "%c\"%s\":%" PRIu64, i ? ',' : '{', fields[i].name, get(stats, &fields[i]));
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
	for (size_t i = 0; i < NR_FIELDS; i++)
		add(&t, "%c\"%s\":{\"datum\":\"u64\",\"desc\":\"%s\"}", i ? ',' : '{',
		    fields[i].name, fields[i].about);
	add(&t, "},\"name\":\"Metrics\",\"top\":\"true\"}}}}\n");
	return t.len;
}

size_t stats_answer_error(char *buf, size_t size, int error, const char *reason)
{
	struct text t = {buf, size, 0};

	add(&t, "{\"errno\":%d,\"args\":{\"resp\":\"%s\"}}\n", error, reason);
	return t.len;
}

bool stats_explain(const char *name, const char **ret_about, bool *ret_counter)
{
	for (size_t i = 0; i < NR_FIELDS; i++) {
		if (strcmp(fields[i].name, name) != 0)
			continue;
		*ret_about = fields[i].about;
		*ret_counter = fields[i].counter;
		return true;
	}
	return false;
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

	for (size_t i = 0; i < NR_FIELDS; i++)
		width = (int)strlen(fields[i].name) > width ? (int)strlen(fields[i].name) : width;
	fprintf(f, "[Metrics]\n");
	for (size_t i = 0; i < NR_FIELDS; i++) {
		snprintf(about, sizeof(about), "%s%s", fields[i].about,
			 fields[i].counter ? ", in the interval" : "");
		print_words(f, about, fprintf(f, "  %-*s (u64) : ", width, fields[i].name));
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

static const struct field *find_field(const struct json_string *name)
{
	for (size_t i = 0; i < NR_FIELDS; i++)
		if (is(name, fields[i].name))
			return &fields[i];
	return NULL;
}

/* The statistics themselves; false when one of upstream's is missing. */
static bool parse_object(struct json *j, struct rl_stats *ret)
{
	bool seen[NR_FIELDS] = {false};
	struct json_string name;
	uint64_t value;

	json_object(j);
	while (json_member(j, &name)) {
		const struct field *field = find_field(&name);

		if (!field) {
			json_skip(j);
		} else if (json_u64(j, &value)) {
			set(ret, field, value);
			seen[field - fields] = true;
		}
	}
	for (size_t i = 0; i < NR_FIELDS; i++)
		if (fields[i].upstream && !seen[i])
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
