/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler core: switches, wakeups, fork, exit, and changes of affinity. Who runs next, and where, its class
 * says, see sched.h.
 */
#include "sim/kernel/sched.h"

#include "sim/faults.h"
#include "sim/kernel/cgroup.h"
#include "sim/kernel/flags.h"

static struct cpu *cpu_of(const struct task *t)
{
	return &t->m->cpus[t->cpu];
}

/* The lock of t's runqueue, which may become another one while this CPU waits for the lock. */
static struct cpu *lock_task_rq(struct task *t)
{
	for (;;) {
		struct cpu *cpu = cpu_of(t);

		lock_take(&cpu->rq_lock);
		if (cpu == cpu_of(t))
			return cpu;
		lock_release(&cpu->rq_lock);
	}
}

/* ---- Accounting ----------------------------------------------------------------------------- */

u64 update_curr_common(struct cpu *cpu)
{
	struct task *t = cpu->curr;
	u64 now = machine_now(cpu->m);
	s64 ran_ns = (s64)(now - t->exec_start_ns);

	if (ran_ns <= 0)
		return 0;
	t->exec_start_ns = now;
	t->sum_exec_ns += (u64)ran_ns;
	OBSERVE(ran, t, (u64)ran_ns);
	return (u64)ran_ns;
}

void sched_tick(struct cpu *cpu)
{
	lock_take(&cpu->rq_lock);
	cpu->m->class->task_tick(cpu);
	lock_release(&cpu->rq_lock);
	if (cpu->m->class->balance_tick)
		cpu->m->class->balance_tick(cpu);
}

void do_sched_yield(struct cpu *cpu)
{
	cpu->m->class->yield_task(cpu);
	cpu->need_resched = true;
}

/* ---- Interrupting a CPU --------------------------------------------------------------------- */

void resched_cpu(struct cpu *cpu)
{
	if (cpu->need_resched)
		return;
	if (cpu == cpu->m->this_cpu)
		cpu->need_resched = true;
	else
		irq_send(&cpu->resched, cpu, cpu->m->costs->ipi + fault_kick_delay_ns());
}

/* ---- Runqueues ------------------------------------------------------------------------------ */

void set_task_cpu(struct task *t, s32 cpu)
{
	if (t->cpu == cpu)
		return;
	t->m->counters.migrations++;
	if (!cpus_share_cache(t->m, t->cpu, cpu))
		t->m->counters.llc_migrations++;
	t->cpu = cpu;
}

int any_allowed_cpu(const struct task *t)
{
	struct machine *m = t->m;

	return mask_next(&t->allowed, &m->online, 0, (int)m->topology.nr_cpus);
}

static void activate_task(struct cpu *cpu, struct task *t, u64 flags)
{
	t->in_transit = true;
	t->on_rq = true;
	t->state = TASK_RUNNABLE;
	cpu->m->class->enqueue_task(cpu, t, flags);
}

static void deactivate_task(struct cpu *cpu, struct task *t, u64 flags)
{
	if (cpu->m->class->dequeue_task(cpu, t, flags))
		t->on_rq = false;
}

/* ---- Who runs next -------------------------------------------------------------------------- */

/* prev may not use its CPU any more: it goes to another one's runqueue. */
static void move_away(struct cpu *cpu, struct task *prev)
{
	struct cpu *to;

	prev->must_move = false;
	prev->in_transit = true;
	prev->on_cpu = false;
	deactivate_task(cpu, prev, DEQ_MOVE);
	set_task_cpu(prev, any_allowed_cpu(prev));
	to = cpu_of(prev);
	lock_release(&cpu->rq_lock);
	lock_take(&to->rq_lock);
	activate_task(to, prev, ENQ_MIGRATED);
	lock_release(&to->rq_lock);
	lock_take(&cpu->rq_lock);
}

static void put_prev(struct cpu *cpu, struct task *prev, const struct task *next)
{
	if (prev->must_move && prev->on_rq && !mask_has(&prev->allowed, cpu->id)) {
		move_away(cpu, prev);
		return;
	}
	prev->must_move = false;
	cpu->m->class->put_prev_task(cpu, prev, next);
	prev->on_cpu = false;
}

static void set_next(struct cpu *cpu, struct task *next)
{
	u64 now = machine_now(cpu->m);

	/* The CPU that queued it is ahead of this one. */
	if ((s64)(next->queued_at_ns - now) > 0)
		cpu_spend(next->queued_at_ns - now);
	next->on_cpu = true;
	next->in_transit = false;
	next->exec_start_ns = machine_now(cpu->m);
	cpu->m->class->set_next_task(cpu, next);
}

