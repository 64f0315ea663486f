/* SPDX-License-Identifier: GPL-2.0-only */
/* See report.h. */
#include "sim/report.h"

#include <json-glib/json-glib.h>
#include <stdio.h>

#include "sim/group-stats.h"
#include "sim/invariants.h"
#include "sim/task-stats.h"
#include "sim/utf8.h"

static double machine_seconds(const struct run_options *options)
{
	return (double)options->seconds * options->machine.topology.nr_cpus;
}

/* Of one CPU. */
static double cpu_share(const struct run_options *options, const struct task_stats *stats)
{
	return (double)stats->exec_ns / 1e9 / (double)options->seconds;
}

static double total_seconds(const struct run_options *options)
{
	return (double)options->seconds + (double)options->settle_ns / 1e9;
}

/* ---- For people ----------------------------------------------------------------------------- */

static const char *kernel_name(const struct run_options *options)
{
	return options->machine.kernel == SIM_KERNEL_6_12 ? "6.12" : "7.3";
}

static void print_times(const struct histogram *h, double unit)
{
	if (!h->count) {
		printf("  %8s %8s %8s", "-", "-", "-");
		return;
	}
	printf("  %8.*f %8.*f %8.*f", unit > 1e3 ? 2 : 1, (double)histogram_permille(h, 500) / unit,
	       unit > 1e3 ? 2 : 1, (double)histogram_permille(h, 990) / unit, unit > 1e3 ? 2 : 1,
	       (double)h->max / unit);
}

static void print_group(const struct run_options *options, const struct task_stats *stats)
{
	utf8_print(stdout, stats->name, 10);
	printf(" %6u %8.2f", stats->nr_tasks, cpu_share(options, stats));
	print_times(&stats->wakeup, 1e3);
	print_times(&stats->frame, 1e6);
	if (stats->has_frames)
		printf("  %6llu %6llu", (unsigned long long)stats->frames,
		       (unsigned long long)stats->missed);
	putchar('\n');
}

static void print_cgroups(const struct run_options *options)
{
	const struct control_group *tg = group_stats_next(NULL);
	double ns = (double)options->seconds * 1e9;

	if (!tg)
		return;
	printf("\n%-24s %7s %9s %8s %9s\n", "control groups", "weight", "max, CPUs", "CPUs",
	       "promised");
	for (; tg; tg = group_stats_next(tg)) {
		const struct group_stats *stats = group_stats_of(tg);

		printf("%-24s ", tg->path);
		if (tg->idle)
			printf("%7s ", "idle");
		else
			printf("%7u ", tg->weight);
		if (tg->max.quota_ns)
			printf("%9.2f", (double)tg->max.quota_ns / (double)tg->max.period_ns);
		else
			printf("%9s", "-");
		printf(" %8.2f %9.2f\n", (double)stats->exec_ns / ns,
		       (double)stats->promised_ns / ns);
	}
}

static void print_policy(const struct run_result *result, double seconds)
{
	printf("scheduler thread   %.2f %% of a CPU, %.0f decisions/s, %.1f a round\n",
	       (double)result->policy_ns / 1e7 / seconds, (double)result->decided / seconds,
	       result->rounds ? (double)result->asked / (double)result->rounds : 0);
	printf("wakeups and slices %llu asked, %llu granted, %llu resumed, %llu by estimate, %llu "
	       "late, "
	       "%llu flushed\n",
	       (unsigned long long)result->asked, (unsigned long long)result->standing,
	       (unsigned long long)result->resumed, (unsigned long long)result->by_estimate,
	       (unsigned long long)result->late, (unsigned long long)result->flushed);
	if (result->loaded_again)
		printf("loaded again       %llu times, and at the longest %.0f ms without it\n",
		       (unsigned long long)result->loaded_again, (double)result->away_max_ns / 1e6);
	if (result->held_max_ns)
		printf("behind real-time   a task waited up to %.0f ms on a CPU's own queue, "
		       "beside an idle CPU\n",
		       (double)result->held_max_ns / 1e6);
}

/* What it was may name a task. */
static void print_end(const char *words, const char *what)
{
	fputs(words, stdout);
	utf8_print(stdout, what, 0);
	putchar('\n');
}

