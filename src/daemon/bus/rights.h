/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A user's boost holds for as long as polkit would allow it. It was allowed to a caller in the
 * session in front; when another user comes to the front at the seat, or a session ends, polkit is
 * asked again, about the process that is boosted: it judges by the session in which that is, or for
 * what the user's own systemd, or no login, has started by the one that is the user's display. What
 * polkit does not allow is suspended, and is in force again when it does. Where polkit cannot be
 * asked, its last answer stands.
 *
 * Boosts of root and of who may boost others depend on nothing that could change.
 *
 * Asked again is when logind's files say that sessions are others, and when polkit has other rules or was
 * started again. One question is under way at a time, so that other calls always find room to ask theirs.
 */
#ifndef RUSTLANDD_RIGHTS_H
#define RUSTLANDD_RIGHTS_H

#include <gio/gio.h>

#include "daemon/boost/boosts.h"

struct rights;

/* These stay the caller's and in use. */
struct rights *rights_new(GDBusConnection *connection, struct boosts *boosts);
void rights_free(struct rights *rights);

/* For boost->allowed_at, before polkit is asked whether the boost is allowed. */
uint64_t rights_now(const struct rights *rights);

/* A boost was added: something may have changed since it was allowed. */
void rights_added(struct rights *rights, const struct boost *boost);

#endif /* RUSTLANDD_RIGHTS_H */
