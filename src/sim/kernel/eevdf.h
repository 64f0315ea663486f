/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EEVDF (Stoica and Abdel-Wahab 1995) on one runqueue. An entity is eligible while it has had no more than its share:
 * its vruntime is not beyond the average of its runqueue's. Of the eligible ones the earliest deadline runs, until its
 * slice is used up. What an entity was owed when it left is kept as its lag, and given back where it is placed next.
 *
 * It must never know what an entity stands for, nor of any other runqueue.
 */
#ifndef RUSTLAND_SIM_KERNEL_EEVDF_H
#define RUSTLAND_SIM_KERNEL_EEVDF_H

#include <stdbool.h>
#include <stdint.h>

struct cfs_rq;
struct cpu;

/* The load of a task of nice 0, as on 64-bit kernels: 1024 in balancing's unit. */
#define NICE_0_LOAD (1ULL << 20)

/* Virtual times are nanoseconds of an entity of nice 0. */
struct sched_entity {
	uint64_t vruntime, deadline;
	uint64_t vprot;	    /* of the current entity: it is not to be replaced before that */
	int64_t vlag;	    /* what it was owed when it left its runqueue last */
	uint64_t weight;    /* beside those with which it competes */
	bool on_rq;	    /* the current entity and delayed ones as well */
	bool sched_delayed; /* it sleeps, and stays until it is owed something again */
	bool rel_deadline;  /* deadline is relative to vruntime: its runqueue changes */
	bool is_new;	    /* it has never run */
	struct sched_entity *next, *prev; /* on the list */

	/* For fair-group.c and fair-weight.c. */
	uint64_t load; /* its weight within its group; the same, but for tasks in groups on 7.3 */
	struct cfs_rq *cfs_rq;	     /* its group's, on its CPU */
	struct sched_entity *parent; /* that group's entity; NULL: it is the root */
	struct cfs_rq *my_q; /* of a group's entity: what it stands for; NULL: it is a task's */
};

void eevdf_init(struct cfs_rq *rq, struct cpu *cpu);
uint64_t eevdf_avg_vruntime(struct cfs_rq *rq);
bool eevdf_is_eligible(const struct cfs_rq *rq, const struct sched_entity *se);

void eevdf_update_lag(struct cfs_rq *rq, struct sched_entity *se);
/* It comes, or has been delayed and wakes up. */
void eevdf_enqueue(struct cfs_rq *rq, struct sched_entity *se);
void eevdf_requeue_delayed(struct cfs_rq *rq, struct sched_entity *se);
/* It leaves, with what eevdf_update_lag() has found. */
void eevdf_dequeue(struct cfs_rq *rq, struct sched_entity *se, bool sleeps);
void eevdf_rescale(struct cfs_rq *rq, struct sched_entity *se, uint64_t weight);

/* It becomes the current entity, or is not any more. */
void eevdf_set_curr(struct cfs_rq *rq, struct sched_entity *se);
void eevdf_put_curr(struct cfs_rq *rq);
/* It begins a new slice. */
void eevdf_renew_slice(struct cfs_rq *rq, struct sched_entity *se);

/* The one to run; NULL: it is empty. It may be a delayed one. */
struct sched_entity *eevdf_pick(const struct cfs_rq *rq);

static inline bool eevdf_is_before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

static inline bool eevdf_is_protected(const struct sched_entity *se)
{
	return eevdf_is_before(se->vruntime, se->vprot);
}

/* So much time, as virtual time of the entity. */
static inline uint64_t eevdf_to_virtual(const struct sched_entity *se, uint64_t ns)
{
	return ns * NICE_0_LOAD / se->weight;
}

/* It competes with another weight from now on, with the same lag in time. */
static inline void eevdf_reweight(struct cfs_rq *rq, struct sched_entity *se, uint64_t weight)
{
	if (se->weight != weight)
		eevdf_rescale(rq, se, weight);
}

/* The current entity has run for so long: true if its slice is used up, and a new one begins. */
static inline bool eevdf_run(struct cfs_rq *rq, struct sched_entity *se, uint64_t ns)
{
	se->vruntime += eevdf_to_virtual(se, ns);
	if (eevdf_is_before(se->vruntime, se->deadline))
		return false;
	eevdf_renew_slice(rq, se);
	return true;
}

#endif /* RUSTLAND_SIM_KERNEL_EEVDF_H */
