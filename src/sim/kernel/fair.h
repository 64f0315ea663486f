/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's own scheduler as the class of tasks that have no other: the baseline beside which a policy is put.
 *
 * eevdf.c says what a runqueue runs next, fair-group.c makes a hierarchy of runqueues by control groups, fair-weight.c
 * says what groups and tasks weigh, bandwidth.c keeps groups to their limits, fair.c is the class, balance.c says on
 * which CPU a task is.
 *
 * Up to 6.12 each group has a runqueue on each CPU, in which its tasks and the groups below compete; what wins stands
 * for the group one level up. In 7.3 all tasks of a CPU compete with each other, with weights that are what their groups
 * leave to them; the groups' runqueues count their load, and no more.
 *
 * With it alone there is no backend, no policy and no scheduler thread, and nothing of what they cost.
 */
#ifndef RUSTLAND_SIM_KERNEL_FAIR_H
#define RUSTLAND_SIM_KERNEL_FAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/kernel/eevdf.h"

struct cpu;
struct machine;
struct mask;
struct sched_class;
struct task;
struct control_group;

enum {
	FAIR_LEVELS = 4, /* scheduling domains: a core, a cache, a node, all CPUs */
};

/* Something that changes in steps, on average; recent time counts more. */
struct pelt {
	uint64_t at_ns; /* up to when */
	uint64_t average;
	uint64_t part; /* of the present step: value times nanoseconds */
};

/* A group's runtime on one CPU, see bandwidth.h. */
struct cfs_runtime {
	bool enabled;
	bool throttled;
	bool unthrottle;	 /* its CPU has been sent an interrupt to do so */
	uint32_t throttle_count; /* how many are throttled, of it and those above it */
	int64_t left_ns;
	uint64_t ended_ns;   /* when it was throttled last: the end of that */
	struct cfs_rq *next; /* of cfs_bandwidth.throttled */
	struct task *limbo;  /* 7.3: tasks put aside; the last one first */
};

struct cfs_rq {
	struct cpu *cpu;
	bool is_flat;	     /* all tasks of its CPU compete with each other, see above */
	uint64_t slice_ns;   /* how long one of nice 0 runs before another one may */
	uint64_t lag_max_ns; /* in its own time */
	struct sched_entity *first,
		*last; /* first: the one that became current, or was enqueued, most recently */
	struct sched_entity *curr; /* NULL: none, or it has been dequeued */
	uint32_t nr_queued;	   /* all on the list */
	/* Of all but curr: the sum of their weights, and of weight times (vruntime - zero_vruntime). */
	uint64_t sum_weight;
	int64_t sum_w_vruntime;
	uint64_t zero_vruntime; /* near the average, so that the sum stays small */

	/* Tasks in it and below: all of them, those that do not sleep, those that are below an idle group. */
	uint32_t h_nr_queued, h_nr_runnable, h_nr_idle;
	uint64_t load;		  /* of all its entities */
	uint64_t load_delayed;	  /* of these, of tasks that are delayed */
	struct control_group *tg; /* whose it is */
	bool idle;		  /* as the group is */
	struct sched_entity se;	  /* what stands for it one level up; not for the root's */
	struct pelt load_avg;	  /* of load */
	struct pelt runnable_avg; /* of h_nr_runnable, times NICE_0_LOAD */
	struct cfs_runtime runtime;

	/* Of a CPU's own. */
	struct task *running; /* the current task; NULL: none, or it has been dequeued */
	uint64_t hrtick_at_ns;
	uint64_t last_balance_ns[FAIR_LEVELS];
	uint32_t nr_balance_failed[FAIR_LEVELS];
};

/* What the class knows of a task beside its entity. */
struct fair_task {
	bool throttle_soon; /* 7.3: put it aside when it returns to user space */
	bool throttled;	    /* it is put aside */
	struct task *next_limbo;
	int32_t recent_used_cpu;
};

extern const struct sched_class fair_sched_class;

/* The CPUs are ready for tasks of the class. */
void fair_init(struct machine *m);

/* The load of t by its policy and its nice value. */
uint64_t fair_load(const struct task *t);
/* It has another one from now on. With the lock of its runqueue, if t is queued there. */
void fair_set_load(struct task *t, uint64_t load);
/* Before t runs for the first time, whatever its class is. */
void fair_init_task(struct task *t);
/* t is of another class: no limit of the class keeps it aside. */
void fair_leave(struct task *t);

