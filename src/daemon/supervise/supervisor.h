/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs scx_rustland and knows what the kernel runs: brings together the kernel's word (kernel-watch.h),
 * the process (child.h), its statistics (statistics.h) and the decisions (lifecycle.h). It makes no
 * decisions of its own.
 */
#ifndef RUSTLANDD_SUPERVISOR_H
#define RUSTLANDD_SUPERVISOR_H

#include <stdbool.h>

#include <gio/gio.h>

#include "daemon/boost/class-table.h"
#include "daemon/conf.h"
#include "daemon/supervise/kernel-watch.h"

struct supervisor;

struct supervisor_options {
	const char *scheduler;	    /* the program's path */
	const char *runtime_dir;    /* only we can write there */
	const char *stats_path;	    /* where the scheduler is to have its statistics socket */
	int class_fds[CLASSES_FDS]; /* maps for it, borrowed; or -1 each */
};

/* Strings are owned by the supervisor and valid until the next change. None is NULL. */
struct supervisor_status {
	const char *state;	 /* starting active degraded inhibited disabled failed */
	const char *exit_reason; /* why it does not run or why it ended last; "" if neither */
	const char *scheduler;	 /* what the kernel runs: root/ops, "" if nothing */
	const char *policy;	 /* the one that was last asked for */
	bool settled;		 /* nothing is being started or stopped */
	bool proven;		 /* the scheduler has run well with its configuration */
	bool trying;		 /* whether it does so will be known soon */
	/* Counts how often a configuration was given up, and the one before it is in force again. */
	unsigned int reverts;
};

/*
 * kernel stays the caller's. changed is called from the main loop whenever the status has changed.
 * Nothing is started before supervisor_start().
 */
struct supervisor *supervisor_new(struct kernel *kernel, const struct supervisor_options *options,
				  const struct config *config, void (*changed)(gpointer userdata),
				  gpointer userdata, GError **error);
void supervisor_free(struct supervisor *supervisor);

void supervisor_start(struct supervisor *supervisor);
/* changed is called when it has ended. */
void supervisor_stop(struct supervisor *supervisor);
bool supervisor_stopped(const struct supervisor *supervisor);

/*
 * A new configuration. The scheduler is only started anew if its arguments are not what they were.
 * fallback: what is in force again if the scheduler does not do well with it, which status.reverts
 * then tells and exit_reason explains; or NULL. Before supervisor_start(), that is so for the first
 * start as well.
 */
void supervisor_configure(struct supervisor *supervisor, const struct config *config,
			  const struct config *fallback);
/* If it gave up: try again. */
void supervisor_retry(struct supervisor *supervisor);

const struct supervisor_status *supervisor_status(const struct supervisor *supervisor);

/* False when the scheduler hangs in a way that nothing here can end. */
bool supervisor_healthy(const struct supervisor *supervisor);

/* The scheduler's counters since it became ready, and its gauges; see statistics.h for the errors. */
void supervisor_statistics(struct supervisor *supervisor, GCancellable *cancel,
			   GAsyncReadyCallback callback, gpointer userdata);
/* a{st}, with a reference of the caller's own. */
GVariant *supervisor_statistics_finish(struct supervisor *supervisor, GAsyncResult *result,
				       GError **error);

#endif /* RUSTLANDD_SUPERVISOR_H */
