/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The focus of GNOME, without an extension: mutter (44 and newer) writes on the control group of each
 * application's systemd unit since when it has not had the focus, -1 for the one that has it. So what
 * is known is the unit, not the process. The kernel tells that something was written to those who
 * watch the directory above; units lie in slices, so it is slices that are watched, and only while
 * gnome-shell is on the bus: what a crashed one wrote is not believed.
 */

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <glib-unix.h>

#include "session/bus-peer.h"
#include "session/focus.h"

#define SHELL_NAME  "org.gnome.Shell"
#define CGROUP_ROOT "/sys/fs/cgroup"
#define ATTRIBUTE   "user.xdg.inactive-since"
#define HAS_FOCUS   "-1"
/* Of all that a session needs; who makes more control groups is not followed into them. */
#define SLICES_MAX 256
#define DEPTH_MAX  8

struct gnome {
	focus_report report;
	gpointer userdata;
	struct bus_peer *shell;
	char *manager; /* the directory of the user's systemd and all of its units */
	int fd;	       /* of inotify; -1: there is no gnome-shell */
	guint watch;
	GHashTable *slices; /* inotify's number to the path of the directory */
	char *focused;	    /* path of the unit; NULL: none */
};

static void say(const struct gnome *gnome)
{
	const struct focus_target target = {
		.cgroup = gnome->focused ? gnome->focused + strlen(CGROUP_ROOT) : NULL,
	};

	gnome->report(gnome->userdata, &target);
}

static void set_focused(struct gnome *gnome, const char *path)
{
	char *old = gnome->focused;

	if (g_strcmp0(old, path) == 0)
		return;
	gnome->focused = g_strdup(path);
	g_free(old);
	say(gnome);
}

static void look_at_unit(struct gnome *gnome, const char *path)
{
	char value[32];
	ssize_t n = getxattr(path, ATTRIBUTE, value, sizeof(value));

	if (n == (ssize_t)strlen(HAS_FOCUS) && memcmp(value, HAS_FOCUS, (size_t)n) == 0)
		set_focused(gnome, path);
	else if (g_strcmp0(gnome->focused, path) == 0)
		set_focused(gnome, NULL);
}

static int depth(const struct gnome *gnome, const char *path)
{
	int n = 0;

	for (path += strlen(gnome->manager); *path; path++)
		n += *path == '/';
	return n;
}

/* Slices have slices in them, never very deep: each one's name begins with that of the one above. */
static void watch_slice(struct gnome *gnome, const char *path)
{
	g_autoptr(GDir) dir = NULL;
	const char *name;
	int wd;

	if (g_hash_table_size(gnome->slices) >= SLICES_MAX || depth(gnome, path) > DEPTH_MAX)
		return;
	wd = inotify_add_watch(gnome->fd, path, IN_ATTRIB | IN_CREATE | IN_DELETE | IN_ONLYDIR);
	dir = wd < 0 ? NULL : g_dir_open(path, 0, NULL);
	if (wd < 0) {
		g_debug("%s: %s", path, g_strerror(errno));
		return;
	}
	g_hash_table_insert(gnome->slices, GINT_TO_POINTER(wd), g_strdup(path));
	while (dir && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *child = g_build_filename(path, name, NULL);

		if (g_str_has_suffix(name, ".slice"))
			watch_slice(gnome, child);
		else
			look_at_unit(gnome, child);
	}
}

static void handle_event(struct gnome *gnome, const struct inotify_event *event)
{
	gpointer wd = GINT_TO_POINTER(event->wd);
	const char *slice = g_hash_table_lookup(gnome->slices, wd);
	g_autofree char *path = NULL;

	if (event->mask & IN_Q_OVERFLOW) {
		watch_slice(gnome, gnome->manager); /* looks at everything that is there */
		if (gnome->focused)
			look_at_unit(gnome, gnome->focused); /* which may not be there */
	}
	if (event->mask & IN_IGNORED)
		g_hash_table_remove(gnome->slices, wd);
	if (!slice || !event->len || !(event->mask & IN_ISDIR))
		return;
	path = g_build_filename(slice, event->name, NULL);
	if (event->mask & IN_CREATE && g_str_has_suffix(event->name, ".slice"))
		watch_slice(gnome, path);
	else
		look_at_unit(gnome, path);
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer userdata)
{
	union {
		struct inotify_event event;
		char bytes[4096];
	} buffer;
	ssize_t n = read(fd, &buffer, sizeof(buffer));
	const struct inotify_event *event;

	(void)condition;
	for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof(*event) + event->len)) {
		event = (const struct inotify_event *)(buffer.bytes + at);
		handle_event(userdata, event);
	}
	return G_SOURCE_CONTINUE;
}

static void stop_following(struct gnome *gnome)
{
	if (gnome->fd < 0)
		return;
	g_clear_handle_id(&gnome->watch, g_source_remove);
	close(gnome->fd);
	gnome->fd = -1;
	g_hash_table_remove_all(gnome->slices);
	g_clear_pointer(&gnome->focused, g_free);
}

static void on_shell(gpointer userdata, const char *owner)
{
	struct gnome *gnome = userdata;

	(void)owner;
	stop_following(gnome);
	gnome->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (gnome->fd < 0) {
		g_warning("the focus of GNOME is not followed: inotify: %s", g_strerror(errno));
		return;
	}
	gnome->watch = g_unix_fd_add(gnome->fd, G_IO_IN, on_readable, gnome);
	watch_slice(gnome, gnome->manager);
	say(gnome);
}

static void on_shell_vanished(gpointer userdata)
{
	struct gnome *gnome = userdata;

	if (gnome->fd < 0)
		return;
	stop_following(gnome);
	gnome->report(gnome->userdata, NULL);
}

static gpointer gnome_start(const struct focus_buses *buses, focus_report report, gpointer userdata)
{
	static const struct bus_peer_handler handler = {on_shell, on_shell_vanished};
	struct gnome *gnome = g_new0(struct gnome, 1);
	unsigned int uid = getuid();

	gnome->report = report;
	gnome->userdata = userdata;
	gnome->manager =
		g_strdup_printf(CGROUP_ROOT "/user.slice/user-%u.slice/user@%u.service", uid, uid);
	gnome->fd = -1;
	gnome->slices = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	gnome->shell = bus_peer_watch(buses->session, SHELL_NAME, NULL, &handler, gnome);
	return gnome;
}

static void gnome_stop(gpointer data)
{
	struct gnome *gnome = data;

	bus_peer_free(gnome->shell);
	stop_following(gnome);
	g_hash_table_unref(gnome->slices);
	g_free(gnome->manager);
	g_free(gnome);
}

const struct focus_source focus_gnome = {"GNOME", gnome_start, gnome_stop};
