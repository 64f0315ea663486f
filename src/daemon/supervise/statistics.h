/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler's numbers, from its statistics socket (the protocol of scx_stats, one line of JSON
 * each way).
 *
 * A connection is told what happened since its last question. This one is kept for as long as the
 * scheduler runs, and what it is told is added up: so that everybody who asks sees counters that
 * only grow, whoever else asks. It must never wait for the scheduler.
 */
#ifndef RUSTLANDD_STATISTICS_H
#define RUSTLANDD_STATISTICS_H

#include <gio/gio.h>

struct statistics;

struct statistics *statistics_new(const char *socket_path);
void statistics_free(struct statistics *statistics);

/* A scheduler has become ready: count from here. It has ended: forget it. */
void statistics_start(struct statistics *statistics);
void statistics_stop(struct statistics *statistics);

/* Fails with G_IO_ERROR_NOT_CONNECTED when none runs, G_IO_ERROR_TIMED_OUT when it is silent. */
void statistics_ask(struct statistics *statistics, GCancellable *cancel,
		    GAsyncReadyCallback callback, gpointer userdata);
/* a{st}, with a reference of the caller's own. */
GVariant *statistics_ask_finish(GAsyncResult *result, GError **error);

#endif /* RUSTLANDD_STATISTICS_H */
