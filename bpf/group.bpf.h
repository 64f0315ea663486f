/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What does a task weigh among all that want to run? The kernel shares by hierarchy: siblings by weight, where a
 * control group (or an autogroup) is one sibling whatever is in it. Here the whole tree becomes one number for each
 * task, its flattened weight, in the unit of the kernel's own weights: WEIGHT_NICE_0 is a task of nice 0 in no group.
 *
 *   load of a group     the weights of what is runnable in it: tasks, and groups with runnable tasks
 *   worth of a group    its shares (cpu.weight), once for each task that is runnable in it or below, but no more often
 *                       than there are CPUs. It is the group's part of the load one level up. The kernel has this
 *                       factor as well: a group competes with its shares on each CPU that it uses.
 *   flattened weight    the task's own weight, times worth / load of each group on the way up
 *
 * A group is known by the address of its task_group, and has a number for as long as a task that this scheduler knows
 * is in it. Nobody says when a cpu.weight or a cpu.max changes: both are read now and then, where a task of the group
 * begins or ceases to be runnable, or stops.
 *
 * This file must never say who runs next, and must never follow a pointer of the kernel's but for reading.
 */
#ifndef RUSTLAND_GROUP_BPF_H
#define RUSTLAND_GROUP_BPF_H

#include "state.bpf.h"
#include "weight.h"

/* Groups further down count as the group at this depth. */
#define GROUP_LEVELS 10

/* So many places are tried for a new group; the last of some thousand may so be refused. */
#define GROUP_TRIES 64

/* A group with many tasks on many CPUs weighs no more: products of two weights have to fit into 64 bits. */
#define WORTH_MAX 0xffffffffULL

/* So old what is known of a group may be. */
#define LOOKED_AT_NS (50ULL * 1000 * 1000)

struct group {
	struct bpf_spin_lock lock;
	u32 members; /* tasks whose group it is, and groups below; 0 and no address: nobody has the number */
	u64 address; /* of the kernel's task_group */
	u32 parent;  /* 0: the root */
	u32 nr;	     /* runnable tasks in it and below */
	u64 load, worth;
	u64 looked_at_ns;
	u64 shares;
	/* The limit, see limit.bpf.h. */
	u64 quota_ns, period_ns, burst_ns; /* no quota: no limit */
	u64 period_ends_ns;
	s64 left_ns; /* of the quota; negative: owed to the next periods */
};

/* By number; 0 is the root, which has its sums elsewhere. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RL_GROUPS_MAX);
	__type(key, u32);
	__type(value, struct group);
} groups SEC(".maps");

/* Address to number. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RL_GROUPS_MAX);
	__type(key, u64);
	__type(value, u32);
} group_numbers SEC(".maps");

/* What is runnable in all: weights in the unit of the root, and tasks. */
static struct {
	u64 load, nr;
} everybody __attribute__((aligned(RL_CACHE_LINE)));

static u32 last_group; /* where the last new one was put */

static __always_inline const struct task_group *group_at(u64 address)
{
	return bpf_rdonly_cast((void *)address, bpf_core_type_id_kernel(struct task_group));
}

static __always_inline bool have_groups(void)
{
	return bpf_core_field_exists(struct task_struct, sched_task_group) &&
	       bpf_core_field_exists(struct task_group, shares);
}

/* Addresses are numbers here: a pointer that the verifier knows as such could not be kept and compared. */
static __always_inline u64 group_address(const struct task_struct *p)
{
	u64 address = 0;

	if (have_groups())
		bpf_probe_read_kernel(&address, sizeof(address), &untrusted(p)->sched_task_group);
	return address;
}

/* 0: it is the root, or gone. */
static __always_inline u64 parent_address(u64 address)
{
	u64 parent = 0;

	bpf_probe_read_kernel(&parent, sizeof(parent), &group_at(address)->parent);
	return parent;
}

/* ---- Numbers -------------------------------------------------------------------------------- */

/* The group's number, and one more member of it; 0: it has none, or is about to lose it. */
static __always_inline u32 take_known_group(u64 address, u32 parent)
{
	u32 *number = bpf_map_lookup_elem(&group_numbers, &address);
	struct group *group = number ? bpf_map_lookup_elem(&groups, number) : NULL;
	bool taken;

	if (!group)
		return 0;
	bpf_spin_lock(&group->lock);
	/* A new group may have the address of one that a sleeping task still counts as its own. */
	taken = group->members && group->address == address && group->parent == parent;
	group->members += taken;
	bpf_spin_unlock(&group->lock);
	return taken ? *number : 0;
}

