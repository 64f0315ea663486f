/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registry of boosts.
 *
 * It turns them into classes (of all boosts on one target the highest counts), ends them when their
 * process exits (its pidfd says so) or their tree (see trees.h), their client vanishes or their
 * time is up, and keeps them in the store. It asks for no permission and knows no D-Bus:
 * bus-methods.c does, before it calls. All of it runs in one thread, the main loop's.
 */
#ifndef RUSTLANDD_BOOSTS_H
#define RUSTLANDD_BOOSTS_H

#include <stdint.h>
#include <sys/types.h>

#include <glib.h>

#include "daemon/boost/boost.h"
#include "daemon/boost/class-table.h"
#include "daemon/boost/store.h"

/* Foreground changes of one user are carried out at most that often. */
#define FOREGROUND_PERIOD_US (50 * 1000)

struct config;

/* Whoever wants to know; one of them. The boost is valid during the call. */
struct boosts_listener {
	void (*added)(gpointer userdata, const struct boost *boost);
	void (*removed)(gpointer userdata, const struct boost *boost, enum boost_end end);
};

struct boosts;

/*
 * Brings back what the store holds, without telling anybody: they were never gone. classes and store
 * stay the caller's and in use; store may be NULL: then boosts end with this process.
 */
struct boosts *boosts_new(struct classes *classes, struct store *store);
/* Leaves store and classes alone, so that the next start finds all boosts. */
void boosts_free(struct boosts *boosts);

/* Begin to watch processes and time. What ended before is told now. */
void boosts_start(struct boosts *boosts, const struct boosts_listener *listener, gpointer userdata);

/* No longer tell anybody, or watch. */
void boosts_stop(struct boosts *boosts);

/* Lower limits end no boost that is held. */
void boosts_set_limits(struct boosts *boosts, const struct config *config);

/*
 * Count a call; see quota.h. To be asked before anybody is troubled with the call's permission.
 */
gboolean boosts_take_change(struct boosts *boosts, uid_t uid, GError **error);

/*
 * Add a boost of which scope, process, cgroup, uid, for whose tasks it holds (of_user and uid of
 * the target), timeout_us and the strings are set; the rest gets filled in. Takes the boost over in
 * any case. Returns the cookie, or 0 with an error.
 */
uint32_t boosts_add(struct boosts *boosts, struct boost *boost, GError **error);

/*
 * Put a boost (or NULL: nothing) into a user's foreground slot; takes it over. Carried out now, or
 * when the period since the last change is over, unless another one comes before that.
 * order: calls of one user that were made earlier have a lower one, and are ignored when they come
 * later; see boosts_next_order().
 */
void boosts_set_foreground(struct boosts *boosts, uid_t uid, struct boost *boost, uint64_t order);
uint64_t boosts_next_order(struct boosts *boosts);

/* A boost is in force or not, see rights.h. It is held in any case, and ends as others do. */
void boosts_set_suspended(struct boosts *boosts, uint32_t cookie, gboolean is_suspended);

/* FALSE if there is no such boost. */
gboolean boosts_remove(struct boosts *boosts, uint32_t cookie, enum boost_end end);

/* End all that the service is asked for, because it is being stopped for good. */
void boosts_end_all(struct boosts *boosts, enum boost_end end);

void boosts_client_vanished(struct boosts *boosts, const char *client);

/* Whether this process has been seen to be forked in the boost's tree. */
gboolean boosts_is_member(const struct boosts *boosts, const struct boost *boost,
			  const struct rl_target *process);

const struct boost *boosts_find(const struct boosts *boosts, uint32_t cookie);
/* Of type const struct boost, the oldest first; borrowed, valid until the next change. */
const GPtrArray *boosts_all(const struct boosts *boosts);

/*
 * Do what is due at that time, and return when something will be (INT64_MAX: nothing). The registry's
 * own timer calls it; tests do with a time of their own.
 */
int64_t boosts_run(struct boosts *boosts, int64_t now_us);

#endif /* RUSTLANDD_BOOSTS_H */