static void finish_dead(struct task *t)
{
	struct machine *m = t->m;

	m->counters.exits++;
	t->signal.live.counter = 0;
	m->class->exit_task(t);
	t->next_free = m->dead;
	m->dead = t;
}

void schedule(struct cpu *cpu)
{
	struct machine *m = cpu->m;
	struct task *prev = cpu->curr, *next;

	cpu_spend(m->costs->schedule);
	lock_take(&cpu->rq_lock);
	cpu->need_resched = cpu->need_resched_lazy = false;
	if (prev && prev->state != TASK_RUNNABLE)
		deactivate_task(cpu, prev, DEQ_SLEEP);
	next = m->class->pick_task(cpu, prev);
	if (next && next == prev) {
		lock_release(&cpu->rq_lock);
		return;
	}
	if (next)
		next->in_transit = true;
	if (prev)
		put_prev(cpu, prev, next);
	cpu->curr = next;
	if (next) {
		if (!prev)
			idle_set(cpu, false);
		lock_take(&next->switching);
		set_next(cpu, next);
		OBSERVE(switched, cpu, prev, next);
		next->wakeup_at_ns = 0;
	} else {
		if (prev)
			cpu->idle_since_ns = machine_now(m);
		idle_set(cpu, true);
		if (prev)
			OBSERVE(switched, cpu, prev, NULL);
	}
	if (prev != next) {
		m->counters.switches++;
		machine_hash(machine_now(m), (u64)cpu->id << 32 | (u32)(next ? next->p.pid : 0));
	}
	if (prev)
		lock_release(&prev->switching);
	lock_release(&cpu->rq_lock);
	if (next && !prev)
		tick_start(cpu);
	if (prev && prev->state == TASK_DEAD)
		finish_dead(prev);
}

/* A task that is woken goes before the idle thread, wherever its class has put it. */
void wakeup_preempt(struct cpu *cpu, struct task *t, u64 wake_flags)
{
	if (!cpu->curr)
		resched_cpu(cpu);
	else if (cpu->m->class->wakeup_preempt)
		cpu->m->class->wakeup_preempt(cpu, t, wake_flags);
}

static void enqueue_locked(struct cpu *cpu, struct task *t, u64 enq_flags, u64 wake_flags)
{
	lock_take(&cpu->rq_lock);
	activate_task(cpu, t, enq_flags);
	wakeup_preempt(cpu, t, wake_flags);
	lock_release(&cpu->rq_lock);
}

/* ---- Wakeups -------------------------------------------------------------------------------- */

static u64 select_task_rq(struct task *t, u64 wake_flags)
{
	struct machine *m = t->m;
	s32 cpu;

	if (t->p.nr_cpus_allowed == 1) {
		set_task_cpu(t, mask_next(&t->allowed, NULL, 0, (int)m->topology.nr_cpus));
		return 0;
	}
	cpu = m->class->select_task_rq(t, t->cpu, wake_flags);
	if (!mask_has(&t->allowed, cpu) || !m->cpus[cpu].online)
		cpu = any_allowed_cpu(t);
	set_task_cpu(t, cpu);
	return ENQ_CPU_SELECTED;
}

static void account_wakeup(struct task *t)
{
	struct machine *m = t->m;

	m->counters.wakeups++;
	t->wakeups++;
	cpu_spend(m->costs->wake);
	t->wakeup_at_ns = machine_now(m);
	machine_hash(t->wakeup_at_ns, (u64)(u32)t->p.pid);
}

/*
 * Is it still on its runqueue? Its CPU has not taken it off yet, and finds that it need not; or its class keeps it
 * there (*ret_woken).
 */
static bool stays_awake(struct task *t, u64 wake_flags, bool *ret_woken)
{
	struct cpu *cpu = lock_task_rq(t);
	bool stays = t->on_rq;

	*ret_woken = stays && !t->on_cpu;
	if (*ret_woken)
		account_wakeup(t);
	if (stays && t->se.sched_delayed)
		cpu->m->class->enqueue_task(cpu, t, ENQ_WAKEUP | ENQ_DELAYED);
	if (stays)
		t->state = TASK_RUNNABLE;
	if (*ret_woken)
		wakeup_preempt(cpu, t, wake_flags);
	lock_release(&cpu->rq_lock);
	return stays;
}

