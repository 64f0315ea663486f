/* SPDX-License-Identifier: GPL-2.0-only */
/* See child.h. */
#include "sim/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	CLOCK_FACTOR = 10, /* other programs may need the CPU */
};

/* Memory of both: no process that the child makes can keep its end from being seen, as with a pipe. */
struct child_told {
	volatile bool is_done;
	_Alignas(16) char result[];
};

/* By CPU time, and by the clock for one that sleeps for ever. */
static void limit_time(unsigned int limit_s)
{
	struct rlimit limit = {.rlim_cur = limit_s, .rlim_max = limit_s + 5};

	if (!limit_s)
		return;
	setrlimit(RLIMIT_CPU, &limit);
	alarm(CLOCK_FACTOR * limit_s);
}

static _Noreturn void live(const struct child *child, child_fn *f, const void *argument,
			   pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	limit_time(child->limit_s);
	f(argument, child->told->result);
	child->told->is_done = true;
	/* Not _exit(): what measures coverage has to hear of the end. */
	exit(0);
}

int child_start(struct child *child, child_fn *f, const void *argument, size_t size,
		unsigned int limit_s)
{
	pid_t parent = getpid();
	int err;

	*child = (struct child){.size = sizeof(*child->told) + size, .limit_s = limit_s};
	child->told =
		mmap(NULL, child->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (child->told == MAP_FAILED)
		return -errno;
	/* The code of a policy may have changed it. */
	signal(SIGCHLD, SIG_DFL);
	fflush(NULL);
	child->pid = fork();
	if (child->pid < 0) {
		err = -errno;
		child->pid = 0;
		munmap(child->told, child->size);
		return err;
	}
	if (!child->pid)
		live(child, f, argument, parent);
	return 0;
}

static const char *how_it_ended(const struct child *child, int status)
{
	static char why[128];

	if (WIFEXITED(status))
		snprintf(why, sizeof(why), "its process ended too early, with exit status %d",
			 WEXITSTATUS(status));
	else if (WTERMSIG(status) == SIGXCPU)
		snprintf(why, sizeof(why), "it does not come to an end, in %u s of CPU time",
			 child->limit_s);
	else if (WTERMSIG(status) == SIGALRM && child->limit_s)
		snprintf(why, sizeof(why), "it does not come to an end, in %u s",
			 CLOCK_FACTOR * child->limit_s);
	else
		snprintf(why, sizeof(why), "its process was ended by a signal: %s",
			 strsignal(WTERMSIG(status)));
	return why;
}

bool child_finish(struct child *child, void *result, const char **ret_why)
{
	bool is_done;
	int status = 0;

	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	is_done = child->told->is_done;
	memcpy(result, child->told->result, child->size - sizeof(*child->told));
	munmap(child->told, child->size);
	child->pid = 0;
	if (!is_done)
		*ret_why = how_it_ended(child, status);
	return is_done;
}

pid_t child_wait_for_any(void)
{
	siginfo_t info = {0};

	while (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) < 0)
		if (errno != EINTR)
			return 0;
	return info.si_pid;
}

void child_end_as(struct child *child)
{
	static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGKILL, SIGPIPE};
	siginfo_t info = {0};

	while (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT) < 0)
		if (errno != EINTR)
			return;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (info.si_code != CLD_EXITED && info.si_status == numbers[i]) {
			signal(numbers[i], SIG_DFL);
			raise(numbers[i]);
		}
}

double host_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
