/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The class of a task: what user space has said about its process, about a process that it descends
 * from, or about its cgroup. Looked up once, remembered with the task, and looked up again when the
 * table has changed, so that threads which run already notice at their next scheduling decision.
 *
 * This file must never decide what a class is worth; that is the policy's.
 */
#ifndef RUSTLAND_CLASS_BPF_H
#define RUSTLAND_CLASS_BPF_H

#include "state.bpf.h"

/*
 * How far up the tree of processes, and of cgroups, is searched. A game under a launcher in a
 * container has about ten processes above it; a process that is deeper still is found through its
 * parents, because fork inherits.
 */
#define CLASS_DEPTH 32

/* The clock of /proc/PID/stat, in which user space names the time a process was started. */
#define NSEC_PER_TICK (1000ULL * 1000 * 1000 / 100)

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RL_CLASSES_MAX);
	__type(key, struct rl_class_key);
	__type(value, struct rl_class_entry);
} classes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct rl_classes_state);
} classes_state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, RL_MEMBERS_MAX);
	__type(key, u32);
	__type(value, struct rl_member);
} members SEC(".maps");

static __always_inline u64 start_ticks(const struct task_struct *leader)
{
	return leader->start_boottime / NSEC_PER_TICK;
}

static __always_inline u64 process_id(const struct task_struct *leader)
{
	return rl_process_id(leader->tgid, start_ticks(leader));
}

/*
 * The users that p acts as, the real and the effective one. A class is given for what one user runs: a
 * program that is set-uid, or that sudo starts, acts for somebody else.
 */
static __always_inline u64 uids_of(const struct task_struct *p)
{
	const struct cred *cred = untrusted(p)->real_cred;

	return (u64)cred->euid.val << 32 | cred->uid.val;
}

static __always_inline u64 uids_of_user(u32 uid)
{
	return (u64)uid << 32 | uid;
}

/*
 * A class and the user who asked for it, as one number. The higher of two is the one with the higher
 * class, and of two equal ones the first.
 */
static __always_inline u64 given(u64 what, u32 owner)
{
	return what << 32 | owner;
}

#define GIVEN_NOTHING given(RL_CLASS_NORMAL, RL_ANY_UID)

static __always_inline u64 higher(u64 a, u64 b)
{
	return b >> 32 > a >> 32 ? b : a;
}

/* What was said about a target and holds for somebody with these ids; NULL: nothing was said. */
static __always_inline struct rl_class_entry *find_entry(u32 scope, u64 id, u64 ticks)
{
	struct rl_class_key key = {.scope = scope, .id = id};
	struct rl_class_entry *entry = bpf_map_lookup_elem(&classes, &key);

	/* A process id may have been used again since the entry was made. */
	return entry && (!entry->start_ticks || (u32)entry->start_ticks == (u32)ticks) ? entry
										       : NULL;
}

static __always_inline u64 given_by(const struct rl_class_entry *entry, u64 uids)
{
	if (!entry || (entry->uid != RL_ANY_UID && uids_of_user(entry->uid) != uids))
		return GIVEN_NOTHING;
	return given(entry->class, entry->owner);
}

/* Written out: a loop that the compiler left as one would multiply what the verifier goes through. */
_Static_assert(RL_TREES_MAX == 4, "add_tree() and has_tree() name each one");

/* The outermost stay where there is no room: what is boosted inside a tree does not push that out. */
static __always_inline void add_tree(u64 trees[RL_TREES_MAX], u64 id)
{
	trees[3] = trees[2];
	trees[2] = trees[1];
	trees[1] = trees[0];
	trees[0] = id;
}

static __always_inline bool has_tree(const u64 trees[RL_TREES_MAX], u64 id)
{
	return (trees[0] == id) | (trees[1] == id) | (trees[2] == id) | (trees[3] == id);
}

static __always_inline void copy_trees(u64 trees[RL_TREES_MAX], const u64 from[RL_TREES_MAX])
{
	__builtin_memcpy(trees, from, RL_TREES_MAX * sizeof(*trees));
}

