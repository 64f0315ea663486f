/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a CPU runs next under EEVDF. A task is eligible while it has had no more than its share: its vruntime is not
 * beyond the average of its runqueue's. Of the eligible ones the earliest deadline runs, until its slice is used up.
 * What a task was owed when it left is kept as its lag, and given back where it is placed next.
 *
 * The kernel has trees where there are lists here: a search looks at every task of the runqueue.
 */
#include "sim/kernel/sched.h"

#include "sim/faults.h"
#include "sim/kernel/flags.h"

#define BASE_SLICE_NS  (700 * USEC) /* on one CPU */
#define HRTICK_MIN_NS  (10 * USEC)
#define HRTICK_NEAR_NS (5 * USEC) /* not worth setting the timer anew */
#define WEIGHT_DEFAULT 100	  /* of sched_ext, for nice 0 */
#define WEIGHT_IDLE    3	  /* of SCHED_IDLE */

static bool is_7_3(const struct cpu *cpu)
{
	return cpu->m->kernel >= SIM_KERNEL_7_3;
}

u64 fair_slice_ns(const struct machine *m)
{
	u64 slice_ns = BASE_SLICE_NS;

	/* One more for each doubling, up to 8 CPUs. */
	for (u32 cpus = 2; cpus <= m->topology.nr_cpus && cpus <= 8; cpus *= 2)
		slice_ns += BASE_SLICE_NS;
	return slice_ns;
}

/* So much time, as virtual time of the task. */
static u64 to_virtual(const struct task *t, u64 ns)
{
	return ns * NICE_0_WEIGHT / t->se.weight;
}

