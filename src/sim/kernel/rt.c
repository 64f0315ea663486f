/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See rt.h. Where a task wakes up, only real-time tasks count: a CPU with any other task is as good as an idle one,
 * and the CPU where it ran last is taken before an idle one.
 */
#include "sim/kernel/sched.h"

#include "sim/kernel/flags.h"

enum {
	RR_SLICE_MS = 100,
	DECAY = 22,	/* of 1024, in a millisecond */
	DECAY_MS = 500, /* after that nothing is left */
};

u32 rt_rr_ticks(const struct machine *m)
{
	u32 ticks = RR_SLICE_MS * m->hz / 1000;

	return ticks ? ticks : 1;
}

/* Of the task that runs on cpu; 0: that is no real-time task. */
static u32 curr_priority(const struct cpu *cpu)
{
	return cpu->curr ? cpu->curr->rt.priority : 0;
}

/* Of all that are on its runqueue. */
static u32 highest_priority(const struct cpu *cpu)
{
	return cpu->rt.first ? cpu->rt.first->rt.priority : 0;
}

/* ---- Time ----------------------------------------------------------------------------------- */

/* The CPU that was asked last may be ahead of this one. */
static u64 since(const struct rt_rq *rq, u64 now)
{
	return (s64)(now - rq->ran_at_ns) > 0 ? now - rq->ran_at_ns : 0;
}

/* ran_ns as it counts now. The kernel's figures for PELT: 0.5 to the power of 1/32 for each millisecond. */
static u64 decayed(const struct rt_rq *rq, u64 now)
{
	u64 ms = since(rq, now) / MSEC, ran_ns = rq->ran_ns;

	if (ms > DECAY_MS)
		return 0;
	while (ms--)
		ran_ns -= ran_ns * DECAY / 1024;
	return ran_ns;
}

u32 rt_share(const struct cpu *cpu)
{
	/* Of a task that always runs: a millisecond, what is left of the one before, and so on. */
	u64 share = decayed(&cpu->rt, machine_now(cpu->m)) * DECAY / MSEC;

	return share < 1024 ? (u32)share : 1024;
}

static void update_curr(struct cpu *cpu)
{
	u64 now = machine_now(cpu->m), ms = since(&cpu->rt, now) / MSEC;

	cpu->rt.ran_ns = decayed(&cpu->rt, now) + update_curr_common(cpu);
	cpu->rt.ran_at_ns = ms > DECAY_MS ? now : cpu->rt.ran_at_ns + ms * MSEC;
}

/* ---- The list ------------------------------------------------------------------------------- */

/* Before those of the same priority (at_head), or behind them. */
static void list_add(struct rt_rq *rq, struct task *t, bool at_head)
{
	struct task *before = NULL, *after = rq->first;

	while (after && (after->rt.priority > t->rt.priority ||
			 (!at_head && after->rt.priority == t->rt.priority))) {
		before = after;
		after = after->rt.next;
	}
	t->rt.prev = before;
	t->rt.next = after;
	if (before)
		before->rt.next = t;
	else
		rq->first = t;
	if (after)
		after->rt.prev = t;
	t->rt.on_list = true;
	rq->nr++;
}

static void list_del(struct rt_rq *rq, struct task *t)
{
	if (t->rt.prev)
		t->rt.prev->rt.next = t->rt.next;
	else
		rq->first = t->rt.next;
	if (t->rt.next)
		t->rt.next->rt.prev = t->rt.prev;
	t->rt.on_list = false;
	rq->nr--;
}

static void requeue(struct cpu *cpu, struct task *t)
{
	list_del(&cpu->rt, t);
	list_add(&cpu->rt, t, false);
}

/* t waits since now. */
static void waits(struct task *t)
{
	t->runnable_at_ns = t->queued_at_ns = machine_now(t->m);
	t->in_transit = false;
}

static void enqueue_task(struct cpu *cpu, struct task *t, u64 flags)
{
	list_add(&cpu->rt, t, flags & ENQ_HEAD);
	waits(t);
}

static bool dequeue_task(struct cpu *cpu, struct task *t, u64 flags)
{
	(void)flags;
	if (t == cpu->curr)
		update_curr(cpu);
	list_del(&cpu->rt, t);
	return true;
}

/* ---- Who runs next -------------------------------------------------------------------------- */

static bool has_to_leave(const struct cpu *cpu, const struct task *t)
{
	return t == cpu->curr && t->must_move && !may_stay(t, cpu);
}

static struct task *pick_task(struct cpu *cpu, struct task *prev)
{
	struct task *t = cpu->rt.first;

	(void)prev;
	return t && has_to_leave(cpu, t) ? t->rt.next : t;
}

static void put_prev_task(struct cpu *cpu, struct task *prev, const struct task *next)
{
	(void)next;
	if (!prev->on_rq)
		return;
	update_curr(cpu);
	waits(prev);
}

static void set_next_task(struct cpu *cpu, struct task *t)
{
	(void)t;
	cpu->push_rt = cpu->rt.nr > 1;
	server_start(cpu);
}

static void wakeup_preempt_rt(struct cpu *cpu, struct task *t, u64 wake_flags)
{
	(void)wake_flags;
	if (t->rt.priority > curr_priority(cpu))
		resched_cpu(cpu);
}

static void task_tick(struct cpu *cpu)
{
	struct task *t = cpu->curr;

	update_curr(cpu);
	server_start(cpu);
	if (!t->rt.is_round_robin || --t->rt.ticks_left)
		return;
	t->rt.ticks_left = rt_rr_ticks(cpu->m);
	requeue(cpu, t);
	if (cpu->rt.first != t)
		cpu->need_resched = true;
}

