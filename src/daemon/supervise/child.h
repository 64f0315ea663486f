/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process scx_rustland: starting it, hearing what it notifies and what it prints, and its end.
 * What follows from any of that is decided in lifecycle.c.
 *
 * It dies with this program, in whatever way that ends: the kernel sends it SIGTERM then. It is only
 * believed to say what the kernel says came from its process.
 */
#ifndef RUSTLANDD_CHILD_H
#define RUSTLANDD_CHILD_H

#include <stdint.h>

#include <glib.h>

#include "daemon/boost/class-table.h"

struct child;

enum child_notice {
	CHILD_READY,	 /* it schedules */
	CHILD_HEARTBEAT, /* a sign of life */
	CHILD_LATE,	 /* its policy answers too late */
	CHILD_IN_TIME,	 /* it does not, or does so no more */
};

struct child_handler {
	void (*noticed)(enum child_notice notice, gpointer userdata);
	/* signal: that killed it, or 0. error: its last line about an error, or "". */
	void (*ended)(int signal, int status, const char *error, gpointer userdata);
	gboolean is_quiet; /* what it prints is not logged */
};

/*
 * program: a path. socket_path: where to listen for notifications, and nobody else may; the directory
 * is there and nobody else can write to it. NULL: it is not asked for any.
 */
struct child *child_new(const char *program, const char *socket_path, uint64_t watchdog_ms,
			const struct child_handler *handler, gpointer userdata, GError **error);
/* Kills it if it still runs. */
void child_free(struct child *child);

/*
 * arguments: without the program's name. class_fds: maps that it gets as fds 3 to 5, or -1. Its
 * end is always reported through the handler, a failure to start it only here.
 */
gboolean child_start(struct child *child, const char *const *arguments,
		     const int class_fds[CLASSES_FDS], GError **error);
void child_signal(struct child *child, int signal);

#endif /* RUSTLANDD_CHILD_H */
