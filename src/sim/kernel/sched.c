/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler core: switches, wakeups, fork, exit, and changes of affinity. Which task of a class runs next, and
 * where, the class says, see sched.h.
 */
#include "sim/kernel/sched.h"

#include "sim/faults.h"
#include "sim/kernel/cgroup.h"
#include "sim/kernel/flags.h"
#include "sim/kernel/hotplug.h"

const struct sched_class *class_for(const struct task *t)
{
	if (t->rt.priority)
		return &rt_sched_class;
	return t->m->scx_switching_all ? &ext_sched_class : &fair_sched_class;
}

void sched_set_classes(struct machine *m, bool scx_enabled, bool scx_switched_all)
{
	u32 nr = 0;

	m->scx_enabled = scx_enabled;
	m->scx_switching_all = m->scx_switched_all = scx_switched_all;
	m->classes[nr++] = &rt_sched_class;
	if (!scx_switched_all)
		m->classes[nr++] = &fair_sched_class;
	if (scx_enabled)
		m->classes[nr++] = &ext_sched_class;
	m->classes[nr] = NULL;
}

static struct cpu *cpu_of(const struct task *t)
{
	return &t->m->cpus[t->cpu];
}

struct cpu *lock_task_rq(struct task *t)
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
	t->p.se.sum_exec_runtime += (u64)ran_ns;
	if (cpu->server != SERVER_OFF && t->class != &rt_sched_class)
		server_consume(cpu, (u64)ran_ns);
	OBSERVE(ran, t, (u64)ran_ns);
	return (u64)ran_ns;
}

void sched_tick(struct cpu *cpu)
{
	lock_take(&cpu->rq_lock);
	cpu->curr->class->task_tick(cpu);
	lock_release(&cpu->rq_lock);
	if (!cpu->m->scx_switched_all)
		fair_balance_tick(cpu);
}

