/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the scheduler core (sched.c) and the classes of tasks: real-time (rt.c), the kernel's own one (fair.c), and
 * sched_ext with the backend (ext.c). Each task has a class, and one runqueue can have tasks of several. Names and order of the calls are
 * the kernel's.
 *
 * Nothing but the core calls a class, and nothing but a class what is said here about the core.
 */
#ifndef RUSTLAND_SIM_KERNEL_SCHED_H
#define RUSTLAND_SIM_KERNEL_SCHED_H

#include "sim/kernel/machine.h"

/* A runnable task of one class goes before all those of the classes below. */
enum sched_rank {
	RANK_RT,
	RANK_FAIR,
	RANK_EXT,
};

/*
 * With the lock of cpu's runqueue, where a CPU is given; flags are those of flags.h. A task that is given is of this
 * class, but for next in put_prev_task().
 */
struct sched_class {
	enum sched_rank rank;
	/* t is runnable and on cpu's runqueue from now on. */
	void (*enqueue_task)(struct cpu *cpu, struct task *t, u64 flags);
	/*
	 * t is not any more: it sleeps, is dead, or goes elsewhere. It may be cpu's current task. False: it sleeps, and
	 * is kept there until the class says otherwise.
	 */
	bool (*dequeue_task)(struct cpu *cpu, struct task *t, u64 flags);
	/*
	 * What runs next: prev if it goes on, a task that has been taken out of its queue, or NULL. prev is the current
	 * task if that is of this class, or NULL; it may not be runnable any more, and must not go on if must_move is set.
	 */
	struct task *(*pick_task)(struct cpu *cpu, struct task *prev);
	/* The current task gives way to next (NULL: the idle thread), and waits if it is still runnable. */
	void (*put_prev_task)(struct cpu *cpu, struct task *prev, const struct task *next);
	/* t is current from now on. */
	void (*set_next_task)(struct cpu *cpu, struct task *t);
	/* t has become runnable while another task of the class is current. NULL: nothing follows from it. */
	void (*wakeup_preempt)(struct cpu *cpu, struct task *t, u64 wake_flags);
	void (*task_tick)(struct cpu *cpu);
	/* Where t wakes up, or begins; a CPU that it may not use is replaced. With t's pi_lock alone. */
	s32 (*select_task_rq)(struct task *t, s32 prev_cpu, u64 wake_flags);
	/* The current task yields. Without the lock. */
	void (*yield_task)(struct cpu *cpu);
	/* The current task may use those CPUs only. If cpu is none of them, it has to give way at once. */
	void (*set_cpus_allowed)(struct cpu *cpu, struct task *t, const struct mask *allowed);
	/* t goes to another control group. NULL: the class does not care. */
	void (*change_cgroup)(struct cpu *cpu, struct task *t, struct control_group *tg);
};

extern const struct sched_class ext_sched_class;

static inline bool sched_class_above(const struct sched_class *a, const struct sched_class *b)
{
	return a->rank < b->rank;
}

/* Those that can have tasks from now on: see machine.h. The tasks that are there keep theirs. */
void sched_set_classes(struct machine *m, bool scx_enabled, bool scx_switched_all);
/* The class that t has to be of, by what is loaded. */
const struct sched_class *class_for(const struct task *t);

/* The first task of the queue that may run on self goes to its local queue. kfuncs.c; with the lock of self's runqueue. */
bool consume_dsq(struct cpu *self, struct dsq *dsq);

/* ext.c: while a backend is loaded it knows every task, of whatever class. 0, or a negative errno of its. */
int ext_init_task(struct task *t, bool fork);
/* t is of its class from now on, or no more. */
void ext_enable(struct task *t);
void ext_disable(struct task *t);
/* 6.12 lets the backend dispatch before it looks at classes above. prev: the current task, if it is of the class. */
void ext_balance(struct cpu *cpu, struct task *prev);
/* It hears of t for the last time, if it knows t. */
void ext_exit_task(struct task *t);
/* What waits for cpu waits where it is put now. With the lock of cpu's runqueue. */
void ext_requeue(struct cpu *cpu);
/* The watchdog, which ends a scheduler that lets a task wait. */
void ext_watch(bool on);

/* The lock of t's runqueue, which may become another one while this CPU waits for the lock. */
struct cpu *lock_task_rq(struct task *t);
/* With t's pi_lock and the lock of its runqueue, cpu's; t is not in transit. */
void set_task_class(struct cpu *cpu, struct task *t, const struct sched_class *class);

/* Under the fair class: where t's entity competes on its CPU. */
static inline struct cfs_rq *fair_rq_of(struct cpu *cpu, struct task *t)
{
	return cpu->cfs.is_flat ? &cpu->cfs : t->se.cfs_rq;
}

/* The current task has run up to now: for how long since this was last called. */
u64 update_curr_common(struct cpu *cpu);
void set_task_cpu(struct task *t, s32 cpu);
/* t has come to cpu's runqueue: does it run at once? With the lock. */
void wakeup_preempt(struct cpu *cpu, struct task *t, u64 wake_flags);
/*
 * A CPU that t may use. Where all of them are offline t may use every CPU from now on, as the kernel has it. t is not
 * queued, and its pi_lock or the lock of its runqueue is held.
 */
int any_allowed_cpu(struct task *t);
/* t may use cpu, and cpu takes tasks. */
bool may_stay(const struct task *t, const struct cpu *cpu);

/* kfuncs.c: the CPU goes through its scheduler once more, soon. */
void kick_self(struct cpu *self);

#endif /* RUSTLAND_SIM_KERNEL_SCHED_H */
