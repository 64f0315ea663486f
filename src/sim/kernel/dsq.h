/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dispatch queues: tasks in the order of arrival, or of their vtime (signed difference, so it may wrap) and of
 * arrival where that is the same. What moves a task, and what follows from it, is in ext.c and kfuncs.c.
 */
#ifndef RUSTLAND_SIM_KERNEL_DSQ_H
#define RUSTLAND_SIM_KERNEL_DSQ_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/kernel/lock.h"

struct task;

struct dsq_node {
	struct dsq_node *parent, *left, *right;
	uint32_t priority; /* of a treap: makes it as flat as if its order were random */
	uint64_t vtime;
	uint64_t seq; /* of the queue, when it was inserted */
};

struct dsq {
	uint64_t id;
	struct dsq_node *root, *first;
	uint32_t nr;
	uint64_t seq;
	int64_t front; /* where the next one goes that is inserted at the head */
	bool is_ordered_by_vtime;
	struct brief_lock lock; /* not of a CPU's own queue, which its runqueue's lock protects */
};

/* Ordered by vtime if by_vtime, else at the head or the tail. */
void dsq_insert_task(struct dsq *dsq, struct task *t, bool by_vtime, bool at_head);
void dsq_remove(struct dsq *dsq, struct task *t);
struct task *dsq_first(const struct dsq *dsq);
struct task *dsq_next(const struct task *t);

#endif /* RUSTLAND_SIM_KERNEL_DSQ_H */
