/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fair class keeps a group to its cpu.max. Each period a quota of CPU time is there for the whole group. The group's
 * runqueue on a CPU takes 5 ms of it at a time, and is throttled when nothing is left, until the next period.
 *
 * Up to 6.12 a throttled runqueue leaves its CPU at once. In 7.3 its tasks stay queued; each of them is put aside when
 * it is about to return to user space, so that none is stopped while it holds a lock of the kernel.
 *
 * It must cost nothing where no group has a limit.
 */
#ifndef RUSTLAND_SIM_KERNEL_BANDWIDTH_H
#define RUSTLAND_SIM_KERNEL_BANDWIDTH_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/kernel/machine.h"

struct control_group;

/* Of a group, for all CPUs. */
struct bandwidth {
	int64_t runtime_ns;  /* left of the quota, and not handed out to a CPU */
	bool is_active;	     /* the timer of the period runs */
	bool is_idle;	     /* nothing was asked for since the period began */
	bool slack_is_asked; /* the timer of returned runtime runs */
	uint64_t offset_ns;  /* periods begin there, and each period after */
	uint64_t next_ns;    /* the present one ends */
	struct irq period, slack;
	struct cfs_rq *throttled, **throttled_end; /* the ones that wait, the longest first */
};

void bandwidth_init(struct control_group *tg);
/* cpu.max has changed. On the present CPU, without a lock; or before there is one that runs. */
void bandwidth_changed(struct control_group *tg);

/* ---- With the lock of the runqueue's CPU ----------------------------------------------------- */

/*
 * The running task beneath rq has used so much of what rq has. True: rq is out of runtime. In 7.3 it is throttled then;
 * before that its CPU goes through its scheduler, which throttles it by bandwidth_check().
 */
bool bandwidth_account(struct cfs_rq *rq, uint64_t ran_ns);
/* Up to 6.12, where rq is about to be run from: true: it is throttled now and its entity is dequeued. */
bool bandwidth_check(struct cfs_rq *rq);
/* The first entity has come to rq, or the last one has left it. */
void bandwidth_first(struct cfs_rq *rq);
void bandwidth_last(struct cfs_rq *rq);

/* 7.3: t is current, and rq or a runqueue above it is throttled: it is put aside when it returns to user space. */
void bandwidth_throttle_soon(struct cpu *cpu, struct task *t);
/* 7.3: the current task is about to return to user space, with rq throttled: it is put aside. */
void bandwidth_put_aside(struct task *t);
/* It is put aside: it leaves its CPU for another one or another group, or comes to one. */
void bandwidth_limbo_del(struct task *t);
/* True: it is put aside there as well. Else it has to be enqueued. */
bool bandwidth_limbo_add(struct task *t);

#endif /* RUSTLAND_SIM_KERNEL_BANDWIDTH_H */