void report_table(const struct run_options *options, const struct run_result *result)
{
	const struct sim_topology *t = &options->machine.topology;
	const struct sim_counters *c = &machine.counters;
	double seconds = total_seconds(options);

	utf8_print(stdout, options->workload->name, 0);
	printf(", scheduled by %s: %u CPUs%s, Linux %s, %llu s, seed %llu\n\n",
	       options->policy->name, t->nr_cpus, t->smt ? " (SMT)" : "", kernel_name(options),
	       (unsigned long long)options->seconds, (unsigned long long)options->machine.seed);
	printf("%-26s  %26s  %26s\n", "", "wakeup to running, us", "frame, from due to done, ms");
	printf("%-10s %6s %8s  %8s %8s %8s  %8s %8s %8s  %6s %6s\n", "tasks", "n", "CPUs", "p50",
	       "p99", "max", "p50", "p99", "max", "frames", "missed");
	for (const struct task_stats *s = task_stats_first; s; s = s->next)
		print_group(options, s);
	print_cgroups(options);
	putchar('\n');
	if (run_has_policy(options))
		print_policy(result, seconds);
	printf("per second         %.0f switches, %.0f preemptions, %.0f migrations (%.0f to "
	       "another cache)\n",
	       (double)c->switches / seconds, (double)c->preemptions / seconds,
	       (double)c->migrations / seconds, (double)c->llc_migrations / seconds);
	printf("hash               %016llx, in %.2f s (%.0f times as fast as the machine)\n",
	       (unsigned long long)result->hash, result->host_seconds,
	       machine_seconds(options) / options->machine.topology.nr_cpus / result->host_seconds);
	if (result->failure)
		print_end("\nThe kernel ended the scheduler: ", result->failure);
	if (result->cut_short) {
		print_end("\nThe run ended early, ", invariants_first());
	} else if (result->violations) {
		printf("\n%llu invariants violated, ", (unsigned long long)result->violations);
		print_end("the first ", invariants_first());
		puts("WHAT IS CHECKED in rustland-sim(1) says which of them a policy can cause.");
	}
	if (result->asked && !result->decided && !result->cut_short)
		puts("\nThe policy has made no decision that was carried out: does next() return "
		     "true?");
}

/* ---- For programs --------------------------------------------------------------------------- */

static void add_int(JsonBuilder *b, const char *name, u64 value)
{
	json_builder_set_member_name(b, name);
	json_builder_add_int_value(b, (gint64)value);
}

static void add_double(JsonBuilder *b, const char *name, double value)
{
	json_builder_set_member_name(b, name);
	json_builder_add_double_value(b, value);
}

static void add_string(JsonBuilder *b, const char *name, const char *value)
{
	/* A path may have any bytes. */
	g_autofree char *text = g_utf8_make_valid(value, -1);

	json_builder_set_member_name(b, name);
	json_builder_add_string_value(b, text);
}

static void add_times(JsonBuilder *b, const char *name, const struct histogram *h)
{
	if (!h->count)
		return;
	json_builder_set_member_name(b, name);
	json_builder_begin_object(b);
	add_int(b, "n", h->count);
	add_double(b, "p50", (double)histogram_permille(h, 500) / 1e3);
	add_double(b, "p99", (double)histogram_permille(h, 990) / 1e3);
	add_double(b, "p999", (double)histogram_permille(h, 999) / 1e3);
	add_double(b, "max", (double)h->max / 1e3);
	json_builder_end_object(b);
}

static void add_group(JsonBuilder *b, const struct run_options *options,
		      const struct task_stats *stats)
{
	json_builder_begin_object(b);
	add_string(b, "name", stats->name);
	add_int(b, "n", stats->nr_tasks);
	add_double(b, "cpu_share", cpu_share(options, stats));
	add_times(b, "wakeup_us", &stats->wakeup);
	add_times(b, "timer_us", &stats->timer);
	add_times(b, "frame_us", &stats->frame);
	add_int(b, "preempted", stats->preempted);
	add_int(b, "slept", stats->slept);
	if (stats->has_frames) {
		add_int(b, "frames", stats->frames);
		add_int(b, "missed", stats->missed);
	}
	if (stats->trips)
		add_int(b, "trips", stats->trips);
	json_builder_end_object(b);
}