static bool is_before(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

/* ---- The average ---------------------------------------------------------------------------- */

static s64 weighted(const struct cfs_rq *rq, const struct task *t)
{
	return (s64)(t->se.vruntime - rq->zero_vruntime) * (s64)t->se.weight;
}

static void sum_add(struct cfs_rq *rq, const struct task *t)
{
	rq->sum_w_vruntime += weighted(rq, t);
	rq->sum_weight += t->se.weight;
}

static void sum_sub(struct cfs_rq *rq, const struct task *t)
{
	rq->sum_w_vruntime -= weighted(rq, t);
	rq->sum_weight -= t->se.weight;
}

/* Both sums with the current task. */
static s64 sum_all(const struct cfs_rq *rq, s64 *ret_weight)
{
	*ret_weight = (s64)rq->sum_weight + (rq->curr ? (s64)rq->curr->se.weight : 0);
	return rq->sum_w_vruntime + (rq->curr ? weighted(rq, rq->curr) : 0);
}

static u64 avg_vruntime(struct cfs_rq *rq)
{
	s64 weight, sum = sum_all(rq, &weight), delta = 0;

	/* Rounded down, so that a task at the average is eligible. */
	if (weight)
		delta = (sum < 0 ? sum - (weight - 1) : sum) / weight;
	rq->sum_w_vruntime -= (s64)rq->sum_weight * delta;
	rq->zero_vruntime += (u64)delta;
	return rq->zero_vruntime;
}

/* Not by the average, which is rounded. */
static bool is_eligible(const struct cfs_rq *rq, const struct task *t)
{
	s64 weight, sum = sum_all(rq, &weight);

	return sum >= (s64)(t->se.vruntime - rq->zero_vruntime) * weight;
}

/* ---- Lag and placement ---------------------------------------------------------------------- */

static void update_lag(struct cpu *cpu, struct task *t)
{
	u64 slice_ns = fair_slice_ns(cpu->m), tick_ns = SEC_NS / cpu->m->hz, limit_ns;
	s64 lag = (s64)(avg_vruntime(&cpu->cfs) - t->se.vruntime), limit;

	if (is_7_3(cpu))
		limit_ns = slice_ns + tick_ns;
	else
		limit_ns = 2 * slice_ns > tick_ns ? 2 * slice_ns : tick_ns;
	limit = (s64)to_virtual(t, limit_ns);
	if (lag > limit)
		lag = limit;
	if (lag < -limit)
		lag = -limit;
	/* While it sleeps it can lose what it has had too much, and win nothing. */
	if (t->se.sched_delayed) {
		if (is_7_3(cpu) && lag < t->se.vlag)
			lag = t->se.vlag;
		if (lag > 0)
			lag = 0;
	}
	t->se.vlag = lag;
}

/*
 * Its vruntime is as far from the average as its lag says. Its own weight moves the average when it joins: with W
 * for the weight of the others and w for its own the distance becomes W / (W + w) of what it was, and is made
 * longer by as much before.
 */
static void place(struct cpu *cpu, struct task *t, u32 nr_others)
{
	struct cfs_rq *rq = &cpu->cfs;
	u64 average = avg_vruntime(rq), vslice = to_virtual(t, fair_slice_ns(cpu->m));
	s64 lag = 0, weight;

	if (nr_others && t->se.vlag) {
		sum_all(rq, &weight);
		lag = t->se.vlag;
		if (weight)
			lag += lag * (s64)t->se.weight / weight;
	}
	t->se.vruntime = average - (u64)lag;
	if (t->se.rel_deadline) {
		t->se.deadline += t->se.vruntime;
		t->se.rel_deadline = false;
		return;
	}
	/* Who begins does so with half a slice: on average that is how far the others are. */
	t->se.deadline = t->se.vruntime + (t->sum_exec_ns ? vslice : vslice / 2);
}

/* ---- The list ------------------------------------------------------------------------------- */

static void list_add(struct cfs_rq *rq, struct task *t)
{
	t->se.prev = NULL;
	t->se.next = rq->first;
	if (rq->first)
		rq->first->se.prev = t;
	else
		rq->last = t;
	rq->first = t;
	t->se.on_list = true;
}

static void list_del(struct cfs_rq *rq, struct task *t)
{
	if (t->se.prev)
		t->se.prev->se.next = t->se.next;
	else
		rq->first = t->se.next;
	if (t->se.next)
		t->se.next->se.prev = t->se.prev;
	else
		rq->last = t->se.prev;
	t->se.on_list = false;
}

/* Nobody can take t before now, nor before the CPU that has woken it is done with that. */
static void is_there(struct task *t)
{
	u64 now = machine_now(t->m);

	if ((s64)(now - t->queued_at_ns) > 0)
		t->queued_at_ns = now;
	t->in_transit = false;
}

/* t waits since now. */
static void waits(struct task *t)
{
	t->runnable_at_ns = machine_now(t->m);
	is_there(t);
}

static void enqueue_entity(struct cpu *cpu, struct task *t)
{
	struct cfs_rq *rq = &cpu->cfs;

	place(cpu, t, rq->nr_queued);
	list_add(rq, t);
	sum_add(rq, t);
	rq->nr_queued++;
	rq->load += t->se.weight;
	is_there(t);
}

static void dequeue_entity(struct cpu *cpu, struct task *t, bool sleeps)
{
	struct cfs_rq *rq = &cpu->cfs;

	update_lag(cpu, t);
	if (!sleeps) {
		t->se.deadline -= t->se.vruntime;
		t->se.rel_deadline = true;
	}
	if (t == rq->curr)
		rq->curr = NULL;
	else
		sum_sub(rq, t);
	list_del(rq, t);
	rq->nr_queued--;
	if (t->se.sched_delayed) {
		t->se.sched_delayed = false;
		rq->nr_delayed--;
	} else {
		rq->load -= t->se.weight;
	}
}

/* ---- Time ----------------------------------------------------------------------------------- */

/*
 * The current task is to be replaced. Debian's 7.3 has the preemption model "lazy": another CPU is not
 * interrupted for it, and finds out when it leaves the kernel next.
 */
static void resched_lazy(struct cpu *cpu)
{
	if (is_7_3(cpu))
		cpu->need_resched_lazy = true;
	else
		resched_cpu(cpu);
}

static bool is_protected(const struct task *t)
{
	return is_before(t->se.vruntime, t->se.vprot);
}

static bool slice_is_used_up(struct cpu *cpu, struct task *t)
{
	if (is_before(t->se.vruntime, t->se.deadline))
		return false;
	t->se.deadline = t->se.vruntime + to_virtual(t, fair_slice_ns(cpu->m));
	avg_vruntime(&cpu->cfs);
	return true;
}

static void update_curr(struct cpu *cpu)
{
	struct task *t = cpu->cfs.curr;
	u64 ran_ns;
	bool resched;

	if (!t)
		return;
	ran_ns = update_curr_common(cpu);
	if (!ran_ns)
		return;
	t->se.vruntime += to_virtual(t, ran_ns);
	resched = slice_is_used_up(cpu, t);
	if (cpu->cfs.nr_queued == 1)
		return;
	if (resched || (is_7_3(cpu) && !is_protected(t)))
		resched_lazy(cpu);
}

/* 7.3 has a timer for the end of a slice (HRTICK) where another task waits; 6.12 finds it at a tick. */
static void hrtick_start(struct cpu *cpu, const struct task *t)
{
	struct cfs_rq *rq = &cpu->cfs;
	s64 left = (s64)(t->se.deadline - t->se.vruntime);
	u64 now = machine_now(cpu->m), ns;

	if (!is_7_3(cpu) || rq->nr_queued <= 1)
		return;
	if (left < 0) {
		resched_cpu(cpu);
		return;
	}
	ns = (u64)left * t->se.weight / NICE_0_WEIGHT;
	if (ns < HRTICK_MIN_NS)
		ns = HRTICK_MIN_NS;
	if (cpu->hrtick.pending &&
	    now + ns - rq->hrtick_at_ns + HRTICK_NEAR_NS <= 2 * HRTICK_NEAR_NS)
		return;
	rq->hrtick_at_ns = now + ns;
	if (cpu == cpu->m->this_cpu) {
		irq_cancel(&cpu->hrtick);
		irq_raise(&cpu->hrtick, cpu, ns);
	} else {
		irq_send(&cpu->hrtick_start, cpu, cpu->m->costs->ipi + fault_kick_delay_ns());
	}
}

/* Another CPU has asked this one to set the timer. */
static void handle_hrtick_start(struct cpu *cpu, struct irq *irq)
{
	s64 ns = (s64)(cpu->cfs.hrtick_at_ns - machine_now(cpu->m));

	(void)irq;
	irq_cancel(&cpu->hrtick);
	irq_raise(&cpu->hrtick, cpu, ns > 0 ? (u64)ns : 1);
}

static void handle_hrtick(struct cpu *cpu, struct irq *irq)
{
	(void)irq;
	cpu_spend(cpu->m->costs->timer);
	lock_take(&cpu->rq_lock);
	update_curr(cpu);
	if (cpu->curr)
		cpu->need_resched = true;
	lock_release(&cpu->rq_lock);
}

static void task_tick(struct cpu *cpu)
{
	update_curr(cpu);
}

/* ---- Who runs next -------------------------------------------------------------------------- */

/* Of two deadlines that are the same the one that waits for longer. */
static struct task *pick_eevdf(const struct cfs_rq *rq)
{
	struct task *curr = rq->curr, *best = NULL;

	if (rq->nr_queued == 1)
		return rq->first;
	if (curr && !is_eligible(rq, curr))
		curr = NULL;
	if (curr && is_protected(curr))
		return curr;
	for (struct task *t = rq->last; t; t = t->se.prev)
		if (t != rq->curr && is_eligible(rq, t) &&
		    (!best || is_before(t->se.deadline, best->se.deadline)))
			best = t;
	if (!best || (curr && is_before(curr->se.deadline, best->se.deadline)))
		best = curr;
	return best;
}

/* Who sleeps and is chosen is owed something again, and leaves for good. */
static struct task *pick_next_entity(struct cpu *cpu)
{
	struct cfs_rq *rq = &cpu->cfs;
	struct task *t;

	while (rq->nr_queued) {
		t = pick_eevdf(rq);
		if (!t->se.sched_delayed)
			return t;
		dequeue_entity(cpu, t, true);
		t->on_rq = false;
	}
	return NULL;
}

static struct task *pick_task(struct cpu *cpu, struct task *prev)
{
	struct task *next;

	update_curr(cpu);
	if (prev && prev->must_move && prev == cpu->cfs.curr && !may_stay(prev, cpu))
		dequeue_entity(cpu, prev, false);
	do
		next = pick_next_entity(cpu);
	while (!next && fair_newidle_balance(cpu));
	return next;
}

static void put_prev_task(struct cpu *cpu, struct task *prev, const struct task *next)
{
	(void)next;
	if (!prev->on_rq)
		return;
	if (!prev->se.on_list) {
		/* It had to move, and has been allowed to stay since. */
		enqueue_entity(cpu, prev);
		waits(prev);
		return;
	}
	update_curr(cpu);
	sum_add(&cpu->cfs, prev);
	cpu->cfs.curr = NULL;
	waits(prev);
}

static void set_next_task(struct cpu *cpu, struct task *t)
{
	struct cfs_rq *rq = &cpu->cfs;

	sum_sub(rq, t);
	list_del(rq, t);
	list_add(rq, t);
	rq->curr = t;
	t->se.vprot = t->se.deadline;
	hrtick_start(cpu, t);
}

/* ---- What tasks do -------------------------------------------------------------------------- */

/* It wakes up before it has left the runqueue: what it has had too much meanwhile counts less. */
static void requeue_delayed(struct cpu *cpu, struct task *t)
{
	struct cfs_rq *rq = &cpu->cfs;

	update_lag(cpu, t);
	if (avg_vruntime(rq) - (u64)t->se.vlag != t->se.vruntime) {
		if (t != rq->curr)
			sum_sub(rq, t);
		place(cpu, t, rq->nr_queued - 1);
		if (t != rq->curr)
			sum_add(rq, t);
	}
	t->se.sched_delayed = false;
	rq->nr_delayed--;
	rq->load += t->se.weight;
}

void fair_attach(struct cpu *cpu, struct task *t)
{
	update_curr(cpu);
	enqueue_entity(cpu, t);
	/* An idle CPU is told of a task that comes from another one as well. */
	if (!cpu->curr)
		resched_cpu(cpu);
	if (cpu->cfs.curr && !cpu->hrtick.pending)
		hrtick_start(cpu, cpu->cfs.curr);
}

static void enqueue_task(struct cpu *cpu, struct task *t, u64 flags)
{
	waits(t);
	if (flags & ENQ_DELAYED) {
		update_curr(cpu);
		requeue_delayed(cpu, t);
	} else {
		fair_attach(cpu, t);
	}
}

static bool dequeue_task(struct cpu *cpu, struct task *t, u64 flags)
{
	bool sleeps = flags & DEQ_SLEEP;

	if (!t->se.on_list)
		return true; /* pick_task() has done it */
	update_curr(cpu);
	if (sleeps && !(flags & DEQ_DELAYED) && t->state != TASK_DEAD &&
	    !is_eligible(&cpu->cfs, t)) {
		update_lag(cpu, t);
		t->se.sched_delayed = true;
		cpu->cfs.nr_delayed++;
		cpu->cfs.load -= t->se.weight;
		return false;
	}
	dequeue_entity(cpu, t, sleeps);
	return true;
}

void fair_detach(struct cpu *cpu, struct task *t)
{
	update_curr(cpu);
	dequeue_entity(cpu, t, false);
}

/* Only where t would be the next one; in 7.3 not if it is new. */
static void wakeup_preempt_fair(struct cpu *cpu, struct task *t, u64 wake_flags)
{
	struct cfs_rq *rq = &cpu->cfs;
	struct task *curr = rq->curr;
	u64 from, end;

	if (!curr || curr == t || (!is_7_3(cpu) && cpu->need_resched))
		return;
	/* A task of SCHED_IDLE gives way to any other; itself it waits, as one of SCHED_BATCH does. */
	if (curr->policy == POLICY_IDLE && t->policy != POLICY_IDLE) {
		cpu->m->counters.preemptions++;
		resched_lazy(cpu);
		return;
	}
	if (t->policy != POLICY_OTHER)
		return;
	update_curr(cpu);
	if (!(is_7_3(cpu) && wake_flags & WAKE_FORK) && pick_next_entity(cpu) == t) {
		if (is_protected(curr))
			curr->se.vprot = curr->se.vruntime;
		cpu->m->counters.preemptions++;
		resched_lazy(cpu);
	} else if (is_7_3(cpu)) {
		/* Another slice at most, from now or from when it will have had its share. */
		from = avg_vruntime(rq);
		if (is_before(curr->se.vruntime, from))
			from = curr->se.vruntime;
		end = from + to_virtual(curr, fair_slice_ns(cpu->m));
		if (is_before(end, curr->se.vprot))
			curr->se.vprot = end;
	}
}

static void yield_task(struct cpu *cpu)
{
	struct task *t = cpu->cfs.curr;

	lock_take(&cpu->rq_lock);
	if (cpu->cfs.nr_queued > 1) {
		update_curr(cpu);
		/* The rest of its slice is lost. */
		if (is_eligible(&cpu->cfs, t)) {
			t->se.vruntime = t->se.deadline;
			slice_is_used_up(cpu, t);
		}
	}
	lock_release(&cpu->rq_lock);
}

static void set_cpus_allowed(struct cpu *cpu, struct task *t, const struct mask *allowed)
{
	update_curr(cpu);
	task_set_allowed(t, allowed);
}

u32 fair_weight(const struct task *t)
{
	u32 weight = (t->p.scx.weight * NICE_0_WEIGHT + WEIGHT_DEFAULT / 2) / WEIGHT_DEFAULT;

	if (t->policy == POLICY_IDLE)
		return WEIGHT_IDLE;
	return weight ? weight : 1;
}

void fair_init_task(struct task *t)
{
	t->se.weight = fair_weight(t);
	t->se.recent_used_cpu = t->cpu;
}

void fair_set_weight(struct task *t, u32 weight)
{
	if (t->se.on_list)
		t->m->cpus[t->cpu].cfs.load += weight - (u64)t->se.weight;
	t->se.weight = weight;
}

const struct sched_class fair_sched_class = {
	.rank = RANK_FAIR,
	.enqueue_task = enqueue_task,
	.dequeue_task = dequeue_task,
	.pick_task = pick_task,
	.put_prev_task = put_prev_task,
	.set_next_task = set_next_task,
	.wakeup_preempt = wakeup_preempt_fair,
	.task_tick = task_tick,
	.select_task_rq = fair_select_task_rq,
	.yield_task = yield_task,
	.set_cpus_allowed = set_cpus_allowed,
};

void fair_init(struct machine *m)
{
	for (u32 i = 0; i < m->topology.nr_cpus; i++) {
		m->cpus[i].hrtick.handle = handle_hrtick;
		m->cpus[i].hrtick_start.handle = handle_hrtick_start;
	}
	fair_balance_init(m);
}
