/* SPDX-License-Identifier: GPL-2.0-only */
/* See process.h. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include <fcntl.h>
#include <gio/gio.h>

#include "errors.h"
#include "process.h"

#define PF_KTHREAD UINT64_C(0x00200000) /* linux/sched.h: a kernel thread */

static char *read_proc(pid_t pid, const char *file)
{
	char path[64], *text;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

/* The fields of /proc/PID/stat that are used here. The name before them may hold anything. */
static gboolean parse_stat(const char *text, pid_t *ret_parent, uint64_t *ret_flags,
			   uint64_t *ret_start_ticks)
{
	const char *end = strrchr(text, ')');

	return end && sscanf(end + 1,
			     " %*c %d %*d %*d %*d %*d %" SCNu64 " %*u %*u %*u %*u %*u %*u %*d %*d"
			     " %*d %*d %*d %*d %" SCNu64,
			     ret_parent, ret_flags, ret_start_ticks) == 3;
}

/* A line such as "Uid:\t1000\t1000\t1000\t1000". The name, in another line, may hold the key. */
static const char *status_value(const char *text, const char *key)
{
	const char *line = text;

	while (line && !g_str_has_prefix(line, key)) {
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return line ? line + strlen(key) : NULL;
}

static void make_printable(char *text, size_t size)
{
	g_autofree char *valid = g_utf8_make_valid(g_strchomp(text), -1);

	for (char *c = valid; *c; c++)
		if (g_ascii_iscntrl(*c))
			*c = '?';
	/* At most 15 bytes, each of which grew to at most three. */
	g_strlcpy(text, valid, size);
}

static void read_name(pid_t pid, char *ret, size_t size)
{
	g_autofree char *comm = read_proc(pid, "comm");

	g_strlcpy(ret, comm ? comm : "", size);
	make_printable(ret, size);
}

static void set_gone(pid_t pid, GError **error)
{
	g_set_error(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS,
		    "There is no process %d; it may have just ended", pid);
}

static void set_is_thread(pid_t pid, pid_t tgid, GError **error)
{
	g_set_error(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS,
		    "%d is a thread, and not a process; give its process, %d", pid, tgid);
}

/* Everything but the pidfd and the pid. */
static gboolean read_facts(struct process *process, gboolean any, GError **error)
{
	g_autofree char *status = read_proc(process->pid, "status");
	g_autofree char *stat = read_proc(process->pid, "stat");
	unsigned int uid[4];
	uint64_t flags;
	pid_t parent, tgid;
	const char *value;

	if (!status || !stat) {
		set_gone(process->pid, error);
		return FALSE;
	}
	value = status_value(status, "Tgid:");
	if (!value || sscanf(value, "%d", &tgid) != 1)
		goto strange;
	if (tgid != process->pid) {
		set_is_thread(process->pid, tgid, error);
		return FALSE;
	}
	value = status_value(status, "Uid:");
	if (!value || sscanf(value, "%u %u %u %u", &uid[0], &uid[1], &uid[2], &uid[3]) != 4 ||
	    !parse_stat(stat, &parent, &flags, &process->start_ticks))
		goto strange;
	process->uid = uid[0];
	if (uid[0] != uid[1] || uid[0] != uid[2] || uid[0] != uid[3])
		process->uid = 0;
	read_name(process->pid, process->name, sizeof(process->name));
	if (!process_alive(process)) {
		set_gone(process->pid, error);
		return FALSE;
	}
	if (!any && ((flags & PF_KTHREAD) || process->pid == 1)) {
		g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED,
			    "Process %d (%s) is %s, which nobody may boost", process->pid,
			    process->name,
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
	const char *value;
	pid_t tgid;

	/* EINVAL, later ENOENT: the number is that of a thread. */
	if (err == EINVAL || err == ENOENT) {
		status = read_proc(pid, "status");
		value = status ? status_value(status, "Tgid:") : NULL;
		if (value && sscanf(value, "%d", &tgid) == 1 && tgid != pid) {
			set_is_thread(pid, tgid, error);
			return;
		}
	}
	if (err == ESRCH || err == EINVAL || err == ENOENT)
		set_gone(pid, error);
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

/* -1: it has ended; 0: in another pid namespace; FALSE: no pidfd. */
static gboolean pid_of_fd(int fd, pid_t *ret)
{
	g_autofree char *text = NULL;
	const char *value;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (!g_file_get_contents(path, &text, NULL, NULL))
		return FALSE;
	value = status_value(text, "Pid:");
	return value && sscanf(value, "%d", ret) == 1;
}

struct process *process_pin_fd(int pidfd, GError **error)
{
	pid_t pid;
	int fd;

	if (!pid_of_fd(pidfd, &pid)) {
		g_set_error_literal(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
				    "The descriptor is no pidfd; make one with pidfd_open(2)");
		return NULL;
	}
	if (pid <= 0) {
		g_set_error_literal(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS,
				    pid < 0 ? "The process of this pidfd has ended"
					    : "The process of this pidfd cannot be seen from here");
		return NULL;
	}
	fd = fcntl(pidfd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0) {
		g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_FAILED, "Cannot keep the pidfd: %s",
			    g_strerror(errno));
		return NULL;
	}
	return pin(fd, pid, FALSE, error);
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

	return poll(&pfd, 1, 0) == 0;
}

pid_t process_parent(pid_t pid)
{
	g_autofree char *stat = read_proc(pid, "stat");
	uint64_t flags, start_ticks;
	pid_t parent;

	return stat && parse_stat(stat, &parent, &flags, &start_ticks) ? parent : 0;
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
