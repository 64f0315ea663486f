/* SPDX-License-Identifier: GPL-2.0-only */
/* See quota.h. */

#include <inttypes.h>
#include <unistd.h>

#include "dbus/errors.h"
#include "daemon/boost/quota.h"

#define USEC_PER_SEC (1000 * 1000)

struct quota {
	uint32_t max_boosts, max_changes;
	int64_t window_us;
	GHashTable *users; /* uid to GArray of int64_t: when this user's counted calls were made */
};

static void free_times(gpointer times)
{
	g_array_unref(times);
}

struct quota *quota_new(void)
{
	struct quota *quota = g_new0(struct quota, 1);

	quota->users = g_hash_table_new_full(NULL, NULL, NULL, free_times);
	return quota;
}

void quota_free(struct quota *quota)
{
	if (!quota)
		return;
	g_hash_table_unref(quota->users);
	g_free(quota);
}

void quota_set(struct quota *quota, uint32_t max_boosts, uint32_t max_changes, int64_t window_us)
{
	quota->max_boosts = max_boosts;
	quota->max_changes = max_changes;
	quota->window_us = window_us;
}

static void forget_before(GArray *times, int64_t limit)
{
	guint n = 0;

	while (n < times->len && g_array_index(times, int64_t, n) <= limit)
		n++;
	g_array_remove_range(times, 0, n);
}

static gboolean is_quiet(gpointer uid, gpointer times, gpointer limit)
{
	(void)uid;
	forget_before(times, *(const int64_t *)limit);
	return ((GArray *)times)->len == 0;
}

gboolean quota_take_change(struct quota *quota, uid_t uid, int64_t now_us, GError **error)
{
	int64_t limit = now_us - quota->window_us;
	GArray *times;

	g_hash_table_foreach_remove(quota->users, is_quiet, &limit);
	times = g_hash_table_lookup(quota->users, GUINT_TO_POINTER(uid));
	if ((times ? times->len : 0) >= quota->max_changes) {
		int64_t wait_us =
			times ? g_array_index(times, int64_t, times->len - quota->max_changes) -
					limit
			      : quota->window_us;

		g_set_error(error, RUSTLAND_ERROR, RUSTLAND_ERROR_RATE_LIMITED,
			    "More than %" PRIu32 " calls of user %u within %" PRId64
			    " s; the next is allowed in %" PRId64 " s",
			    quota->max_changes, uid, quota->window_us / USEC_PER_SEC,
			    (wait_us + USEC_PER_SEC - 1) / USEC_PER_SEC);
		return FALSE;
	}
	if (!times) {
		times = g_array_new(FALSE, FALSE, sizeof(int64_t));
		g_hash_table_insert(quota->users, GUINT_TO_POINTER(uid), times);
	}
	g_array_append_val(times, now_us);
	return TRUE;
}

gboolean quota_allows_boost(const struct quota *quota, uint32_t held, GError **error)
{
	if (held < quota->max_boosts)
		return TRUE;
	g_set_error(error, RUSTLAND_ERROR, RUSTLAND_ERROR_LIMIT_EXCEEDED,
		    "A user may hold %" PRIu32 " boosts, and that many are held; release one first",
		    quota->max_boosts);
	return FALSE;
}

gboolean quota_has_room(uid_t uid, uint32_t held_by_all, GError **error)
{
	uint32_t max = QUOTA_ALL_BOOSTS - (uid == 0 || uid == geteuid() ? 0 : QUOTA_KEPT_BOOSTS);

	if (held_by_all < max)
		return TRUE;
	g_set_error(error, RUSTLAND_ERROR, RUSTLAND_ERROR_LIMIT_EXCEEDED,
		    "All users together hold %" PRIu32
		    " boosts, which is as many as may be; try again "
		    "later",
		    held_by_all);
	return FALSE;
}