static __always_inline struct rl_member *find_member(const struct task_struct *leader)
{
	u32 tgid = leader->tgid;
	struct rl_member *member = bpf_map_lookup_elem(&members, &tgid);

	return member && member->id == process_id(leader) ? member : NULL;
}

/*
 * The trees that p's process belongs to: those of its ancestors, and those that were found before or
 * inherited at fork, for a process whose parents have exited hangs on init. These hold for as long as
 * something is said about them.
 */
static __always_inline u64 given_to_trees(const struct task_struct *p, struct task_ctx *tctx,
					  u64 uids)
{
	const struct task_struct *leader = untrusted(p)->group_leader;
	struct rl_member *member = find_member(leader);
	u64 found[RL_TREES_MAX] = {}, highest = GIVEN_NOTHING, id;
	struct rl_class_entry *entry;
	s32 i;

	if (member)
		copy_trees(tctx->trees, member->trees);
	bpf_for (i, 0, CLASS_DEPTH) {
		if (leader->tgid <= 1)
			break;
		entry = find_entry(RL_SCOPE_TREE, leader->tgid, start_ticks(leader));
		if (entry) {
			highest = higher(highest, given_by(entry, uids));
			add_tree(found, process_id(leader));
		}
		leader = leader->real_parent->group_leader;
	}
	bpf_for (i, 0, RL_TREES_MAX) {
		id = tctx->trees[i & (RL_TREES_MAX - 1)];
		entry = id && !has_tree(found, id) ? find_entry(RL_SCOPE_TREE, (u32)id, id >> 32)
						   : NULL;
		if (entry) {
			highest = higher(highest, given_by(entry, uids));
			add_tree(found, id);
		}
	}
	copy_trees(tctx->trees, found);
	return highest;
}

static __always_inline u64 given_to_cgroup(const struct task_struct *p, u64 uids)
{
	struct cgroup *cgroup = untrusted(p)->cgroups->dfl_cgrp;
	struct cgroup_subsys_state *parent;
	u64 highest = GIVEN_NOTHING;
	s32 i;

	bpf_for (i, 0, CLASS_DEPTH) {
		highest = higher(highest,
				 given_by(find_entry(RL_SCOPE_CGROUP, cgroup->kn->id, 0), uids));
		parent = cgroup->self.parent;
		if (!parent)
			break;
		cgroup = parent->cgroup;
	}
	return highest;
}

static __always_inline u64 cgroup_id(const struct task_struct *p)
{
	struct css_set *cgroups = untrusted(p)->cgroups;

	return cgroups ? cgroups->dfl_cgrp->kn->id : 0;
}

/*
 * Look p's class up anew. A function of its own, so that the verifier goes through its loops once
 * and not in every place that may need a class: loading took twice as long.
 */
__noinline u64 look_up_class(struct task_struct *p __arg_trusted,
			     struct task_ctx *tctx __arg_nonnull)
{
	u64 uids = uids_of(p), ticks = start_ticks(untrusted(p)->group_leader), highest;

	highest = given_by(find_entry(RL_SCOPE_PROCESS, p->tgid, ticks), uids);
	highest = higher(highest, given_to_trees(p, tctx, uids));
	return higher(highest, given_to_cgroup(p, uids));
}

/*
 * p's class. Costs three comparisons unless the table has changed or p has changed its cgroup or its
 * user, as with setuid(2) or a set-uid program: what holds for one user ends there.
 */
static __always_inline u32 class_of(struct task_struct *p, struct task_ctx *tctx)
{
	u64 cgroup = cgroup_id(p), uids = uids_of(p), found = GIVEN_NOTHING;
	struct rl_classes_state *state;
	u32 zero = 0;

	state = bpf_map_lookup_elem(&classes_state, &zero);
	if (!state || (tctx->class_version == state->version && tctx->class_cgroup == cgroup &&
		       tctx->class_uids == uids))
		return tctx->class;
	/* Before the look-ups: what changes during them is looked up again next time. */
	tctx->class_version = state->version;
	tctx->class_cgroup = cgroup;
	tctx->class_uids = uids;
	if (state->entries) {
		barrier();
		found = look_up_class(p, tctx);
	} else {
		__builtin_memset(tctx->trees, 0, sizeof(tctx->trees));
	}
	tctx->class = found >> 32;
	tctx->class_owner = found;
	return tctx->class;
}

