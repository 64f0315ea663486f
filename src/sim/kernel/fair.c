/* SPDX-License-Identifier: GPL-2.0-only */
/* The class of the kernel's own scheduler, see fair.h: time, and what tasks do. */
#include "sim/kernel/sched.h"

#include "sim/faults.h"
#include "sim/kernel/bandwidth.h"
#include "sim/kernel/cgroup.h"
#include "sim/kernel/flags.h"

#define HRTICK_MIN_NS  (10 * USEC)
#define HRTICK_NEAR_NS (5 * USEC) /* not worth setting the timer anew */

static bool is_7_3(const struct cpu *cpu)
{
	return cpu->m->kernel >= SIM_KERNEL_7_3;
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

static inline void run_entity(struct cfs_rq *rq, struct sched_entity *se, u64 ran_ns)
{
	bool resched = eevdf_run(rq, se, ran_ns);

	if (rq->nr_queued == 1)
		return;
	if (resched || (rq->is_flat && !eevdf_is_protected(se)))
		resched_lazy(rq->cpu);
}

/* Also on each runqueue on which its groups compete, and of what these may have. */
static void run_groups(struct task *t, u64 ran_ns)
{
	struct sched_entity *se;

	for (se = t->se.parent; se && !se->my_q->is_flat; se = se->parent)
		/* Unless its group has just been throttled. */
		if (se->cfs_rq->curr == se)
			run_entity(se->cfs_rq, se, ran_ns);
	for (se = &t->se; se->parent; se = se->parent)
		bandwidth_account(se->cfs_rq, ran_ns);
}

void fair_update_curr(struct cpu *cpu)
{
	struct task *t = cpu->cfs.running;
	u64 ran_ns;

	if (!t)
		return;
	ran_ns = update_curr_common(cpu);
	if (!ran_ns)
		return;
	run_entity(fair_rq_of(cpu, t), &t->se, ran_ns);
	if (t->se.parent)
		run_groups(t, ran_ns);
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
	ns = (u64)left * t->se.weight / NICE_0_LOAD;
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
	fair_update_curr(cpu);
	if (cpu->curr)
		cpu->need_resched = true;
	lock_release(&cpu->rq_lock);
}

static void task_tick(struct cpu *cpu)
{
	fair_update_curr(cpu);
	if (cpu->cfs.running)
		fair_update_weights(cpu, cpu->cfs.running);
}

/* ---- Who runs next -------------------------------------------------------------------------- */

/* The current task leaves, and nobody calls put_prev_task() for it. */
static void leave_cpu(struct cpu *cpu, struct task *t)
{
	fair_dequeue(cpu, t, false);
	fair_put_prev(cpu, t, NULL);
}

static struct task *pick_task(struct cpu *cpu, struct task *prev)
{
	struct task *next;

	fair_update_curr(cpu);
	if (prev && prev == cpu->cfs.running) {
		if (prev->must_move && !may_stay(prev, cpu))
			leave_cpu(cpu, prev);
		else if (prev->fair.throttle_soon)
			bandwidth_put_aside(prev);
	}
	do
		next = fair_pick_task(cpu);
	while (!next && fair_newidle_balance(cpu));
	return next;
}

static void put_prev_task(struct cpu *cpu, struct task *prev, const struct task *next)
{
	fair_update_curr(cpu);
	/* A task of another class is in a group as well, which is not current for it. */
	fair_put_prev(cpu, prev, next && next->class == &fair_sched_class ? next : NULL);
	if (!prev->on_rq)
		return;
	/* It had to move, and has been allowed to stay since. */
	if (!prev->se.on_rq && !prev->fair.throttled)
		fair_enqueue(cpu, prev);
	waits(prev);
}

static void set_next_task(struct cpu *cpu, struct task *t)
{
	fair_set_next(cpu, t);
	hrtick_start(cpu, t);
}

/* ---- What tasks do -------------------------------------------------------------------------- */

static void hrtick_update(struct cpu *cpu)
{
	if (cpu->cfs.running && !cpu->hrtick.pending)
		hrtick_start(cpu, cpu->cfs.running);
}

void fair_attach(struct cpu *cpu, struct task *t)
{
	fair_update_curr(cpu);
	fair_enqueue(cpu, t);
	is_there(t);
	/* An idle CPU is told of a task that comes from another one as well. */
	if (!cpu->curr)
		resched_cpu(cpu);
	hrtick_update(cpu);
}

void fair_unthrottle(struct cpu *cpu, struct task *t)
{
	fair_enqueue(cpu, t);
	is_there(t);
	hrtick_update(cpu);
}

/* One that was put aside is so in a group that is throttled there as well. */
static bool stays_aside(struct cpu *cpu, struct task *t)
{
	if (!t->fair.throttled)
		return false;
	fair_set_task_rq(t, cpu);
	return bandwidth_limbo_add(t);
}

static void enqueue_task(struct cpu *cpu, struct task *t, u64 flags)
{
	waits(t);
	if (stays_aside(cpu, t))
		return;
	if (flags & ENQ_DELAYED) {
		fair_update_curr(cpu);
		fair_requeue_delayed(cpu, t);
	} else {
		fair_attach(cpu, t);
	}
}

static bool dequeue_task(struct cpu *cpu, struct task *t, u64 flags)
{
	bool sleeps = flags & DEQ_SLEEP;

	if (t->fair.throttled) {
		bandwidth_limbo_del(t);
		return true;
	}
	if (!t->se.on_rq)
		return true; /* pick_task() has done it */
	fair_update_curr(cpu);
	if (sleeps && !(flags & DEQ_DELAYED) && t->state != TASK_DEAD)
		return fair_dequeue_or_delay(cpu, t);
	if (!flags && t == cpu->cfs.running)
		leave_cpu(cpu, t);
	else
		fair_dequeue(cpu, t, sleeps);
	return true;
}

void fair_detach(struct cpu *cpu, struct task *t)
{
	fair_update_curr(cpu);
	fair_dequeue(cpu, t, false);
}

static bool is_idle_entity(const struct sched_entity *se)
{
	return se->my_q && se->my_q->idle;
}

/* Only where t, or its group, would be the next one; in 7.3 not if it is new. */
static void wakeup_preempt_fair(struct cpu *cpu, struct task *t, u64 wake_flags)
{
	struct task *running = cpu->cfs.running;
	struct sched_entity *curr, *se = &t->se;
	struct cfs_rq *rq;
	u64 from, end;

	if (!running || running == t || (!is_7_3(cpu) && cpu->need_resched) || fair_is_throttled(t))
		return;
	/* A task of SCHED_IDLE gives way to any other; itself it waits, as one of SCHED_BATCH does. */
	if (running->policy == POLICY_IDLE && t->policy != POLICY_IDLE) {
		cpu->m->counters.preemptions++;
		resched_lazy(cpu);
		return;
	}
	if (t->policy != POLICY_OTHER)
		return;
	curr = &running->se;
	rq = fair_common_rq(cpu, &curr, &se);
	fair_update_curr(cpu);
	if (is_idle_entity(se) && !is_idle_entity(curr))
		return;
	if ((is_idle_entity(curr) && !is_idle_entity(se)) ||
	    (!(is_7_3(cpu) && wake_flags & WAKE_FORK) && fair_pick_entity(rq) == se)) {
		if (eevdf_is_protected(curr))
			curr->vprot = curr->vruntime;
		cpu->m->counters.preemptions++;
		resched_lazy(cpu);
	} else if (is_7_3(cpu)) {
		/* Another slice at most, from now or from when it will have had its share. */
		from = eevdf_avg_vruntime(rq);
		if (eevdf_is_before(curr->vruntime, from))
			from = curr->vruntime;
		end = from + eevdf_to_virtual(curr, rq->slice_ns);
		if (eevdf_is_before(end, curr->vprot))
			curr->vprot = end;
	}
}

static void yield_task(struct cpu *cpu)
{
	struct task *t = cpu->cfs.running;
	struct cfs_rq *rq;

	lock_take(&cpu->rq_lock);
	if (cpu->cfs.h_nr_queued > 1) {
		fair_update_curr(cpu);
		rq = fair_rq_of(cpu, t);
		/* The rest of its slice is lost. */
		if (eevdf_is_eligible(rq, &t->se)) {
			t->se.vruntime = t->se.deadline;
			eevdf_renew_slice(rq, &t->se);
		}
	}
	lock_release(&cpu->rq_lock);
}

static void set_cpus_allowed(struct cpu *cpu, struct task *t, const struct mask *allowed)
{
	fair_update_curr(cpu);
	task_set_allowed(t, allowed);
}

/* It keeps what it was owed. One that is delayed sleeps, and need not be waited for. */
static void change_cgroup(struct cpu *cpu, struct task *t, struct control_group *tg)
{
	bool runs = cpu->cfs.running == t;

	if (t->se.sched_delayed) {
		fair_update_curr(cpu);
		fair_dequeue(cpu, t, true);
		t->on_rq = false;
	}
	if (!t->on_rq || (!t->se.on_rq && !t->fair.throttled)) {
		task_set_cgroup(t, tg);
		return;
	}
	dequeue_task(cpu, t, 0);
	task_set_cgroup(t, tg);
	if (stays_aside(cpu, t))
		return;
	fair_attach(cpu, t);
	if (runs) {
		fair_set_next(cpu, t);
		resched_cpu(cpu);
	} else {
		wakeup_preempt(cpu, t, 0);
	}
}

void fair_init_task(struct task *t)
{
	fair_task_init(t);
	t->fair.recent_used_cpu = t->cpu;
}

void fair_leave(struct task *t)
{
	t->fair.throttled = t->fair.throttle_soon = false;
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
	.change_cgroup = change_cgroup,
};

void fair_init(struct machine *m)
{
	for (u32 i = 0; i < m->topology.nr_cpus; i++) {
		m->cpus[i].hrtick.handle = handle_hrtick;
		m->cpus[i].hrtick_start.handle = handle_hrtick_start;
	}
	fair_groups_init(m);
	fair_balance_init(m);
}
