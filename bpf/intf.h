/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the BPF backend and librustland share beside the records of rustland-task.h: the memory that
 * both have mapped, counters, and exit information.
 *
 * This file must never hold more than plain types: programs on both sides compile it.
 */
#ifndef RUSTLAND_INTF_H
#define RUSTLAND_INTF_H

#include <rustland-task.h>

enum {
	RL_MAX_CPUS = 1024,
	RL_CACHE_LINE = 64,

	/*
	 * Requests that may wait for the policy; more find the ring full. 1 MiB holds 5957
	 * records.
	 */
	RL_QUEUED_BYTES = 1 << 20,
	/* Decisions on their way to the kernel; 512 KiB holds 5957 records. */
	RL_DISPATCHED_BYTES = 1 << 19,
	/* Must be a power of two above the number of records in the queued ring. */
	RL_REQUEST_SLOTS = 8192,

	/* Targets that may have a class at the same time. */
	RL_CLASSES_MAX = 8192,
	/* Processes that may belong to trees with a class, and trees that one may belong to. */
	RL_MEMBERS_MAX = 16384,
	RL_TREES_MAX = 4,

	/* Control groups with tasks; those of further groups are shared among as if they were in its parent. */
	RL_GROUPS_MAX = 4096,

	RL_EXIT_REASON_LEN = 128,
	RL_EXIT_MSG_LEN = 1024,
};

/*
 * Memory that the kernel and the scheduler thread have mapped. Each cache line has one writer
 * (but for "asleep", and for "heartbeat_due" when the scheduler is stopped), so that the two sides do
 * not steal lines from each other.
 */
struct rl_shared {
	/* The kernel writes. */
	uint64_t asked __attribute__((aligned(RL_CACHE_LINE))); /* number of the newest request */
	uint32_t heartbeat_due; /* run the scheduler thread even if nothing was asked */
	uint32_t beats;		/* how often that has become due by the clock, once a second */
	uint32_t policy_awake;	/* the scheduler thread is runnable; if not, nobody can answer */
	int32_t policy_cpu;	/* the CPU it runs on, or -1 */
	int32_t policy_pid;
	int32_t policy_tgid;

	/* The scheduler thread writes. */
	uint64_t answered
		__attribute__((aligned(RL_CACHE_LINE))); /* newest request it has handled */
	uint64_t held;					 /* tasks that the policy holds back */
	uint64_t submitted;				 /* decisions put into the ring */
	uint32_t asleep; /* it blocks, or is about to: wake it (the kernel clears this then) */

	/* The kernel writes: mean CPU time of the scheduler thread for one request. */
	uint64_t request_cost_ns __attribute__((aligned(RL_CACHE_LINE)));
	uint64_t costed; /* newest request that is in the mean */

	/* The kernel writes, whoever drains the ring. */
	uint64_t drained
		__attribute__((aligned(RL_CACHE_LINE))); /* decisions taken from the ring */

	/* The kernel writes: how far deadlines have been served, and the fair share, see rl_task. */
	uint64_t frontier __attribute__((aligned(RL_CACHE_LINE)));
	uint64_t clock;
};

/* One per CPU, added up by whoever reads. */
struct rl_counters {
	int64_t nr_running; /* may be negative on one CPU, the sum is right */
	uint64_t nr_user_dispatches;
	uint64_t nr_kernel_dispatches;
	uint64_t nr_cancel_dispatches;
	uint64_t nr_bounce_dispatches;
	uint64_t nr_failed_dispatches;
	uint64_t nr_sched_congested;
	uint64_t nr_standing; /* wakeups that were granted */
	uint64_t nr_resumed;  /* interrupted tasks whose slice was unfinished */
	uint64_t nr_late;
	uint64_t nr_flushed;
	uint64_t nr_preempt_kicks;
	uint64_t policy_runtime_ns;
	uint64_t nr_groups_refused; /* groups that found no place */
	uint64_t nr_hurried;	    /* tasks that had waited for very long, and were put first */
	uint64_t nr_throttled;	    /* tasks held back by a limit */
	uint64_t throttled_ns;	    /* and for how long */
};

struct rl_exit_record {
	int64_t kind; /* enum scx_exit_kind; 0: not ended */
	int64_t code;
	char reason[RL_EXIT_REASON_LEN];
	char message[RL_EXIT_MSG_LEN];
};

/*
 * The table of classes, see rl_classes_set(): a hash map of entries, and one record that tells when
 * to look again. Both may be older than the scheduler that uses them, and outlive it.
 */
struct rl_class_key {
	uint32_t scope; /* enum rl_scope */
	uint32_t zero;
	uint64_t id; /* process id, or id of the cgroup */
};

struct rl_class_entry {
	uint32_t class;
	uint32_t uid; /* holds for tasks whose real and effective user this is; RL_ANY_UID: all */
	uint64_t start_ticks; /* of the process; 0: any */
	uint32_t owner;	      /* the user who asked for it */
	uint32_t zero;
};

/*
 * Who belongs to a boosted tree when its parents have exited: a hash map by process id, made and kept
 * like those two. The backend adds each process that is forked in a tree, and removes it at its end.
 */
struct rl_member {
	uint64_t id; /* the process's own, see rl_process_id() */
	/* The trees' root processes, and zeroes after them. If there are more, the innermost lack. */
	uint64_t trees[RL_TREES_MAX];
};

/* Under process id 0, which nobody has: how many were added so far, and how many found it full. */
struct rl_members_total {
	uint64_t added, refused;
	uint64_t zero[RL_TREES_MAX - 1];
};

/* A process by its id and by when it was started (field 22 of /proc/PID/stat), in one number. */
static inline uint64_t rl_process_id(uint32_t tgid, uint64_t start_ticks)
{
	return start_ticks << 32 | tgid;
}

struct rl_classes_state {
	uint64_t version; /* changes after each change of the table; never 0 */
	uint64_t entries;
};

#endif /* RUSTLAND_INTF_H */
