/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control groups in the fair class: how tasks and groups come to runqueues, leave them and are chosen, all the way up.
 * There are two ways, see fair.h: flat in 7.3, nested before. Without groups both are the same.
 */
#include "sim/kernel/sched.h"

#include <stdlib.h>

#include "sim/kernel/bandwidth.h"
#include "sim/kernel/cgroup.h"
#include "sim/kernel/fair-weight.h"

/* So many more or fewer tasks, see cfs_rq. */
struct h_nr {
	u32 queued, runnable, idle;
};

struct cfs_rq *fair_group_rq(struct control_group *tg, struct cpu *cpu)
{
	return tg->cfs ? &tg->cfs[cpu->id] : &cpu->cfs;
}

struct task *fair_task_of(struct sched_entity *se)
{
	return container_of(se, struct task, se);
}

void fair_set_task_rq(struct task *t, struct cpu *cpu)
{
	t->se.cfs_rq = fair_group_rq(task_cgroup(t), cpu);
	t->se.parent = t->se.cfs_rq == &cpu->cfs ? NULL : &t->se.cfs_rq->se;
}

bool fair_may_move(const struct task *t, const struct cpu *to)
{
	const struct control_group *tg = task_cgroup(t);

	return !tg->cfs || !tg->cfs[to->id].runtime.throttle_count;
}

/* ---- Coming and leaving --------------------------------------------------------------------- */

static void add_nr(struct cfs_rq *rq, struct h_nr nr)
{
	fair_update_averages(rq);
	rq->h_nr_queued += nr.queued;
	rq->h_nr_runnable += nr.runnable;
	rq->h_nr_idle += nr.idle;
}

static void sub_nr(struct cfs_rq *rq, struct h_nr nr)
{
	fair_update_averages(rq);
	rq->h_nr_queued -= nr.queued;
	rq->h_nr_runnable -= nr.runnable;
	rq->h_nr_idle -= nr.idle;
}

/* The entity's load counts in its runqueue from now on, or does not any more. */
static void add_load(struct sched_entity *se)
{
	struct cfs_rq *rq = se->cfs_rq;
	bool is_first = !rq->load;

	fair_update_averages(rq);
	rq->load += se->load;
	se->on_rq = true;
	if (is_first)
		bandwidth_first(rq);
}

static void sub_load(struct sched_entity *se)
{
	struct cfs_rq *rq = se->cfs_rq;

	fair_update_averages(rq);
	rq->load -= se->load;
	if (se->sched_delayed && !se->my_q)
		rq->load_delayed -= se->load;
	se->on_rq = false;
	if (!rq->load)
		bandwidth_last(rq);
}

static void set_delayed(struct sched_entity *se)
{
	se->sched_delayed = true;
	if (se->my_q)
		return; /* it is empty */
	se->cfs_rq->load_delayed += se->load;
	for (; se; se = se->parent) {
		sub_nr(se->cfs_rq, (struct h_nr){.runnable = 1});
		if (!se->cfs_rq->is_flat && se->cfs_rq->runtime.throttled)
			return;
	}
}

static void clear_delayed(struct sched_entity *se)
{
	se->sched_delayed = false;
	if (se->my_q)
		return;
	se->cfs_rq->load_delayed -= se->load;
	for (; se; se = se->parent) {
		add_nr(se->cfs_rq, (struct h_nr){.runnable = 1});
		if (!se->cfs_rq->is_flat && se->cfs_rq->runtime.throttled)
			return;
	}
}

/* ---- Flat ----------------------------------------------------------------------------------- */

static void enqueue_flat(struct cpu *cpu, struct task *t)
{
	struct h_nr nr = {.queued = 1, .runnable = 1};
	u64 weight = NICE_0_LOAD;

	for (struct sched_entity *se = &t->se; se; se = se->parent) {
		fair_update_shares(se);
		if (!se->on_rq)
			add_load(se);
		add_nr(se->cfs_rq, nr);
		if (se->cfs_rq->idle)
			nr.idle = 1;
		weight = fair_part_of(se, weight);
	}
	t->se.on_rq = false;
	eevdf_reweight(&cpu->cfs, &t->se, weight);
	eevdf_enqueue(&cpu->cfs, &t->se);
}

static void dequeue_flat(struct cpu *cpu, struct task *t, bool sleeps)
{
	struct h_nr nr = {.queued = 1, .runnable = !t->se.sched_delayed};
	bool leaves = true;

	eevdf_update_lag(&cpu->cfs, &t->se);
	for (struct sched_entity *se = &t->se; se; se = se->parent) {
		if (leaves) {
			sub_load(se);
			leaves = !se->cfs_rq->load;
		}
		fair_update_shares(se);
		sub_nr(se->cfs_rq, nr);
		if (se->cfs_rq->idle)
			nr.idle = 1;
	}
	eevdf_dequeue(&cpu->cfs, &t->se, sleeps);
	t->se.sched_delayed = false;
}

