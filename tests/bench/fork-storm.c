// SPDX-License-Identifier: GPL-2.0-only
/*
 * Thousands of tasks that live for a moment: fork, exec, a little work, exit. They make a scheduler
 * meet tasks that it has never seen and that are gone when its answer comes.
 */
#include "bench.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a short task is started with instead of options. */
#define TASK_ARG "short-task"

static void usage(FILE *file)
{
	fputs("usage: fork-storm [OPTION]...\n"
	      "Starts many short tasks, and writes one JSON object.\n\n"
	      "  --tasks N            this many (default 10000)\n"
	      "  --parallel N         this many at the same time (default: two for each CPU)\n"
	      "  --work-iterations N  work of each (default 20000)\n"
	      "  --help\n",
	      file);
}

static void start_task(const char *iterations)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		bench_die("cannot fork: %s", strerror(errno));
	if (pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		execl("/proc/self/exe", "fork-storm", TASK_ARG, iterations, (char *)NULL);
	_exit(127);
}

int main(int argc, char **argv)
{
	enum {
		OPT_TASKS = BENCH_OPT_OWN,
		OPT_PARALLEL,
		OPT_ITERATIONS
	};
	static const struct option names[] = {
		{"tasks", required_argument, NULL, OPT_TASKS},
		{"parallel", required_argument, NULL, OPT_PARALLEL},
		{"work-iterations", required_argument, NULL, OPT_ITERATIONS},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	uint64_t tasks = 10000, parallel = 2 * (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t started = 0, ended = 0, failed = 0, start, took;
	const char *iterations = "20000";
	struct bench_json json;
	int option;

	bench_name = "fork-storm";
	if (argc == 3 && !strcmp(argv[1], TASK_ARG)) {
		bench_work(bench_number("work-iterations", argv[2], 0, INT64_MAX));
		return 0;
	}
	while ((option = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		switch (option) {
		case OPT_TASKS:
			tasks = bench_number("tasks", optarg, 1, 100000000);
			break;
		case OPT_PARALLEL:
			parallel = bench_number("parallel", optarg, 1, 100000);
			break;
		case OPT_ITERATIONS:
			bench_number("work-iterations", optarg, 0, INT64_MAX);
			iterations = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind != argc)
		bench_die("unexpected argument '%s'", argv[optind]);

	start = bench_now();
	while (ended < tasks) {
		int status;

		if (started < tasks && started - ended < parallel) {
			start_task(iterations);
			started++;
			continue;
		}
		if (wait(&status) < 0)
			bench_die("cannot wait: %s", strerror(errno));
		ended++;
		failed += status != 0;
	}
	took = bench_now() - start;

	bench_json_open(&json, stdout);
	bench_json_u64(&json, "tasks", tasks);
	bench_json_u64(&json, "parallel", parallel);
	bench_json_u64(&json, "failed", failed);
	bench_json_us(&json, "took_us", took);
	bench_json_close(&json);
	return failed ? 1 : 0;
}
