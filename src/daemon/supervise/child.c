/* SPDX-License-Identifier: GPL-2.0-only */
/* See child.h. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib-unix.h>

#include "daemon/supervise/child-text.h"
#include "daemon/supervise/child.h"
#include "daemon/journal.h"

#define CLASS_FD 3
/* As much as a pipe holds. */
#define READS_MAX 16

struct child {
	char *program, *socket_path;
	dev_t socket_dev; /* which file it is, to remove no other one's */
	ino_t socket_ino;
	uint64_t watchdog_ms;
	struct child_handler handler;
	gpointer userdata;

	int notify_fd;
	guint notify_source;

	pid_t pid; /* 0: does not run. Only on_end() reaps it: until then nobody else has it */
	int pid_fd;
	guint pid_source;
	int stderr_fd;
	guint stderr_source;
	struct child_lines lines;
	char *last_error; /* "" if it printed none */
};

/* ---- What it notifies ----------------------------------------------------------------------- */

/* Returns the length of the message, 0 for one that is not the child's, -1 when there is none. */
static ssize_t receive(const struct child *c, char *buf, size_t size)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char data[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec iov = {.iov_base = buf, .iov_len = size};
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(c->notify_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *header;
	struct ucred sender;

	if (n < 0)
		return -1;
	/* File descriptors do not fit into control: the kernel has dropped them. */
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_CREDENTIALS)
		return 0;
	memcpy(&sender, CMSG_DATA(header), sizeof(sender));
	return c->pid && sender.pid == c->pid ? n : 0;
}

static gboolean on_notification(int fd, GIOCondition condition, gpointer userdata)
{
	struct child *c = userdata;
	char text[1024];
	ssize_t n;

	(void)fd;
	(void)condition;
	while ((n = receive(c, text, sizeof(text) - 1)) >= 0) {
		text[n] = '\0';
		child_text_notices(text, c->handler.noticed, c->userdata);
	}
	return G_SOURCE_CONTINUE;
}

/* Removes what is left of a process that is gone, and nothing else. 0 when the path is free. */
static int clear_path(int fd, const struct sockaddr_un *address)
{
	struct stat st;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return -EADDRINUSE;
	if (errno != ECONNREFUSED && errno != ENOENT)
		return -errno;
	return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

static int open_socket(struct child *c)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = c->socket_path;
	int fd, r, one = 1;
	struct stat st;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = clear_path(fd, &address);
	if (r == 0 && setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) == 0 &&
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    chmod(path, 0600) == 0 && lstat(path, &st) == 0) {
		c->socket_dev = st.st_dev;
		c->socket_ino = st.st_ino;
		return fd;
	}
	if (r == 0)
		r = -errno;
	close(fd);
	return r;
}

static void close_socket(struct child *c)
{
	struct stat st;

	close(c->notify_fd);
	if (lstat(c->socket_path, &st) == 0 && st.st_dev == c->socket_dev &&
	    st.st_ino == c->socket_ino)
		unlink(c->socket_path);
}

/* ---- What it prints ------------------------------------------------------------------------- */

static void on_line(int priority, const char *text, gpointer userdata)
{
	struct child *c = userdata;

	if (priority <= LOG_ERR) {
		g_free(c->last_error);
		c->last_error = g_utf8_make_valid(text, -1);
	}
	if (*text && !c->handler.is_quiet)
		log_child(c->pid, priority, text);
}

/* Returns false at the end of the file. A child that writes without end has to let others go ahead. */
static bool read_stderr(struct child *c)
{
	char buf[4096];
	ssize_t n = 1;

	for (int i = 0; i < READS_MAX && n > 0; i++) {
		n = read(c->stderr_fd, buf, sizeof(buf));
		if (n > 0)
			child_lines_add(&c->lines, buf, (size_t)n);
	}
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static gboolean on_stderr(int fd, GIOCondition condition, gpointer userdata)
{
	struct child *c = userdata;

	(void)fd;
	(void)condition;
	if (read_stderr(c))
		return G_SOURCE_CONTINUE;
	c->stderr_source = 0;
	return G_SOURCE_REMOVE;
}

static void close_stderr(struct child *c)
{
	g_clear_handle_id(&c->stderr_source, g_source_remove);
	if (c->stderr_fd >= 0)
		close(c->stderr_fd);
	c->stderr_fd = -1;
}

/* ---- Its end -------------------------------------------------------------------------------- */

static void forget(struct child *c)
{
	g_clear_handle_id(&c->pid_source, g_source_remove);
	if (c->pid_fd >= 0)
		close(c->pid_fd);
	c->pid_fd = -1;
	c->pid = 0;
	close_stderr(c);
}

static gboolean on_end(int fd, GIOCondition condition, gpointer userdata)
{
	struct child *c = userdata;
	g_autofree char *last_error = NULL;
	int wstatus, signal;

	(void)fd;
	(void)condition;
	if (waitpid(c->pid, &wstatus, WNOHANG) != c->pid)
		return G_SOURCE_CONTINUE;
	/* Its last words may still be in the pipe. */
	read_stderr(c);
	child_lines_end(&c->lines);
	c->pid_source = 0;
	forget(c);
	signal = WIFSIGNALED(wstatus) ? WTERMSIG(wstatus) : 0;
	last_error = g_strdup(c->last_error);
	c->handler.ended(signal, signal ? 0 : WEXITSTATUS(wstatus), last_error, c->userdata);
	return G_SOURCE_REMOVE;
}

/* ---- Starting it ---------------------------------------------------------------------------- */

/* In the new process. It must be safe after fork(): system calls only. */
static void on_forked(gpointer userdata)
{
	pid_t parent = GPOINTER_TO_INT(userdata);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EXIT_FAILURE); /* the parent ended before the line above */
}