static void yield_task(struct cpu *cpu)
{
	lock_take(&cpu->rq_lock);
	requeue(cpu, cpu->curr);
	lock_release(&cpu->rq_lock);
}

static void set_cpus_allowed(struct cpu *cpu, struct task *t, const struct mask *allowed)
{
	(void)cpu;
	task_set_allowed(t, allowed);
}

/* ---- On which CPU --------------------------------------------------------------------------- */

/* It may be there, and would run at once. */
static bool suits(const struct task *t, const struct cpu *cpu)
{
	return may_stay(t, cpu) && highest_priority(cpu) < t->rt.priority;
}

/*
 * Of the CPUs with the lowest priority, on which the idle thread and tasks of other classes are the same: its own, this
 * one, one that shares its cache, any. -1: none is lower than t.
 */
static s32 find_lowest_cpu(const struct task *t)
{
	struct machine *m = t->m;
	u32 n = m->topology.nr_cpus, lowest = t->rt.priority;
	s32 best = -1;

	for (u32 i = 0; i < n; i++)
		if (suits(t, &m->cpus[i]) && highest_priority(&m->cpus[i]) < lowest)
			lowest = highest_priority(&m->cpus[i]);
	if (lowest == t->rt.priority)
		return -1;
	for (u32 i = 0; i < n; i++) {
		s32 cpu = (s32)(((u32)t->cpu + i) % n);
		bool is_near = cpus_share_cache(m, cpu, t->cpu);

		if (!suits(t, &m->cpus[cpu]) || highest_priority(&m->cpus[cpu]) != lowest)
			continue;
		if (cpu == t->cpu || (cpu == m->this_cpu->id && is_near))
			return cpu;
		if (best < 0 || (is_near && !cpus_share_cache(m, best, t->cpu)))
			best = cpu;
	}
	return best;
}

/* What runs there neither gives way to t nor can go elsewhere for it. */
static bool is_taken(const struct cpu *cpu, const struct task *t)
{
	const struct task *curr = cpu->curr;

	return curr && curr->rt.priority &&
	       (curr->p.nr_cpus_allowed < 2 || curr->rt.priority >= t->rt.priority);
}

static s32 select_task_rq(struct task *t, s32 prev_cpu, u64 wake_flags)
{
	s32 cpu = prev_cpu;

	(void)wake_flags;
	if (is_taken(&t->m->cpus[prev_cpu], t))
		cpu = find_lowest_cpu(t);
	cpu_interleave();
	return cpu < 0 ? prev_cpu : cpu;
}

/* The first one that waits and may run elsewhere, of a priority above that. */
static struct task *pushable(const struct cpu *from, u32 above)
{
	for (struct task *t = from->rt.first; t && t->rt.priority > above; t = t->rt.next)
		if (t != from->curr && !t->on_cpu && !t->in_transit && t->p.nr_cpus_allowed > 1)
			return t;
	return NULL;
}

/* With from's lock: t, which waits there, leaves it. */
static void detach(struct cpu *from, struct task *t, struct cpu *to)
{
	cpu_spend(from->m->costs->move_task);
	list_del(&from->rt, t);
	t->in_transit = true;
	set_task_cpu(t, to->id);
}

/* With to's lock. */
static void attach(struct cpu *to, struct task *t)
{
	list_add(&to->rt, t, false);
	waits(t);
	wakeup_preempt(to, t, 0);
}

void rt_push_tasks(struct cpu *cpu)
{
	struct machine *m = cpu->m;
	struct cpu *to;
	struct task *t;
	s32 target;

	cpu->push_rt = false;
	for (;;) {
		lock_take(&cpu->rq_lock);
		t = pushable(cpu, 0);
		/* One that is about to run here stays. */
		if (t && t->rt.priority > curr_priority(cpu))
			t = NULL;
		target = t ? find_lowest_cpu(t) : -1;
		if (target < 0 || target == cpu->id) {
			lock_release(&cpu->rq_lock);
			return;
		}
		to = &m->cpus[target];
		detach(cpu, t, to);
		lock_release(&cpu->rq_lock);
		cpu_interleave();
		lock_take(&to->rq_lock);
		attach(to, t);
		lock_release(&to->rq_lock);
	}
}

void rt_pull_tasks(struct cpu *cpu)
{
	struct machine *m = cpu->m;
	u32 n = m->topology.nr_cpus;

	for (u32 i = 1; i < n; i++) {
		struct cpu *from = &m->cpus[((u32)cpu->id + i) % n];
		struct task *t;

		if (from->rt.nr < 2)
			continue;
		lock_release(&cpu->rq_lock);
		lock_take(&from->rq_lock);
		t = pushable(from, highest_priority(cpu));
		/* One that is about to run where it is stays there. */
		if (t && (!suits(t, cpu) || t->rt.priority > curr_priority(from)))
			t = NULL;
		if (t)
			detach(from, t, cpu);
		lock_release(&from->rq_lock);
		lock_take(&cpu->rq_lock);
		if (t) {
			list_add(&cpu->rt, t, false);
			waits(t);
		}
	}
}

/* What runs now would be of less importance than what did. */
void rt_balance(struct cpu *cpu, const struct task *prev)
{
	if (!prev->on_rq && highest_priority(cpu) < prev->rt.priority)
		rt_pull_tasks(cpu);
}

const struct sched_class rt_sched_class = {
	.rank = RANK_RT,
	.enqueue_task = enqueue_task,
	.dequeue_task = dequeue_task,
	.pick_task = pick_task,
	.put_prev_task = put_prev_task,
	.set_next_task = set_next_task,
	.wakeup_preempt = wakeup_preempt_rt,
	.task_tick = task_tick,
	.select_task_rq = select_task_rq,
	.yield_task = yield_task,
	.set_cpus_allowed = set_cpus_allowed,
};
