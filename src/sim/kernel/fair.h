/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's own scheduler, EEVDF (Stoica and Abdel-Wahab 1995), as the class of tasks: the baseline beside which a
 * policy is put. fair.c says what a CPU runs next, balance.c on which CPU a task is.
 *
 * With it alone there is no backend, no policy and no scheduler thread, and nothing of what they cost.
 */
#ifndef RUSTLAND_SIM_KERNEL_FAIR_H
#define RUSTLAND_SIM_KERNEL_FAIR_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;
struct machine;
struct mask;
struct sched_class;
struct task;

enum {
	NICE_0_WEIGHT = 1024,
	FAIR_LEVELS = 4, /* scheduling domains: a core, a cache, a node, all CPUs */
};

/* What the class knows of a task. Virtual times are nanoseconds of a task of nice 0. */
struct sched_entity {
	uint64_t vruntime, deadline;
	uint64_t vprot; /* of the current task: it is not to be replaced before that */
	int64_t vlag;	/* what it was owed when it left its runqueue last */
	uint32_t weight;
	bool on_list;	    /* of a runqueue: the current task and delayed ones as well */
	bool sched_delayed; /* it sleeps, and stays until it is owed something again */
	bool rel_deadline;  /* deadline is relative to vruntime: its runqueue changes */
	int32_t recent_used_cpu;
	struct task *next, *prev; /* on the list */
};

struct cfs_rq {
	struct task *first,
		*last;	    /* first: the one that became current, or was enqueued, most recently */
	struct task *curr;  /* NULL: none, or it has been dequeued */
	uint32_t nr_queued; /* all on the list */
	uint32_t nr_delayed; /* of these */
	uint64_t load;	     /* the weights of all that are not delayed */
	/* Of all but curr: the sum of their weights, and of weight times (vruntime - zero_vruntime). */
	uint64_t sum_weight;
	int64_t sum_w_vruntime;
	uint64_t zero_vruntime; /* near the average, so that the sum stays small */

	uint64_t hrtick_at_ns;
	uint64_t last_balance_ns[FAIR_LEVELS];
	uint32_t nr_balance_failed[FAIR_LEVELS];
};

extern const struct sched_class fair_sched_class;

/* The CPUs are ready for tasks of the class. */
void fair_init(struct machine *m);

/* Of the current task. */
void fair_set_weight(struct task *t, uint32_t weight);

/* Of t by its nice value, in the kernel's unit. */
uint32_t fair_weight(const struct task *t);
/* Before t runs for the first time, whatever its class is. */
void fair_init_task(struct task *t);

/* How long a task of nice 0 runs before another one may: the kernel's base_slice. */
uint64_t fair_slice_ns(const struct machine *m);

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

#endif /* RUSTLAND_SIM_KERNEL_FAIR_H */
