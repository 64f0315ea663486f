/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control groups (version 2) by path and by id, and when one is left empty. Paths are from the root
 * of the hierarchy, as /proc/PID/cgroup has them. A path that came from a client is opened beneath
 * that root only, and never through a symbolic link.
 */
#ifndef RUSTLANDD_CGROUP_H
#define RUSTLANDD_CGROUP_H

#include <stdint.h>
#include <sys/types.h>

#include <glib.h>

struct cgroup {
	char *path;
	uint64_t id;   /* inode number of its directory: what BPF calls the cgroup's id */
	int events_fd; /* cgroup.events; polls as G_IO_PRI when it changes; owned */
};

/*
 * Open a group that has processes in it. The path may begin with the mount point.
 * G_DBUS_ERROR_INVALID_ARGS for a path that is none, or the root group;
 * RUSTLAND_ERROR_NO_SUCH_PROCESS when there is no such group, or nobody in it.
 */
struct cgroup *cgroup_open(const char *path, GError **error);
void cgroup_free(struct cgroup *cgroup);

/* Nobody is left in it or below, or it is gone. */
gboolean cgroup_is_empty(const struct cgroup *cgroup);

/* The path of a process's group; NULL when it cannot be told. To be freed with g_free(). */
char *cgroup_path_of(pid_t pid);

/* The id of the group at a path as in /proc, or 0. */
uint64_t cgroup_id_of(const char *path);

/* Whether path is ancestor or lies below it. */
gboolean cgroup_path_is_below(const char *path, const char *ancestor);

#endif /* RUSTLANDD_CGROUP_H */
