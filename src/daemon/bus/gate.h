/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gate between the bus and GDBus.
 *
 * GDBus reads whatever comes, makes objects of all of it (a message of 30 MB becomes 780 MB), and
 * queues a piece of work for the main loop for each call: nothing there says "not so much". So the
 * socket of the bus is the gate's. It hands messages on through a socket pair, and answers calls that
 * are too large, too many or too often itself, with org.freedesktop.DBus.Error.LimitsExceeded. What
 * one user can make the process hold, open or do is therefore bounded by gate-ledger.h and by what is
 * below; main loop and heartbeats never see the rest.
 *
 * Three threads that sleep while nothing comes: one for each direction, and one for what the gate says
 * itself, see gate-backlog.h. Nothing that comes waits until the bus takes something. Messages of one
 * sender stay in order. One from a sender who is not known yet is held until the bus has said which user
 * that is; others go ahead of it. Signals to us obey the same limits, and are dropped beyond. Anything
 * that is not D-Bus, or an end of either side, is the end of both.
 *
 * It must never keep more of a message than GATE_MESSAGE_MAX, or wait for the main loop.
 */
#ifndef RUSTLANDD_GATE_H
#define RUSTLANDD_GATE_H

#include <sys/types.h>

#include <gio/gio.h>

/* Bytes of a message to us; no sensible call has a tenth of it. The rest is read and thrown away. */
#define GATE_MESSAGE_MAX (64 * 1024)
/* What is held of a sender whose user is not known yet. */
#define GATE_HELD_CALLS 32
#define GATE_HELD_BYTES (16 * 1024)
#define GATE_HELD_FDS	2

struct gate;

/*
 * Takes over bus_fd, the socket of a bus with which not a byte has been exchanged; -1: errno is why
 * there is none. *ret_fd is the
 * other end of the gate, for a client that authenticates itself; the caller's to close.
 */
struct gate *gate_new(int bus_fd, uid_t own_uid, int *ret_fd, GError **error);

/* What the client wrote before is still sent, if the bus takes it within 2 s; then both sides close. */
void gate_free(struct gate *gate);

/* Calls and bytes that are under way; any thread. */
void gate_count(struct gate *gate, unsigned int *ret_calls, size_t *ret_bytes);

#endif /* RUSTLANDD_GATE_H */
