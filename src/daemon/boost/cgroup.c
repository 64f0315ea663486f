/* SPDX-License-Identifier: GPL-2.0-only */
/* See cgroup.h. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include <gio/gio.h>

#include "daemon/boost/cgroup.h"
#include "dbus/errors.h"
#include "daemon/boost/proc-text.h"
#include "daemon/shortage.h"

/* Groups and processes that cgroup_find_process() looks at. */
#define FIND_MAX 512

/* Where version 2 is mounted: alone, or beside version 1. NULL and errno if it is not. */
static const char *mount_point(void)
{
	static const char *const places[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	struct statfs fs;
	int err = ENOENT;

	for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
		if (statfs(places[i], &fs) < 0)
			err = is_shortage(errno) ? errno : err;
		else if (fs.f_type == CGROUP2_SUPER_MAGIC)
			return places[i];
	}
	errno = err;
	return NULL;
}

static void set_invalid(const char *why, GError **error)
{
	g_set_error(
		error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
		"The path of the control group %s; give it as in /proc/PID/cgroup, after \"0::\"",
		why);
}

/* The path without the mount point and without needless slashes, or NULL. */
static char *normalize(const char *path, const char *mount, GError **error)
{
	g_auto(GStrv) parts = NULL;
	GString *result;

	if (strlen(path) >= PATH_MAX) {
		set_invalid("is too long", error);
		return NULL;
	}
	for (const char *c = path; *c; c++) {
		if (g_ascii_iscntrl(*c)) {
			set_invalid("has a control character in it", error);
			return NULL;
		}
	}
	if (path[0] != '/') {
		set_invalid("is not absolute", error);
		return NULL;
	}
	if (cgroup_path_is_below(path, mount))
		path += strlen(mount);
	parts = g_strsplit(path, "/", -1);
	result = g_string_new(NULL);
	for (char **part = parts; *part; part++) {
		if (strcmp(*part, ".") == 0 || strcmp(*part, "..") == 0) {
			g_string_free(result, TRUE);
			set_invalid("has \".\" or \"..\" in it", error);
			return NULL;
		}
		if (**part)
			g_string_append_printf(result, "/%s", *part);
	}
	if (result->len == 0) {
		g_string_free(result, TRUE);
		set_invalid("is that of the whole system", error);
		return NULL;
	}
	return g_string_free(result, FALSE);
}

/*
 * Step by step, so that no link is followed. openat2(2) would do it in one call, but is not there under
 * RestrictSUIDSGID=, which cannot look into its arguments.
 */
static int open_beneath(const char *mount, const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path + 1, "/", -1);
	int fd = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (char **part = parts; *part && fd >= 0; part++) {
		int next = openat(fd, *part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int err = errno;

		close(fd);
		errno = err;
		fd = next;
	}
	return fd;
}

struct cgroup *cgroup_open(const char *path, GError **error)
{
	const char *mount = mount_point();
	g_autofree char *normal = NULL;
	struct cgroup *cgroup;
	struct stat st;
	int dir, events, err;

	if (!mount && is_shortage(errno)) {
		set_shortage(errno, error);
		return NULL;
	}
	if (!mount) {
		g_set_error_literal(error, G_DBUS_ERROR, G_DBUS_ERROR_FAILED,
				    "This system has no control groups of version 2");
		return NULL;
	}
	normal = normalize(path, mount, error);
	if (!normal)
		return NULL;
	dir = open_beneath(mount, normal);
	if (dir < 0 || fstat(dir, &st) < 0) {
		err = errno;
		if (err == ENOENT || err == ENOTDIR || err == ENAMETOOLONG)
			g_set_error(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS,
				    "There is no control group %s", normal);
		else if (is_shortage(err))
			set_shortage(err, error);
		else
			g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_FAILED,
				    "Cannot open the control group %s: %s", normal,
				    g_strerror(err));
		if (dir >= 0)
			close(dir);
		return NULL;
	}
	events = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	err = errno;
	close(dir);
	if (events < 0 && is_shortage(err)) {
		set_shortage(err, error);
		return NULL;
	}
	cgroup = g_new0(struct cgroup, 1);
	cgroup->path = g_steal_pointer(&normal);
	cgroup->id = st.st_ino;
	cgroup->events_fd = events;
	if (cgroup_is_empty(cgroup)) {
		g_set_error(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS,
			    "There is no process in the control group %s", cgroup->path);
		cgroup_free(cgroup);
		return NULL;
	}
	return cgroup;
}