/* ---- Nested --------------------------------------------------------------------------------- */

static void requeue_nested(struct sched_entity *se)
{
	eevdf_requeue_delayed(se->cfs_rq, se);
	clear_delayed(se);
}

static void enqueue_entity(struct sched_entity *se)
{
	struct cfs_rq *rq = se->cfs_rq;

	fair_update_shares(se);
	eevdf_enqueue(rq, se);
	add_load(se);
}

/* Up to a runqueue that is throttled: those above have nothing to do with it. */
static void enqueue_nested(struct task *t)
{
	struct h_nr nr = {.queued = 1, .runnable = 1};
	bool comes = true;

	for (struct sched_entity *se = &t->se; se; se = se->parent) {
		struct cfs_rq *rq = se->cfs_rq;

		if (comes && se->on_rq) {
			if (se->sched_delayed)
				requeue_nested(se);
			comes = false;
		}
		if (comes)
			enqueue_entity(se);
		else
			fair_update_shares(se);
		add_nr(rq, nr);
		if (rq->idle)
			nr.idle = 1;
		if (rq->runtime.throttled)
			return;
	}
}

static void dequeue_entity(struct sched_entity *se, bool sleeps)
{
	struct cfs_rq *rq = se->cfs_rq;

	eevdf_update_lag(rq, se);
	eevdf_dequeue(rq, se, sleeps);
	sub_load(se);
	se->sched_delayed = false;
	fair_update_shares(se);
}

/*
 * The entity leaves, and with it those above that are empty then; these sleep, and may be delayed. nr: what the tasks
 * below count for.
 */
static void dequeue_nested(struct sched_entity *se, bool sleeps, struct h_nr nr)
{
	bool leaves = true, is_first = true;

	for (; se; se = se->parent) {
		struct cfs_rq *rq = se->cfs_rq;

		if (leaves && !is_first && !eevdf_is_eligible(rq, se)) {
			set_delayed(se);
			leaves = false;
		} else if (leaves) {
			dequeue_entity(se, sleeps || !is_first);
			leaves = !rq->load;
		} else {
			fair_update_shares(se);
		}
		is_first = false;
		sub_nr(rq, nr);
		if (rq->idle)
			nr.idle = nr.queued;
		if (rq->runtime.throttled)
			return;
	}
}

/* The same, without delay, as far up as they are on runqueues: all that is below rq goes. */
void fair_throttle_group(struct cfs_rq *rq)
{
	struct h_nr nr = {rq->h_nr_queued, rq->h_nr_runnable, rq->h_nr_idle};
	bool leaves = true;

	for (struct sched_entity *se = &rq->se; se && se->on_rq; se = se->parent) {
		if (leaves) {
			dequeue_entity(se, true);
			leaves = !se->cfs_rq->load;
		}
		if (se->my_q->idle)
			nr.idle = rq->h_nr_queued;
		sub_nr(se->cfs_rq, nr);
	}
}

void fair_unthrottle_group(struct cfs_rq *rq)
{
	struct h_nr nr = {rq->h_nr_queued, rq->h_nr_runnable, rq->h_nr_idle};
	bool comes = true;

	if (!rq->load)
		return;
	for (struct sched_entity *se = &rq->se; se; se = se->parent) {
		if (comes && se->sched_delayed)
			dequeue_entity(se, true);
		else if (comes && se->on_rq)
			comes = false;
		if (comes)
			enqueue_entity(se);
		else
			fair_update_shares(se);
		if (se->my_q->idle)
			nr.idle = rq->h_nr_queued;
		add_nr(se->cfs_rq, nr);
		if (se->cfs_rq->runtime.throttled)
			return;
	}
}

/* ---- Both ----------------------------------------------------------------------------------- */

void fair_enqueue(struct cpu *cpu, struct task *t)
{
	struct cfs_rq *rq = &cpu->cfs;

	fair_set_task_rq(t, cpu);
	t->se.is_new = !t->p.se.sum_exec_runtime;
	if (t->se.parent && rq->is_flat) {
		enqueue_flat(cpu, t);
	} else if (t->se.parent) {
		enqueue_nested(t);
	} else {
		/* In the root, both are this. */
		rq->h_nr_queued++;
		rq->h_nr_runnable++;
		rq->load += t->se.load;
		eevdf_reweight(rq, &t->se, t->se.load);
		eevdf_enqueue(rq, &t->se);
	}
}