static void add_cgroup(JsonBuilder *b, const struct run_options *options,
		       const struct control_group *tg)
{
	const struct group_stats *stats = group_stats_of(tg);
	double ns = (double)options->seconds * 1e9;

	json_builder_begin_object(b);
	add_string(b, "path", tg->path);
	if (!tg->idle)
		add_int(b, "weight", tg->weight);
	json_builder_set_member_name(b, "idle");
	json_builder_add_boolean_value(b, tg->idle);
	if (tg->max.quota_ns) {
		add_int(b, "quota_us", tg->max.quota_ns / USEC);
		add_int(b, "period_us", tg->max.period_ns / USEC);
		add_int(b, "burst_us", tg->max.burst_ns / USEC);
	}
	add_double(b, "cpu_share", (double)stats->exec_ns / ns);
	add_double(b, "cpu_promised", (double)stats->promised_ns / ns);
	json_builder_end_object(b);
}

static void add_cgroups(JsonBuilder *b, const struct run_options *options)
{
	const struct control_group *tg = group_stats_next(NULL);

	if (!tg)
		return;
	json_builder_set_member_name(b, "cgroups");
	json_builder_begin_array(b);
	for (; tg; tg = group_stats_next(tg))
		add_cgroup(b, options, tg);
	json_builder_end_array(b);
}

void report_json(const struct run_options *options, const struct run_result *result)
{
	const struct sim_topology *t = &options->machine.topology;
	const struct sim_counters *c = &machine.counters;
	g_autoptr(JsonBuilder) b = json_builder_new();
	g_autoptr(JsonGenerator) generator = json_generator_new();
	g_autoptr(JsonNode) root = NULL;
	g_autofree char *hash = g_strdup_printf("%016llx", (unsigned long long)result->hash);
	g_autofree char *text = NULL;

	json_builder_begin_object(b);
	add_string(b, "policy", options->policy->name);
	add_string(b, "workload", options->workload->name);
	add_string(b, "kernel", kernel_name(options));
	add_int(b, "cpus", t->nr_cpus);
	add_int(b, "llcs", t->nr_llcs);
	add_int(b, "nodes", t->nr_nodes);
	json_builder_set_member_name(b, "smt");
	json_builder_add_boolean_value(b, t->smt);
	add_int(b, "seconds", options->seconds);
	/* A number of JSON has 53 bits. */
	add_string(b, "hash", hash);
	add_int(b, "seed", options->machine.seed);
	add_int(b, "decisions", result->decided);
	add_int(b, "asked", result->asked);
	add_int(b, "standing", result->standing);
	add_int(b, "resumed", result->resumed);
	add_int(b, "by_estimate", result->by_estimate);
	add_int(b, "late", result->late);
	add_int(b, "flushed", result->flushed);
	add_int(b, "cancelled", result->cancelled);
	add_int(b, "failed", result->failed);
	add_int(b, "congested", result->congested);
	add_int(b, "policy_runtime_ns", result->policy_ns);
	add_int(b, "loaded_again", result->loaded_again);
	add_int(b, "away_max_ns", result->away_max_ns);
	add_int(b, "held_max_ns", result->held_max_ns);
	add_int(b, "switches", c->switches);
	add_int(b, "wakeups", c->wakeups);
	add_int(b, "preemptions", c->preemptions);
	add_int(b, "migrations", c->migrations);
	add_int(b, "llc_migrations", c->llc_migrations);
	add_int(b, "events", c->events);
	add_double(b, "host_seconds", result->host_seconds);
	add_int(b, "violations", result->violations);
	if (result->violations)
		add_string(b, "violation", invariants_first());
	if (result->failure)
		add_string(b, "failure", result->failure);
	json_builder_set_member_name(b, "tasks");
	json_builder_begin_array(b);
	for (const struct task_stats *s = task_stats_first; s; s = s->next)
		add_group(b, options, s);
	json_builder_end_array(b);
	add_cgroups(b, options);
	json_builder_end_object(b);

	root = json_builder_get_root(b);
	json_generator_set_root(generator, root);
	json_generator_set_pretty(generator, TRUE);
	text = json_generator_to_data(generator, NULL);
	puts(text);
}
