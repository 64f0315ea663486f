/* SPDX-License-Identifier: GPL-2.0-only */
/* See process.h. */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include <gio/gio.h>

#include "dbus/errors.h"
#include "daemon/boost/proc-text.h"
#include "daemon/boost/process.h"
#include "daemon/shortage.h"

#define PF_KTHREAD UINT64_C(0x00200000) /* linux/sched.h: a kernel thread */

static void read_name(pid_t pid, char *ret, size_t size)
{
	g_autofree char *comm = read_proc(pid, "comm");

	g_strlcpy(ret, comm ? comm : "", size);
	proc_text_name(ret, size);
}

static void set_gone(pid_t pid, GError **error)
{
	g_set_error(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS,
		    "There is no process %d; it may have just ended", pid);
}

static void set_unreadable(pid_t pid, int err, GError **error)
{
	if (is_shortage(err))
		set_shortage(err, error);
	else if (err == ENOENT || err == ESRCH)
		set_gone(pid, error);
	else
		g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_FAILED, "Cannot read /proc/%d: %s",
			    pid, g_strerror(err));
}

static void set_is_thread(pid_t pid, GError **error)
{
	g_set_error(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS,
		    "%d is a thread, and not a process; give its process, which is Tgid in "
		    "/proc/%d/status",
		    pid, pid);
}

/* Everything but the pidfd and the pid. */
static gboolean read_facts(struct process *process, gboolean any, GError **error)
{
	g_autofree char *status = read_proc(process->pid, "status");
	g_autofree char *stat = status ? read_proc(process->pid, "stat") : NULL;
	uint64_t flags;
	pid_t parent, tgid;

	if (!stat) {
		set_unreadable(process->pid, errno, error);
		return FALSE;
	}
	if (!proc_text_pid(status, "Tgid:", &tgid))
		goto strange;
	if (tgid != process->pid) {
		set_is_thread(process->pid, error);
		return FALSE;
	}
	if (!proc_text_uid(status, &process->uid, &process->acts_as) ||
	    !proc_text_stat(stat, &parent, &flags, &process->start_ticks))
		goto strange;
	read_name(process->pid, process->name, sizeof(process->name));
	if (!process_alive(process)) {
		set_gone(process->pid, error);
		return FALSE;
	}
	if (!any && ((flags & PF_KTHREAD) || process->pid == 1)) {
		g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED,
			    "Process %d is %s, which nobody may boost", process->pid,
			    process->pid == 1 ? "the system's first" : "a thread of the kernel");
		return FALSE;
	}
	return TRUE;

strange:
	g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_FAILED,
		    "Cannot make sense of /proc/%d; is another /proc mounted?", process->pid);
	return FALSE;
}

/* Takes over pidfd. */
static struct process *pin(int pidfd, pid_t pid, gboolean any, GError **error)
{
	struct process *process = g_new0(struct process, 1);

	process->pidfd = pidfd;
	process->pid = pid;
	if (!read_facts(process, any, error)) {
		process_free(process);
		return NULL;
	}
	return process;
}

static void set_open_failed(pid_t pid, int err, GError **error)
{
	g_autofree char *status = NULL;
	pid_t tgid;

	/* EINVAL, later ENOENT: the number is that of a thread. */
	if (err == EINVAL || err == ENOENT) {
		status = read_proc(pid, "status");
		if (status && proc_text_pid(status, "Tgid:", &tgid) && tgid != pid) {
			set_is_thread(pid, error);
			return;
		}
	}
	if (err == ESRCH || err == EINVAL || err == ENOENT)
		set_gone(pid, error);
	else if (is_shortage(err))
		set_shortage(err, error);
	else
		g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_FAILED,
			    "Cannot get hold of process %d: %s", pid, g_strerror(err));
}

static struct process *pin_number(uint32_t pid, gboolean any, GError **error)
{
	int pidfd;

	if (pid == 0) {
		g_set_error_literal(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
				    "0 is no process id; they begin with 1");
		return NULL;
	}
	if (pid > INT32_MAX) {
		g_set_error(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS,
			    "There is no process %u: process ids end at %d", pid, INT32_MAX);
		return NULL;
	}
	pidfd = pidfd_open((pid_t)pid, 0);
	if (pidfd < 0) {
		set_open_failed((pid_t)pid, errno, error);
		return NULL;
	}
	return pin(pidfd, (pid_t)pid, any, error);
}

