/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a CPU does: work in the kernel, interrupts, and between them the task that it runs. Which task that is,
 * sched.c says.
 */
#include <errno.h>

#include "sim/coroutine.h"
#include "sim/kernel/flags.h"
#include "sim/kernel/machine.h"

enum {
	STACK_SIZE = 256 * 1024,
	HARDIRQ = 1 << 16, /* in preempt_count, as <linux/preempt.h> has it */
	SOFTIRQ = 1 << 8,
};

void cpu_enter(struct cpu *cpu)
{
	struct machine *m = cpu->m;
	struct cpu *before = m->this_cpu;

	m->this_cpu = cpu;
	coroutine_enter(cpu->co);
	m->this_cpu = before;
}

static void on_resume(struct event *event)
{
	cpu_enter(container_of(event, struct cpu, resume));
}

/* Nothing else happens until then: the CPU may as well go on at once. */
static bool is_next(struct machine *m, u64 at_ns)
{
	return at_ns < events_next_ns(&m->events) && at_ns < m->end_ns && !m->failed;
}

/* It has work for so long; an interrupt may come before. */
static void stop_for(struct cpu *cpu, enum cpu_wait wait, u64 ns)
{
	struct machine *m = cpu->m;

	if (m->take_turns) {
		cpu->turn = (struct turn){true, ns, cpu->turn.done_ns};
	} else if (is_next(m, m->now_ns + ns)) {
		m->counters.events++;
		m->now_ns += ns;
		return;
	} else {
		event_at(&m->events, &cpu->resume, m->now_ns + ns);
	}
	cpu->wait = wait;
	coroutine_yield();
	cpu->wait = CPU_WORKS;
}

/* Until the CPU's own time has come; interrupts that arrive meanwhile wait. */
static void catch_up(struct cpu *cpu)
{
	u64 ns = cpu->ahead_ns;

	if (!ns)
		return;
	cpu->ahead_ns = 0;
	stop_for(cpu, CPU_WORKS, ns);
}

void cpu_interleave(void)
{
	if (machine.interleave && machine.this_cpu)
		catch_up(machine.this_cpu);
}

/* At the time of the event that ends it: what the CPU was ahead has passed, or is waited for first. */
void cpu_wait_for_lock(void)
{
	struct cpu *cpu = machine.this_cpu;
	u64 until_ns = machine_now(&machine);

	cpu->ahead_ns = 0;
	cpu->wait = CPU_WORKS;
	coroutine_yield();
	if ((s64)(until_ns - machine.now_ns) > 0)
		cpu->ahead_ns = until_ns - machine.now_ns;
}

void cpu_got_lock(struct cpu *cpu)
{
	if (cpu->m->take_turns)
		cpu->turn.is_busy = true;
	else
		event_at(&machine.events, &cpu->resume, machine_now(&machine));
}

/* ---- Interrupts ----------------------------------------------------------------------------- */

static void on_arrival(struct event *event)
{
	struct irq *irq = container_of(event, struct irq, event);
	struct cpu *cpu = irq->cpu;

	irq->next = NULL;
	*cpu->irqs_end = irq;
	cpu->irqs_end = &irq->next;
	/* Where CPUs take turns, it finds the interrupt at its next one. */
	if (cpu->wait == CPU_RUNS && !cpu->m->take_turns) {
		event_cancel(&cpu->m->events, &cpu->resume);
		cpu_enter(cpu);
	}
}

void irq_raise(struct irq *irq, struct cpu *cpu, u64 ns)
{
	if (irq->pending)
		return;
	irq->pending = true;
	irq->cpu = cpu;
	irq->event.fire = on_arrival;
	event_at(&cpu->m->events, &irq->event, machine_now(cpu->m) + ns);
}

void irq_send(struct irq *irq, struct cpu *cpu, u64 ns)
{
	if (irq->pending || !cpu->m->take_turns) {
		irq_raise(irq, cpu, ns);
		return;
	}
	irq->pending = true;
	irq->cpu = cpu;
	on_arrival(&irq->event);
}

void irq_cancel(struct irq *irq)
{
	/* One that waits for its CPU comes all the same. */
	if (!event_is_pending(&irq->event))
		return;
	event_cancel(&irq->cpu->m->events, &irq->event);
	irq->pending = false;
}

static bool take_irqs(struct cpu *cpu)
{
	const struct costs *costs = cpu->m->costs;
	struct irq *irq;

	if (!cpu->irqs)
		return false;
	cpu_spend(costs->irq + (cpu->curr ? 0 : costs->idle_exit));
	while ((irq = cpu->irqs)) {
		cpu->irqs = irq->next;
		if (!cpu->irqs)
			cpu->irqs_end = &cpu->irqs;
		irq->pending = false;
		cpu->preempt_count = irq->soft ? SOFTIRQ : HARDIRQ;
		irq->handle(cpu, irq);
	}
	cpu->preempt_count = 0;
	return true;
}

/* ---- The tick ------------------------------------------------------------------------------- */

/* All CPUs tick at the same time, as long as they are not idle. */
void tick_start(struct cpu *cpu)
{
	u64 period_ns = SEC_NS / cpu->m->hz, now = machine_now(cpu->m);

	if (!cpu->curr)
		return;
	irq_raise(&cpu->tick, cpu, period_ns - now % period_ns);
}

static void handle_tick(struct cpu *cpu, struct irq *irq)
{
	(void)irq;
	cpu->m->counters.ticks++;
	cpu_spend(cpu->m->costs->tick);
	if (cpu->curr)
		sched_tick(cpu);
	tick_start(cpu);
}

