/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What some operations of the kernel take on this machine, in nanoseconds, for calibrate.py. On one CPU, with nothing
 * beside it, and a clock that counts instructions it says the same each time.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	CALLS = 20000,
	FORKS = 200,
	GAPS_MAX = 4096,
};

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t median(int64_t *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return n ? values[n / 2] : 0;
}

static int64_t syscall_ns(void)
{
	int64_t began = now();

	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	return (now() - began) / CALLS;
}

/* The time that the tick takes from a program: what is missing between two looks at the clock. */
static int64_t tick_ns(void)
{
	static int64_t gaps[GAPS_MAX];
	int64_t end = now() + 3000000000LL, last = now(), t;
	size_t n = 0;

	while (last < end && n < GAPS_MAX) {
		t = now();
		if (t - last > 1000)
			gaps[n++] = t - last;
		last = t;
	}
	return median(gaps, n);
}

static void fork_and_exit(int64_t *ret_fork, int64_t *ret_exit)
{
	static int64_t forks[FORKS], exits[FORKS];

	for (int i = 0; i < FORKS; i++) {
		int64_t began = now(), forked;
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		forked = now();
		waitpid(pid, NULL, 0);
		forks[i] = forked - began;
		exits[i] = now() - forked;
	}
	*ret_fork = median(forks, FORKS);
	*ret_exit = median(exits, FORKS);
}

int main(void)
{
	int64_t fork_ns, exit_ns;

	fork_and_exit(&fork_ns, &exit_ns);
	printf("{\"syscall\": %lld, \"tick_and_irq\": %lld, \"fork\": %lld, "
	       "\"exit_and_wait\": %lld}\n",
	       (long long)syscall_ns(), (long long)tick_ns(), (long long)fork_ns,
	       (long long)exit_ns);
	return 0;
}
