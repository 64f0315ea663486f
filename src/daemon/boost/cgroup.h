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

#include "daemon/boost/process.h"

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

/*
 * A process of this user's in the group or below, to be freed with process_free(), or NULL: none
 * was found among the first ones.
 */
struct process *cgroup_find_process(const struct cgroup *cgroup, uid_t uid);

/*
 * The path of a process's group, to be freed with g_free(). NULL and errno when it cannot be told; see
 * is_shortage().
 */
char *cgroup_path_of(pid_t pid);

/* The id of the group at a path as in /proc, or 0. */
uint64_t cgroup_id_of(const char *path);

enum cgroup_owner {
	CGROUP_OTHERS,	    /* not in the user's slice: others' processes may be in it */
	CGROUP_APPLICATION, /* the user's, and one unit's: a .scope or .service, or a group in one */
	CGROUP_TOO_WIDE,    /* the user's: a slice, a whole login or all that the user runs */
};

/*
 * What a group is to a user, as systemd and desktops lay them out. An application's window has a unit of
 * its own, below app.slice or session.slice of user@UID.service. A session-N.scope is a whole login:
 * where a desktop does not start applications as units, all of them are in it.
 */
enum cgroup_owner cgroup_owner_of(const char *path, uid_t uid);

/* Whether path is ancestor or lies below it. */
gboolean cgroup_path_is_below(const char *path, const char *ancestor);

#endif /* RUSTLANDD_CGROUP_H */