struct process *process_pin(uint32_t pid, GError **error)
{
	return pin_number(pid, FALSE, error);
}

struct process *process_look(uint32_t pid, GError **error)
{
	return pin_number(pid, TRUE, error);
}

/* What the kernel says about a descriptor of ours, or NULL and errno. */
static char *read_fdinfo(int fd)
{
	char file[32];

	snprintf(file, sizeof(file), "fdinfo/%d", fd);
	return read_proc(getpid(), file);
}

/*
 * -1: it has ended; 0: it is in a pid namespace that is not below ours. FALSE and errno: no pidfd, or a
 * shortage.
 */
static gboolean pid_of_fd(int fd, pid_t *ret)
{
	g_autofree char *text = read_fdinfo(fd);

	if (!text)
		return FALSE;
	errno = EINVAL;
	return proc_text_pid(text, "Pid:", ret);
}

gboolean process_shares_numbers(int pidfd)
{
	g_autofree char *text = read_fdinfo(pidfd);
	pid_t pid;

	if (!text)
		return FALSE;
	errno = 0;
	return proc_text_pid(text, "Pid:", &pid) && pid > 0 && !proc_text_nested(text);
}

static void set_ended(GError **error)
{
	g_set_error_literal(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS,
			    "The process of this pidfd has ended");
}

/* The number of the process behind a caller's descriptor, or 0. */
static pid_t read_pid(int pidfd, GError **error)
{
	pid_t pid;

	if (!pid_of_fd(pidfd, &pid)) {
		if (errno != EINVAL && errno != ESRCH)
			set_unreadable(getpid(), errno, error);
		else
			g_set_error_literal(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
					    "The descriptor is no pidfd; make one with "
					    "pidfd_open(2)");
		return 0;
	}
	if (pid > 0)
		return pid;
	if (pid < 0)
		set_ended(error);
	else
		g_set_error_literal(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS,
				    "The process of this pidfd cannot be seen from here");
	return 0;
}

/*
 * What is kept is a pidfd of our own, which tells the end of the process: the caller's may have been made
 * for its first thread (PIDFD_THREAD), and that tells the end of that thread.
 */
static struct process *pin_fd(int pidfd, gboolean any, GError **error)
{
	pid_t pid = read_pid(pidfd, error), again;
	int own;

	if (!pid)
		return NULL;
	own = pidfd_open(pid, 0);
	if (own < 0) {
		set_open_failed(pid, errno, error);
		return NULL;
	}
	/* The number is still that of the caller's process, so it was when ours was made. */
	again = read_pid(pidfd, error);
	if (again != pid) {
		if (again)
			set_ended(error);
		close(own);
		return NULL;
	}
	return pin(own, pid, any, error);
}

struct process *process_pin_fd(int pidfd, GError **error)
{
	return pin_fd(pidfd, FALSE, error);
}

struct process *process_look_fd(int pidfd, GError **error)
{
	return pin_fd(pidfd, TRUE, error);
}

void process_free(struct process *process)
{
	if (!process)
		return;
	close(process->pidfd);
	g_free(process);
}

gboolean process_alive(const struct process *process)
{
	struct pollfd pfd = {.fd = process->pidfd, .events = POLLIN};

	/* If poll() fails, that says nothing about the process. */
	return poll(&pfd, 1, 0) <= 0;
}

pid_t process_parent(pid_t pid, uint64_t *ret_start_ticks)
{
	g_autofree char *stat = read_proc(pid, "stat");
	uint64_t flags;
	pid_t parent;

	return stat && proc_text_stat(stat, &parent, &flags, ret_start_ticks) ? parent : 0;
}

void process_name_of_fd(int pidfd, char *ret, size_t size)
{
	struct pollfd pfd = {.fd = pidfd, .events = POLLIN};
	pid_t pid;

	*ret = 0;
	if (pidfd < 0 || !pid_of_fd(pidfd, &pid) || pid <= 0)
		return;
	read_name(pid, ret, size);
	/* What was read counts only if the number still was its own. */
	if (poll(&pfd, 1, 0) != 0)
		*ret = 0;
}
