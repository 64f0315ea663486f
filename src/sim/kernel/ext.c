/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The class sched_ext as far as the backend can tell: when which callback comes, and what its verdicts do.
 * Differences between kernels are where the kernel is asked for (machine.kernel), gaps are listed in GAPS.md.
 */
#include "sim/kernel/sched.h"

#include "sim/kernel/cgroup.h"
#include "sim/kernel/flags.h"
#include "sim/kernel/idle.h"

enum {
	DISPATCH_LOOPS = 32
};

#define WATCHDOG_NS (2500 * MSEC) /* half of the scheduler's timeout, as the kernel has it */

static void update_curr(struct cpu *cpu)
{
	u64 ran_ns = update_curr_common(cpu);
	u64 *slice = &cpu->curr->p.scx.slice;

	*slice -= ran_ns < *slice ? ran_ns : *slice;
}

static void task_tick(struct cpu *cpu)
{
	update_curr(cpu);
	if (cpu->bypass)
		cpu->curr->p.scx.slice = 0;
	if (!cpu->curr->p.scx.slice)
		cpu->need_resched = true;
}

/* ---- DSQs ----------------------------------------------------------------------------------- */

static void insert_local(struct cpu *cpu, struct task *t, u64 enq_flags)
{
	bool preempt = enq_flags & ENQ_PREEMPT && cpu->curr && t != cpu->curr &&
		       cpu->curr->class == &ext_sched_class;

	dsq_insert_task(&cpu->local, t, false, enq_flags & (ENQ_HEAD | ENQ_PREEMPT));
	if (preempt) {
		cpu->curr->p.scx.slice = 0;
		cpu->m->counters.preemptions++;
	}
	if (preempt || !cpu->curr)
		resched_cpu(cpu);
}

/* Finish what select_cpu or enqueue has said. */
static void direct_dispatch(struct task *t, u64 enq_flags)
{
	u64 id = t->insert_dsq;
	struct dsq *dsq;

	t->queued_at_ns = machine_now(t->m);
	t->in_transit = false;
	enq_flags |= t->insert_flags;
	t->is_inserted = false;
	if (id == DSQ_ID_LOCAL) {
		insert_local(&t->m->cpus[t->cpu], t, enq_flags);
		return;
	}
	dsq = &t->m->dsqs[id];
	if (dsq->nr && dsq->is_ordered_by_vtime != !!(enq_flags & ENQ_PRIQ)) {
		machine_fail("DSQ ID 0x%016llx: FIFO and vtime order are mixed",
			     (unsigned long long)id);
		return;
	}
	lock_briefly(&dsq->lock, t->m->costs->dsq_lock);
	dsq_insert_task(dsq, t, enq_flags & ENQ_PRIQ, enq_flags & (ENQ_HEAD | ENQ_PREEMPT));
}

static void insert_unasked(struct cpu *cpu, struct task *t, u64 enq_flags)
{
	t->is_inserted = false;
	t->p.scx.slice = SLICE_DEFAULT;
	t->queued_at_ns = machine_now(cpu->m);
	t->in_transit = false;
	insert_local(cpu, t, enq_flags);
}

/* 6.12 has one queue for each node, 7.3 one for each CPU. */
static struct dsq *bypass_queue(const struct cpu *cpu)
{
	struct machine *m = cpu->m;
	int i = cpu->id;

	if (m->kernel < SIM_KERNEL_7_3)
		while (i && m->cpus[i - 1].node == cpu->node)
			i--;
	return &m->cpus[i].bypass_q;
}

static void bypass(struct cpu *cpu, struct task *t)
{
	t->is_inserted = false;
	t->p.scx.slice = cpu->m->kernel < SIM_KERNEL_7_3 ? SLICE_DEFAULT : SLICE_BYPASS;
	t->queued_at_ns = machine_now(cpu->m);
	t->in_transit = false;
	dsq_insert_task(bypass_queue(cpu), t, false, false);
}

/* The backend is asked about what waits for this CPU. */
static bool rq_is_online(const struct cpu *cpu)
{
	return cpu->rq_online && cpu->active;
}