/* Makes the pipe for its standard error; returns the child's end of it. */
static int open_stderr(struct child *c, GError **error)
{
	int fds[2];

	if (!g_unix_open_pipe(fds, O_CLOEXEC, error))
		return -1;
	if (!g_unix_set_fd_nonblocking(fds[0], TRUE, error)) {
		close(fds[0]);
		close(fds[1]);
		return -1;
	}
	c->stderr_fd = fds[0];
	c->stderr_source = g_unix_fd_add(fds[0], G_IO_IN | G_IO_HUP, on_stderr, c);
	return fds[1];
}

static char **make_environment(const struct child *c, int stderr_fd)
{
	g_autofree char *watchdog = g_strdup_printf("%" PRIu64, c->watchdog_ms * 1000);
	g_autofree char *stream = NULL;
	char **env = g_get_environ();
	struct stat st;

	/* With this it puts priorities before its lines. */
	if (fstat(stderr_fd, &st) == 0) {
		stream = g_strdup_printf("%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
		env = g_environ_setenv(env, "JOURNAL_STREAM", stream, TRUE);
	}
	env = g_environ_unsetenv(env, "WATCHDOG_PID");
	if (!c->socket_path)
		return g_environ_unsetenv(g_environ_unsetenv(env, "NOTIFY_SOCKET"),
					  "WATCHDOG_USEC");
	env = g_environ_setenv(env, "NOTIFY_SOCKET", c->socket_path, TRUE);
	return g_environ_setenv(env, "WATCHDOG_USEC", watchdog, TRUE);
}

static char **make_argv(const struct child *c, const char *const *arguments, bool classes)
{
	g_autoptr(GStrvBuilder) argv = g_strv_builder_new();

	g_strv_builder_add(argv, c->program);
	g_strv_builder_addv(argv, (const char **)arguments);
	if (classes)
		g_strv_builder_add_many(argv, "--class-fds", "3,4,5", NULL);
	return g_strv_builder_end(argv);
}

static bool spawn(struct child *c, const char *const *argv, int stderr_fd,
		  const int class_fds[CLASSES_FDS], GError **error)
{
	static const int targets[CLASSES_FDS] = {CLASS_FD, CLASS_FD + 1, CLASS_FD + 2};
	g_auto(GStrv) env = make_environment(c, stderr_fd);

	return g_spawn_async_with_pipes_and_fds(
		NULL, argv, (const char *const *)env,
		G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, on_forked,
		GINT_TO_POINTER(getpid()), -1, -1, stderr_fd, class_fds, targets,
		class_fds[0] >= 0 ? G_N_ELEMENTS(targets) : 0, &c->pid, NULL, NULL, NULL, error);
}

gboolean child_start(struct child *c, const char *const *arguments,
		     const int class_fds[CLASSES_FDS], GError **error)
{
	g_auto(GStrv) argv = make_argv(c, arguments, class_fds[0] >= 0);
	int stderr_fd;
	bool started;

	g_return_val_if_fail(!c->pid, FALSE);
	g_string_truncate(c->lines.rest, 0);
	g_free(c->last_error);
	c->last_error = g_strdup("");
	stderr_fd = open_stderr(c, error);
	if (stderr_fd < 0)
		return FALSE;
	started = spawn(c, (const char *const *)argv, stderr_fd, class_fds, error);
	close(stderr_fd);
	if (!started) {
		close_stderr(c);
		return FALSE;
	}
	c->pid_fd = pidfd_open(c->pid, 0);
	if (c->pid_fd < 0) {
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno),
			    "cannot watch scx_rustland: %s", g_strerror(errno));
		kill(c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
		forget(c);
		return FALSE;
	}
	c->pid_source = g_unix_fd_add_full(G_PRIORITY_HIGH, c->pid_fd, G_IO_IN, on_end, c, NULL);
	return TRUE;
}

void child_signal(struct child *c, int signal)
{
	if (c->pid)
		kill(c->pid, signal);
}

struct child *child_new(const char *program, const char *socket_path, uint64_t watchdog_ms,
			const struct child_handler *handler, gpointer userdata, GError **error)
{
	struct child *c = g_new0(struct child, 1);

	c->program = g_strdup(program);
	c->socket_path = g_strdup(socket_path);
	c->watchdog_ms = watchdog_ms;
	c->handler = *handler;
	c->userdata = userdata;
	c->stderr_fd = c->pid_fd = c->notify_fd = -1;
	c->lines = (struct child_lines){g_string_new(NULL), on_line, c};
	c->last_error = g_strdup("");
	if (!socket_path)
		return c;
	c->notify_fd = open_socket(c);
	if (c->notify_fd < 0) {
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(-c->notify_fd),
			    "cannot listen at %s: %s; %s", socket_path, g_strerror(-c->notify_fd),
			    c->notify_fd == -EADDRINUSE ? "another rustlandd runs"
							: "is its directory there?");
		child_free(c);
		return NULL;
	}
	/* Its signs of life do not wait for what clients cause. */
	c->notify_source = g_unix_fd_add_full(G_PRIORITY_HIGH, c->notify_fd, G_IO_IN,
					      on_notification, c, NULL);
	return c;
}

void child_free(struct child *c)
{
	if (!c)
		return;
	child_signal(c, SIGKILL);
	forget(c);
	g_clear_handle_id(&c->notify_source, g_source_remove);
	if (c->notify_fd >= 0)
		close_socket(c);
	g_string_free(c->lines.rest, TRUE);
	g_free(c->last_error);
	g_free(c->program);
	g_free(c->socket_path);
	g_free(c);
}
