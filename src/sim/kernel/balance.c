/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * On which CPU a task is under the kernel's own scheduler: where it wakes up or begins, and which tasks a CPU takes
 * from others when it has none, and now and then. Load is what is on a runqueue at the moment; the kernel has it
 * averaged over time (PELT). What else is simpler than in the kernel is listed in GAPS.md.
 */
#include "sim/kernel/sched.h"

#include "sim/faults.h"
#include "sim/kernel/flags.h"

enum {
	IMBALANCE_PERCENT = 117, /* so much more than 100 is worth a move */
	BUSY_FACTOR = 16,	 /* a busy CPU balances so much more seldom */
};

#define CACHE_HOT_NS (500 * USEC) /* a task that ran later than that stays where it is */

/* Scheduling domains, from the smallest on. The groups of one are those of the level below, or CPUs. */
enum level {
	LEVEL_CPU = -1,
	LEVEL_CORE,
	LEVEL_LLC,
	LEVEL_NODE,
	LEVEL_ALL,
};

static int id_at(const struct cpu *cpu, int level)
{
	switch (level) {
	case LEVEL_CPU:
		return cpu->id;
	case LEVEL_CORE:
		return cpu->core;
	case LEVEL_LLC:
		return cpu->llc;
	case LEVEL_NODE:
		return cpu->node;
	default:
		return 0;
	}
}

static bool level_exists(const struct machine *m, int level)
{
	const struct sim_topology *t = &m->topology;

	switch (level) {
	case LEVEL_CORE:
		return t->smt;
	case LEVEL_LLC:
		return true;
	case LEVEL_NODE:
		return t->nr_nodes > 1 && t->nr_llcs > t->nr_nodes;
	default:
		return t->nr_llcs > 1 || t->nr_nodes > 1;
	}
}

static int level_below(const struct machine *m, int level)
{
	do
		level--;
	while (level > LEVEL_CPU && !level_exists(m, level));
	return level;
}

static u32 nr_runnable(const struct cpu *cpu)
{
	return cpu->cfs.nr_queued - cpu->cfs.nr_delayed + cpu->rt.nr;
}

/* What real-time tasks leave of it. */
static u64 capacity(const struct cpu *cpu)
{
	u64 left = cpu->speed * (1024 - (u64)rt_share(cpu)) / 1024;

	return left ? left : 1;
}

static bool is_idle(const struct cpu *cpu)
{
	return cpu->active && !cpu->curr && !cpu->cfs.nr_queued;
}

/* ---- Groups of CPUs ------------------------------------------------------------------------- */

struct group {
	s32 first_cpu; /* of those that are counted; -1: none */
	u32 nr_cpus, nr_idle, nr_runnable;
	u64 load, capacity;
};

/* By their IDs at the level below. */
static struct group groups[SIM_MAX_CPUS];

/* Those in cpu's domain of that level, of the CPUs allowed (NULL: of all). */
static void collect(const struct cpu *cpu, int level, const struct mask *allowed)
{
	struct machine *m = cpu->m;
	int below = level_below(m, level);

	for (u32 i = 0; i < m->topology.nr_cpus; i++)
		groups[i] = (struct group){.first_cpu = -1};
	for (u32 i = 0; i < m->topology.nr_cpus; i++) {
		const struct cpu *c = &m->cpus[i];
		struct group *g = &groups[id_at(c, below)];

		if (id_at(c, level) != id_at(cpu, level) || !c->active ||
		    (allowed && !mask_has(allowed, (int)i)))
			continue;
		if (g->first_cpu < 0)
			g->first_cpu = (s32)i;
		g->nr_cpus++;
		g->nr_idle += is_idle(c);
		g->nr_runnable += nr_runnable(c);
		g->load += c->cfs.load;
		g->capacity += capacity(c);
	}
}

/* Load for each full CPU. */
static u64 average_load(const struct group *g)
{
	return g->load * NICE_0_WEIGHT / g->capacity;
}

/* ---- Where a task wakes up ------------------------------------------------------------------ */

