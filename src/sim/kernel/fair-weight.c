/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tasks and groups weigh in the fair class, see fair-weight.h; and what a group's weight is divided by, the load of
 * its runqueues, as the kernel's PELT has it (kernel/sched/pelt.c).
 */
#include "sim/kernel/fair-weight.h"

#include "sim/kernel/cgroup.h"

#define SHARES_MIN 2ULL

/* ---- Averages ------------------------------------------------------------------------------- */

enum {
	PELT_STEP_BITS = 20, /* nanoseconds */
	PELT_HALF = 32,	     /* after so many steps half of it is left */
};

#define PELT_DECAY 4202935003ULL /* the 32nd root of a half, times 2^32 */

/* What is left of it after n steps. */
static u64 decay(u64 value, u64 n)
{
	if (n >= 64 * PELT_HALF)
		return 0;
	value >>= n / PELT_HALF;
	for (n %= PELT_HALF; n; n--)
		value = ((value >> 16) * PELT_DECAY >> 16) + ((value & 0xffff) * PELT_DECAY >> 32);
	return value;
}

static u64 toward(u64 average, u64 value, u64 n)
{
	return average >= value ? value + decay(average - value, n)
				: value - decay(value - average, n);
}

/* It has had that value since it was last told. */
static void pelt_update(struct pelt *pelt, u64 value, u64 now)
{
	u64 step = pelt->at_ns >> PELT_STEP_BITS, end = now >> PELT_STEP_BITS;

	if ((s64)(now - pelt->at_ns) <= 0)
		return;
	if (step == end) {
		pelt->part += value * (now - pelt->at_ns);
	} else {
		pelt->part += value * (((step + 1) << PELT_STEP_BITS) - pelt->at_ns);
		pelt->average = toward(pelt->average, pelt->part >> PELT_STEP_BITS, 1);
		pelt->average = toward(pelt->average, value, end - step - 1);
		pelt->part = value * (now - (end << PELT_STEP_BITS));
	}
	pelt->at_ns = now;
}

void fair_update_averages(struct cfs_rq *rq)
{
	u64 now;

	/* Nobody asks for those of a CPU. */
	if (!rq->se.my_q)
		return;
	now = machine_now(rq->cpu->m);
	pelt_update(&rq->load_avg, rq->load, now);
	pelt_update(&rq->runnable_avg, rq->h_nr_runnable * NICE_0_LOAD, now);
}

/* ---- Weights of groups ---------------------------------------------------------------------- */

/*
 * The group's shares are divided among its runqueues by their load. That of the other CPUs is taken from averages, its
 * own is the present one if that is more, so that a group which wakes up does not wait for its average. 7.3 multiplies
 * the shares by the CPUs that the group could use.
 */
u64 fair_shares_of(struct cfs_rq *rq)
{
	const struct control_group *tg = rq->tg;
	const struct machine *m = rq->cpu->m;
	u64 load, others = 0, runnable = 0, shares = tg->tg.shares, nr = 1, now = machine_now(m);

	fair_update_averages(rq);
	load = rq->load > rq->load_avg.average ? rq->load : rq->load_avg.average;
	for (u32 i = 0; i < m->topology.nr_cpus; i++) {
		const struct cfs_rq *other = &tg->cfs[i];
		struct pelt load_avg = other->load_avg, runnable_avg = other->runnable_avg;

		pelt_update(&runnable_avg, other->h_nr_runnable * NICE_0_LOAD, now);
		runnable += runnable_avg.average;
		if (other == rq)
			continue;
		pelt_update(&load_avg, other->load, now);
		others += load_avg.average;
	}
	if (rq->is_flat) {
		nr = runnable / NICE_0_LOAD < m->topology.nr_cpus ? runnable / NICE_0_LOAD
								  : m->topology.nr_cpus;
		shares *= nr ? nr : 1;
	}
	load >>= 10;
	load = shares * load / ((others >> 10) + (load ? load : 1));
	return load < SHARES_MIN ? SHARES_MIN : load < shares ? load : shares;
}

void fair_reweight(struct sched_entity *se, u64 load)
{
	struct cfs_rq *rq = se->cfs_rq;

	if (se->load == load)
		return;
	if (se->on_rq) {
		fair_update_averages(rq);
		rq->load += load - se->load;
	}
	se->load = load;
	if (!rq->is_flat)
		eevdf_reweight(rq, se, load);
}

u64 fair_part_of(const struct sched_entity *se, u64 weight)
{
	if (se->parent)
		weight = weight * se->load / (se->cfs_rq->load + (se->on_rq ? 0 : se->load));
	else
		weight = weight * se->load / NICE_0_LOAD;
	return weight > SHARES_MIN ? weight : SHARES_MIN;
}

static u64 hierarchical_weight(const struct sched_entity *se)
{
	u64 weight = NICE_0_LOAD;

	for (; se; se = se->parent)
		weight = fair_part_of(se, weight);
	return weight;
}

void fair_update_weights(struct cpu *cpu, struct task *t)
{
	if (!t->se.parent)
		return;
	for (struct sched_entity *se = t->se.parent; se; se = se->parent)
		fair_update_shares(se);
	if (cpu->cfs.is_flat)
		eevdf_reweight(&cpu->cfs, &t->se, hierarchical_weight(&t->se));
}

u64 fair_task_load(const struct task *t)
{
	u64 load = hierarchical_weight(&t->se) >> 10;

	return load ? load : 1;
}

u64 fair_cpu_load(const struct cpu *cpu)
{
	return (cpu->cfs.load - cpu->cfs.load_delayed) >> 10;
}

/* ---- Of tasks ------------------------------------------------------------------------------- */

u64 fair_load(const struct task *t)
{
	return task_weight(t);
}

void fair_set_load(struct task *t, u64 load)
{
	struct cfs_rq *rq = &t->m->cpus[t->cpu].cfs;

	fair_reweight(&t->se, load);
	if (rq->is_flat)
		eevdf_reweight(rq, &t->se, hierarchical_weight(&t->se));
}

/* ---- For invariants ------------------------------------------------------------------------- */

static u64 stretch(u64 ns, u64 all, u64 own)
{
	const u64 most_ns = 1000 * SEC_NS; /* as good as never, and times a weight it fits */

	own >>= 10;
	ns = ns * (all >> 10) / (own ? own : 1);
	return ns < most_ns ? ns : most_ns;
}

u64 fair_stretch_ns(const struct task *t, u64 ns)
{
	const struct cfs_rq *rq = &t->m->cpus[t->cpu].cfs;

	if (rq->is_flat)
		return stretch(ns, rq->sum_weight + (rq->curr ? rq->curr->weight : 0),
			       t->se.weight);
	for (const struct sched_entity *se = &t->se; se; se = se->parent)
		ns = stretch(ns, se->cfs_rq->load, se->load);
	return ns;
}