void do_sched_yield(struct cpu *cpu)
{
	cpu->curr->yields++;
	cpu->curr->class->yield_task(cpu);
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

int any_allowed_cpu(struct task *t)
{
	struct machine *m = t->m;
	int nr_cpus = (int)m->topology.nr_cpus;

	if (mask_next(&t->allowed, &m->active, 0, nr_cpus) < 0)
		task_set_allowed(t, &m->possible);
	return mask_next(&t->allowed, &m->active, 0, nr_cpus);
}

bool may_stay(const struct task *t, const struct cpu *cpu)
{
	return cpu->active && mask_has(&t->allowed, cpu->id);
}

static void activate_task(struct cpu *cpu, struct task *t, u64 flags)
{
	t->in_transit = true;
	t->on_rq = true;
	t->state = TASK_RUNNABLE;
	t->class->enqueue_task(cpu, t, flags);
}

static void deactivate_task(struct cpu *cpu, struct task *t, u64 flags)
{
	if (t->class->dequeue_task(cpu, t, flags))
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
	if (prev->must_move && prev->on_rq && !may_stay(prev, cpu)) {
		move_away(cpu, prev);
		/* The stopper has done it: the CPU chooses once more, now without the task in the way of lower classes. */
		cpu->need_resched |= !next;
		return;
	}
	prev->must_move = false;
	prev->class->put_prev_task(cpu, prev, next);
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
	next->class->set_next_task(cpu, next);
}

/* What a CPU that goes offline runs next is moved by the stopper, at once. */
static void push_away(struct cpu *cpu)
{
	if (cpu->active || !cpu->curr)
		return;
	cpu_spend(cpu->m->costs->move_task);
	cpu->curr->must_move = true;
	cpu->need_resched = true;
}

static void finish_dead(struct task *t)
{
	struct machine *m = t->m;

	m->counters.exits++;
	t->signal.live.counter = 0;
	ext_exit_task(t);
	t->next_free = m->dead;
	m->dead = t;
}

/* 6.12 asks the backend as soon as no class from prev's on, downwards, has a task. */
static void dispatch_first(struct cpu *cpu, struct task *prev)
{
	cpu->keeps_prev = false;
	if (prev && prev->class == &rt_sched_class && cpu->rt.nr)
		return;
	if (prev && prev->class != &ext_sched_class && cpu->cfs.h_nr_queued)
		return;
	ext_balance(cpu, prev && prev->class == &ext_sched_class ? prev : NULL);
}

/* The highest class from that one on which has a task for this CPU says which one runs. */
static struct task *pick_from(struct cpu *cpu, struct task *prev,
			      const struct sched_class *const *class)
{
	struct task *next;

	do
		next = (*class)->pick_task(cpu, prev && prev->class == *class ? prev : NULL);
	while (!next && *++class);
	return next;
}

static struct task *pick_next_task(struct cpu *cpu, struct task *prev)
{
	struct task *next;

	if (prev && prev->class == &rt_sched_class)
		rt_balance(cpu, prev);
	if (cpu->m->kernel < SIM_KERNEL_7_3 && cpu->m->scx_enabled)
		dispatch_first(cpu, prev);
	if (cpu->server == SERVER_RUNS) {
		next = pick_from(cpu, prev, cpu->m->classes + 1);
		if (next)
			return next;
		server_stop(cpu);
	}
	return pick_from(cpu, prev, cpu->m->classes);
}

void schedule(struct cpu *cpu)
{
	struct machine *m = cpu->m;
	struct task *prev = cpu->curr, *next;

	cpu_spend(m->costs->schedule);
	lock_take(&cpu->rq_lock);
	if (prev && prev->state != TASK_RUNNABLE)
		deactivate_task(cpu, prev, DEQ_SLEEP);
	next = pick_next_task(cpu, prev);
	/* Only now: what the choice itself has asked for is done. */
	cpu->need_resched = cpu->need_resched_lazy = false;
	if (next && next == prev) {
		push_away(cpu);
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
		if (cpu->server != SERVER_OFF)
			server_stop(cpu);
		idle_set(cpu, true);
		if (prev)
			OBSERVE(switched, cpu, prev, NULL);
	}
	if (prev != next) {
		m->counters.switches++;
		machine_hash(machine_now(m), (u64)cpu->id << 32 | (u32)(next ? next->p.pid : 0));
	}
	push_away(cpu);
	if (prev)
		lock_release(&prev->switching);
	lock_release(&cpu->rq_lock);
	if (cpu->push_rt)
		rt_push_tasks(cpu);
	if (next && !prev)
		tick_start(cpu);
	if (prev && prev->state == TASK_DEAD)
		finish_dead(prev);
}

/* A task that is woken goes before the idle thread and before lower classes, wherever its class has put it. */
void wakeup_preempt(struct cpu *cpu, struct task *t, u64 wake_flags)
{
	const struct sched_class *class = cpu->curr ? cpu->curr->class : NULL;

	if (!class || sched_class_above(t->class, class))
		resched_cpu(cpu);
	else if (t->class == class && class->wakeup_preempt)
		class->wakeup_preempt(cpu, t, wake_flags);
}

static void enqueue_locked(struct cpu *cpu, struct task *t, u64 enq_flags, u64 wake_flags)
{
	lock_take(&cpu->rq_lock);
	activate_task(cpu, t, enq_flags);
	wakeup_preempt(cpu, t, wake_flags);
	lock_release(&cpu->rq_lock);
	if (t->rt.priority && cpu->rt.nr > 1)
		rt_push_tasks(cpu);
}

/* ---- Wakeups -------------------------------------------------------------------------------- */

static u64 select_task_rq(struct task *t, u64 wake_flags)
{
	struct machine *m = t->m;
	s32 cpu;

	if (t->p.nr_cpus_allowed == 1) {
		set_task_cpu(t, any_allowed_cpu(t));
		return 0;
	}
	cpu = t->class->select_task_rq(t, t->cpu, wake_flags);
	if (!may_stay(t, &m->cpus[cpu]))
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
		t->class->enqueue_task(cpu, t, ENQ_WAKEUP | ENQ_DELAYED);
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
		task_set_cgroup(t, task_cgroup(parent));
		t->cred = parent->cred;
	}
	if (load_fork(t)) {
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
	/* None of them is there: refused. */
	if (mask_next(allowed, &t->m->active, 0, (int)t->m->topology.nr_cpus) < 0)
		goto out;
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
		t->class->set_cpus_allowed(cpu, t, allowed);
		if (!mask_has(allowed, cpu->id)) {
			/* It is put off its CPU by force, and waits where it may run. */
			t->must_move = true;
			resched_cpu(cpu);
		}
		goto out;
	}
	deactivate_task(cpu, t, 0);
	task_set_allowed(t, allowed);
	if (!may_stay(t, cpu)) {
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

/* What is more important now runs, and it does not stay behind what runs elsewhere. was: the task's priority before. */
static void prio_changed(struct cpu *cpu, struct task *t, const struct sched_params *was)
{
	if (t->on_cpu) {
		if (t->rt.priority < was->priority || task_nice(t) > was->nice)
			resched_cpu(cpu);
	} else if (t->class != &ext_sched_class) {
		wakeup_preempt(cpu, t, 0);
	}
}

/* On 6.12 a running task that comes to sched_ext goes on, even if a task of a class above waits: up to the next tick. */
static void class_changed(struct cpu *cpu, struct task *t, const struct sched_class *from)
{
	if (from == &rt_sched_class && !cpu->rt.nr)
		rt_pull_tasks(cpu);
	if (!t->on_cpu) {
		if (t->class != &ext_sched_class)
			wakeup_preempt(cpu, t, 0);
	} else if (sched_class_above(from, t->class) &&
		   (t->class == &fair_sched_class || t->m->kernel >= SIM_KERNEL_7_3)) {
		resched_cpu(cpu);
	}
}

/*
 * The class, or what params says (NULL: nothing), changes while the task is on no queue. A running task stops and goes on
 * as far as its classes can tell.
 */
static void change_task(struct cpu *cpu, struct task *t, const struct sched_class *class,
			const struct sched_params *params)
{
	const struct sched_params was = {.priority = t->rt.priority, .nice = task_nice(t)};
	const struct sched_class *from = t->class;
	bool changes = class != from, early = t->m->kernel >= SIM_KERNEL_7_3, is_queued;

	/* It sleeps, and need not be kept. */
	if (t->se.sched_delayed)
		deactivate_task(cpu, t, DEQ_SLEEP | DEQ_DELAYED);
	is_queued = t->on_rq;
	if (is_queued)
		from->dequeue_task(cpu, t, 0);
	if (changes && from == &ext_sched_class && early)
		ext_disable(t);
	if (changes && from == &fair_sched_class)
		fair_leave(t);
	if (params) {
		task_set_params(t, params);
		fair_set_load(t, fair_load(t));
	}
	t->class = class;
	if (changes && class == &ext_sched_class)
		ext_enable(t);
	if (is_queued) {
		class->enqueue_task(cpu, t, t->rt.priority < was.priority ? ENQ_HEAD : 0);
		if (t->on_cpu) {
			t->exec_start_ns = machine_now(cpu->m);
			class->set_next_task(cpu, t);
		}
	}
	if (changes && from == &ext_sched_class && !early)
		ext_disable(t);
	if (is_queued && changes)
		class_changed(cpu, t, from);
	else if (is_queued)
		prio_changed(cpu, t, &was);
}

void set_task_class(struct cpu *cpu, struct task *t, const struct sched_class *class)
{
	if (t->class != class)
		change_task(cpu, t, class, NULL);
}

/* As sched_setscheduler(2) of another task. In transit: try again later. */
static void change_params(struct task *t, const struct sched_params *params)
{
	bool is_rt = params->policy == POLICY_FIFO || params->policy == POLICY_RR;
	const struct sched_class *class = &rt_sched_class;
	struct cpu *cpu;

	lock_take(&t->pi_lock);
	cpu = lock_task_rq(t);
	if (!is_rt)
		class = t->m->scx_switching_all ? &ext_sched_class : &fair_sched_class;
	if (!t->in_transit && t->state != TASK_DEAD)
		change_task(cpu, t, class, params);
	lock_release(&cpu->rq_lock);
	if (is_rt && cpu->rt.nr > 1)
		rt_push_tasks(cpu);
	lock_release(&t->pi_lock);
}

void task_change_cgroup(struct task *t, struct control_group *tg)
{
	struct cpu *cpu;

	lock_take(&t->pi_lock);
	cpu = lock_task_rq(t);
	if (t->class->change_cgroup)
		t->class->change_cgroup(cpu, t, tg);
	else
		task_set_cgroup(t, tg);
	lock_release(&cpu->rq_lock);
	lock_release(&t->pi_lock);
}

/* One of each kind at a time. */
static struct change {
	struct irq irq;
	bool under_way;
	struct task *t;
	struct mask allowed;
	struct sched_params params;
} affinity_change, params_change;

static bool may_change(const struct task *t)
{
	return t->state != TASK_DEAD && t->state != TASK_NEW;
}

static void handle_affinity(struct cpu *cpu, struct irq *irq)
{
	/* The next change may be said while this one waits for a lock. */
	struct change change = affinity_change;

	(void)cpu;
	(void)irq;
	if (may_change(change.t))
		change_allowed(change.t, &change.allowed);
	task_put(change.t);
}

static void handle_params(struct cpu *cpu, struct irq *irq)
{
	struct change change = params_change;

	(void)cpu;
	(void)irq;
	if (may_change(change.t))
		change_params(change.t, &change.params);
	params_change.under_way = false;
	task_put(change.t);
}

static void raise_change(struct change *change, struct task *t,
			 void (*handle)(struct cpu *cpu, struct irq *irq))
{
	task_get(t);
	change->t = t;
	change->irq.handle = handle;
	irq_raise(&change->irq, online_cpu(&t->m->cpus[t->cpu]), 1);
}

void task_change_allowed(struct task *t, const struct mask *allowed)
{
	if (affinity_change.irq.pending)
		return;
	affinity_change.allowed = *allowed;
	raise_change(&affinity_change, t, handle_affinity);
}

bool task_change_params(struct task *t, const struct sched_params *params)
{
	if (params_change.under_way)
		return false;
	params_change.under_way = true;
	params_change.params = *params;
	raise_change(&params_change, t, handle_params);
	return true;
}