static void dequeue_from_root(struct cfs_rq *rq, struct sched_entity *se, bool sleeps)
{
	eevdf_update_lag(rq, se);
	rq->h_nr_queued--;
	rq->load -= se->load;
	if (se->sched_delayed)
		rq->load_delayed -= se->load;
	else
		rq->h_nr_runnable--;
	se->sched_delayed = false;
	eevdf_dequeue(rq, se, sleeps);
}

void fair_dequeue(struct cpu *cpu, struct task *t, bool sleeps)
{
	if (!t->se.parent)
		dequeue_from_root(&cpu->cfs, &t->se, sleeps);
	else if (cpu->cfs.is_flat)
		dequeue_flat(cpu, t, sleeps);
	else
		dequeue_nested(&t->se, sleeps,
			       (struct h_nr){.queued = 1, .runnable = !t->se.sched_delayed});
	if (cpu->cfs.running == t)
		cpu->cfs.running = NULL;
}

bool fair_dequeue_or_delay(struct cpu *cpu, struct task *t)
{
	struct cfs_rq *rq = fair_rq_of(cpu, t);

	if (eevdf_is_eligible(rq, &t->se)) {
		fair_dequeue(cpu, t, true);
		return true;
	}
	eevdf_update_lag(rq, &t->se);
	set_delayed(&t->se);
	return false;
}

void fair_requeue_delayed(struct cpu *cpu, struct task *t)
{
	t->se.is_new = !t->p.se.sum_exec_runtime;
	eevdf_requeue_delayed(fair_rq_of(cpu, t), &t->se);
	clear_delayed(&t->se);
}

void fair_dequeue_delayed(struct cfs_rq *rq, struct sched_entity *se)
{
	if (se->my_q) {
		dequeue_nested(se, true, (struct h_nr){0});
		return;
	}
	fair_dequeue(rq->cpu, fair_task_of(se), true);
	fair_task_of(se)->on_rq = false;
}

struct sched_entity *fair_pick_entity(struct cfs_rq *rq)
{
	struct sched_entity *se;

	while ((se = eevdf_pick(rq)) && se->sched_delayed)
		fair_dequeue_delayed(rq, se);
	return se;
}

struct task *fair_pick_task(struct cpu *cpu)
{
	struct cfs_rq *rq = &cpu->cfs;
	struct sched_entity *se;

	for (;;) {
		se = fair_pick_entity(rq);
		if (se && !se->my_q)
			return fair_task_of(se);
		if (!se && rq == &cpu->cfs)
			return NULL;
		/* Where a group turns out to be empty or throttled: from the top again. */
		rq = se && !bandwidth_check(se->my_q) ? se->my_q : &cpu->cfs;
	}
}

static bool is_above(const struct sched_entity *se, const struct task *t)
{
	const struct sched_entity *below = t ? &t->se : NULL;

	while (below && below != se)
		below = below->parent;
	return below;
}

/* What both are below stays current. */
void fair_put_prev(struct cpu *cpu, struct task *prev, const struct task *next)
{
	if (cpu->cfs.is_flat) {
		if (cpu->cfs.curr == &prev->se)
			eevdf_put_curr(&cpu->cfs);
		cpu->cfs.running = NULL;
		return;
	}
	for (struct sched_entity *se = &prev->se; se && !is_above(se, next); se = se->parent) {
		bandwidth_check(se->cfs_rq);
		if (se->cfs_rq->curr == se)
			eevdf_put_curr(se->cfs_rq);
	}
	cpu->cfs.running = NULL;
}

void fair_set_next(struct cpu *cpu, struct task *t)
{
	bool is_throttled = false;

	cpu->cfs.running = t;
	if (cpu->cfs.is_flat) {
		eevdf_set_curr(&cpu->cfs, &t->se);
		for (const struct sched_entity *se = &t->se; se->parent; se = se->parent)
			is_throttled |= bandwidth_account(se->cfs_rq, 0);
		/* The kernel leaves this to ticks; here they may be in step with slices, and never see a task run. */
		fair_update_weights(cpu, t);
		t->se.vprot = t->se.deadline;
		if (is_throttled)
			bandwidth_throttle_soon(cpu, t);
		return;
	}
	for (struct sched_entity *se = &t->se; se; se = se->parent) {
		if (se->on_rq && !se->cfs_rq->curr) {
			eevdf_set_curr(se->cfs_rq, se);
			se->vprot = se->deadline;
		}
		is_throttled |= bandwidth_account(se->cfs_rq, 0);
	}
	/* It may have been when the one before was put back. */
	if (is_throttled)
		resched_cpu(cpu);
}

