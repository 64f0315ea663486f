/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much one user may ask for: so many boosts at a time, and so many calls within a window that
 * slides. It knows no clock; time is given to it, in microseconds of any one clock.
 */
#ifndef RUSTLANDD_QUOTA_H
#define RUSTLANDD_QUOTA_H

#include <stdint.h>
#include <sys/types.h>

#include <glib.h>

/*
 * Boosts of all users together. systemd keeps a descriptor for each, and one more for the record of
 * trees (FileDescriptorStoreMax= of the unit). The last ones are for root, and for what the service
 * does itself.
 */
#define QUOTA_ALL_BOOSTS  1024
#define QUOTA_KEPT_BOOSTS 64

struct quota;

struct quota *quota_new(void);
void quota_free(struct quota *quota);

/* max_changes within window_us; what was counted so far stays. */
void quota_set(struct quota *quota, uint32_t max_boosts, uint32_t max_changes, int64_t window_us);

/*
 * Count a call by this user; RUSTLAND_ERROR_RATE_LIMITED when there were too many, and then it is
 * not counted, so that whoever waits gets through.
 */
gboolean quota_take_change(struct quota *quota, uid_t uid, int64_t now_us, GError **error);

/* Whether a user who holds that many may have one more; RUSTLAND_ERROR_LIMIT_EXCEEDED if not. */
gboolean quota_allows_boost(const struct quota *quota, uint32_t held, GError **error);

/* Whether there may be one more where all users hold that many; RUSTLAND_ERROR_LIMIT_EXCEEDED if not. */
gboolean quota_has_room(uid_t uid, uint32_t held_by_all, GError **error);

#endif /* RUSTLANDD_QUOTA_H */
