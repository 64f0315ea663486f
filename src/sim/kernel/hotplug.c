/* SPDX-License-Identifier: GPL-2.0-only */
/* See hotplug.h. In the kernel these are cpuhp threads and the stopper; here they are interrupts on the CPU. */
#include "sim/kernel/hotplug.h"

#include "sim/kernel/grace.h"
#include "sim/kernel/sched.h"

#define RETRY_NS (50 * USEC)

static struct {
	struct irq irq;
	bool under_way;
	struct grace grace;
} the;

bool hotplug_is_under_way(void)
{
	return the.under_way;
}

static void next_step(struct cpu *cpu, u64 ns, void (*handle)(struct cpu *cpu, struct irq *irq))
{
	the.irq.handle = handle;
	irq_raise(&the.irq, cpu, ns);
}

/* ---- It goes -------------------------------------------------------------------------------- */

static bool has_tasks(const struct cpu *cpu)
{
	if (cpu->curr || cpu->local.nr || cpu->cfs.h_nr_queued || cpu->rt.nr)
		return true;
	for (const struct task *t = cpu->m->all; t; t = t->next_all)
		if (t->on_rq && t->cpu == cpu->id)
			return true;
	return false;
}

/* Is something under way to it that has to be done there? */
static bool is_busy(const struct cpu *cpu)
{
	return has_tasks(cpu) || cpu->need_resched || cpu->irqs || cpu->irq_work.pending;
}

static void die(struct cpu *cpu)
{
	struct machine *m = cpu->m;

	cpu->online = false;
	mask_remove(&m->online, cpu->id);
	irq_cancel(&cpu->tick);
	irq_cancel(&cpu->resched);
	irq_cancel(&cpu->hrtick);
	irq_cancel(&cpu->hrtick_start);
	irq_cancel(&cpu->balance);
	server_stop(cpu);
	for (struct task *t = m->all; t; t = t->next_all)
		if (t->timer.pending && t->timer.cpu == cpu)
			t->timer.cpu = online_cpu(cpu);
	bpf_timer_leave(cpu);
	the.under_way = false;
}

static void vacate(struct cpu *cpu, struct irq *irq)
{
	(void)irq;
	if (!is_busy(cpu)) {
		die(cpu);
		return;
	}
	if (has_tasks(cpu))
		cpu->need_resched = true;
	next_step(cpu, RETRY_NS, vacate);
}

/* Nobody is in the middle of putting a task here any more. */
static void set_rq_offline(struct cpu *cpu, struct irq *irq)
{
	(void)irq;
	if (!grace_is_over(&the.grace, cpu)) {
		next_step(cpu, RETRY_NS, set_rq_offline);
		return;
	}
	lock_take(&cpu->rq_lock);
	cpu->rq_online = false;
	/* What waits for it is put where it runs at once, and is moved away then. */
	ext_requeue(cpu);
	lock_release(&cpu->rq_lock);
	cpu->m->hotplug_seq++;
	load_hotplug();
	next_step(cpu, RETRY_NS, vacate);
}

static void deactivate(struct cpu *cpu, struct irq *irq)
{
	(void)irq;
	cpu->active = false;
	mask_remove(&cpu->m->active, cpu->id);
	grace_begin(&the.grace);
	next_step(cpu, cpu->m->costs->grace, set_rq_offline);
}

/* ---- It comes ------------------------------------------------------------------------------- */

static void activate(struct cpu *cpu, struct irq *irq)
{
	(void)irq;
	cpu->active = true;
	mask_add(&cpu->m->active, cpu->id);
	cpu->m->hotplug_seq++;
	load_hotplug();
	cpu->rq_online = true;
	cpu->need_resched = true;
	the.under_way = false;
}

void hotplug_start(struct cpu *cpu)
{
	if (the.under_way || cpu->id == 0)
		return;
	the.under_way = true;
	if (cpu->online) {
		next_step(cpu, 1, deactivate);
		return;
	}
	cpu->online = true;
	mask_add(&cpu->m->online, cpu->id);
	next_step(cpu, cpu->m->costs->cpu_up, activate);
}
