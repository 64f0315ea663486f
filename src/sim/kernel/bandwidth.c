/* SPDX-License-Identifier: GPL-2.0-only */
/* See bandwidth.h. */
#include "sim/kernel/bandwidth.h"

#include "sim/faults.h"
#include "sim/kernel/cgroup.h"
#include "sim/kernel/flags.h"
#include "sim/kernel/random.h"

/* The kernel's defaults. */
#define SLICE_NS (5 * MSEC) /* what a CPU takes at a time */
#define KEEP_NS	 (1 * MSEC) /* what it keeps when its last task sleeps */
#define SLACK_NS                                                                                   \
	(5 * MSEC) /* so long others' returned runtime is gathered before it is given away */
#define SLACK_LEAST_NS (2 * MSEC) /* not worth it so near to the end of a period */

/* Does the current task run beneath rq? */
static bool is_current(const struct cfs_rq *rq)
{
	const struct task *t = rq->cpu->cfs.running;
	const struct sched_entity *se = t && t->se.on_rq ? &t->se : NULL;

	while (se && se->cfs_rq != rq)
		se = se->parent;
	return se;
}

/* ---- The quota of a period ------------------------------------------------------------------ */

static void refill(struct control_group *tg)
{
	struct bandwidth *b = &tg->bandwidth;
	s64 most = (s64)(tg->max.quota_ns + tg->max.burst_ns);

	if (!tg->max.quota_ns)
		return;
	b->runtime_ns += (s64)tg->max.quota_ns;
	if (b->runtime_ns > most)
		b->runtime_ns = most;
}

/* The first end of a period that is still to come. */
static void find_next(struct control_group *tg)
{
	struct bandwidth *b = &tg->bandwidth;
	u64 now = machine_now(&machine), period_ns = tg->max.period_ns;

	b->next_ns = b->offset_ns + ((now - b->offset_ns) / period_ns + 1) * period_ns;
}

static void start_period(struct control_group *tg)
{
	struct bandwidth *b = &tg->bandwidth;

	if (b->is_active)
		return;
	b->is_active = true;
	find_next(tg);
	irq_raise(&b->period, machine.this_cpu, b->next_ns - machine_now(&machine));
}

/* So much that rq has at least that, or what there is. True: it may run. */
static bool assign(struct cfs_rq *rq, u64 at_least_ns)
{
	struct bandwidth *b = &rq->tg->bandwidth;
	s64 amount_ns = (s64)at_least_ns - rq->runtime.left_ns;

	if (rq->tg->max.quota_ns) {
		start_period(rq->tg);
		if (amount_ns > b->runtime_ns)
			amount_ns = b->runtime_ns > 0 ? b->runtime_ns : 0;
		b->runtime_ns -= amount_ns;
		if (amount_ns)
			b->is_idle = false;
	}
	rq->runtime.left_ns += amount_ns;
	return rq->runtime.left_ns > 0;
}

/* ---- Throttling ----------------------------------------------------------------------------- */

static void list_add(struct bandwidth *b, struct cfs_rq *rq)
{
	rq->runtime.next = NULL;
	*b->throttled_end = rq;
	b->throttled_end = &rq->runtime.next;
}

static void list_del(struct bandwidth *b, const struct cfs_rq *rq)
{
	struct cfs_rq **at = &b->throttled;

	while (*at != rq)
		at = &(*at)->runtime.next;
	*at = rq->runtime.next;
	if (!*at)
		b->throttled_end = at;
}

void bandwidth_throttle_soon(struct cpu *cpu, struct task *t)
{
	/* These do not return to user space. */
	if (t->p.flags & (PF_EXITING | PF_KTHREAD))
		return;
	t->fair.throttle_soon = true;
	resched_cpu(cpu);
}

/* False: there was some runtime all the same. */
static bool throttle(struct cfs_rq *rq)
{
	const struct machine *m = rq->cpu->m;
	bool runs = is_current(rq);

	if (assign(rq, rq->is_flat && runs ? SLICE_NS : 1))
		return false;
	list_add(&rq->tg->bandwidth, rq);
	for (u32 i = rq->tg->index; i < m->nr_groups; i++)
		if (cgroup_is_below(m->groups[i], rq->tg))
			m->groups[i]->cfs[rq->cpu->id].runtime.throttle_count++;
	rq->runtime.throttled = true;
	if (!rq->is_flat)
		fair_throttle_group(rq);
	else if (runs)
		bandwidth_throttle_soon(rq->cpu, rq->cpu->cfs.running);
	return true;
}

static void leave_limbo(struct cfs_rq *rq)
{
	struct task *t;

	/* One that comes back may use up what there is, and the others stay. */
	while (!rq->runtime.throttle_count && (t = rq->runtime.limbo)) {
		bandwidth_limbo_del(t);
		t->fair.throttled = false;
		fair_unthrottle(rq->cpu, t);
	}
}

