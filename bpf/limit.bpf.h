/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is left of a group's cpu.max? The kernel's own limits hold for its own scheduler only, so they are kept here:
 * a quota of CPU time in each period, what was not used of it up to a burst, at each level of the tree. The
 * numbers are read from the task group, as kernels before 6.17 tell nobody when they change.
 *
 * A task is charged when it stops. What a group has used beyond its quota is a debt that the next periods pay, so on
 * average a limit is never exceeded, and slices that get shorter as the quota ends keep each period near it.
 *
 * This file must never touch a queue, and must cost one comparison where no group has a limit.
 */
#ifndef RUSTLAND_LIMIT_BPF_H
#define RUSTLAND_LIMIT_BPF_H

#include "group.bpf.h"

/* Nobody is held back for longer at a time: after 5 s without a CPU the kernel ends the scheduler. */
#define THROTTLED_MAX_NS (1000ULL * 1000 * 1000)

/* A group that has not run for so many periods has its whole burst. */
#define PERIODS_MAX 1024

static __always_inline bool somebody_is_limited(void)
{
	return nr_limited;
}

/* New periods have begun since this was last asked. */
static __always_inline void refill(struct group *group, u64 now)
{
	u64 ends_ns, periods;

	if (before(now, group->period_ends_ns))
		return;
	bpf_spin_lock(&group->lock);
	ends_ns = group->period_ends_ns;
	if (group->period_ns && !before(now, ends_ns)) {
		periods = (now - ends_ns) / group->period_ns + 1;
		group->period_ends_ns = ends_ns + periods * group->period_ns;
		if (periods > PERIODS_MAX)
			periods = PERIODS_MAX;
		group->left_ns += periods * group->quota_ns;
		if (group->left_ns > (s64)(group->quota_ns + group->burst_ns))
			group->left_ns = group->quota_ns + group->burst_ns;
	}
	bpf_spin_unlock(&group->lock);
}

/* A task of this group has run for so long. */
__noinline int charge_limits(u32 number, u64 ran_ns, u64 now)
{
	u32 level;

	bpf_for (level, 0, GROUP_LEVELS) {
		struct group *group = number ? bpf_map_lookup_elem(&groups, &number) : NULL;

		if (!group)
			break;
		number = group->parent;
		if (!group->quota_ns)
			continue;
		refill(group, now);
		__sync_fetch_and_add(&group->left_ns, -(s64)ran_ns);
	}
	return 0;
}

/*
 * When tasks of this group may run again; 0: now. debt_ns: what they may owe and run all the same.
 */
__noinline u64 throttled_until(u32 number, u64 debt_ns, u64 now)
{
	u64 until = 0;
	u32 level;

	bpf_for (level, 0, GROUP_LEVELS) {
		struct group *group = number ? bpf_map_lookup_elem(&groups, &number) : NULL;
		u64 quota_ns, at;
		s64 left_ns;

		if (!group)
			break;
		number = group->parent;
		quota_ns = group->quota_ns;
		if (!quota_ns)
			continue;
		refill(group, now);
		left_ns = group->left_ns;
		if (left_ns + (s64)debt_ns > 0)
			continue;
		left_ns = -left_ns;
		at = group->period_ends_ns + (u64)left_ns / quota_ns * group->period_ns;
		if (before(until, at) || !until)
			until = at;
	}
	if (until && before(now + THROTTLED_MAX_NS, until))
		until = now + THROTTLED_MAX_NS;
	return until;
}

/*
 * How long a task of this group may run at a time, up to slice_ns; no less than a shortest slice. 0: the limit is used
 * up, also by debt_ns.
 */
__noinline u64 limited_slice(u32 number, u64 slice_ns, u64 debt_ns, u64 now)
{
	u32 level;

	bpf_for (level, 0, GROUP_LEVELS) {
		struct group *group = number ? bpf_map_lookup_elem(&groups, &number) : NULL;
		u32 nr_running;
		s64 left_ns;

		if (!group)
			break;
		number = group->parent;
		if (!group->quota_ns)
			continue;
		refill(group, now);
		left_ns = group->left_ns;
		if (left_ns + (s64)debt_ns <= 0)
			return 0;
		/* So many of them may run at the same time. */
		nr_running = group->nr < nr_online ? group->nr ?: 1 : nr_online;
		left_ns = left_ns > 0 ? (u64)left_ns / nr_running : 0;
		if ((u64)left_ns < slice_ns)
			slice_ns = left_ns;
	}
	return slice_ns < opt_slice_min_ns ? opt_slice_min_ns : slice_ns;
}

/*
 * A task that wakes up may hold a lock of the kernel, for which others wait: the kernel's own scheduler throttles it only
 * when it returns to user space (7.x). So it runs for a moment, as long as its group owes little.
 */
static __always_inline u64 debt_of(const struct task_ctx *tctx)
{
	return tctx->may_owe ? opt_slice_min_ns * nr_online : 0;
}

static __always_inline u64 task_throttled_until(const struct task_ctx *tctx, u64 now)
{
	return somebody_is_limited() ? throttled_until(tctx->group, debt_of(tctx), now) : 0;
}

#endif /* RUSTLAND_LIMIT_BPF_H */
