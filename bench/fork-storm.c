// SPDX-License-Identifier: GPL-2.0-only
/*
 * Thousands of tasks that live for a moment: fork, exec, a little work, exit. They make a scheduler
 * meet tasks that it has never seen and that are gone when its answer comes.
 */
#include "bench/bench.h"

#include <errno.h>
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
	uint64_t tasks = 10000, parallel = 2 * (uint64_t)sysconf(_SC_NPROCESSORS_ONLN),
		 work = 20000;
	uint64_t started = 0, ended = 0, failed = 0, start, took;
	const struct bench_option options[] = {
		BENCH_NUMBER("tasks", &tasks, 1, 100000000),
		BENCH_NUMBER("parallel", &parallel, 1, 100000),
		BENCH_NUMBER("work-iterations", &work, 0, INT64_MAX),
		{0},
	};
	char iterations[32];
	struct bench_json json;

	if (argc == 3 && !strcmp(argv[1], TASK_ARG)) {
		bench_work(bench_number("work-iterations", argv[2], 0, INT64_MAX));
		return 0;
	}
	bench_parse(argc, argv, "fork-storm", usage, options, NULL);
	snprintf(iterations, sizeof(iterations), "%llu", (unsigned long long)work);

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