static void handle_resched(struct cpu *cpu, struct irq *irq)
{
	(void)irq;
	cpu->need_resched = true;
}

/* ---- Tasks ---------------------------------------------------------------------------------- */

static void handle_timer(struct cpu *cpu, struct irq *irq)
{
	struct task *t = container_of(irq, struct task, timer);

	(void)cpu;
	cpu_spend(machine.costs->timer);
	wake_up(t, false);
	task_put(t);
}

static void go_to_sleep(struct cpu *cpu, struct task *t)
{
	t->state = TASK_SLEEPING;
	cpu->need_resched = true;
}

static void sleep_until(struct cpu *cpu, struct task *t, u64 at_ns)
{
	u64 now = machine_now(cpu->m);

	if ((s64)(at_ns - now) <= 0)
		return;
	t->timer.handle = handle_timer;
	task_get(t);
	irq_raise(&t->timer, cpu, at_ns - now + cpu->m->timer_slack_ns);
	go_to_sleep(cpu, t);
}

/* While a scheduler comes or goes it waits for that, see load.c. */
static void fork_task(struct cpu *cpu, struct task *t, struct task *child)
{
	if (cpu->m->loading.forks_wait) {
		t->forks = child;
		go_to_sleep(cpu, t);
		return;
	}
	t->forks = NULL;
	cpu_spend(cpu->m->costs->fork);
	wake_up_new(child);
}

/* The task has done what it said last: it says what is next. */
static void next_action(struct cpu *cpu, struct task *t)
{
	const struct costs *costs = cpu->m->costs;
	struct action action = {.kind = ACT_EXIT};

	if (t->forks) {
		fork_task(cpu, t, t->forks);
		return;
	}
	t->behavior(t, &action);
	if (action.kind != ACT_RUN)
		cpu_spend(costs->syscall);
	if (action.kind == ACT_WAKE || action.kind == ACT_BLOCK)
		cpu_spend(costs->futex);
	switch (action.kind) {
	case ACT_RUN:
		t->work_left_ns = action.ns;
		break;
	case ACT_SLEEP:
		sleep_until(cpu, t, machine_now(cpu->m) + action.ns);
		break;
	case ACT_SLEEP_UNTIL:
		sleep_until(cpu, t, action.ns);
		break;
	case ACT_BLOCK:
		if (!t->wake_pending)
			go_to_sleep(cpu, t);
		t->wake_pending = false;
		break;
	case ACT_WAKE:
		/* Who sleeps until a certain time is not woken before, nor who waits to fork. */
		if (action.target->timer.pending || action.target->forks)
			action.target->wake_pending = true;
		else
			wake_up(action.target, action.sync);
		break;
	case ACT_FORK:
		fork_task(cpu, t, action.target);
		break;
	case ACT_JOIN:
		task_change_cgroup(t, action.group);
		break;
	case ACT_EXEC:
		/* sched_ext and the real-time class leave it where it is. */
		cpu_spend(costs->exec);
		task_set_comm(t, action.comm);
		break;
	case ACT_YIELD:
		do_sched_yield(cpu);
		break;
	case ACT_EXIT:
		cpu_spend(costs->exit);
		t->p.flags |= PF_EXITING;
		t->state = TASK_DEAD;
		cpu->need_resched = true;
		break;
	}
}

static void run_task(struct cpu *cpu, struct task *t)
{
	u64 began_ns = cpu_time(cpu), done_ns;

	if (t->work_left_ns) {
		stop_for(cpu, CPU_RUNS, (t->work_left_ns * 1024 + cpu->speed - 1) / cpu->speed);
		done_ns = (cpu_time(cpu) - began_ns) * cpu->speed / 1024;
		t->work_left_ns -= done_ns < t->work_left_ns ? done_ns : t->work_left_ns;
	}
	if (!t->work_left_ns && !cpu->irqs)
		next_action(cpu, t);
}

static void stay_idle(struct cpu *cpu)
{
	cpu->wait = CPU_RUNS;
	coroutine_yield();
	cpu->wait = CPU_WORKS;
}

static void live(void *argument)
{
	struct cpu *cpu = argument;

	for (;;) {
		catch_up(cpu);
		cpu->quiescent++;
		if (take_irqs(cpu))
			continue;
		if (cpu->need_resched || cpu->need_resched_lazy)
			schedule(cpu);
		else if (cpu->curr)
			run_task(cpu, cpu->curr);
		else
			stay_idle(cpu);
	}
}

/* ---- The beginning -------------------------------------------------------------------------- */

int cpu_init(struct cpu *cpu)
{
	cpu->co = coroutine_new(live, cpu, STACK_SIZE);
	if (!cpu->co)
		return -ENOMEM;
	cpu->local.id = DSQ_ID_LOCAL;
	cpu->bypass_q.id = DSQ_ID_GLOBAL;
	cpu->irqs_end = &cpu->irqs;
	cpu->resume.fire = on_resume;
	cpu->tick.handle = handle_tick;
	cpu->resched.handle = handle_resched;
	server_init(cpu);
	cpu->online = cpu->active = cpu->rq_online = true;
	mask_add(&cpu->m->possible, cpu->id);
	mask_add(&cpu->m->online, cpu->id);
	mask_add(&cpu->m->active, cpu->id);
	cpu->need_resched = true;
	/* In a random order, so that no CPU is always the first. */
	if (cpu->m->take_turns)
		cpu->turn.is_busy = true;
	else
		event_at(&cpu->m->events, &cpu->resume,
			 cpu->m->now_ns + (cpu->random >> 40) % (100 * USEC));
	return 0;
}
