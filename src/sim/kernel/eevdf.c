/* SPDX-License-Identifier: GPL-2.0-only */
/* See eevdf.h. The kernel has trees where there are lists here: a search looks at every entity of the runqueue. */
#include "sim/kernel/eevdf.h"

#include "sim/kernel/machine.h"

#define BASE_SLICE_NS (700 * USEC) /* on one CPU */

static u64 base_slice_ns(const struct machine *m)
{
	u64 slice_ns = BASE_SLICE_NS;

	/* One more for each doubling, up to 8 CPUs. */
	for (u32 cpus = 2; cpus <= m->topology.nr_cpus && cpus <= 8; cpus *= 2)
		slice_ns += BASE_SLICE_NS;
	return slice_ns;
}

void eevdf_init(struct cfs_rq *rq, struct cpu *cpu)
{
	u64 tick_ns = SEC_NS / cpu->m->hz;

	rq->cpu = cpu;
	rq->slice_ns = base_slice_ns(cpu->m);
	if (cpu->m->kernel >= SIM_KERNEL_7_3)
		rq->lag_max_ns = rq->slice_ns + tick_ns;
	else
		rq->lag_max_ns = 2 * rq->slice_ns > tick_ns ? 2 * rq->slice_ns : tick_ns;
}

/* ---- The average ---------------------------------------------------------------------------- */

static s64 weighted(const struct cfs_rq *rq, const struct sched_entity *se)
{
	return (s64)(se->vruntime - rq->zero_vruntime) * (s64)se->weight;
}

static void sum_add(struct cfs_rq *rq, const struct sched_entity *se)
{
	rq->sum_w_vruntime += weighted(rq, se);
	rq->sum_weight += se->weight;
}

static void sum_sub(struct cfs_rq *rq, const struct sched_entity *se)
{
	rq->sum_w_vruntime -= weighted(rq, se);
	rq->sum_weight -= se->weight;
}

static void move_zero(struct cfs_rq *rq, s64 delta)
{
	rq->sum_w_vruntime -= (s64)rq->sum_weight * delta;
	rq->zero_vruntime += (u64)delta;
}

/* Both sums with the current entity. */
static s64 sum_all(const struct cfs_rq *rq, s64 *ret_weight)
{
	*ret_weight = (s64)rq->sum_weight + (rq->curr ? (s64)rq->curr->weight : 0);
	return rq->sum_w_vruntime + (rq->curr ? weighted(rq, rq->curr) : 0);
}

u64 eevdf_avg_vruntime(struct cfs_rq *rq)
{
	s64 weight, sum = sum_all(rq, &weight);

	/* Rounded down, so that an entity at the average is eligible. Often it is there already. */
	if (sum < 0 || sum >= weight)
		move_zero(rq, (sum < 0 ? sum - (weight - 1) : sum) / (weight ? weight : 1));
	return rq->zero_vruntime;
}

/* By the sums and not by the average, which is rounded. */
static bool is_eligible(const struct cfs_rq *rq, const struct sched_entity *se, s64 sum, s64 weight)
{
	s64 key = (s64)(se->vruntime - rq->zero_vruntime), product;

	/* Then it is far on one side of the average. */
	if (__builtin_mul_overflow(key, weight, &product))
		return key < 0;
	return sum >= product;
}

bool eevdf_is_eligible(const struct cfs_rq *rq, const struct sched_entity *se)
{
	s64 weight, sum = sum_all(rq, &weight);

	return is_eligible(rq, se, sum, weight);
}

/* ---- Lag and placement ---------------------------------------------------------------------- */

static s64 lag_of(struct cfs_rq *rq, const struct sched_entity *se)
{
	s64 lag = (s64)(eevdf_avg_vruntime(rq) - se->vruntime);
	s64 limit = (s64)eevdf_to_virtual(se, rq->lag_max_ns);

	if (lag > limit)
		return limit;
	return lag < -limit ? -limit : lag;
}

void eevdf_update_lag(struct cfs_rq *rq, struct sched_entity *se)
{
	s64 lag = lag_of(rq, se);

	/* While it sleeps it can lose what it has had too much, and win nothing. */
	if (se->sched_delayed) {
		if (rq->is_flat && lag < se->vlag)
			lag = se->vlag;
		if (lag > 0)
			lag = 0;
	}
	se->vlag = lag;
}

/*
 * Its vruntime is as far from the average as its lag says. Its own weight moves the average when it joins: with W
 * for the weight of the others and w for its own the distance becomes W / (W + w) of what it was, and is made
 * longer by as much before.
 */
