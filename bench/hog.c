// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU-bound tasks that count how far they get: what a scheduler has to feed while it looks after
 * others. Each of them works in units of a fixed size and looks at the clock between them; the
 * longest time between two looks is the longest time it had to wait for a CPU.
 *
 * It must never sleep inside the window.
 */
#include "bench/bench.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

struct hog {
	pthread_t thread;
	struct bench_window window;
	uint64_t unit_iterations;
	uint64_t units;
	uint64_t longest_gap;
	uint64_t longest_gap_start;
} __attribute__((aligned(64)));

static void usage(FILE *file)
{
	fputs("usage: hog [OPTION]...\n"
	      "Keeps CPUs busy, counts the work done, and writes one JSON object.\n\n",
	      file);
	fputs(BENCH_WINDOW_HELP, file);
	fputs("  --count N            this many tasks (default: two for each CPU)\n"
	      "  --threads            threads of one process, not processes\n"
	      "  --unit-iterations N  size of a unit of work; the same number is the same work\n"
	      "                       (default: what takes 100 us here, now)\n"
	      "  --help\n",
	      file);
}

static void *run(void *arg)
{
	struct hog *hog = arg;
	uint64_t last = bench_now(), now = last;

	while (now < hog->window.until) {
		bench_work(hog->unit_iterations);
		now = bench_now();
		if (now >= hog->window.from && last < hog->window.until) {
			/* A wait that began before the window counts for the part inside. */
			uint64_t since = MAX(last, hog->window.from);

			if (now - since > hog->longest_gap) {
				hog->longest_gap = now - since;
				hog->longest_gap_start = since;
			}
			hog->units++;
		}
		last = now;
	}
	return NULL;
}

static void run_threads(struct hog *hogs, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		int r = pthread_create(&hogs[i].thread, NULL, run, &hogs[i]);

		if (r)
			bench_die("cannot start a thread: %s", strerror(r));
	}
	for (uint64_t i = 0; i < count; i++)
		pthread_join(hogs[i].thread, NULL);
}

static void run_processes(struct hog *hogs, uint64_t count)
{
	pid_t parent = getpid();

	for (uint64_t i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			bench_die("cannot fork: %s", strerror(errno));
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != parent)
				_exit(1);
			bench_lock_memory();
			run(&hogs[i]);
			_exit(0);
		}
	}
	for (uint64_t i = 0; i < count; i++) {
		int status;

		if (wait(&status) < 0 || status)
			bench_die("a hog did not end well");
	}
}

static void report(const struct hog *hogs, uint64_t count)
{
	struct bench_json json;
	uint64_t total = 0, least = UINT64_MAX, most = 0, gap = 0, gap_start = 0;

	for (uint64_t i = 0; i < count; i++) {
		total += hogs[i].units;
		least = MIN(least, hogs[i].units);
		most = MAX(most, hogs[i].units);
		if (hogs[i].longest_gap > gap) {
			gap = hogs[i].longest_gap;
			gap_start = hogs[i].longest_gap_start;
		}
	}
	bench_json_open(&json, stdout);
	bench_json_u64(&json, "count", count);
	bench_json_u64(&json, "unit_iterations", hogs[0].unit_iterations);
	bench_json_u64(&json, "units", total);
	bench_json_u64(&json, "units_least", least);
	bench_json_u64(&json, "units_most", most);
	bench_json_us(&json, "longest_gap_us", gap);
	bench_json_us(&json, "longest_gap_at_us", gap ? gap_start - hogs[0].window.from : 0);
	bench_json_array(&json, "each");
	for (uint64_t i = 0; i < count; i++) {
		bench_json_object(&json, NULL);
		bench_json_u64(&json, "units", hogs[i].units);
		bench_json_us(&json, "longest_gap_us", hogs[i].longest_gap);
		bench_json_end(&json, '}');
	}
	bench_json_end(&json, ']');
	bench_json_close(&json);
}

int main(int argc, char **argv)
{
	struct bench_window_args args = BENCH_WINDOW_DEFAULT;
	uint64_t count = 2 * (uint64_t)sysconf(_SC_NPROCESSORS_ONLN), unit = 0;
	bool threads = false;
	const struct bench_option options[] = {
		BENCH_NUMBER("count", &count, 1, 100000),
		BENCH_FLAG("threads", &threads),
		BENCH_NUMBER("unit-iterations", &unit, 1, INT64_MAX),
		{0},
	};
	struct bench_window window;
	struct hog *hogs;

	bench_parse(argc, argv, "hog", usage, options, &args);
	if (!unit)
		unit = bench_calibrate(100 * NSEC_PER_USEC);
	window = bench_window_resolve(&args);
	hogs = bench_alloc(count * sizeof(*hogs));
	for (uint64_t i = 0; i < count; i++) {
		hogs[i].window = window;
		hogs[i].unit_iterations = unit;
	}
	bench_lock_memory();
	if (threads)
		run_threads(hogs, count);
	else
		run_processes(hogs, count);
	report(hogs, count);
	return 0;
}
