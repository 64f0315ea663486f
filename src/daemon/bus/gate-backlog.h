/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the gate itself has to say to the bus, until the bus takes it: questions who somebody is, and
 * refusals. A bus in a storm reads little from each connection in a turn, from ours as from any other.
 * Refusals must not fill that little, for the answers of the service come the same way: they wait here,
 * and users take turns, so that nobody's refusals wait for those of a user who causes many.
 *
 * A refusal that has no place any more is dropped. Its sender made a thousand calls without reading an
 * answer; one of them now never gets any, and the bus counts that call against its sender.
 *
 * It knows no lock; that is the caller's.
 */
#ifndef RUSTLANDD_GATE_BACKLOG_H
#define RUSTLANDD_GATE_BACKLOG_H

#include <stdbool.h>
#include <sys/types.h>

#include <glib.h>

/* Refusals that wait: of a user, and of all. One takes about 400 bytes. */
#define BACKLOG_USER 1024
#define BACKLOG_ALL  8192
/* For refusals of senders whose user is not known yet. */
#define BACKLOG_STRANGERS ((uid_t) - 1)

struct backlog;

struct backlog *backlog_new(void);
void backlog_free(struct backlog *backlog);

/* Both take the message over. A question is never dropped: each connection causes one at a time. */
void backlog_add_question(struct backlog *backlog, GBytes *message);
void backlog_add_refusal(struct backlog *backlog, uid_t uid, GBytes *message);

bool backlog_is_empty(const struct backlog *backlog);
bool backlog_has_question(const struct backlog *backlog);

/* The caller's to unref; questions first. NULL: there is nothing. */
GBytes *backlog_take(struct backlog *backlog);

#endif /* RUSTLANDD_GATE_BACKLOG_H */
