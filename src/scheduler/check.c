/* SPDX-License-Identifier: GPL-2.0-only */
/* See check.h. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rustland.h>

#include "common/protocol.h"
#include "scheduler/check.h"
#include "scheduler/messages.h"
#include "scheduler/policies.h"

/* The child: whatever the policy does, only this function writes to the pipe. */
static void __attribute__((noreturn)) load(const char *policy, int fd, pid_t parent)
{
	const struct rl_policy *loaded;
	int r;

	/* Its children as well die with it, and it with us. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	r = policies_load(policy, &loaded);
	if (write(fd, &r, sizeof(r)) != sizeof(r))
		_exit(EXIT_FAILURE);
	/* Without what the policy has left behind to be done at exit. */
	_exit(EXIT_SUCCESS);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* True when fd is readable or at its end in time. A signal does not make the time longer. */
static bool wait_for(int fd, int64_t end_ms)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};

	for (;;) {
		int64_t left = end_ms - now_ms();
		int n = poll(&poller, 1, left > 0 ? (int)left : 0);

		if (n > 0)
			return true;
		if (n == 0 && left <= 0)
			return false;
	}
}

static int report_end(const char *policy, int wstatus)
{
	if (WIFSIGNALED(wstatus))
		log_write(RL_LOG_ERROR,
			  ERROR_POLICY_PREFIX
			  "%s cannot be used: loading it was ended by signal %d (%s)",
			  policy, WTERMSIG(wstatus), strsignal(WTERMSIG(wstatus)));
	else
		log_write(RL_LOG_ERROR,
			  ERROR_POLICY_PREFIX
			  "%s cannot be used: it ended the program that loaded it, with "
			  "status %d",
			  policy, WEXITSTATUS(wstatus));
	return -ELIBBAD;
}

/* The child's word, or what its end says where it gave none. */
static int await(const char *policy, pid_t pid, int fd)
{
	int pid_fd = pidfd_open(pid, 0), wstatus = 0, r = 0;
	int64_t end_ms = now_ms() + CHECK_TIMEOUT_MS;
	bool said, ended;

	/* Not the end of the pipe: a process that the policy started may hold it open. */
	ended = pid_fd >= 0 && wait_for(pid_fd, end_ms);
	said = read(fd, &r, sizeof(r)) == sizeof(r);
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (waitpid(pid, &wstatus, 0) < 0 && errno == EINTR)
		;
	if (pid_fd >= 0)
		close(pid_fd);
	if (said)
		return r;
	if (ended)
		return report_end(policy, wstatus);
	log_write(RL_LOG_ERROR,
		  ERROR_POLICY_PREFIX
		  "%s cannot be used: loading it was not done within %d seconds",
		  policy, CHECK_TIMEOUT_MS / 1000);
	return -ETIMEDOUT;
}

int check_policy(const char *name_or_path)
{
	pid_t parent = getpid(), pid;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		r = -errno;
		log_write(RL_LOG_ERROR, "cannot check the policy: %s", strerror(-r));
		return r;
	}
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		load(name_or_path, fds[1], parent);
	}
	r = pid < 0 ? -errno : 0;
	close(fds[1]);
	if (r < 0)
		log_write(RL_LOG_ERROR, "cannot check the policy: %s", strerror(-r));
	else
		r = await(name_or_path, pid, fds[0]);
	close(fds[0]);
	return r;
}
