// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes with many threads that end all at once: one that is not the first executes this program
 * anew, whereupon the kernel ends all others and gives it the place of the first, or it ends the
 * process. The others run, wait or sleep at that moment.
 *
 * usage of the programs that it starts: execs life GENERATIONS THREADS
 */
#include "bench/bench.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_MSEC 1000000ULL

/* What a process is started with instead of options. */
#define LIFE_ARG "life"

/* As other test programs say that there was no place for them. */
#define STATUS_NO_PLACE 75

static void usage(FILE *file)
{
	fputs("usage: execs [OPTION]...\n"
	      "Starts processes one of whose threads executes a program or ends the process, "
	      "while\n"
	      "the others run, and writes one JSON object. Ends with status 1 when one of them "
	      "did\n"
	      "not end well.\n\n",
	      file);
	fputs(BENCH_WINDOW_HELP, file);
	fputs("  --parallel N      this many at the same time (default: two for each CPU)\n"
	      "  --threads N       threads in each of them (default 8)\n"
	      "  --generations N   each executes this program so many times (default 4)\n"
	      "  --help\n",
	      file);
}

/* ---- A process that is started --------------------------------------------------------------- */

static void *keep_busy(void *arg)
{
	(void)arg;
	for (;;)
		bench_work(1000);
	return NULL;
}

static void *keep_sleeping(void *arg)
{
	(void)arg;
	for (;;)
		bench_sleep_until(bench_now() + NSEC_PER_MSEC);
	return NULL;
}

static void *end_all(void *arg)
{
	char **argv = arg, left[32];
	uint64_t generations = bench_number("generations", argv[2], 0, 1000000);

	bench_sleep_until(bench_now() + (bench_now() >> 4) % (4 * NSEC_PER_MSEC));
	if (!generations)
		_exit(0); /* the whole process */
	snprintf(left, sizeof(left), "%llu", (unsigned long long)generations - 1);
	execl("/proc/self/exe", "execs", LIFE_ARG, left, argv[3], (char *)NULL);
	_exit(127);
}

/* A limit on processes may leave it without some of its threads, but not without the one that ends it. */
static int live(char **argv)
{
	uint64_t threads = bench_number("threads", argv[3], 1, 10000);
	pthread_t thread;

	if (pthread_create(&thread, NULL, end_all, argv))
		return STATUS_NO_PLACE;
	for (uint64_t i = 1; i < threads; i++)
		pthread_create(&thread, NULL, i % 2 ? keep_busy : keep_sleeping, NULL);
	pause();
	return 0;
}

/* ---- The one that starts them ---------------------------------------------------------------- */

/* False when there is no place for another process. */
static bool start(const char *generations, const char *threads)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0) {
		if (errno != EAGAIN)
			bench_die("cannot fork: %s", strerror(errno));
		return false;
	}
	if (pid)
		return true;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		execl("/proc/self/exe", "execs", LIFE_ARG, generations, threads, (char *)NULL);
	_exit(127);
}

int main(int argc, char **argv)
{
	struct bench_window_args args = {.settle_seconds = 0, .seconds = 10};
	uint64_t parallel = 2 * (uint64_t)sysconf(_SC_NPROCESSORS_ONLN), threads = 8,
		 generations = 4;
	uint64_t running = 0, ended = 0, refused = 0, failed = 0;
	const struct bench_option options[] = {
		BENCH_NUMBER("parallel", &parallel, 1, 100000),
		BENCH_NUMBER("threads", &threads, 1, 10000),
		BENCH_NUMBER("generations", &generations, 0, 1000000),
		{0},
	};
	char generations_text[32], threads_text[32];
	struct bench_window window;
	struct bench_json json;

	if (argc == 4 && !strcmp(argv[1], LIFE_ARG))
		return live(argv);
	bench_parse(argc, argv, "execs", usage, options, &args);
	snprintf(generations_text, sizeof(generations_text), "%llu",
		 (unsigned long long)generations);
	snprintf(threads_text, sizeof(threads_text), "%llu", (unsigned long long)threads);
	window = bench_window_resolve(&args);

	while (running || bench_now() < window.until) {
		bool goes_on = bench_now() < window.until;
		int status;

		if (goes_on && running < parallel) {
			if (start(generations_text, threads_text)) {
				running++;
				continue;
			}
			refused++;
			if (!running)
				bench_sleep_until(bench_now() + NSEC_PER_MSEC);
		}
		if (!running)
			continue;
		if (wait(&status) < 0)
			bench_die("cannot wait: %s", strerror(errno));
		running--;
		if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NO_PLACE) {
			refused++;
			continue;
		}
		ended++;
		failed += status != 0;
	}
	bench_json_open(&json, stdout);
	bench_json_u64(&json, "threads", threads);
	bench_json_u64(&json, "processes", ended);
	bench_json_u64(&json, "executed", ended * generations);
	bench_json_u64(&json, "refused", refused);
	bench_json_u64(&json, "failed", failed);
	bench_json_close(&json);
	return failed || !ended ? 1 : 0;
}