void wake_up(struct task *t, bool sync)
{
	struct machine *m = t->m;
	u64 wake_flags = WAKE_TTWU | (sync ? WAKE_SYNC : 0), enq_flags;
	bool is_woken;

	lock_take(&t->pi_lock);
	if (t->state != TASK_SLEEPING) {
		t->wake_pending = true;
		lock_release(&t->pi_lock);
		return;
	}
	if (stays_awake(t, wake_flags, &is_woken)) {
		lock_release(&t->pi_lock);
		if (is_woken)
			OBSERVE(woken, t);
		return;
	}
	/* Its last CPU may still be changing to another task. */
	lock_take(&t->switching);
	lock_release(&t->switching);
	account_wakeup(t);
	enq_flags = ENQ_WAKEUP | select_task_rq(t, wake_flags);
	enqueue_locked(&m->cpus[t->cpu], t, enq_flags, wake_flags);
	lock_release(&t->pi_lock);
	OBSERVE(woken, t);
}

void wake_up_new(struct task *t)
{
	struct machine *m = t->m;
	struct task *parent = m->this_cpu->curr;
	u64 enq_flags;

	m->counters.forks++;
	t->cpu = m->this_cpu->id;
	t->p.real_parent = parent ? parent->p.group_leader : &t->p;
	if (parent) {
		t->css_set = parent->css_set;
		t->cred = parent->cred;
	}
	if (m->class->init_task(t, true)) {
		/* fork(2) fails; whoever waits for the child is told so. */
		m->counters.forks--;
		t->state = TASK_DEAD;
		t->next_free = m->dead;
		m->dead = t;
		if (parent)
			parent->wake_pending = true;
		return;
	}
	t->wakeup_at_ns = machine_now(m);
	lock_take(&t->pi_lock);
	enq_flags = select_task_rq(t, WAKE_FORK);
	enqueue_locked(&m->cpus[t->cpu], t, enq_flags, WAKE_FORK);
	lock_release(&t->pi_lock);
}

/* ---- Changes of a task ---------------------------------------------------------------------- */

/* In an interrupt on any CPU: as sched_setaffinity(2) of another task does, and the stopper after it. */
static void change_allowed(struct task *t, const struct mask *allowed)
{
	struct cpu *cpu;

	lock_take(&t->pi_lock);
	cpu = lock_task_rq(t);
	if (t->in_transit || !t->on_rq) {
		/* It sleeps: whoever wakes it looks at where it may run. In transit: try again later. */
		if (!t->in_transit)
			task_set_allowed(t, allowed);
		goto out;
	}
	if (t->se.sched_delayed) {
		/* It sleeps, and need not be kept. */
		deactivate_task(cpu, t, DEQ_SLEEP | DEQ_DELAYED);
		task_set_allowed(t, allowed);
		goto out;
	}
	if (t->on_cpu) {
		t->m->class->set_cpus_allowed(cpu, t, allowed);
		if (!mask_has(allowed, cpu->id)) {
			/* It is put off its CPU by force, and waits where it may run. */
			t->must_move = true;
			resched_cpu(cpu);
		}
		goto out;
	}
	deactivate_task(cpu, t, 0);
	task_set_allowed(t, allowed);
	if (!mask_has(allowed, t->cpu)) {
		lock_release(&cpu->rq_lock);
		set_task_cpu(t, any_allowed_cpu(t));
		cpu = cpu_of(t);
		lock_take(&cpu->rq_lock);
	}
	activate_task(cpu, t, 0);
out:
	lock_release(&cpu->rq_lock);
	lock_release(&t->pi_lock);
}

void task_change_cgroup(struct task *t, struct task_group *tg)
{
	struct cpu *cpu;

	lock_take(&t->pi_lock);
	cpu = lock_task_rq(t);
	if (t->m->class->change_cgroup)
		t->m->class->change_cgroup(cpu, t, tg);
	else
		task_set_cgroup(t, tg);
	lock_release(&cpu->rq_lock);
	lock_release(&t->pi_lock);
}

static struct {
	struct irq irq;
	struct task *t;
	struct mask allowed;
} change;

static void handle_change(struct cpu *cpu, struct irq *irq)
{
	/* The next change may be said while this one waits for a lock. */
	struct mask allowed = change.allowed;
	struct task *t = change.t;

	(void)cpu;
	(void)irq;
	if (t->state != TASK_DEAD && t->state != TASK_NEW)
		change_allowed(t, &allowed);
	task_put(t);
}

void task_change_allowed(struct task *t, const struct mask *allowed)
{
	if (change.irq.pending)
		return;
	task_get(t);
	change.t = t;
	change.allowed = *allowed;
	change.irq.handle = handle_change;
	irq_raise(&change.irq, &t->m->cpus[t->cpu], 1);
}