/* The groups below come first: they are behind it in the machine's list. */
static void unthrottle(struct cfs_rq *rq)
{
	const struct machine *m = rq->cpu->m;

	fair_update_curr(rq->cpu);
	if (rq->is_flat && rq->runtime.enabled && rq->runtime.left_ns <= 0)
		return;
	rq->runtime.throttled = false;
	list_del(&rq->tg->bandwidth, rq);
	for (u32 i = m->nr_groups; i-- > rq->tg->index;) {
		struct cfs_rq *below = &m->groups[i]->cfs[rq->cpu->id];

		if (!cgroup_is_below(m->groups[i], rq->tg) || --below->runtime.throttle_count)
			continue;
		below->runtime.ended_ns = machine_now(m);
		leave_limbo(below);
	}
	if (!rq->is_flat)
		fair_unthrottle_group(rq);
	/* Whatever CPU runs this, an idle one is told. */
	if (!rq->cpu->curr && rq->cpu->cfs.h_nr_queued)
		resched_cpu(rq->cpu);
}

static void handle_unthrottle(struct cpu *cpu, struct irq *irq)
{
	const struct machine *m = cpu->m;

	(void)irq;
	lock_take(&cpu->rq_lock);
	for (u32 i = 1; i < m->nr_groups; i++) {
		struct cfs_rq *rq = &m->groups[i]->cfs[cpu->id];

		if (!rq->runtime.unthrottle)
			continue;
		rq->runtime.unthrottle = false;
		if (rq->runtime.throttled)
			unthrottle(rq);
	}
	lock_release(&cpu->rq_lock);
}

/* ---- Runtime is given to those that wait for it ---------------------------------------------- */

static struct cfs_rq *first_waiting(const struct bandwidth *b)
{
	struct cfs_rq *rq = b->throttled;

	while (rq && rq->runtime.unthrottle)
		rq = rq->runtime.next;
	return rq;
}

/* As much as it lacks. False: there is no more. */
static bool give(struct bandwidth *b, struct cfs_rq *rq)
{
	s64 ns;

	fair_update_curr(rq->cpu);
	ns = 1 - rq->runtime.left_ns;
	if (ns > b->runtime_ns)
		ns = b->runtime_ns;
	b->runtime_ns -= ns;
	rq->runtime.left_ns += ns;
	if (rq->runtime.left_ns <= 0)
		return false;
	rq->runtime.unthrottle = true;
	return true;
}

/* To each of them enough to go on with, in the order in which they were throttled. True: some still wait. */
static bool distribute(struct bandwidth *b)
{
	struct cpu *self = machine.this_cpu;
	bool any_here = false, some_wait = false;
	struct cfs_rq *rq;

	while (!some_wait && (rq = first_waiting(b))) {
		if (b->runtime_ns <= 0) {
			some_wait = true;
			break;
		}
		lock_take(&rq->cpu->rq_lock);
		/* Another CPU may have done it while this one waited for the lock. */
		if (rq->runtime.throttled && !rq->runtime.unthrottle) {
			some_wait = !give(b, rq);
			if (!some_wait && rq->cpu == self)
				any_here = true;
			else if (!some_wait)
				irq_send(&rq->cpu->unthrottle, rq->cpu,
					 rq->cpu->m->costs->ipi + fault_kick_delay_ns());
		}
		lock_release(&rq->cpu->rq_lock);
	}
	if (any_here)
		handle_unthrottle(self, NULL);
	return some_wait;
}

/* True: nothing has happened for a period, and the timer can stop. */
static bool end_period(struct control_group *tg)
{
	struct bandwidth *b = &tg->bandwidth;
	bool some_wait = b->throttled;

	if (!tg->max.quota_ns)
		return true;
	refill(tg);
	if (!some_wait) {
		if (b->is_idle)
			return true;
		b->is_idle = true;
		return false;
	}
	while (some_wait && b->runtime_ns > 0)
		some_wait = distribute(b);
	b->is_idle = false;
	return false;
}

static void handle_period(struct cpu *cpu, struct irq *irq)
{
	struct control_group *tg = container_of(irq, struct control_group, bandwidth.period);

	cpu_spend(cpu->m->costs->timer);
	tg->bandwidth.is_active = !end_period(tg);
	if (!tg->bandwidth.is_active)
		return;
	find_next(tg);
	irq_raise(irq, machine.this_cpu, tg->bandwidth.next_ns - machine_now(cpu->m));
}

/* Does the period end within that time? */
static bool ends_within(const struct bandwidth *b, u64 ns)
{
	return (s64)(b->next_ns - machine_now(&machine)) < (s64)ns;
}

