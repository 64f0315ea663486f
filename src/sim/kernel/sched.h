/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the scheduler core (sched.c) and the class that schedules all tasks of the machine: sched_ext with the
 * backend (ext.c), or the kernel's own one (fair.c). Names and order of the calls are the kernel's.
 *
 * Nothing but the core calls a class, and nothing but a class what is said here about the core.
 */
#ifndef RUSTLAND_SIM_KERNEL_SCHED_H
#define RUSTLAND_SIM_KERNEL_SCHED_H

#include "sim/kernel/machine.h"

/* With the lock of cpu's runqueue, where a CPU is given; flags are those of flags.h. */
struct sched_class {
	/* t is runnable and on cpu's runqueue from now on. */
	void (*enqueue_task)(struct cpu *cpu, struct task *t, u64 flags);
	/*
	 * t is not any more: it sleeps, is dead, or goes elsewhere. It may be cpu's current task. False: it sleeps, and
	 * is kept there until the class says otherwise.
	 */
	bool (*dequeue_task)(struct cpu *cpu, struct task *t, u64 flags);
	/*
	 * What runs next: prev if it goes on, a task that has been taken out of its queue, or NULL. prev is the current
	 * task, or NULL; it may not be runnable any more, and must not go on if must_move is set.
	 */
	struct task *(*pick_task)(struct cpu *cpu, struct task *prev);
	/* The current task gives way to next (NULL: the idle thread), and waits if it is still runnable. */
	void (*put_prev_task)(struct cpu *cpu, struct task *prev, const struct task *next);
	/* t is current from now on. */
	void (*set_next_task)(struct cpu *cpu, struct task *t);
	/* t has become runnable while another task is current. NULL: nothing follows from it. */
	void (*wakeup_preempt)(struct cpu *cpu, struct task *t, u64 wake_flags);
	void (*task_tick)(struct cpu *cpu);
	/* The same tick, without the lock. NULL: nothing is to be done. */
	void (*balance_tick)(struct cpu *cpu);
	/* Where t wakes up, or begins; a CPU that it may not use is replaced. With t's pi_lock alone. */
	s32 (*select_task_rq)(struct task *t, s32 prev_cpu, u64 wake_flags);
	/* The current task yields. Without the lock. */
	void (*yield_task)(struct cpu *cpu);
	/* The current task may use those CPUs only. If cpu is none of them, it has to give way at once. */
	void (*set_cpus_allowed)(struct cpu *cpu, struct task *t, const struct mask *allowed);
	/* t goes to another control group. NULL: the class does not care. */
	void (*change_cgroup)(struct cpu *cpu, struct task *t, struct task_group *tg);
	/* Before t runs for the first time: 0 or a negative errno. Without a lock. */
	int (*init_task)(struct task *t, bool fork);
	void (*exit_task)(struct task *t);
};

extern const struct sched_class ext_sched_class;

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
int any_allowed_cpu(const struct task *t);

/* kfuncs.c: the CPU goes through its scheduler once more, soon. */
void kick_self(struct cpu *self);

#endif /* RUSTLAND_SIM_KERNEL_SCHED_H */
