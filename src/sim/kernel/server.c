/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See server.h. A server is deferred: it waits until what is left of its time fits just into the rest of its period,
 * and runs only if the tasks have not had that time by then.
 */
#include "sim/kernel/server.h"

#include "sim/kernel/sched.h"

#define RUNTIME_NS (50 * MSEC)
#define PERIOD_NS  (1000 * MSEC)
#define LEAST_NS   (1 * MSEC) /* of deferring once more */

static bool serves_ext(const struct machine *m)
{
	return m->kernel >= SIM_KERNEL_7_3;
}

/* Of those that it serves one waits here. */
static bool is_needed(const struct cpu *cpu)
{
	if (cpu->cfs.h_nr_runnable)
		return true;
	for (const struct task *t = cpu->m->all; t && serves_ext(cpu->m); t = t->next_all)
		if (t->class == &ext_sched_class && t->on_rq && t->cpu == cpu->id)
			return true;
	return false;
}

static void wait_until(struct cpu *cpu, u64 at_ns)
{
	s64 ns = (s64)(at_ns - machine_now(cpu->m));

	irq_cancel(&cpu->server_timer);
	irq_raise(&cpu->server_timer, cpu, ns > 0 ? (u64)ns : 1);
}

static void begin_period(struct cpu *cpu, enum server_state state)
{
	cpu->server = state;
	cpu->server_left_ns = RUNTIME_NS;
	cpu->server_deadline_ns = machine_now(cpu->m) + PERIOD_NS;
}

void server_start(struct cpu *cpu)
{
	if (cpu->server != SERVER_OFF || (cpu->m->scx_switched_all && !serves_ext(cpu->m)))
		return;
	begin_period(cpu, SERVER_DEFERRED);
	wait_until(cpu, cpu->server_deadline_ns - RUNTIME_NS);
}

void server_stop(struct cpu *cpu)
{
	cpu->server = SERVER_OFF;
	irq_cancel(&cpu->server_timer);
}

void server_consume(struct cpu *cpu, u64 ns)
{
	cpu->server_left_ns -= ns < cpu->server_left_ns ? ns : cpu->server_left_ns;
	if (cpu->server_left_ns)
		return;
	if (cpu->server == SERVER_DEFERRED) {
		/* They had it by themselves. */
		server_stop(cpu);
	} else if (cpu->server == SERVER_RUNS) {
		cpu->server = SERVER_USED_UP;
		wait_until(cpu, cpu->server_deadline_ns);
		resched_cpu(cpu);
	}
}

static void handle_timer(struct cpu *cpu, struct irq *irq)
{
	u64 latest_ns = cpu->server_deadline_ns - cpu->server_left_ns;

	(void)irq;
	cpu_spend(cpu->m->costs->timer);
	lock_take(&cpu->rq_lock);
	if (cpu->server == SERVER_OFF || cpu->server == SERVER_RUNS)
		goto out;
	if (cpu->server == SERVER_DEFERRED && machine_now(cpu->m) + LEAST_NS < latest_ns) {
		wait_until(cpu, latest_ns);
		goto out;
	}
	if (!is_needed(cpu)) {
		server_stop(cpu);
		goto out;
	}
	if (cpu->server == SERVER_USED_UP)
		begin_period(cpu, SERVER_RUNS);
	cpu->server = SERVER_RUNS;
	cpu->need_resched = true;
out:
	lock_release(&cpu->rq_lock);
}

void server_init(struct cpu *cpu)
{
	cpu->server_timer.handle = handle_timer;
}
