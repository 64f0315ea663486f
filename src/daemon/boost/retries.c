/* SPDX-License-Identifier: GPL-2.0-only */
/* See retries.h. */

#include "daemon/boost/retries.h"

gboolean same_target(const struct rl_target *a, const struct rl_target *b)
{
	return a->scope == b->scope && a->tgid == b->tgid && a->start_ticks == b->start_ticks &&
	       a->cgroup_id == b->cgroup_id;
}

void retries_init(struct retries *retries)
{
	retries->targets = g_array_new(FALSE, FALSE, sizeof(struct rl_target));
	retries->due_us = INT64_MAX;
}

void retries_clear(struct retries *retries)
{
	g_array_unref(retries->targets);
}

gboolean retries_add(struct retries *retries, const struct rl_target *target, int64_t now_us)
{
	for (guint i = 0; i < retries->targets->len; i++)
		if (same_target(&g_array_index(retries->targets, struct rl_target, i), target))
			return FALSE;
	g_array_append_val(retries->targets, *target);
	if (retries->due_us == INT64_MAX)
		retries->due_us = now_us + RETRIES_PERIOD_US;
	return TRUE;
}

GArray *retries_take(struct retries *retries, int64_t now_us)
{
	GArray *due = retries->targets;

	if (now_us < retries->due_us)
		return NULL;
	retries_init(retries);
	return due;
}