static void enqueue_by_bpf(struct cpu *cpu, struct task *t, u64 enq_flags)
{
	const struct costs *costs = cpu->m->costs;

	t->in_transit = true;
	/* Where the CPU goes offline the task has to run here, so that it is moved away. */
	if (!rq_is_online(cpu)) {
		insert_unasked(cpu, t, enq_flags);
		return;
	}
	if (cpu->bypass) {
		bypass(cpu, t);
		return;
	}
	if (t->is_inserted) { /* select_cpu has said where */
		direct_dispatch(t, enq_flags);
		return;
	}
	if (t->p.flags & PF_EXITING) {
		insert_unasked(cpu, t, enq_flags);
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

/* Where only its runqueue is another one now the backend is not told that it is runnable. */
static void enqueue_task(struct cpu *cpu, struct task *t, u64 flags)
{
	t->p.scx.flags |= TASK_QUEUED;
	t->runnable_at_ns = machine_now(cpu->m);
	if (flags & ENQ_MIGRATED) {
		enqueue_by_bpf(cpu, t, flags & ~ENQ_MIGRATED);
		return;
	}
	cpu_spend(cpu->m->costs->runnable);
	cpu->m->ops->runnable(&t->p, flags);
	/* A task that runs while something about it changes goes on. */
	if (t->on_cpu)
		return;
	enqueue_by_bpf(cpu, t, flags);
}

static bool dequeue_task(struct cpu *cpu, struct task *t, u64 flags)
{
	const struct costs *costs = cpu->m->costs;

	if (flags & DEQ_SLEEP) {
		update_curr(cpu);
		cpu_spend(costs->stopping + costs->quiescent);
		cpu->m->ops->stopping(&t->p, false);
		cpu->m->ops->quiescent(&t->p, DEQ_SLEEP);
	} else if (flags & DEQ_MOVE) {
		update_curr(cpu);
		cpu->m->ops->stopping(&t->p, true);
	} else if (t->on_cpu) {
		update_curr(cpu);
		cpu->m->ops->stopping(&t->p, false);
		cpu->m->ops->quiescent(&t->p, 0);
	} else {
		cpu->m->ops->quiescent(&t->p, 0);
		dsq_remove(t->dsq, t);
	}
	t->p.scx.flags &= ~(u32)TASK_QUEUED;
	return true;
}

void ext_requeue(struct cpu *cpu)
{
	for (struct task *t = cpu->m->all; t; t = t->next_all) {
		if (!t->dsq || t->cpu != cpu->id)
			continue;
		cpu_spend(cpu->m->costs->move_task);
		dequeue_task(cpu, t, 0);
		enqueue_task(cpu, t, 0);
	}
}

/* ---- Who runs next -------------------------------------------------------------------------- */

/* Does prev go on? Else something is on the CPU's own queue, if there was anything. */
static bool balance(struct cpu *cpu, struct task *prev)
{
	struct machine *m = cpu->m;
	bool prev_queued = prev && prev->p.scx.flags & TASK_QUEUED;
	bool keep = false;
	int loops = DISPATCH_LOOPS;
	u64 began_ns;

	cpu->in_balance = true;
	cpu->rq.scx.flags |= RQ_IN_BALANCE;
	if (prev_queued) {
		update_curr(cpu);
		keep = prev->p.scx.slice && !prev->must_move && !cpu->bypass;
	}
	if (keep || cpu->local.nr || consume_dsq(cpu, bypass_queue(cpu)))
		goto out;
	if (cpu->bypass || !cpu->rq_online) {
		keep = prev_queued && cpu->bypass && !prev->must_move;
		goto out;
	}
	do {
		cpu->nr_dispatched = 0;
		began_ns = cpu_time(cpu);
		cpu_spend(m->costs->dispatch);
		m->ops->dispatch(cpu->id, prev ? &prev->p : NULL);
		callback_returned(cpu, "ops.dispatch()", began_ns);
		keep = prev_queued && prev->p.scx.slice && !prev->must_move;
		if (keep || cpu->local.nr)
			goto out;
	} while (cpu->nr_dispatched && --loops);
	/* What was dispatched all went elsewhere, and there may be more. */
	if (!loops)
		kick_self(cpu);
	keep = prev_queued && !(m->ops_flags & OPS_ENQ_LAST);
out:
	cpu->in_balance = false;
	cpu->rq.scx.flags &= ~(u32)RQ_IN_BALANCE;
	return keep;
}

void ext_balance(struct cpu *cpu, struct task *prev)
{
	cpu->keeps_prev = balance(cpu, prev);
}

static struct task *pick_task(struct cpu *cpu, struct task *prev)
{
	struct task *next;

	if (cpu->m->kernel >= SIM_KERNEL_7_3)
		ext_balance(cpu, prev);
	next = cpu->keeps_prev ? prev : dsq_first(&cpu->local);
	cpu->keeps_prev = false;
	if (!next)
		return NULL;
	if (next != prev)
		dsq_remove(&cpu->local, next);
	if (!next->p.scx.slice)
		next->p.scx.slice = SLICE_DEFAULT;
	return next;
}

static void put_prev_task(struct cpu *cpu, struct task *prev, const struct task *next)
{
	if (!(prev->p.scx.flags & TASK_QUEUED))
		return;
	update_curr(cpu);
	cpu_spend(cpu->m->costs->stopping);
	cpu->m->ops->stopping(&prev->p, true);
	prev->runnable_at_ns = prev->queued_at_ns = machine_now(cpu->m);
	prev->on_cpu = false;
	if (prev->p.scx.slice && !cpu->bypass) {
		insert_local(cpu, prev, ENQ_HEAD);
		return;
	}
	enqueue_by_bpf(cpu, prev, next ? 0 : ENQ_LAST);
	/* Found by the scheduler that the idle thread enters next. */
	if (!next && prev->dsq == &cpu->local)
		cpu->need_resched = true;
}

static void set_next_task(struct cpu *cpu, struct task *t)
{
	cpu_spend(cpu->m->costs->running);
	cpu->m->ops->running(&t->p);
}

/* ---- What tasks do -------------------------------------------------------------------------- */

static s32 select_task_rq(struct task *t, s32 prev_cpu, u64 wake_flags)
{
	struct machine *m = t->m;
	s32 cpu;

	if (m->cpus[prev_cpu].bypass) {
		cpu = m->kernel < SIM_KERNEL_7_3 ? idle_select(t, prev_cpu, wake_flags) : -1;
		return cpu >= 0 ? cpu : prev_cpu;
	}
	m->this_cpu->inserting = t;
	cpu_spend(m->costs->select_cpu);
	cpu = m->ops->select_cpu(&t->p, prev_cpu, wake_flags);
	m->this_cpu->inserting = NULL;
	cpu_interleave();
	if (cpu >= 0 && cpu < (s32)m->topology.nr_cpus)
		return cpu;
	machine_fail("invalid CPU %d from ops.select_cpu()", cpu);
	return prev_cpu;
}

static void yield_task(struct cpu *cpu)
{
	lock_take(&cpu->rq_lock);
	update_curr(cpu);
	cpu->m->ops->yield(&cpu->curr->p, NULL);
	lock_release(&cpu->rq_lock);
}

/* The backend is asked about it as about any other task, and it is taken out of the queue again, because it runs. */
static void set_cpus_allowed(struct cpu *cpu, struct task *t, const struct mask *allowed)
{
	dequeue_task(cpu, t, 0);
	task_set_allowed(t, allowed);
	enqueue_task(cpu, t, 0);
	t->exec_start_ns = machine_now(cpu->m);
	set_next_task(cpu, t);
	if (!mask_has(allowed, cpu->id))
		t->p.scx.slice = 0;
}

/* The backend sees it leave one group and join the other: it is not runnable for a moment. */
static void change_cgroup(struct cpu *cpu, struct task *t, struct control_group *tg)
{
	if (!t->on_rq || t->in_transit) {
		task_set_cgroup(t, tg);
		return;
	}
	dequeue_task(cpu, t, 0);
	task_set_cgroup(t, tg);
	enqueue_task(cpu, t, 0);
	if (!t->on_cpu)
		return;
	t->exec_start_ns = machine_now(cpu->m);
	set_next_task(cpu, t);
	resched_cpu(cpu);
}

int ext_init_task(struct task *t, bool fork)
{
	struct scx_init_task_args args = {.fork = fork};
	int err;

	cpu_spend(t->m->costs->init_task);
	err = t->m->ops->init_task(&t->p, &args);
	if (!err)
		t->scx_state = SCX_READY;
	return err;
}

void ext_enable(struct task *t)
{
	t->m->ops->enable(&t->p);
	t->scx_state = SCX_ENABLED;
}

void ext_disable(struct task *t)
{
	t->scx_state = SCX_READY;
	if (t->m->kernel < SIM_KERNEL_7_3)
		return;
	t->p.scx.dsq_vtime = 0;
	t->p.scx.slice = 0;
}

void ext_exit_task(struct task *t)
{
	struct scx_exit_task_args args = {.cancelled = false};

	if (t->scx_state == SCX_NONE)
		return;
	cpu_spend(t->m->costs->exit_task);
	t->m->ops->exit_task(&t->p, &args);
	t->scx_state = SCX_NONE;
}

const struct sched_class ext_sched_class = {
	.rank = RANK_EXT,
	.enqueue_task = enqueue_task,
	.dequeue_task = dequeue_task,
	.pick_task = pick_task,
	.put_prev_task = put_prev_task,
	.set_next_task = set_next_task,
	.task_tick = task_tick,
	.select_task_rq = select_task_rq,
	.yield_task = yield_task,
	.set_cpus_allowed = set_cpus_allowed,
	.change_cgroup = change_cgroup,
};

/* ---- The watchdog --------------------------------------------------------------- */

static struct event watchdog;

static void look_for_stalls(struct event *event)
{
	struct machine *m = &machine;
	u64 timeout_ns = m->ops->timeout_ms * MSEC;

	for (struct task *t = m->all; t; t = t->next_all)
		if (t->state == TASK_RUNNABLE && !t->on_cpu && t->class == &ext_sched_class &&
		    (s64)(m->now_ns - t->runnable_at_ns) > (s64)timeout_ns)
			machine_fail("runnable task stall (%s[%d] failed to run for %llu.%03llus)",
				     t->p.comm, t->p.pid,
				     (unsigned long long)((m->now_ns - t->runnable_at_ns) / SEC_NS),
				     (unsigned long long)((m->now_ns - t->runnable_at_ns) / MSEC %
							  1000));
	event_at(&m->events, event, m->now_ns + WATCHDOG_NS);
}

void ext_watch(bool on)
{
	struct machine *m = &machine;

	watchdog.fire = look_for_stalls;
	if (on)
		event_at(&m->events, &watchdog, m->now_ns + WATCHDOG_NS);
	else
		event_cancel(&m->events, &watchdog);
}