static void handle_slack(struct cpu *cpu, struct irq *irq)
{
	struct control_group *tg = container_of(irq, struct control_group, bandwidth.slack);
	struct bandwidth *b = &tg->bandwidth;

	cpu_spend(cpu->m->costs->timer);
	b->slack_is_asked = false;
	if (!ends_within(b, SLACK_LEAST_NS) && tg->max.quota_ns && b->runtime_ns > (s64)SLICE_NS)
		distribute(b);
}

/* ---- What a runqueue uses ------------------------------------------------------------------- */

bool bandwidth_account(struct cfs_rq *rq, u64 ran_ns)
{
	if (!rq->runtime.enabled)
		return false;
	rq->runtime.left_ns -= (s64)ran_ns;
	if (rq->runtime.left_ns > 0)
		return false;
	if (rq->runtime.throttled)
		return true;
	if (rq->is_flat)
		return throttle(rq);
	if (assign(rq, SLICE_NS))
		return false;
	if (is_current(rq))
		resched_cpu(rq->cpu);
	return true;
}

bool bandwidth_check(struct cfs_rq *rq)
{
	if (!rq->runtime.enabled || rq->runtime.left_ns > 0 || rq->is_flat)
		return false;
	return rq->runtime.throttled || throttle(rq);
}

/* Else it would be noticed at the next tick only that there is nothing left. */
void bandwidth_first(struct cfs_rq *rq)
{
	if (!rq->runtime.enabled || is_current(rq) || rq->runtime.throttled)
		return;
	bandwidth_account(rq, 0);
	bandwidth_check(rq);
}

void bandwidth_last(struct cfs_rq *rq)
{
	struct bandwidth *b = &rq->tg->bandwidth;
	s64 ns = rq->runtime.left_ns - (s64)KEEP_NS;

	if (!rq->runtime.enabled || ns <= 0)
		return;
	rq->runtime.left_ns -= ns;
	if (!rq->tg->max.quota_ns)
		return;
	b->runtime_ns += ns;
	if (b->runtime_ns <= (s64)SLICE_NS || !b->throttled || b->slack_is_asked ||
	    ends_within(b, SLACK_NS + SLACK_LEAST_NS))
		return;
	b->slack_is_asked = true;
	irq_raise(&b->slack, machine.this_cpu, SLACK_NS);
}

/* ---- Tasks that are put aside --------------------------------------------------------------- */

void bandwidth_put_aside(struct task *t)
{
	struct cpu *cpu = &t->m->cpus[t->cpu];

	t->fair.throttle_soon = false;
	/* There may be runtime again meanwhile, or it has gone to another group. */
	if (t->p.flags & PF_EXITING || !t->se.cfs_rq->runtime.throttle_count)
		return;
	fair_dequeue(cpu, t, true);
	t->fair.throttled = true;
	bandwidth_limbo_add(t);
}

bool bandwidth_limbo_add(struct task *t)
{
	struct cfs_rq *rq = t->se.cfs_rq;

	if (!rq->runtime.throttle_count) {
		t->fair.throttled = false;
		return false;
	}
	t->fair.next_limbo = rq->runtime.limbo;
	rq->runtime.limbo = t;
	return true;
}

void bandwidth_limbo_del(struct task *t)
{
	struct task **at = &t->se.cfs_rq->runtime.limbo;

	while (*at != t)
		at = &(*at)->fair.next_limbo;
	*at = t->fair.next_limbo;
}

/* ---- Limits --------------------------------------------------------------------------------- */

void bandwidth_init(struct control_group *tg)
{
	struct machine *m = &machine;
	struct bandwidth *b = &tg->bandwidth;
	u64 random = random_start(m->seed, (1ULL << 43) + tg->index);

	b->throttled_end = &b->throttled;
	b->period.handle = handle_period;
	b->slack.handle = handle_slack;
	/* So that the periods of groups do not end together. */
	b->offset_ns = m->now_ns - random_below(&random, tg->max.period_ns);
	refill(tg);
	for (u32 i = 0; i < m->topology.nr_cpus; i++) {
		m->cpus[i].unthrottle.handle = handle_unthrottle;
		tg->cfs[i].runtime.enabled = tg->max.quota_ns;
	}
}

void bandwidth_changed(struct control_group *tg)
{
	struct machine *m = &machine;

	if (!tg->cfs)
		return;
	refill(tg);
	if (tg->max.quota_ns)
		start_period(tg);
	for (u32 i = 0; i < m->topology.nr_cpus; i++) {
		struct cfs_rq *rq = &tg->cfs[i];

		lock_take(&rq->cpu->rq_lock);
		fair_update_curr(rq->cpu);
		rq->runtime.enabled = tg->max.quota_ns;
		rq->runtime.left_ns = rq->is_flat;
		if (rq->runtime.throttled)
			unthrottle(rq);
		lock_release(&rq->cpu->rq_lock);
	}
}