static void place(struct cfs_rq *rq, struct sched_entity *se, u32 nr_others)
{
	u64 average = eevdf_avg_vruntime(rq), vslice = eevdf_to_virtual(se, rq->slice_ns);
	s64 lag = 0, weight;

	if (nr_others && se->vlag) {
		sum_all(rq, &weight);
		lag = se->vlag;
		if (weight)
			lag += lag * (s64)se->weight / weight;
		/* A heavy one takes the average with it: so that the sums stay small. */
		if ((s64)se->weight > weight)
			move_zero(rq, -lag);
	}
	se->vruntime = average - (u64)lag;
	if (se->rel_deadline) {
		se->deadline += se->vruntime;
		se->rel_deadline = false;
		return;
	}
	/* Who begins does so with half a slice: on average that is how far the others are. */
	se->deadline = se->vruntime + (se->is_new ? vslice / 2 : vslice);
}

/* ---- The list ------------------------------------------------------------------------------- */

static void list_add(struct cfs_rq *rq, struct sched_entity *se)
{
	se->prev = NULL;
	se->next = rq->first;
	if (rq->first)
		rq->first->prev = se;
	else
		rq->last = se;
	rq->first = se;
}

static void list_del(struct cfs_rq *rq, struct sched_entity *se)
{
	if (se->prev)
		se->prev->next = se->next;
	else
		rq->first = se->next;
	if (se->next)
		se->next->prev = se->prev;
	else
		rq->last = se->prev;
}

void eevdf_enqueue(struct cfs_rq *rq, struct sched_entity *se)
{
	place(rq, se, rq->nr_queued);
	list_add(rq, se);
	sum_add(rq, se);
	rq->nr_queued++;
	se->on_rq = true;
}

void eevdf_requeue_delayed(struct cfs_rq *rq, struct sched_entity *se)
{
	eevdf_update_lag(rq, se);
	if (eevdf_avg_vruntime(rq) - (u64)se->vlag == se->vruntime)
		return;
	if (se != rq->curr)
		sum_sub(rq, se);
	place(rq, se, rq->nr_queued - 1);
	if (se != rq->curr)
		sum_add(rq, se);
}

void eevdf_dequeue(struct cfs_rq *rq, struct sched_entity *se, bool sleeps)
{
	if (!sleeps) {
		se->deadline -= se->vruntime;
		se->rel_deadline = true;
	}
	if (se == rq->curr)
		rq->curr = NULL;
	else
		sum_sub(rq, se);
	list_del(rq, se);
	rq->nr_queued--;
	se->on_rq = false;
}

/* With w for the old weight and w' for the new one all virtual distances become w / w' of what they were. */
void eevdf_rescale(struct cfs_rq *rq, struct sched_entity *se, u64 weight)
{
	s64 old = (s64)se->weight, new = (s64)weight;
	bool is_curr, stays_protected;
	u64 average;

	if (!se->on_rq) {
		se->vlag = se->vlag * old / new;
		if (se->rel_deadline)
			se->deadline = (u64)((s64)se->deadline * old / new);
		se->weight = weight;
		return;
	}
	is_curr = se == rq->curr;
	average = eevdf_avg_vruntime(rq);
	stays_protected = is_curr && rq->is_flat && eevdf_is_protected(se);
	se->vlag = lag_of(rq, se) * old / new;
	if (!is_curr)
		sum_sub(rq, se);
	se->weight = weight;
	se->vruntime = average - (u64)se->vlag;
	se->deadline = average + (u64)((s64)(se->deadline - average) * old / new);
	/* Up to 6.12 the current one loses its protection. */
	if (stays_protected)
		se->vprot = average + (u64)((s64)(se->vprot - average) * old / new);
	else
		se->vprot = se->vruntime;
	if (!is_curr)
		sum_add(rq, se);
}

/* ---- What runs ------------------------------------------------------------------------------ */

void eevdf_set_curr(struct cfs_rq *rq, struct sched_entity *se)
{
	sum_sub(rq, se);
	list_del(rq, se);
	list_add(rq, se);
	rq->curr = se;
	se->is_new = false;
}

void eevdf_put_curr(struct cfs_rq *rq)
{
	struct sched_entity *se = rq->curr;

	sum_add(rq, se);
	rq->curr = NULL;
}

void eevdf_renew_slice(struct cfs_rq *rq, struct sched_entity *se)
{
	se->deadline = se->vruntime + eevdf_to_virtual(se, rq->slice_ns);
	eevdf_avg_vruntime(rq);
}

/* Of two deadlines that are the same the one that waits for longer. */
struct sched_entity *eevdf_pick(const struct cfs_rq *rq)
{
	struct sched_entity *curr = rq->curr, *best = NULL;
	s64 weight, sum;

	if (rq->nr_queued <= 1)
		return rq->first;
	sum = sum_all(rq, &weight);
	if (curr && !is_eligible(rq, curr, sum, weight))
		curr = NULL;
	if (curr && eevdf_is_protected(curr))
		return curr;
	for (struct sched_entity *se = rq->last; se; se = se->prev)
		if (se != rq->curr && is_eligible(rq, se, sum, weight) &&
		    (!best || eevdf_is_before(se->deadline, best->deadline)))
			best = se;
	if (!best || (curr && eevdf_is_before(curr->deadline, best->deadline)))
		best = curr;
	return best;
}