/* The waking CPU or the last one, whichever the task can run on sooner. */
static s32 wake_affine(struct task *t, s32 this, s32 prev, bool sync)
{
	struct machine *m = t->m;
	const struct cpu *here = &m->cpus[this], *there = &m->cpus[prev];
	u64 load_here, load_there;

	if (is_idle(here) && cpus_share_cache(m, this, prev))
		return is_idle(there) ? prev : this;
	if (sync && nr_runnable(here) == 1)
		return this;
	if (is_idle(there))
		return prev;
	load_here = here->cfs.load;
	load_there = there->cfs.load;
	if (sync) {
		if (here->curr->se.weight > load_here)
			return this;
		load_here -= here->curr->se.weight;
	}
	load_here = (load_here + t->se.weight) * 100 * capacity(there);
	load_there = load_there * (100 + (IMBALANCE_PERCENT - 100) / 2) * capacity(here) + sync;
	return load_here < load_there ? this : prev;
}

static bool core_is_idle(const struct machine *m, const struct cpu *cpu)
{
	return is_idle(cpu) && (cpu->sibling < 0 || is_idle(&m->cpus[cpu->sibling]));
}

static s32 idle_in_llc(const struct task *t, s32 target, bool whole_core)
{
	struct machine *m = t->m;
	u32 n = m->topology.nr_cpus;

	for (u32 i = 1; i <= n; i++) {
		s32 cpu = (s32)(((u32)target + i) % n);
		const struct cpu *c = &m->cpus[cpu];

		if (cpus_share_cache(m, cpu, target) && mask_has(&t->allowed, cpu) &&
		    (whole_core ? core_is_idle(m, c) : is_idle(c)))
			return cpu;
	}
	return -1;
}

/* An idle CPU that shares target's cache, or target. */
static s32 select_idle_sibling(struct task *t, s32 prev, s32 target)
{
	struct machine *m = t->m;
	s32 recent = t->se.recent_used_cpu, sibling = m->cpus[prev].sibling, cpu = -1;
	bool shares = cpus_share_cache(m, prev, target);

	if (is_idle(&m->cpus[target]))
		return target;
	if (prev != target && shares && is_idle(&m->cpus[prev]))
		return prev;
	t->se.recent_used_cpu = prev;
	if (recent != prev && recent != target && cpus_share_cache(m, recent, target) &&
	    is_idle(&m->cpus[recent]) && mask_has(&t->allowed, recent))
		return recent;
	if (m->topology.smt) {
		cpu = idle_in_llc(t, target, true);
		if (cpu < 0 && shares && sibling >= 0 && is_idle(&m->cpus[sibling]) &&
		    mask_has(&t->allowed, sibling))
			return sibling;
	}
	if (cpu < 0)
		cpu = idle_in_llc(t, target, false);
	return cpu >= 0 ? cpu : target;
}

/* ---- Where it begins ------------------------------------------------------------------------ */

/* By idle CPUs, and by load where there are none. The local group is left for more than a small difference. */
static bool is_idler(const struct group *a, const struct group *b, bool b_is_local)
{
	if (a->nr_idle || b->nr_idle)
		return a->nr_idle > b->nr_idle;
	if (b_is_local)
		return 100 * average_load(b) > IMBALANCE_PERCENT * average_load(a);
	return average_load(a) < average_load(b);
}

/* The idlest group, in it the idlest one of the level below, and so on. */
static s32 find_idlest_cpu(const struct task *t, s32 this)
{
	struct machine *m = t->m;
	struct cpu *at = &m->cpus[this];
	u32 n = m->topology.nr_cpus;

	for (int level = LEVEL_ALL; level >= LEVEL_CORE; level--) {
		int below = level_below(m, level), local = id_at(at, below), best = local;

		if (!level_exists(m, level))
			continue;
		collect(at, level, &t->allowed);
		for (u32 i = 1; i < n; i++) {
			int id = (int)(((u32)local + i) % n);

			if (groups[id].first_cpu < 0)
				continue;
			if (groups[best].first_cpu < 0 ||
			    is_idler(&groups[id], &groups[best], best == local))
				best = id;
		}
		if (best != local && groups[best].first_cpu >= 0)
			at = &m->cpus[groups[best].first_cpu];
	}
	return at->id;
}

s32 fair_select_task_rq(struct task *t, s32 prev_cpu, u64 wake_flags)
{
	const struct cpu *self = t->m->this_cpu;
	bool sync = wake_flags & WAKE_SYNC && self->curr && !(self->curr->p.flags & PF_EXITING);
	s32 cpu = prev_cpu;

	if (wake_flags & WAKE_FORK) {
		cpu = find_idlest_cpu(t, self->id);
	} else {
		if (self->id != prev_cpu && mask_has(&t->allowed, self->id))
			cpu = wake_affine(t, self->id, prev_cpu, sync);
		cpu = select_idle_sibling(t, prev_cpu, cpu);
	}
	cpu_interleave();
	return cpu;
}

