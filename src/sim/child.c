/* SPDX-License-Identifier: GPL-2.0-only */
/* See child.h. */
#include "sim/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool tell(int fd, const char *result, size_t size)
{
	ssize_t n;

	for (; size; result += n, size -= (size_t)n) {
		n = write(fd, result, size);
		if (n <= 0)
			return false;
	}
	return true;
}

static bool hear(int fd, char *result, size_t size)
{
	ssize_t n;

	for (; size; result += n, size -= (size_t)n) {
		n = read(fd, result, size);
		if (n <= 0)
			return false;
	}
	return true;
}

/* Not by the clock: other programs may need the CPU. */
static void limit_cpu_time(unsigned int limit_s)
{
	struct rlimit limit = {.rlim_cur = limit_s, .rlim_max = limit_s + 5};

	if (limit_s)
		setrlimit(RLIMIT_CPU, &limit);
}

static _Noreturn void live(child_fn *f, const struct run_options *options, size_t size, int fd)
{
	void *result = calloc(1, size);

	if (!result)
		exit(1);
	f(options, result);
	/* Not _exit(): what measures coverage has to hear of the end. */
	exit(tell(fd, result, size) ? 0 : 1);
}

int child_start(struct child *child, child_fn *f, const struct run_options *options, size_t size,
		unsigned int limit_s)
{
	int fds[2], err;

	if (pipe(fds) < 0)
		return -errno;
	fflush(NULL);
	child->pid = fork();
	if (child->pid < 0) {
		err = -errno;
		child->pid = 0;
		close(fds[0]);
		close(fds[1]);
		return err;
	}
	if (!child->pid) {
		close(fds[0]);
		limit_cpu_time(limit_s);
		live(f, options, size, fds[1]);
	}
	close(fds[1]);
	child->fd = fds[0];
	return 0;
}

bool child_finish(struct child *child, void *result, size_t size, const char **ret_why)
{
	bool told = hear(child->fd, result, size);
	int status = 0;

	close(child->fd);
	waitpid(child->pid, &status, 0);
	child->pid = 0;
	if (told)
		return true;
	memset(result, 0, size);
	if (!WIFSIGNALED(status))
		*ret_why = "its process ended too early";
	else if (WTERMSIG(status) == SIGXCPU)
		*ret_why = "it does not come to an end";
	else
		*ret_why = strsignal(WTERMSIG(status));
	return false;
}

double host_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
