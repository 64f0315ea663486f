/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The focus of sway, over its IPC. The socket is found in the run-time directory, as
 * sway-ipc.UID.PID.sock: a user service is started before the desktop, and so does not get SWAYSOCK.
 */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib-unix.h>

#include "focus.h"
#include "sway-message.h"

/* Of one call; more is read at the next. */
#define READ_SIZE (64 * 1024)

struct sway {
	focus_report report;
	gpointer userdata;
	char *dir, *prefix;
	GFileMonitor *monitor;
	int fd;		   /* -1: sway does not run */
	guint watch;	   /* of fd */
	guint retry;	   /* 0: none is due */
	GByteArray *input; /* what has come and is not a whole message yet */
};

static void hang_up(struct sway *sway)
{
	g_clear_handle_id(&sway->watch, g_source_remove);
	close(sway->fd);
	sway->fd = -1;
	g_byte_array_set_size(sway->input, 0);
	g_debug("sway hung up");
	sway->report(sway->userdata, 0);
}

/* False if what comes is not sway's IPC. */
static bool handle_messages(struct sway *sway)
{
	enum sway_type type;
	uint32_t size;
	pid_t pid;

	while (sway->input->len >= SWAY_HEADER_SIZE) {
		if (!sway_message_parse_header(sway->input->data, &type, &size))
			return false;
		if (sway->input->len < SWAY_HEADER_SIZE + size)
			break;
		if (sway_message_focus(type, (const char *)sway->input->data + SWAY_HEADER_SIZE,
				       size, &pid))
			sway->report(sway->userdata, pid);
		g_byte_array_remove_range(sway->input, 0, SWAY_HEADER_SIZE + size);
	}
	return true;
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer userdata)
{
	struct sway *sway = userdata;
	uint8_t buffer[READ_SIZE];
	ssize_t n = read(fd, buffer, sizeof(buffer));

	(void)condition;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (n > 0) {
		g_byte_array_append(sway->input, buffer, (guint)n);
		if (handle_messages(sway))
			return G_SOURCE_CONTINUE;
	}
	sway->watch = 0;
	hang_up(sway);
	return G_SOURCE_REMOVE;
}

/* A few bytes, which a new socket always has room for. */
static bool send_message(int fd, enum sway_type type, const char *payload)
{
	g_autoptr(GBytes) message = sway_message_new(type, payload);
	gsize size;
	const void *data = g_bytes_get_data(message, &size);

	return send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static bool connect_to(struct sway *sway, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	g_autofree char *path = g_build_filename(sway->dir, name, NULL);
	int fd;

	if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	/* The events first: what changes while the tree is made is told after it. */
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    !send_message(fd, SWAY_SUBSCRIBE, "[\"window\",\"workspace\"]") ||
	    !send_message(fd, SWAY_GET_TREE, NULL)) {
		g_debug("%s: %s", path, g_strerror(errno));
		close(fd);
		return false;
	}
	g_debug("%s: connected", path);
	sway->fd = fd;
	sway->watch = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP, on_readable, sway);
	return true;
}

static bool is_socket(const struct sway *sway, const char *name)
{
	return g_str_has_prefix(name, sway->prefix) && g_str_has_suffix(name, ".sock");
}

/* A sway that crashed leaves its socket behind. */
static void look_around(struct sway *sway)
{
	g_autoptr(GDir) dir = g_dir_open(sway->dir, 0, NULL);
	const char *name;

	while (sway->fd < 0 && dir && (name = g_dir_read_name(dir)) != NULL)
		if (is_socket(sway, name))
			connect_to(sway, name);
}

static gboolean on_retry(gpointer userdata)
{
	struct sway *sway = userdata;

	sway->retry = 0;
	look_around(sway);
	return G_SOURCE_REMOVE;
}

/* Sway begins to listen right after it has made the socket: whoever is quicker is refused once. */
static void on_changed(GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event,
		       gpointer userdata)
{
	g_autofree char *name = g_file_get_basename(file);
	struct sway *sway = userdata;

	(void)monitor, (void)other;
	if (event == G_FILE_MONITOR_EVENT_CREATED && sway->fd < 0 && is_socket(sway, name) &&
	    !connect_to(sway, name) && !sway->retry)
		sway->retry = g_timeout_add_seconds(1, on_retry, sway);
}

static gpointer sway_start(focus_report report, gpointer userdata)
{
	struct sway *sway = g_new0(struct sway, 1);
	g_autoptr(GFile) dir = NULL;

	sway->report = report;
	sway->userdata = userdata;
	sway->dir = g_strdup(g_get_user_runtime_dir());
	sway->prefix = g_strdup_printf("sway-ipc.%u.", (unsigned int)getuid());
	sway->fd = -1;
	sway->input = g_byte_array_new();
	dir = g_file_new_for_path(sway->dir);
	sway->monitor = g_file_monitor_directory(dir, G_FILE_MONITOR_NONE, NULL, NULL);
	if (sway->monitor)
		g_signal_connect(sway->monitor, "changed", G_CALLBACK(on_changed), sway);
	look_around(sway);
	return sway;
}

static void sway_stop(gpointer data)
{
	struct sway *sway = data;

	if (sway->monitor)
		g_file_monitor_cancel(sway->monitor);
	g_clear_object(&sway->monitor);
	g_clear_handle_id(&sway->watch, g_source_remove);
	g_clear_handle_id(&sway->retry, g_source_remove);
	if (sway->fd >= 0)
		close(sway->fd);
	g_byte_array_unref(sway->input);
	g_free(sway->dir);
	g_free(sway->prefix);
	g_free(sway);
}

const struct focus_source focus_sway = {"sway", sway_start, sway_stop};