/* ---- Taking tasks from others --------------------------------------------------------------- */

/* The one that was queued or ran the longest time ago, of those that may move; no heavier than load_max. */
static struct task *find_movable(const struct cpu *from, const struct cpu *to, int level,
				 u64 load_max, u32 shift)
{
	u64 now = machine_now(from->m);

	for (struct task *t = from->cfs.last; t; t = t->se.prev) {
		bool is_hot = (s64)(now - t->exec_start_ns) < (s64)CACHE_HOT_NS;

		if (t != from->cfs.curr && !t->on_cpu && !t->in_transit && !t->se.sched_delayed &&
		    mask_has(&t->allowed, to->id) && (level == LEVEL_CORE || !is_hot) &&
		    t->se.weight >> shift <= load_max)
			return t;
	}
	return NULL;
}

/* Without the lock of either runqueue. What it weighs; 0: there is none. */
static u64 move_one(struct cpu *from, struct cpu *to, int level, u64 load_max, u32 shift)
{
	struct task *t = NULL;
	u64 weight = 0;

	lock_take(&from->rq_lock);
	if (from->cfs.nr_queued + from->rt.nr > 1)
		t = find_movable(from, to, level, load_max, shift);
	if (t) {
		cpu_spend(from->m->costs->move_task);
		fair_detach(from, t);
		t->in_transit = true;
		set_task_cpu(t, to->id);
		weight = t->se.weight;
	}
	lock_release(&from->rq_lock);
	if (!t)
		return 0;
	cpu_interleave();
	lock_take(&to->rq_lock);
	fair_attach(to, t);
	wakeup_preempt(to, t, 0);
	lock_release(&to->rq_lock);
	return weight;
}

/* The one with the most load of those that have something to give. */
static struct cpu *busiest_cpu(const struct cpu *cpu, int level, const struct mask *tried)
{
	struct machine *m = cpu->m;
	struct cpu *busiest = NULL;

	for (u32 i = 0; i < m->topology.nr_cpus; i++) {
		struct cpu *c = &m->cpus[i];

		if (c == cpu || id_at(c, level) != id_at(cpu, level) || nr_runnable(c) < 2 ||
		    mask_has(tried, (int)i))
			continue;
		if (!busiest || c->cfs.load * capacity(busiest) > busiest->cfs.load * capacity(c))
			busiest = c;
	}
	return busiest;
}

/* One task for a CPU that has none: from its core, its cache, its node, anywhere. Without a lock. */
static bool pull_one(struct cpu *to)
{
	struct mask tried;
	struct cpu *from;

	for (int level = LEVEL_CORE; level <= LEVEL_ALL; level++) {
		if (!level_exists(to->m, level))
			continue;
		mask_clear(&tried);
		while (!to->cfs.nr_queued && (from = busiest_cpu(to, level, &tried))) {
			if (move_one(from, to, level, UINT64_MAX, 0))
				return true;
			mask_add(&tried, from->id);
		}
	}
	return false;
}

bool fair_newidle_balance(struct cpu *cpu)
{
	if (!cpu->active)
		return false;
	lock_release(&cpu->rq_lock);
	pull_one(cpu);
	lock_take(&cpu->rq_lock);
	return cpu->cfs.nr_queued;
}

/* On an idle CPU, which busy ones have woken for this: for all that are idle. */
static void handle_balance(struct cpu *self, struct irq *irq)
{
	struct machine *m = self->m;
	u32 n = m->topology.nr_cpus;

	(void)irq;
	for (u32 i = 0; i < n; i++) {
		struct cpu *cpu = &m->cpus[((u32)self->id + i) % n];

		if (is_idle(cpu))
			pull_one(cpu);
	}
}

static void kick_idle_balancer(struct cpu *cpu)
{
	struct machine *m = cpu->m;

	for (u32 i = 0; i < m->topology.nr_cpus; i++)
		if (is_idle(&m->cpus[i])) {
			irq_send(&m->cpus[i].balance, &m->cpus[i],
				 m->costs->ipi + fault_kick_delay_ns());
			return;
		}
}

/* ---- Between CPUs that are all busy ---------------------------------------------------------- */

/* The first CPU of a group does it, and none where one is idle. */
static bool should_balance(const struct cpu *cpu, const struct group *local)
{
	return !local->nr_idle && local->first_cpu == cpu->id;
}

