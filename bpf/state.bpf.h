/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory that several files of the backend use: options, what is known of each task and of each CPU,
 * counters, and what librustland has mapped. Memory that only one file uses stands in that
 * file: the rings in ask.bpf.h, the tables of classes in class.bpf.h, the mark of a crowd in
 * crowd.bpf.h.
 *
 * This file must never decide anything: it declares memory, and finds it.
 */
#ifndef RUSTLAND_STATE_BPF_H
#define RUSTLAND_STATE_BPF_H

#include "compat.bpf.h"
#include "estimate.h"
#include "intf.h"

/* ---- Options, fixed when the program is loaded ---------------------------------------------- */

OPTION u64 opt_slice_ns = 20ULL * 1000 * 1000;
OPTION u64 opt_slice_min_ns = 1ULL * 1000 * 1000;
/* The policy is late when its oldest unanswered request is older. */
OPTION u64 opt_late_ns = 25ULL * 1000 * 1000;
OPTION bool opt_builtin_idle = true;
OPTION bool opt_numa_local = false;
OPTION bool opt_smt = false;
OPTION bool opt_debug = false;

#define dbg(fmt, ...)                                                                              \
	do {                                                                                       \
		if (opt_debug)                                                                     \
			bpf_printk(fmt, ##__VA_ARGS__);                                            \
	} while (0)

/* ---- The scheduler thread, and memory shared with it ---------------------------------------- */

struct rl_shared shared;
struct rl_exit_record exit_record;

/* The kernel's debug dump; user space sizes it when the program is loaded. */
char exit_dump[1] SEC(".data.exit_dump");
OPTION u32 opt_exit_dump_len = 0;

/* CPUs that are online: constant while the scheduler is loaded, which a hotplug ends. */
static u32 nr_online;

/* Groups with a limit, see limit.bpf.h. */
static u32 nr_limited;

/* The scheduler thread may not use every CPU. */
static bool policy_confined;

/* ---- Per task ------------------------------------------------------------------------------- */

struct task_ctx {
	/* Facts. */
	u64 started_at_ns; /* when it got its CPU */
	u64 exec_ns; /* its CPU time as the kernel counts it, up to which it has been accounted */
	u64 slept_at_ns;    /* when it went to sleep */
	u64 slept_ns;	    /* how long its last sleep was */
	u64 waits_since_ns; /* when it woke up or stopped */
	u64 runtime_ns;	    /* CPU time so far */
	u64 burst_ns;	    /* CPU time since it last slept */
	u64 last_burst_ns;  /* and what that was when it did */
	bool asleep;
	bool yielded;	/* it has said that others shall go first */
	bool sync_wake; /* its waker is about to sleep */
	bool placed;	/* its deadline means something */
	bool known;	/* the policy has decided about it before */

	/* What user space has said about it, see class.bpf.h. */
	u32 class, class_owner;		 /* and the user who asked for that; RL_ANY_UID: nobody */
	u32 waker_class, waker_owner;	 /* of the task that woke it last */
	u64 class_version, class_cgroup; /* when class was looked up, and in which cgroup */
	u64 class_uids;			 /* and for which users, see uids_of() */
	u64 trees[RL_TREES_MAX];	 /* that it belongs to, see struct rl_member */

	/* What it weighs, see group.bpf.h. */
	u64 group_address; /* where it was when it became runnable last */
	u32 group;	   /* the number of that */
	u32 own_weight;	   /* what it counts for there; 0: it is not runnable */
	u64 throttled_at_ns;
	bool may_owe; /* it has just woken up: its group may owe a little */

	/* What is being asked: a decision about another generation is stale. */
	u32 generation;
	u64 parked_at_ns;

	/* The last decision, or the backend's estimate where none was made. */
	u64 deadline;
	u64 slice_ns;		/* of the decision; 0: it was an estimate */
	u64 decided_runtime_ns; /* runtime_ns when that was */
	s32 decided_cpu;
	bool goes_on; /* RL_DECISION_GO_ON, or no policy was there to ask */
	u64 state[RL_STATE_WORDS];

	/* Wakeups that need no request, see rl_decision.standing. */
	struct grant grant;
	u64 notice; /* the request that told the policy of the last one; 0: none */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_ctx);
} task_ctxs SEC(".maps");

static __always_inline struct task_ctx *task_ctx(struct task_struct *p)
{
	return bpf_task_storage_get(&task_ctxs, p, 0, 0);
}

/* ---- Per CPU -------------------------------------------------------------------------------- */

/* Read by other CPUs without locks: a hint that may be a moment old. */
struct cpu_ctx {
	u64 deadline;	   /* of the task that runs there */
	u64 slice_ends_ns; /* when it has run for its slice */
	bool preemptible;  /* a task runs there, and any but the scheduler thread */
	bool in_time;	   /* the slice ends when it is used up, and not with a tick */
	bool online;	   /* constant while the scheduler is loaded, which a hotplug ends */
} __attribute__((aligned(RL_CACHE_LINE)));

static struct cpu_ctx cpus[RL_MAX_CPUS];

static __always_inline struct cpu_ctx *cpu_ctx(s32 cpu)
{
	u32 index = cpu;

	if (index >= RL_MAX_CPUS)
		return NULL;
	barrier_var(index); /* or the compiler bounds one copy and indexes with another */
	return &cpus[index & (RL_MAX_CPUS - 1)];
}

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct rl_counters);
} counters SEC(".maps");

#define count_add(member, n)                                                                       \
	do {                                                                                       \
		u32 __zero = 0;                                                                    \
		struct rl_counters *__c = bpf_map_lookup_elem(&counters, &__zero);                 \
		if (__c)                                                                           \
			__c->member += (n);                                                        \
	} while (0)
#define count(member) count_add(member, 1)

#endif /* RUSTLAND_STATE_BPF_H */