/* Likewise, for a group that has no number; parent gets one more member. */
static __always_inline u32 take_new_group(u64 address, u32 parent)
{
	struct group *group = NULL;
	u32 number = 0, start = __sync_fetch_and_add(&last_group, 1), i;
	bool taken = false;

	bpf_for (i, 0, GROUP_TRIES) {
		number = 1 + (start + i) % (RL_GROUPS_MAX - 1);
		group = bpf_map_lookup_elem(&groups, &number);
		if (!group)
			return 0;
		bpf_spin_lock(&group->lock);
		taken = !group->members && !group->address;
		if (taken) {
			group->members = 1;
			group->address = address;
			group->parent = parent;
			group->nr = 0;
			group->load = group->worth = 0;
			group->looked_at_ns = 0;
			group->quota_ns = 0;
		}
		bpf_spin_unlock(&group->lock);
		if (taken)
			break;
	}
	if (!taken || !group) {
		count(nr_groups_refused);
		return 0;
	}
	if (bpf_map_update_elem(&group_numbers, &address, &number, BPF_NOEXIST)) {
		/*
		 * Another CPU was faster, or has not yet finished with an earlier one of that address. Until it moves
		 * the task counts as one of the parent.
		 */
		group->members = 0;
		group->address = 0;
		return 0;
	}
	return number;
}

/* One member less. A group without members loses its number, and its parent a member. */
__noinline int drop_group(u32 number)
{
	u32 level;

	bpf_for (level, 0, GROUP_LEVELS + 1) {
		struct group *group = number ? bpf_map_lookup_elem(&groups, &number) : NULL;
		bool is_last, is_limited;
		u64 address;

		if (!group)
			break;
		bpf_spin_lock(&group->lock);
		is_last = !--group->members;
		address = group->address;
		number = group->parent;
		is_limited = group->quota_ns;
		bpf_spin_unlock(&group->lock);
		if (!is_last)
			break;
		if (is_limited)
			__sync_fetch_and_add(&nr_limited, -1);
		/* In this order: nobody else can have the number, or the address, before both are free. */
		bpf_map_delete_elem(&group_numbers, &address);
		group->address = 0;
	}
	return 0;
}

/* How many groups there are from this one up to the root, which is not counted. */
static __always_inline u32 depth_of(u64 address)
{
	u32 depth = 0, i;

	bpf_for (i, 0, 64) {
		u64 parent = parent_address(address);

		if (!parent)
			break;
		depth++;
		address = parent;
	}
	return depth;
}

/*
 * The number of the group at this address, with one more member; from the root down, as each has to know its parent.
 * Where one cannot have a number the number of that one's parent.
 */
__noinline u32 take_group(u64 address)
{
	u32 depth = depth_of(address), number = 0, level, up;

	bpf_for (level, 0, GROUP_LEVELS) {
		u32 parent = number;
		u64 at = address;

		if (level >= depth)
			break;
		bpf_for (up, level + 1, depth)
			at = parent_address(at);
		number = take_known_group(at, parent);
		if (number) {
			/* The group itself is a member of its parent. */
			drop_group(parent);
			continue;
		}
		number = take_new_group(at, parent);
		if (!number)
			return parent;
	}
	return number;
}

/* ---- What is runnable ----------------------------------------------------------------------- */

/* Read what the administrator has said of the group. A limit that is new begins with a whole quota. */
static __always_inline void look_at(struct group *group, u64 now)
{
	const struct task_group *tg = group_at(group->address);
	u64 quota_ns = 0, period_ns = 0, burst_ns = 0, was_ns = group->quota_ns;

	group->looked_at_ns = now;
	group->shares = tg->shares;
	if (!bpf_core_field_exists(struct task_group, cfs_bandwidth))
		return;
	quota_ns = tg->cfs_bandwidth.quota;
	period_ns = tg->cfs_bandwidth.period;
	burst_ns = tg->cfs_bandwidth.burst;
	if (quota_ns == RUNTIME_INF || !period_ns || (s64)quota_ns <= 0)
		quota_ns = 0;
	if (quota_ns == was_ns && period_ns == group->period_ns && burst_ns == group->burst_ns)
		return;
	bpf_spin_lock(&group->lock);
	was_ns = group->quota_ns;
	group->quota_ns = quota_ns;
	group->period_ns = period_ns;
	group->burst_ns = burst_ns;
	if (quota_ns && (!was_ns || group->left_ns > (s64)quota_ns)) {
		group->left_ns = quota_ns;
		group->period_ends_ns = now + period_ns;
	}
	bpf_spin_unlock(&group->lock);
	if (!was_ns && quota_ns)
		__sync_fetch_and_add(&nr_limited, 1);
	else if (was_ns && !quota_ns)
		__sync_fetch_and_add(&nr_limited, -1);
}