/* Of the groups with more tasks than CPUs the one with the most load. */
static int busiest_group(const struct cpu *cpu, int local, u64 *ret_average)
{
	u64 load = 0, capacity = 0;
	int busiest = -1;

	for (u32 i = 0; i < cpu->m->topology.nr_cpus; i++) {
		const struct group *g = &groups[i];

		if (g->first_cpu < 0)
			continue;
		load += g->load;
		capacity += g->capacity;
		if ((int)i != local && g->nr_runnable > g->nr_cpus &&
		    (busiest < 0 || average_load(g) > average_load(&groups[busiest])))
			busiest = (int)i;
	}
	*ret_average = capacity ? load * NICE_0_WEIGHT / capacity : 0;
	return busiest;
}

/* How much load is to move: no more than brings either group to the average. */
static u64 imbalance_of(const struct group *busiest, const struct group *local, u64 average)
{
	u64 too_much, too_little;

	if (average_load(local) >= average || average_load(busiest) <= average ||
	    100 * average_load(busiest) <= IMBALANCE_PERCENT * average_load(local))
		return 0;
	too_much = (average_load(busiest) - average) * busiest->capacity / NICE_0_WEIGHT;
	too_little = (average - average_load(local)) * local->capacity / NICE_0_WEIGHT;
	return too_much < too_little ? too_much : too_little;
}

static struct cpu *busiest_of_group(const struct cpu *cpu, int level, int group)
{
	struct machine *m = cpu->m;
	struct cpu *busiest = NULL;

	for (u32 i = 0; i < m->topology.nr_cpus; i++) {
		struct cpu *c = &m->cpus[i];

		if (id_at(c, level) == group && nr_runnable(c) >= 2 &&
		    (!busiest || c->cfs.load * capacity(busiest) > busiest->cfs.load * capacity(c)))
			busiest = c;
	}
	return busiest;
}

/* A task that is too heavy moves all the same when that was in vain for some times. */
static void rebalance(struct cpu *cpu, int level)
{
	int below = level_below(cpu->m, level), local = id_at(cpu, below), group;
	u32 *failed = &cpu->cfs.nr_balance_failed[level];
	u64 average, imbalance, moved;
	struct cpu *from;
	bool any = false;

	collect(cpu, level, NULL);
	if (!should_balance(cpu, &groups[local]))
		return;
	group = busiest_group(cpu, local, &average);
	imbalance = group < 0 ? 0 : imbalance_of(&groups[group], &groups[local], average);
	if (!imbalance)
		return;
	from = busiest_of_group(cpu, below, group);
	while (from && imbalance &&
	       (moved = move_one(from, cpu, level, imbalance, *failed < 31 ? *failed : 31))) {
		any = true;
		imbalance -= moved < imbalance ? moved : imbalance;
	}
	*failed = any ? 0 : *failed + 1;
}

static u32 nr_cpus_at(const struct cpu *cpu, int level)
{
	u32 nr = 0;

	for (u32 i = 0; i < cpu->m->topology.nr_cpus; i++)
		nr += id_at(&cpu->m->cpus[i], level) == id_at(cpu, level);
	return nr;
}

void fair_balance_tick(struct cpu *cpu)
{
	struct machine *m = cpu->m;
	u64 now = machine_now(m), tick_ns = SEC_NS / m->hz;

	if (m->topology.nr_cpus == 1 || !cpu->active)
		return;
	if (nr_runnable(cpu) >= 2)
		kick_idle_balancer(cpu);
	for (int level = LEVEL_CORE; level <= LEVEL_ALL; level++) {
		/* Milliseconds by the number of CPUs; not at once with the levels below. */
		u64 interval_ns = BUSY_FACTOR * MSEC * nr_cpus_at(cpu, level);

		interval_ns = interval_ns > 2 * tick_ns ? interval_ns - tick_ns : tick_ns;
		if (!level_exists(m, level) || now - cpu->cfs.last_balance_ns[level] < interval_ns)
			continue;
		cpu->cfs.last_balance_ns[level] = now;
		rebalance(cpu, level);
	}
}

void fair_balance_init(struct machine *m)
{
	for (u32 i = 0; i < m->topology.nr_cpus; i++) {
		m->cpus[i].balance.handle = handle_balance;
		m->cpus[i].balance.soft = true;
		for (int level = 0; level < FAIR_LEVELS; level++)
			m->cpus[i].cfs.last_balance_ns[level] = m->now_ns;
	}
}
