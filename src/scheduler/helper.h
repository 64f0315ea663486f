/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The helper thread: everything that is not scheduling. All signals, the statistics socket,
 * --stats, and what systemd is told.
 *
 * It shares with the scheduler thread one atomic word each way and the functions of librustland
 * that may be called from every thread; no lock, so that neither can ever wait for the other. After
 * helper_start() has returned it never allocates: all its buffers are in struct helper, and its
 * stack is small, because all of it gets locked in memory. Nothing in it may wait for anybody but
 * poll().
 */
#ifndef SCX_RUSTLAND_HELPER_H
#define SCX_RUSTLAND_HELPER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rustland.h>

#include "scheduler/messages.h"
#include "scheduler/notify.h"
#include "scheduler/options.h"
#include "scheduler/output.h"
#include "scheduler/stats-server.h"

enum helper_phase {
	HELPER_LOADING,	   /* the scheduler is not attached yet: signals only */
	HELPER_SCHEDULING, /* attached; ready as soon as the kernel says so */
	HELPER_STOPPING,   /* detached: end */
	HELPER_RESTARTING, /* likewise, but the program goes on */
};

/* Big: meant to be static. Everything below is the helper's own, but for the atomics. */
struct helper {
	struct rl *rl;
	const struct options *options;
	const char *policy_name, *socket_path;
	pthread_t thread;

	_Atomic int phase;	     /* set by the scheduler thread */
	_Atomic bool stop_requested; /* set by the helper: a signal came */
	_Atomic bool failed;	     /* set by the helper: the kernel never said "enabled" */
	int wake_fd;		     /* tells the helper that the phase has changed */
	int signal_fd;
	bool ignore_hangup; /* started by nohup */

	bool degraded;
	uint64_t ready_due_ns, ready_last_ns; /* look at the kernel's state; give up */
	uint64_t stats_due_ns, stats_period_ns;
	uint64_t notify_due_ns, notify_period_ns;
	uint64_t round_ns; /* when the scheduler thread was last seen to have come round */
	struct rl_stats stats_prev, notify_prev;
	struct notify notify;
	struct output out, err;
	struct stats_server server;
	char text[STATS_TEXT_MAX > LOG_LINE_MAX ? STATS_TEXT_MAX : LOG_LINE_MAX];
};

/* Signals that only signalfd sees from here on. To be called before any thread is started. */
void helper_block_signals(void);

/* Start the thread, before rl_attach(). All pointers stay in use. Failures have been logged. */
int helper_start(struct helper *h, struct rl *rl, const struct options *options,
		 const char *policy_name, const char *socket_path);

/* The scheduler is attached. Called by the scheduler thread; one write() that cannot wait. */
void helper_attached(struct helper *h);

/* A signal asked for the end; rl_stop() has been called. */
bool helper_stop_requested(const struct helper *h);

/* The kernel never confirmed that it uses the scheduler; logged. */
bool helper_failed(const struct helper *h);

/* End the thread and wait for it, after rl_detach(). */
void helper_stop(struct helper *h, bool restarting);

#endif /* SCX_RUSTLAND_HELPER_H */
