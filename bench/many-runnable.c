// SPDX-License-Identifier: GPL-2.0-only
/*
 * Thousands of threads that all want a CPU at the same moment and go on wanting it: every queue
 * of a scheduler is full, and none of the threads may be forgotten. Each counts its progress and
 * the longest time it went without a CPU, the wait for its first one included.
 */
#include "bench/bench.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct runner {
	pthread_t thread;
	const struct bench_window *window;
	uint64_t unit_iterations;
	uint64_t units;
	uint64_t longest_gap;
} __attribute__((aligned(64)));

static void usage(FILE *file)
{
	fputs("usage: many-runnable [OPTION]...\n"
	      "Keeps many threads runnable, and writes one JSON object. Ends with status 1 when a\n"
	      "thread made no progress.\n\n",
	      file);
	fputs(BENCH_WINDOW_HELP, file);
	fputs("  --threads N          this many (default 2000)\n"
	      "  --unit-iterations N  work in a unit (default: what takes 20 us here, now)\n"
	      "  --help\n",
	      file);
}

static void *run(void *arg)
{
	struct runner *runner = arg;
	uint64_t last = runner->window->from, now;

	bench_sleep_until(last);
	for (;;) {
		now = bench_now();
		runner->longest_gap = MAX(runner->longest_gap, now - last);
		last = now;
		if (now >= runner->window->until)
			return NULL;
		bench_work(runner->unit_iterations);
		runner->units++;
	}
}

static void start(struct runner *runners, uint64_t count)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	/* Locked memory for all stacks has to fit into a small VM. */
	pthread_attr_setstacksize(&attr, MAX((size_t)PTHREAD_STACK_MIN, (size_t)32 * 1024));
	for (uint64_t i = 0; i < count; i++) {
		int r = pthread_create(&runners[i].thread, &attr, run, &runners[i]);

		if (r)
			bench_die("cannot start thread %llu: %s", (unsigned long long)i,
				  strerror(r));
	}
	pthread_attr_destroy(&attr);
}

int main(int argc, char **argv)
{
	struct bench_window_args args = BENCH_WINDOW_DEFAULT;
	uint64_t count = 2000, unit = 0, total = 0, least = UINT64_MAX, most = 0, gap = 0, idle = 0;
	const struct bench_option options[] = {
		BENCH_NUMBER("threads", &count, 1, 1000000),
		BENCH_NUMBER("unit-iterations", &unit, 1, INT64_MAX),
		{0},
	};
	struct bench_window window;
	struct bench_json json;
	struct runner *runners;

	bench_parse(argc, argv, "many-runnable", usage, options, &args);
	if (!unit)
		unit = bench_calibrate(20 * NSEC_PER_USEC);
	runners = bench_alloc(count * sizeof(*runners));
	window = bench_window_resolve(&args);
	for (uint64_t i = 0; i < count; i++) {
		runners[i].window = &window;
		runners[i].unit_iterations = unit;
	}
	start(runners, count);
	if (bench_now() > window.from)
		fprintf(stderr, "many-runnable: starting the threads took longer than settling\n");

	for (uint64_t i = 0; i < count; i++) {
		pthread_join(runners[i].thread, NULL);
		total += runners[i].units;
		least = MIN(least, runners[i].units);
		most = MAX(most, runners[i].units);
		gap = MAX(gap, runners[i].longest_gap);
		idle += !runners[i].units;
	}
	bench_json_open(&json, stdout);
	bench_json_u64(&json, "threads", count);
	bench_json_u64(&json, "unit_iterations", unit);
	bench_json_u64(&json, "units", total);
	bench_json_u64(&json, "units_least", least);
	bench_json_u64(&json, "units_most", most);
	bench_json_u64(&json, "without_progress", idle);
	bench_json_us(&json, "longest_gap_us", gap);
	bench_json_close(&json);
	return idle ? 1 : 0;
}