/*
 * The current task forks p: what is known about its trees goes on, even when it exits first. It may
 * have been boosted since it was last asked about.
 */
static __always_inline void inherit_trees(struct task_ctx *tctx)
{
	struct task_struct *current = bpf_get_current_task_btf();
	struct task_ctx *parent = task_ctx(current);

	if (!parent)
		return;
	class_of(current, parent);
	copy_trees(tctx->trees, parent->trees);
}

/* The scheduler has just been started: p may descend from a process whose parents have exited. */
static __always_inline void recall_trees(const struct task_struct *p, struct task_ctx *tctx)
{
	const struct task_struct *leader = untrusted(p)->group_leader;
	struct rl_member *member;
	s32 i;

	bpf_for (i, 0, CLASS_DEPTH) {
		if (leader->tgid <= 1)
			break;
		member = find_member(leader);
		if (member) {
			copy_trees(tctx->trees, member->trees);
			break;
		}
		leader = leader->real_parent->group_leader;
	}
}

static __always_inline struct rl_members_total *members_total(void)
{
	u32 nobody = 0;

	return bpf_map_lookup_elem(&members, &nobody);
}

/*
 * p, which can run from now on, is the first thread of its process: if the process is in a tree, then it
 * keeps the tree's boost. Not at fork, where it is not yet known when p was started. The count is last:
 * a reader of the map who sees no change of the count has missed nobody that was added before.
 */
static __always_inline void add_member(const struct task_struct *p, const struct task_ctx *tctx)
{
	struct rl_members_total *total;
	struct rl_member member;
	u32 tgid = p->tgid;

	if (!tctx->trees[0] || p->pid != p->tgid || find_member(p))
		return;
	member.id = process_id(p);
	copy_trees(member.trees, tctx->trees);
	total = members_total();
	if (bpf_map_update_elem(&members, &tgid, &member, 0)) {
		if (total)
			__sync_fetch_and_add(&total->refused, 1);
	} else if (total) {
		__sync_fetch_and_add(&total->added, 1);
	}
}

/*
 * p has ended, or the scheduler does. The process has when no thread of it lives. What p itself knows
 * of trees does not count here: it forgets those whose boosts have ended, and the record must not keep
 * who was in them.
 */
static __always_inline void remove_member(const struct task_struct *p)
{
	const struct task_struct *task = untrusted(p);
	u32 tgid = p->tgid;

	if (!task->signal->live.counter && find_member(task->group_leader))
		bpf_map_delete_elem(&members, &tgid);
}

/*
 * A task that wakes another one waits for it, or the person does: a game for the audio server, the
 * compositor for the game. So the woken task has its waker's class for this once. Only the waker's
 * own class counts: the chain ends after one step. A wakeup from an interrupt has no waker.
 */
static __always_inline void inherit_class(struct task_ctx *tctx)
{
	struct task_ctx *waker = in_task() ? task_ctx(bpf_get_current_task_btf()) : NULL;

	tctx->waker_class = waker ? waker->class : RL_CLASS_NORMAL;
	tctx->waker_owner = waker ? waker->class_owner : RL_ANY_UID;
}

/* p's own class, or that of the task that woke it, for as long as p does not sleep again. */
static __always_inline u32 present_class(const struct task_ctx *tctx)
{
	return tctx->waker_class > tctx->class ? tctx->waker_class : tctx->class;
}

/* The user who asked for that class; RL_ANY_UID when it is none. */
static __always_inline u32 present_owner(const struct task_ctx *tctx)
{
	return tctx->waker_class > tctx->class ? tctx->waker_owner : tctx->class_owner;
}

#endif /* RUSTLAND_CLASS_BPF_H */
