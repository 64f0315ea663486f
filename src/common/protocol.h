/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What scx_rustland and rustlandd, which runs it, say to each other: by exit status, by notification
 * (sd_notify(3)), in errors, and where its statistics are found. Some of it is documented for everybody,
 * in scx_rustland(8).
 *
 * A word that stands here is never written out in either program, nor in a test of one of them: else each
 * would be right by itself, and the two would not understand each other.
 */
#ifndef RUSTLAND_COMMON_PROTOCOL_H
#define RUSTLAND_COMMON_PROTOCOL_H

/* How scx_rustland ends; scripts rely on these as well. */
enum scheduler_exit {
	SCHEDULER_EXIT_STOPPED = 0,  /* by a signal */
	SCHEDULER_EXIT_FAILED = 1,   /* could not start */
	SCHEDULER_EXIT_USAGE = 2,    /* wrong command line */
	SCHEDULER_EXIT_EJECTED = 3,  /* by the kernel */
	SCHEDULER_EXIT_RESTARTS = 4, /* the kernel asked for too many restarts */
};

/* Assignments of notifications. */
#define NOTIFY_READY	"READY=1"
#define NOTIFY_WATCHDOG "WATCHDOG=1"
#define NOTIFY_STOPPING "STOPPING=1"
/* A sentence for people follows. */
#define NOTIFY_STATUS "STATUS="
/* ... but this one begins all those that say that the policy answers too late. */
#define NOTIFY_DEGRADED NOTIFY_STATUS "degraded"

/*
 * What errors about --policy begin with, and errors about the command line end with. Who configures the
 * service has never seen that command line, so rustlandd leaves both out.
 */
#define ERROR_POLICY_PREFIX "--policy: "
#define ERROR_HELP_SUFFIX   "; see scx_rustland --help"

/* The statistics socket where the sched_ext project's schedulers have it, and their tools look for it. */
#define STATS_SOCKET_PATH "/run/scx/root/stats"
/* That of the scheduler which rustlandd started, in the directory that belongs to the service. */
#define SERVICE_RUNTIME_DIR "/run/scx-rustland"
#define STATS_SERVICE_NAME  "stats"
#define STATS_SERVICE_PATH  SERVICE_RUNTIME_DIR "/" STATS_SERVICE_NAME

#endif /* RUSTLAND_COMMON_PROTOCOL_H */
