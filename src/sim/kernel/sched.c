/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler core and the class sched_ext as far as the backend can tell: when which callback comes, what
 * its verdicts do, and who runs next. Differences between kernels are where the kernel is asked for
 * (machine.kernel), gaps are listed in GAPS.md.
 */
#include "sim/kernel/machine.h"

#include "sim/faults.h"
#include "sim/kernel/flags.h"

enum {
	DISPATCH_LOOPS = 32
};

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

static void update_curr(struct cpu *cpu)
{
	struct task *t = cpu->curr;
	u64 now = machine_now(cpu->m);
	s64 ran_ns = (s64)(now - t->exec_start_ns);

	if (ran_ns <= 0)
		return;
	t->exec_start_ns = now;
	t->sum_exec_ns += (u64)ran_ns;
	OBSERVE(ran, t, (u64)ran_ns);
	t->p.scx.slice -= (u64)ran_ns < t->p.scx.slice ? (u64)ran_ns : t->p.scx.slice;
}

void sched_tick(struct cpu *cpu)
{
	lock_take(&cpu->rq_lock);
	update_curr(cpu);
	if (!cpu->curr->p.scx.slice)
		cpu->need_resched = true;
	lock_release(&cpu->rq_lock);
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

/* ---- Runqueues and DSQs --------------------------------------------------------------------- */

void set_task_cpu(struct task *t, s32 cpu)
{
	if (t->cpu == cpu)
		return;
	t->m->counters.migrations++;
	if (!cpus_share_cache(t->m, t->cpu, cpu))
		t->m->counters.llc_migrations++;
	t->cpu = cpu;
}

/* What follows from t's being on the CPU's own queue. */
void local_dsq_inserted(struct cpu *cpu, struct task *t, u64 enq_flags)
{
	bool preempt = false;

	(void)t;
	if (enq_flags & ENQ_PREEMPT && cpu->curr && t != cpu->curr) {
		cpu->curr->p.scx.slice = 0;
		cpu->m->counters.preemptions++;
		preempt = true;
	}
	if (preempt || !cpu->curr)
		resched_cpu(cpu);
}

static void insert_local(struct cpu *cpu, struct task *t, u64 enq_flags)
{
	dsq_insert_task(&cpu->local, t, false, enq_flags & (ENQ_HEAD | ENQ_PREEMPT));
	local_dsq_inserted(cpu, t, enq_flags);
}

void direct_dispatch(struct task *t, u64 enq_flags)
{
	u64 id = t->insert_dsq;
	struct dsq *dsq;

	t->queued_at_ns = machine_now(t->m);
	t->in_transit = false;
	enq_flags |= t->insert_flags;
	t->is_inserted = false;
	if (id == DSQ_ID_LOCAL) {
		insert_local(cpu_of(t), t, enq_flags);
		return;
	}
	dsq = &t->m->dsqs[id];
	if (dsq->nr && dsq->is_ordered_by_vtime != !!(enq_flags & ENQ_PRIQ)) {
		machine_fail("DSQ ID 0x%016llx: FIFO and vtime order are mixed",
			     (unsigned long long)id);
		return;
	}
	dsq_insert_task(dsq, t, enq_flags & ENQ_PRIQ, enq_flags & (ENQ_HEAD | ENQ_PREEMPT));
}

/* With the lock of the CPU's runqueue. */
static void enqueue_by_bpf(struct cpu *cpu, struct task *t, u64 enq_flags)
{
	const struct costs *costs = cpu->m->costs;

	t->in_transit = true;
	if (t->is_inserted) { /* select_cpu has said where */
		direct_dispatch(t, enq_flags);
		return;
	}
	if (t->p.flags & 0x4 /* PF_EXITING */) {
		t->p.scx.slice = SLICE_DEFAULT;
		t->in_transit = false;
		insert_local(cpu, t, enq_flags);
		return;
	}
	cpu->m->this_cpu->inserting = t;
	cpu_spend(costs->enqueue);
	cpu->m->ops->enqueue(&t->p, enq_flags);
	machine.this_cpu->inserting = NULL;
	cpu_interleave();
	if (t->is_inserted)
		direct_dispatch(t, enq_flags);
	else
		machine_fail("%s[%d] was not inserted by ops.enqueue()", t->p.comm, t->p.pid);
}

static void enqueue_task(struct cpu *cpu, struct task *t, u64 enq_flags)
{
	u64 now = machine_now(cpu->m);

	t->in_transit = true;
	t->p.scx.flags |= TASK_QUEUED;
	t->runnable_at_ns = now;
	t->state = TASK_RUNNABLE;
	cpu_spend(cpu->m->costs->runnable);
	cpu->m->ops->runnable(&t->p, enq_flags);
	enqueue_by_bpf(cpu, t, enq_flags);
}

/* Its runqueue is another one now, which the backend is not told. */
static void enqueue_migrated(struct cpu *cpu, struct task *t)
{
	t->p.scx.flags |= TASK_QUEUED;
	t->runnable_at_ns = machine_now(cpu->m);
	enqueue_by_bpf(cpu, t, 0);
}

static void dequeue_sleeping(struct cpu *cpu, struct task *t)
{
	const struct costs *costs = cpu->m->costs;

	update_curr(cpu);
	cpu_spend(costs->stopping + costs->quiescent);
	cpu->m->ops->stopping(&t->p, false);
	cpu->m->ops->quiescent(&t->p, DEQ_SLEEP);
	t->p.scx.flags &= ~(u32)TASK_QUEUED;
}

/* ---- Who runs next -------------------------------------------------------------------------- */

/* Something is on the CPU's own queue, or prev goes on (*ret_keep). */
static bool balance(struct cpu *cpu, struct task *prev, bool *ret_keep)
{
	struct machine *m = cpu->m;
	bool prev_queued = prev && prev->p.scx.flags & TASK_QUEUED;
	bool found = true;
	int loops = DISPATCH_LOOPS;

	*ret_keep = false;
	cpu->in_balance = true;
	cpu->rq.scx.flags |= RQ_IN_BALANCE;
	if (prev_queued) {
		update_curr(cpu);
		if (prev->p.scx.slice && !prev->must_move) {
			*ret_keep = true;
			goto out;
		}
	}
	if (cpu->local.nr)
		goto out;
	do {
		cpu->nr_dispatched = 0;
		cpu_spend(m->costs->dispatch);
		m->ops->dispatch(cpu->id, prev ? &prev->p : NULL);
		if (prev_queued && prev->p.scx.slice && !prev->must_move) {
			*ret_keep = true;
			goto out;
		}
		if (cpu->local.nr)
			goto out;
	} while (cpu->nr_dispatched && --loops);
	/* What was dispatched all went elsewhere, and there may be more. */
	if (!loops)
		kick_self(cpu);
	found = false;
	if (prev_queued && !(m->ops_flags & OPS_ENQ_LAST)) {
		*ret_keep = true;
		found = true;
	}
out:
	cpu->in_balance = false;
	cpu->rq.scx.flags &= ~(u32)RQ_IN_BALANCE;
	return found;
}

/* prev may not use its CPU any more: it goes to another one's runqueue. */
static void move_away(struct cpu *cpu, struct task *prev)
{
	struct cpu *to;

	prev->must_move = false;
	prev->in_transit = true;
	prev->on_cpu = false;
	prev->p.scx.flags &= ~(u32)TASK_QUEUED;
	cpu->m->ops->stopping(&prev->p, true);
	set_task_cpu(prev,
		     mask_next(&prev->allowed, &cpu->m->online, 0, (int)cpu->m->topology.nr_cpus));
	to = cpu_of(prev);
	lock_release(&cpu->rq_lock);
	lock_take(&to->rq_lock);
	enqueue_migrated(to, prev);
	lock_release(&to->rq_lock);
	lock_take(&cpu->rq_lock);
}

static void put_prev(struct cpu *cpu, struct task *prev, const struct task *next)
{
	if (prev->must_move && prev->p.scx.flags & TASK_QUEUED &&
	    !mask_has(&prev->allowed, cpu->id)) {
		update_curr(cpu);
		move_away(cpu, prev);
		return;
	}
	prev->must_move = false;
	if (prev->p.scx.flags & TASK_QUEUED) {
		update_curr(cpu);
		cpu_spend(cpu->m->costs->stopping);
		cpu->m->ops->stopping(&prev->p, true);
		prev->runnable_at_ns = machine_now(cpu->m);
		prev->on_cpu = false;
		if (prev->p.scx.slice) {
			insert_local(cpu, prev, ENQ_HEAD);
		} else {
			enqueue_by_bpf(cpu, prev, next ? 0 : ENQ_LAST);
			/* Found by the scheduler that the idle thread enters next. */
			if (!next && prev->dsq == &cpu->local)
				cpu->need_resched = true;
		}
	}
	prev->on_cpu = false;
}

static void set_next(struct cpu *cpu, struct task *next)
{
	struct machine *m = cpu->m;
	u64 now = machine_now(m);

	/* The CPU that queued it is ahead of this one. */
	if ((s64)(next->queued_at_ns - now) > 0)
		cpu_spend(next->queued_at_ns - now);
	next->on_cpu = true;
	next->in_transit = false;
	next->exec_start_ns = machine_now(m);
	cpu_spend(m->costs->running);
	m->ops->running(&next->p);
}

static void finish_dead(struct cpu *cpu, struct task *t)
{
	struct machine *m = cpu->m;
	struct scx_exit_task_args args = {.cancelled = false};

	m->counters.exits++;
	t->signal.live.counter = 0;
	cpu_spend(m->costs->exit_task);
	m->ops->exit_task(&t->p, &args);
	t->next_free = m->dead;
	m->dead = t;
}

void schedule(struct cpu *cpu)
{
	struct machine *m = cpu->m;
	struct task *prev = cpu->curr, *next;
	bool keep;

	cpu_spend(m->costs->schedule);
	lock_take(&cpu->rq_lock);
	cpu->need_resched = false;
	if (prev && prev->state != TASK_RUNNABLE)
		dequeue_sleeping(cpu, prev);
	if (balance(cpu, prev, &keep) && keep) {
		if (!prev->p.scx.slice)
			prev->p.scx.slice = SLICE_DEFAULT;
		lock_release(&cpu->rq_lock);
		return;
	}
	next = dsq_first(&cpu->local);
	if (next) {
		dsq_remove(&cpu->local, next);
		next->in_transit = true;
		if (!next->p.scx.slice)
			next->p.scx.slice = SLICE_DEFAULT;
	}
	if (prev)
		put_prev(cpu, prev, next);
	cpu->curr = next;
	if (next) {
		if (!prev)
			idle_set(cpu, false);
		if (next != prev)
			lock_take(&next->switching);
		set_next(cpu, next);
		OBSERVE(switched, cpu, prev, next);
		next->wakeup_at_ns = 0;
	} else {
		idle_set(cpu, true);
		if (prev)
			OBSERVE(switched, cpu, prev, NULL);
	}
	if (prev != next) {
		m->counters.switches++;
		machine_hash(machine_now(m), (u64)cpu->id << 32 | (u32)(next ? next->p.pid : 0));
	}
	if (prev && prev != next)
		lock_release(&prev->switching);
	lock_release(&cpu->rq_lock);
	if (next && !prev)
		tick_start(cpu);
	if (prev && prev->state == TASK_DEAD)
		finish_dead(cpu, prev);
}

/* A task that is woken goes before the idle thread, wherever the backend has put it. */
static void enqueue_locked(struct cpu *cpu, struct task *t, u64 enq_flags)
{
	lock_take(&cpu->rq_lock);
	enqueue_task(cpu, t, enq_flags);
	if (!cpu->curr)
		resched_cpu(cpu);
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
	m->this_cpu->inserting = t;
	cpu_spend(m->costs->select_cpu);
	cpu = m->ops->select_cpu(&t->p, t->cpu, wake_flags);
	m->this_cpu->inserting = NULL;
	cpu_interleave();
	if (cpu < 0 || cpu >= (s32)m->topology.nr_cpus) {
		machine_fail("invalid CPU %d from ops.select_cpu()", cpu);
		cpu = t->cpu;
	}
	if (!mask_has(&t->allowed, cpu) || !m->cpus[cpu].online)
		cpu = mask_next(&t->allowed, &m->online, 0, (int)m->topology.nr_cpus);
	set_task_cpu(t, cpu);
	return ENQ_CPU_SELECTED;
}

/* It is about to sleep, and its CPU has not taken it off yet: it finds that it need not. */
static bool stays_awake(struct task *t)
{
	struct cpu *cpu = lock_task_rq(t);
	bool stays;

	stays = t->p.scx.flags & TASK_QUEUED;
	if (stays)
		t->state = TASK_RUNNABLE;
	lock_release(&cpu->rq_lock);
	return stays;
}

void wake_up(struct task *t, bool sync)
{
	struct machine *m = t->m;
	u64 enq_flags;

	lock_take(&t->pi_lock);
	if (t->state != TASK_SLEEPING) {
		t->wake_pending = true;
		lock_release(&t->pi_lock);
		return;
	}
	if (stays_awake(t)) {
		lock_release(&t->pi_lock);
		return;
	}
	/* Its last CPU may still be changing to another task. */
	lock_take(&t->switching);
	lock_release(&t->switching);
	m->counters.wakeups++;
	t->wakeups++;
	cpu_spend(m->costs->wake);
	t->wakeup_at_ns = machine_now(m);
	machine_hash(t->wakeup_at_ns, (u64)(u32)t->p.pid);
	enq_flags = ENQ_WAKEUP | select_task_rq(t, WAKE_TTWU | (sync ? WAKE_SYNC : 0));
	enqueue_locked(&m->cpus[t->cpu], t, enq_flags);
	lock_release(&t->pi_lock);
	OBSERVE(woken, t);
}

void wake_up_new(struct task *t)
{
	struct machine *m = t->m;
	struct scx_init_task_args args = {.fork = true};
	struct task *parent = m->this_cpu->curr;
	u64 enq_flags;

	m->counters.forks++;
	t->cpu = m->this_cpu->id;
	t->p.real_parent = parent ? parent->p.group_leader : &t->p;
	if (parent) {
		t->css_set = parent->css_set;
		t->cred = parent->cred;
	}
	cpu_spend(m->costs->init_task);
	if (m->ops->init_task(&t->p, &args)) {
		/* fork(2) fails; whoever waits for the child is told so. */
		m->counters.forks--;
		t->state = TASK_DEAD;
		t->next_free = m->dead;
		m->dead = t;
		if (parent)
			parent->wake_pending = true;
		return;
	}
	m->ops->enable(&t->p);
	t->wakeup_at_ns = machine_now(m);
	lock_take(&t->pi_lock);
	enq_flags = select_task_rq(t, WAKE_FORK);
	enqueue_locked(&m->cpus[t->cpu], t, enq_flags);
	lock_release(&t->pi_lock);
}

/* ---- Changes of a task ---------------------------------------------------------------------- */

static int any_allowed(const struct task *t)
{
	struct machine *m = t->m;

	return mask_next(&t->allowed, &m->online, 0, (int)m->topology.nr_cpus);
}

/* In an interrupt on any CPU: as sched_setaffinity(2) of another task does, and the stopper after it. */
static void change_allowed(struct task *t, const struct mask *allowed)
{
	struct machine *m = t->m;
	struct cpu *cpu;

	lock_take(&t->pi_lock);
	cpu = lock_task_rq(t);
	if (t->in_transit || !(t->p.scx.flags & TASK_QUEUED)) {
		/* It sleeps: whoever wakes it looks at where it may run. In transit: try again later. */
		if (!t->in_transit)
			task_set_allowed(t, allowed);
		goto out;
	}
	if (t->on_cpu) {
		update_curr(cpu);
		m->ops->stopping(&t->p, true);
		m->ops->quiescent(&t->p, 0);
		task_set_allowed(t, allowed);
		m->ops->runnable(&t->p, 0);
		t->exec_start_ns = machine_now(m);
		m->ops->running(&t->p);
		if (!mask_has(allowed, cpu->id)) {
			/* It is put off its CPU by force, and waits where it may run. */
			t->must_move = true;
			t->p.scx.slice = 0;
			resched_cpu(cpu);
		}
		goto out;
	}
	m->ops->quiescent(&t->p, 0);
	t->p.scx.flags &= ~(u32)TASK_QUEUED;
	dsq_remove(t->dsq, t);
	task_set_allowed(t, allowed);
	if (!mask_has(allowed, t->cpu)) {
		lock_release(&cpu->rq_lock);
		set_task_cpu(t, any_allowed(t));
		cpu = cpu_of(t);
		lock_take(&cpu->rq_lock);
	}
	enqueue_task(cpu, t, 0);
out:
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
