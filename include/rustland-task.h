/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two records that travel between the kernel and a policy: a queued task with its facts, and
 * the decision about it. The BPF backend, the library, the policies and the simulator all compile
 * this one file, so there is no second copy of the layout to keep in step.
 *
 * This file must never include more than <stdint.h>: it is read by a BPF compiler and by policies
 * that know nothing of the kernel. The two records' sizes are part of the library's ABI, because callers
 * provide the memory: what is added takes the place of spare words, which are zero until then.
 */
#ifndef RUSTLAND_TASK_H
#define RUSTLAND_TASK_H

#include <stdint.h>

#define RL_COMM_LEN 16

/* Number of 64-bit words that a policy may keep with a task, see rl_task.state. */
#define RL_STATE_WORDS 2

/* The most that rl_decision.standing can be. */
#define RL_STANDING_MAX 16

/* In rl_decision.cpu: run on whichever allowed CPU is free first. */
#define RL_CPU_ANY (-1)

/* What a task of nice 0 weighs that has no control group, see rl_task.weight. */
#define RL_WEIGHT_DEFAULT (1 << 20)

/* What the person at the machine has been said to care about; higher is more urgent. */
enum rl_class {
	RL_CLASS_NORMAL = 0,	 /* nothing was said about this task */
	RL_CLASS_BOOSTED = 1,	 /* a boost is held for it (a game, a call) */
	RL_CLASS_FOREGROUND = 2, /* it belongs to the window in the foreground */
};

/* Where a user is meant: no user in particular; no user id is -1. */
#define RL_ANY_UID UINT32_MAX

/* What a class is given to, see rl_classes_set(). */
enum rl_scope {
	RL_SCOPE_PROCESS = 0, /* the threads of one process */
	RL_SCOPE_TREE = 1,    /* those, and the processes that descend from it, now and later */
	RL_SCOPE_CGROUP = 2,  /* the processes in a cgroup and in those below it */
};

enum rl_task_flags {
	RL_TASK_WAKEUP = 1 << 0,    /* it was asleep and has just become runnable */
	RL_TASK_NEW = 1 << 1,	    /* the policy has never decided about it: state[] is zero */
	RL_TASK_SYNC_WAKE = 1 << 2, /* its waker said that it is about to sleep itself */
	RL_TASK_KTHREAD = 1 << 3,   /* a kernel thread */
	RL_TASK_INHERITED =
		1 << 4,		 /* boost_class is that of the task which woke it, for this once */
	RL_TASK_NOTICE = 1 << 5, /* it is queued already, under the decision that granted this
				       wakeup; the answer only renews the grant */
	RL_TASK_BATCH =
		1 << 6, /* SCHED_BATCH or SCHED_IDLE: a wakeup that shall interrupt nobody */
};

enum rl_decision_flags {
	/* Run it now: stop a running task whose deadline is later, when no allowed CPU is idle. */
	RL_DECISION_PREEMPT = 1 << 0,
	/* The answer to RL_TASK_NOTICE; rl_decide_for() sets it. */
	RL_DECISION_NOTICE = 1 << 1,
	/*
	 * When its slice is over nobody need be asked as long as no task that waits is before it: deadline plus
	 * what it has used since, by its weight, is still the earliest. Without this it waits for the next
	 * decision, and another task runs meanwhile.
	 */
	RL_DECISION_GO_ON = 1 << 2,
};

/*
 * A task that is waiting to be scheduled. All times are nanoseconds of CLOCK_MONOTONIC. Requests of
 * different CPUs may come in another order than enqueued_at_ns says, by microseconds.
 */
struct rl_task {
	int32_t pid;	/* thread id, in the initial pid namespace */
	int32_t tgid;	/* process id */
	int32_t cpu;	/* the CPU it last ran on */
	uint32_t flags; /* enum rl_task_flags */
	uint32_t
		weight; /* what it is worth beside others, 1 to UINT32_MAX: by its nice value, and by
				 the weights of its control groups (cpu.weight, autogroups) and who
				 else is runnable in those. Shares of CPU time are as these weights */
	uint32_t boost_class; /* enum rl_class */
	uint32_t nr_cpus_allowed;
	uint32_t nr_waiting; /* tasks that waited for a CPU when this one was queued, itself not
				counted */

	uint64_t enqueued_at_ns; /* when it was queued */
	uint64_t runtime_ns;	 /* CPU time it has used since the scheduler knows it, and what the
				    scheduler thread has used to decide about it; never falls */
	uint64_t burst_ns;	 /* CPU time it has used since it last slept */
	uint64_t slept_ns;	 /* how long its last sleep was; 0 before the first one */
	uint64_t cgroup_id; /* cgroup v2 id (the inode number of its directory), 0 if unknown */

	/*
	 * The latest deadline that has begun to run anywhere, 0 before the first one. While the
	 * policy does not answer, the kernel goes on with estimates and this moves on without it:
	 * a policy with a virtual clock has to keep up, or what was queued meanwhile waits for
	 * the clock.
	 */
	uint64_t frontier;

	/*
	 * The policy's own memory about this task: what the last decision that took effect said in
	 * its state[]. It lives and dies with the task, so a policy needs no table of tasks. A
	 * decision that came too late is dropped together with its state: a policy that stores
	 * "runtime_ns as of now" here finds whatever it missed in the next difference.
	 */
	uint64_t state[RL_STATE_WORDS];

	uint64_t request;    /* echo it in the decision */
	uint32_t generation; /* likewise: a decision for an older generation is stale */
	uint32_t user;	     /* whose doing it is that the task is queued as it is: the user that it
				belongs to (its real user id), or, if boost_class is not
				RL_CLASS_NORMAL, the user who asked for that boost */

	char comm[RL_COMM_LEN]; /* the thread's name, zero-terminated */

	uint64_t last_burst_ns; /* CPU time it used between its last two sleeps */
	uint64_t weight_of_all; /* the sum of the weights of all that are runnable, this one too */
	uint64_t nr_of_all;	/* how many these are */
	/*
	 * The fair share: CPU time in ns that a task of RL_WEIGHT_DEFAULT would have had by now, had all
	 * runnable tasks run at the same time, each by its weight, since the scheduler was loaded (GPS).
	 */
	uint64_t clock;
	uint64_t spare[1];
};

/* What the policy decided about one queued task. Start from rl_decide_for(), see rustland.h. */
struct rl_decision {
	int32_t pid;
	int32_t cpu;	/* a CPU number, or RL_CPU_ANY; one that it may not use, or that is offline,
			   means its last one */
	uint32_t flags; /* enum rl_decision_flags */
	uint32_t generation;
	uint64_t request;

	uint64_t slice_ns; /* how long it may run before it is asked about again; 0, or more than
			      rl_open_opts.slice_ns: that long */
	uint64_t deadline; /* lower runs first. Any unit, compared as a signed difference (so it may
			      wrap), but the unit has to advance about as fast as nanoseconds of CPU
			      time: the kernel extrapolates with it when the policy is late */
	uint64_t state[RL_STATE_WORDS]; /* comes back in rl_task.state */

	/*
	 * How many of the task's next wakeups need no answer, up to RL_STANDING_MAX and for half a
	 * second: the kernel queues it at once, under this same deadline and slice, and lets it
	 * interrupt who is later, as with RL_DECISION_PREEMPT. It spares the round trip where the
	 * answer is known. At the last one the policy gets a notice, and can grant more before they
	 * are needed. 0: ask again.
	 */
	uint32_t standing;
	uint32_t zero;
	uint64_t spare[2]; /* zero */
};

#endif /* RUSTLAND_TASK_H */