/* So much more is runnable in this group: weight, which may be negative or 0, and tasks. */
__noinline int add_to_groups(u32 number, s64 load, s32 nr)
{
	u32 nr_cpus = nr_online, level;
	u64 now = now_ns();

	bpf_for (level, 0, GROUP_LEVELS) {
		struct group *group = number ? bpf_map_lookup_elem(&groups, &number) : NULL;
		u64 shares, worth;
		s64 more;

		if (!group)
			break;
		if (before(group->looked_at_ns + LOOKED_AT_NS, now))
			look_at(group, now);
		shares = group->shares;
		bpf_spin_lock(&group->lock);
		group->load += load;
		group->nr += nr;
		worth = shares * (group->nr < nr_cpus ? group->nr : nr_cpus);
		if (worth > WORTH_MAX)
			worth = WORTH_MAX;
		more = worth - group->worth;
		group->worth = worth;
		number = group->parent;
		bpf_spin_unlock(&group->lock);
		load = more;
	}
	__sync_fetch_and_add(&everybody.load, load);
	__sync_fetch_and_add(&everybody.nr, (s64)nr);
	return 0;
}

static __always_inline u32 own_weight(const struct task_struct *p)
{
	u32 index = p->static_prio - (DEFAULT_PRIO + NICE_MIN);

	if (p->policy == SCHED_IDLE)
		return WEIGHT_IDLE;
	barrier_var(index); /* or the compiler bounds one copy and indexes with another */
	return index < NICE_VALUES ? nice_to_weight[index] << WEIGHT_SHIFT : WEIGHT_NICE_0;
}

/* p is runnable from now on, in the group where it is now. Looked up only where that has changed. */
static __always_inline void join_group(const struct task_struct *p, struct task_ctx *tctx)
{
	u64 address = group_address(p);
	u32 before_that = tctx->group;

	if (tctx->group_address != address) {
		tctx->group = take_group(address);
		tctx->group_address = address;
		drop_group(before_that);
	}
	tctx->own_weight = own_weight(p);
	add_to_groups(tctx->group, tctx->own_weight, 1);
}

/* p is not runnable any more; it stays a member. */
static __always_inline void leave_group(struct task_ctx *tctx)
{
	if (!tctx->own_weight)
		return;
	add_to_groups(tctx->group, -(s64)tctx->own_weight, -1);
	tctx->own_weight = 0;
}

/* p is gone, or another scheduling class has it. */
static __always_inline void forget_group(struct task_ctx *tctx)
{
	leave_group(tctx);
	drop_group(tctx->group);
	tctx->group = 0;
	tctx->group_address = 0;
}

/* Somebody may have changed what the group weighs, and its tasks need not have slept since. */
static __always_inline void look_at_shares(const struct task_ctx *tctx, u64 now)
{
	u32 number = tctx->group;
	struct group *group = number ? bpf_map_lookup_elem(&groups, &number) : NULL;

	if (group && before(group->looked_at_ns + LOOKED_AT_NS, now))
		add_to_groups(number, 0, 0);
}

/* ---- What that is worth ---------------------------------------------------------------------- */

/* The flattened weight; at least 1. Of a task that is not runnable, as if it had no group. */
__noinline u32 flattened(u32 number, u32 own)
{
	u64 weight = own;
	u32 level;

	bpf_for (level, 0, GROUP_LEVELS) {
		struct group *group = number ? bpf_map_lookup_elem(&groups, &number) : NULL;
		u64 load, worth;

		if (!group)
			break;
		load = group->load;
		worth = group->worth;
		number = group->parent;
		/* Other CPUs add and take away meanwhile: no task weighs more than all. */
		weight = weight < load ? weight * worth / load : worth;
	}
	return weight ?: 1;
}

static __always_inline u32 weight_of(const struct task_ctx *tctx)
{
	return flattened(tctx->group, tctx->own_weight ?: WEIGHT_NICE_0);
}

/* The sum over all that is runnable, of which one with this weight is a part. */
static __always_inline u64 weight_of_all(u32 weight)
{
	u64 all = everybody.load;

	return (s64)all > (s64)weight ? all : weight;
}

#endif /* RUSTLAND_GROUP_BPF_H */
