/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The weights of tasks and groups in the fair class, for its own files; fair.h has what others may ask.
 *
 * A task has a load, by its nice value. A group has shares, which are divided among its runqueues, one for each CPU, by
 * their load: what one of them gets is the load of the entity that stands for it one level up. Nothing here enqueues or
 * dequeues anything.
 */
#ifndef RUSTLAND_SIM_KERNEL_FAIR_WEIGHT_H
#define RUSTLAND_SIM_KERNEL_FAIR_WEIGHT_H

#include "sim/kernel/sched.h"

/* Before a change of rq's load or of its number of runnable tasks. */
void fair_update_averages(struct cfs_rq *rq);

/* How much of its group's shares falls to rq, which has tasks. */
u64 fair_shares_of(struct cfs_rq *rq);

/* Gives se that load, whether it is on its runqueue or not. */
void fair_reweight(struct sched_entity *se, u64 load);

/* What the entity's group leaves to it of a weight, where that is what one of nice 0 would have. */
u64 fair_part_of(const struct sched_entity *se, u64 weight);

/* Renews the load of se, if it stands for a group. An empty group keeps what it has. */
static inline void fair_update_shares(struct sched_entity *se)
{
	struct cfs_rq *rq = se->my_q;

	if (rq && rq->load && (rq->is_flat || !rq->runtime.throttle_count))
		fair_reweight(se, fair_shares_of(rq));
}

#endif /* RUSTLAND_SIM_KERNEL_FAIR_WEIGHT_H */
