// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pairs of processes that hand one byte to and fro over two pipes: tasks that sleep and wake as
 * often as the machine lets them. They show what a wakeup costs, and whether a scheduler lets
 * those who sleep often take more than their share from those who do not.
 */
#include "bench/bench.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct pair {
	uint64_t trips;
	uint64_t longest;
} __attribute__((aligned(64)));

static void usage(FILE *file)
{
	fputs("usage: ping-pong [OPTION]...\n"
	      "Counts round trips between pairs of processes, and writes one JSON object.\n\n",
	      file);
	fputs(BENCH_WINDOW_HELP, file);
	fputs("  --pairs N            this many pairs (default 4)\n"
	      "  --help\n",
	      file);
}

static bool pass_on(int in, int out)
{
	char byte;

	return read(in, &byte, 1) == 1 && write(out, &byte, 1) == 1;
}

static void count_trips(struct pair *pair, const struct bench_window *window, int in, int out)
{
	uint64_t last = bench_now(), now = last;

	if (write(out, "x", 1) != 1)
		_exit(1);
	while (now < window->until) {
		if (!pass_on(in, out))
			_exit(1);
		now = bench_now();
		if (now >= window->from && last < window->until) {
			pair->longest = MAX(pair->longest, now - MAX(last, window->from));
			pair->trips++;
		}
		last = now;
	}
}

static void start_process(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	signal(SIGPIPE, SIG_IGN);
	bench_lock_memory();
}

static void start_pair(struct pair *pair, const struct bench_window *window)
{
	pid_t parent = getpid(), pid;
	int there[2], back[2];

	if (pipe(there) || pipe(back))
		bench_die("cannot make a pipe: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		start_process(parent);
		close(there[0]);
		close(back[1]);
		count_trips(pair, window, back[0], there[1]);
		_exit(0);
	}
	if (pid > 0)
		pid = fork();
	if (!pid) {
		start_process(parent);
		close(there[1]);
		close(back[0]);
		/* Ends when the other one closes its pipe. */
		while (pass_on(there[0], back[1]))
			;
		_exit(0);
	}
	if (pid < 0)
		bench_die("cannot fork: %s", strerror(errno));
	close(there[0]);
	close(there[1]);
	close(back[0]);
	close(back[1]);
}

int main(int argc, char **argv)
{
	struct bench_window_args args = BENCH_WINDOW_DEFAULT;
	uint64_t count = 4, total = 0, least = UINT64_MAX, longest = 0;
	const struct bench_option options[] = {
		BENCH_NUMBER("pairs", &count, 1, 10000),
		{0},
	};
	struct bench_window window;
	struct bench_json json;
	struct pair *pairs;

	bench_parse(argc, argv, "ping-pong", usage, options, &args);
	window = bench_window_resolve(&args);
	pairs = bench_alloc(count * sizeof(*pairs));
	for (uint64_t i = 0; i < count; i++)
		start_pair(&pairs[i], &window);
	for (uint64_t i = 0; i < 2 * count; i++) {
		int status;

		if (wait(&status) < 0 || status)
			bench_die("a process of a pair did not end well");
	}

	for (uint64_t i = 0; i < count; i++) {
		total += pairs[i].trips;
		least = MIN(least, pairs[i].trips);
		longest = MAX(longest, pairs[i].longest);
	}
	bench_json_open(&json, stdout);
	bench_json_u64(&json, "pairs", count);
	bench_json_u64(&json, "trips", total);
	bench_json_u64(&json, "trips_least", least);
	bench_json_us(&json, "longest_trip_us", longest);
	bench_json_close(&json);
	return 0;
}