/* How many tasks are on the lists of the CPU's runqueues. */
uint32_t fair_nr_on_lists(const struct cpu *cpu);
/* Its runqueue, or one above that, is throttled; or it is put aside. */
bool fair_is_throttled(const struct task *t);
/* It has been kept from running until then, at least. */
uint64_t fair_throttled_until_ns(const struct task *t);
/* For so long a task of nice 0 runs before another one does. */
uint64_t fair_turn_ns(const struct cpu *cpu);
/* How long it takes until t, which is queued, has had so much, while all that is on its CPU now wants to run. */
uint64_t fair_stretch_ns(const struct task *t, uint64_t ns);

/* ---- Between fair.c and balance.c ------------------------------------------------------------ */

/* With the lock of cpu's runqueue: t, which is not current, leaves it for another one, or comes from one. */
void fair_detach(struct cpu *cpu, struct task *t);
void fair_attach(struct cpu *cpu, struct task *t);

/* Where a task wakes up, or begins. */
int32_t fair_select_task_rq(struct task *t, int32_t prev_cpu, uint64_t wake_flags);
/* cpu would be idle: is something on its runqueue now? With its lock, which is let go of meanwhile. */
bool fair_newidle_balance(struct cpu *cpu);
/* At a tick, without a lock. */
void fair_balance_tick(struct cpu *cpu);
void fair_balance_init(struct machine *m);

/* ---- Between fair.c and bandwidth.c ---------------------------------------------------------- */

/* With the lock of cpu's runqueue: what has run up to now is accounted for. */
void fair_update_curr(struct cpu *cpu);
/* 7.3: t comes back from where it was put aside. */
void fair_unthrottle(struct cpu *cpu, struct task *t);

/* ---- fair-group.c: with the lock of cpu's runqueue, where there is a CPU --------------------- */

/* t comes to its group's runqueue, or leaves it; current or not. A task that leaves is never delayed again. */
void fair_enqueue(struct cpu *cpu, struct task *t);
void fair_dequeue(struct cpu *cpu, struct task *t, bool sleeps);
/* It sleeps. False: it stays for now, because it has had more than its share. */
bool fair_dequeue_or_delay(struct cpu *cpu, struct task *t);
void fair_requeue_delayed(struct cpu *cpu, struct task *t);
/* A delayed entity has had its share, or need not be waited for: a task that sleeps, or a group that is empty. */
void fair_dequeue_delayed(struct cfs_rq *rq, struct sched_entity *se);
/* The best entity of rq that is not delayed; NULL: there is none. */
struct sched_entity *fair_pick_entity(struct cfs_rq *rq);
/* The best task; NULL: there is none. */
struct task *fair_pick_task(struct cpu *cpu);
/* prev gives way to next (NULL: no task of the class), and next becomes current. */
void fair_put_prev(struct cpu *cpu, struct task *prev, const struct task *next);
void fair_set_next(struct cpu *cpu, struct task *t);
/* Where t's entity, or that of its group, competes with the one of cpu's current task. */
struct cfs_rq *fair_common_rq(struct cpu *cpu, struct sched_entity **curr,
			      struct sched_entity **se);

/* Up to 6.12: a group whose runqueue is throttled is taken off its CPU, and comes back. */
void fair_throttle_group(struct cfs_rq *rq);
void fair_unthrottle_group(struct cfs_rq *rq);

/* No: its group is throttled there. */
bool fair_may_move(const struct task *t, const struct cpu *to);

struct cfs_rq *fair_group_rq(struct control_group *tg, struct cpu *cpu);
struct task *fair_task_of(struct sched_entity *se);
void fair_groups_init(struct machine *m);
void fair_task_init(struct task *t);
/* Where t is, by its group. */
void fair_set_task_rq(struct task *t, struct cpu *cpu);
/* Its weight, or whether it is idle, has changed; or its limit. On the present CPU, without a lock. */
void fair_group_weight_changed(struct control_group *tg);
void fair_group_max_changed(struct control_group *tg);

/* ---- fair-weight.c: likewise ----------------------------------------------------------------- */

/* The weights on the way from t up are what they should be now. */
void fair_update_weights(struct cpu *cpu, struct task *t);
/* In balancing's unit: 1024 for a task of nice 0. */
uint64_t fair_task_load(const struct task *t);
uint64_t fair_cpu_load(const struct cpu *cpu);

#endif /* RUSTLAND_SIM_KERNEL_FAIR_H */