void cgroup_free(struct cgroup *cgroup)
{
	if (!cgroup)
		return;
	if (cgroup->events_fd >= 0)
		close(cgroup->events_fd);
	g_free(cgroup->path);
	g_free(cgroup);
}

/* The kernel reports a change only after what was there before has been read. */
gboolean cgroup_is_empty(const struct cgroup *cgroup)
{
	char text[128];
	ssize_t n;

	if (cgroup->events_fd < 0)
		return TRUE;
	n = pread(cgroup->events_fd, text, sizeof(text) - 1, 0);
	/* The group was removed; any other failure says nothing about it. */
	if (n < 0)
		return errno == ENODEV;
	text[n] = 0;
	return !proc_text_populated(text);
}

static struct process *find_in(const char *dir, uid_t uid, guint *left)
{
	g_autofree char *file = g_build_filename(dir, "cgroup.procs", NULL);
	g_autofree char *text = NULL;
	g_auto(GStrv) pids = NULL;

	if (!g_file_get_contents(file, &text, NULL, NULL))
		return NULL;
	pids = g_strsplit(text, "\n", -1);
	for (char **pid = pids; *pid && **pid && *left; pid++, (*left)--) {
		struct process *process = process_pin((uint32_t)strtoul(*pid, NULL, 10), NULL);

		if (process && process->uid == uid)
			return process;
		process_free(process);
	}
	return NULL;
}

static void add_groups(GPtrArray *dirs, const char *dir)
{
	g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);
	const char *name;

	while (entries && dirs->len < FIND_MAX && (name = g_dir_read_name(entries)) != NULL) {
		g_autofree char *path = g_build_filename(dir, name, NULL);

		if (g_file_test(path, G_FILE_TEST_IS_DIR))
			g_ptr_array_add(dirs, g_steal_pointer(&path));
	}
}

struct process *cgroup_find_process(const struct cgroup *cgroup, uid_t uid)
{
	g_autoptr(GPtrArray) dirs = g_ptr_array_new_with_free_func(g_free);
	const char *mount = mount_point();
	struct process *process = NULL;
	guint left = FIND_MAX;

	if (mount)
		g_ptr_array_add(dirs, g_strconcat(mount, cgroup->path, NULL));
	for (guint i = 0; i < dirs->len && !process; i++) {
		const char *dir = g_ptr_array_index(dirs, i);

		process = find_in(dir, uid, &left);
		if (!process)
			add_groups(dirs, dir);
	}
	return process;
}

char *cgroup_path_of(pid_t pid)
{
	g_autofree char *text = read_proc(pid, "cgroup");
	char *path;

	if (!text)
		return NULL;
	path = proc_text_cgroup(text);
	if (!path)
		errno = ENOENT;
	return path;
}

uint64_t cgroup_id_of(const char *path)
{
	const char *mount = mount_point();
	g_autofree char *file = NULL;
	struct stat st;

	if (!mount)
		return 0;
	file = g_strconcat(mount, path, NULL);
	return stat(file, &st) == 0 ? st.st_ino : 0;
}

gboolean cgroup_path_is_below(const char *path, const char *ancestor)
{
	size_t len = strlen(ancestor);

	return strncmp(path, ancestor, len) == 0 && (path[len] == '/' || path[len] == 0);
}

static gboolean is_unit(const char *name)
{
	return g_str_has_suffix(name, ".scope") || g_str_has_suffix(name, ".service");
}

enum cgroup_owner cgroup_owner_of(const char *path, uid_t uid)
{
	g_autofree char *slice = g_strdup_printf("/user.slice/user-%u.slice", uid);
	g_autofree char *manager = g_strdup_printf("user@%u.service", uid);
	g_auto(GStrv) parts = NULL;
	gboolean is_whole_login;

	if (!cgroup_path_is_below(path, slice))
		return CGROUP_OTHERS;
	parts = g_strsplit(path + strlen(slice), "/", -1);
	/* The first one is empty. */
	if (!parts[0] || !parts[1])
		return CGROUP_TOO_WIDE;
	is_whole_login = g_str_has_prefix(parts[1], "session-") && is_unit(parts[1]);
	if (is_whole_login)
		return parts[2] ? CGROUP_APPLICATION : CGROUP_TOO_WIDE;
	for (char **part = parts + 1; *part; part++)
		if (is_unit(*part) && strcmp(*part, manager) != 0)
			return CGROUP_APPLICATION;
	return CGROUP_TOO_WIDE;
}