struct cfs_rq *fair_common_rq(struct cpu *cpu, struct sched_entity **curr, struct sched_entity **se)
{
	if (cpu->cfs.is_flat)
		return &cpu->cfs;
	for (struct sched_entity *a = *curr; a; a = a->parent)
		for (struct sched_entity *b = *se; b; b = b->parent)
			if (a->cfs_rq == b->cfs_rq) {
				*curr = a;
				*se = b;
				return a->cfs_rq;
			}
	return &cpu->cfs;
}

/* ---- For invariants ------------------------------------------------------------------------- */

u32 fair_nr_on_lists(const struct cpu *cpu)
{
	u32 nr = cpu->cfs.nr_queued;

	if (cpu->cfs.is_flat)
		return nr;
	for (u32 i = 1; i < cpu->m->nr_groups; i++) {
		const struct cfs_rq *rq = &cpu->m->groups[i]->cfs[cpu->id];

		/* Less the groups' own entities. */
		nr += rq->nr_queued - rq->se.on_rq;
	}
	return nr;
}

bool fair_is_throttled(const struct task *t)
{
	/* In 7.3 one that is queued is not throttled yet. */
	return t->fair.throttled ||
	       (t->se.cfs_rq && !t->se.cfs_rq->is_flat && t->se.cfs_rq->runtime.throttle_count);
}

u64 fair_throttled_until_ns(const struct task *t)
{
	u64 until_ns = 0;

	for (const struct sched_entity *se = &t->se; se->parent; se = se->parent)
		if (se->cfs_rq->runtime.ended_ns > until_ns)
			until_ns = se->cfs_rq->runtime.ended_ns;
	return until_ns;
}

u64 fair_turn_ns(const struct cpu *cpu)
{
	u64 tick_ns = SEC_NS / cpu->m->hz;

	/* Without a timer for it a slice ends at a tick. */
	return cpu->cfs.is_flat || cpu->cfs.slice_ns > tick_ns ? cpu->cfs.slice_ns : tick_ns;
}

/* ---- Groups --------------------------------------------------------------------------------- */

/* The tasks below count as idle further up, or do not any more. */
static void set_idle(struct cfs_rq *rq, bool idle)
{
	u32 others = rq->h_nr_queued - rq->h_nr_idle;

	if (rq->idle == idle)
		return;
	rq->idle = idle;
	for (const struct sched_entity *se = &rq->se; se && se->on_rq; se = se->parent) {
		if (idle)
			se->cfs_rq->h_nr_idle += others;
		else
			se->cfs_rq->h_nr_idle -= others;
		if (se->cfs_rq->idle || (!rq->is_flat && se->cfs_rq->runtime.throttled))
			return;
	}
}

void fair_group_weight_changed(struct control_group *tg)
{
	for (u32 i = 0; tg->cfs && i < machine.topology.nr_cpus; i++) {
		struct cfs_rq *rq = &tg->cfs[i];

		lock_take(&rq->cpu->rq_lock);
		fair_update_curr(rq->cpu);
		set_idle(rq, tg->idle);
		for (struct sched_entity *se = &rq->se; se; se = se->parent)
			fair_update_shares(se);
		lock_release(&rq->cpu->rq_lock);
	}
}

void fair_group_max_changed(struct control_group *tg)
{
	bandwidth_changed(tg);
}

static void init_rq(struct cfs_rq *rq, struct cpu *cpu, struct control_group *tg)
{
	eevdf_init(rq, cpu);
	rq->tg = tg;
	rq->is_flat = cpu->m->kernel >= SIM_KERNEL_7_3;
	rq->load_avg.at_ns = rq->runnable_avg.at_ns = cpu->m->now_ns;
	if (!tg->parent)
		return;
	rq->idle = tg->idle;
	rq->se.my_q = rq;
	rq->se.load = rq->se.weight = NICE_0_LOAD;
	rq->se.cfs_rq = fair_group_rq(tg->parent, cpu);
	rq->se.parent = tg->parent->parent ? &rq->se.cfs_rq->se : NULL;
}

void fair_groups_init(struct machine *m)
{
	u32 n = m->topology.nr_cpus;

	for (u32 i = 0; i < m->nr_groups; i++) {
		struct control_group *tg = m->groups[i];

		if (tg->parent) {
			tg->cfs = calloc(n, sizeof(*tg->cfs));
			if (!tg->cfs)
				abort();
		}
		for (u32 k = 0; k < n; k++)
			init_rq(fair_group_rq(tg, &m->cpus[k]), &m->cpus[k], tg);
		if (tg->parent)
			bandwidth_init(tg);
	}
}

void fair_task_init(struct task *t)
{
	t->se.load = t->se.weight = fair_load(t);
	fair_set_task_rq(t, &t->m->cpus[t->cpu]);
}
