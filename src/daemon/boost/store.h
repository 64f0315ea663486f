/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Boosts outlive rustlandd, also when it is killed: the pidfds lie in the service manager's
 * descriptor store under the name "boost-COOKIE" (see sd-notify.h), all else in a key file,
 * "boosts" in the run-time directory, which is replaced as a whole at every change.
 *
 * A descriptor that got lost (the store was full, or there is no manager) is replaced by pinning the
 * recorded number again, which counts only if the process's start time is the recorded one.
 */
#ifndef RUSTLANDD_STORE_H
#define RUSTLANDD_STORE_H

#include <glib.h>

struct boost;
struct store;

/*
 * dir must exist. Takes over the descriptors that the manager hands back, and finds the boosts of the
 * last run again. Fails when something cannot be read now that is there: whoever starts the service
 * once more may have more luck, and nothing is lost until then.
 */
struct store *store_new(const char *dir, GError **error);
/* Leaves all as it is, for the next start. */
void store_free(struct store *store);

/* Before store_save(): hand the boost's pidfd over, or forget it. */
void store_put_fd(struct store *store, const struct boost *boost);
void store_drop_fd(struct store *store, uint32_t cookie);

/*
 * Write all boosts (of type struct boost). A failure is logged, and tried again until it has gone: the
 * boosts hold without it.
 */
void store_save(struct store *store, const GPtrArray *boosts);

/*
 * The kernel's record of who belongs to boosted trees: given to the manager to keep, and what it has
 * kept (-1: nothing), which stays the store's.
 */
void store_put_members(struct store *store, int fd);
int store_members_fd(const struct store *store);

/*
 * The boosts as they were (of type struct boost), once. Those whose process or group is gone come
 * back with neither. Descriptors that belong to none are removed from the manager's store.
 */
GPtrArray *store_load(struct store *store);

#endif /* RUSTLANDD_STORE_H */
