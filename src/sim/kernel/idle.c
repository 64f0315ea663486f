/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which CPUs are idle, and the kernel's own search for one: whole cores before their second threads, and on a
 * machine with several caches or nodes the near ones first (those two since 6.16 and 6.15).
 */
#include "sim/kernel/idle.h"

#include <errno.h>

#include "sim/kernel/flags.h"

static bool core_is_idle(const struct machine *m, const struct cpu *cpu)
{
	return mask_has(&m->idle, cpu->id) &&
	       (cpu->sibling < 0 || mask_has(&m->idle, cpu->sibling));
}

static void core_is_not_idle(struct machine *m, const struct cpu *cpu)
{
	mask_remove(&m->idle_smt, cpu->id);
	if (cpu->sibling >= 0)
		mask_remove(&m->idle_smt, cpu->sibling);
}

void idle_set(struct cpu *cpu, bool idle)
{
	struct machine *m = cpu->m;

	if (!idle) {
		mask_remove(&m->idle, cpu->id);
		core_is_not_idle(m, cpu);
		return;
	}
	mask_add(&m->idle, cpu->id);
	if (core_is_idle(m, cpu)) {
		mask_add(&m->idle_smt, cpu->id);
		if (cpu->sibling >= 0)
			mask_add(&m->idle_smt, cpu->sibling);
	}
}

void idle_reset(void)
{
	machine.idle = machine.idle_smt = machine.online;
}

bool idle_test_and_clear(s32 cpu)
{
	struct machine *m = &machine;

	core_is_not_idle(m, &m->cpus[cpu]);
	if (!mask_has(&m->idle, cpu))
		return false;
	mask_remove(&m->idle, cpu);
	return true;
}

/*
 * One of the CPUs in both masks, where the last search of this CPU has ended and then from the start: the
 * kernel spreads its choices like this (cpumask_any_and_distribute()).
 */
static s32 any_of(struct cpu *self, const struct mask *a, const struct mask *b)
{
	int nr_cpus = (int)self->m->topology.nr_cpus;
	int cpu = mask_next(
		a, b, self->distribute_last + 1 < nr_cpus ? self->distribute_last + 1 : 0, nr_cpus);

	if (cpu < 0)
		cpu = mask_next(a, b, 0, nr_cpus);
	if (cpu >= 0)
		self->distribute_last = cpu;
	return cpu;
}

s32 idle_pick(const struct mask *allowed, u64 flags)
{
	struct machine *m = &machine;
	struct cpu *self = m->this_cpu;
	s32 cpu;

	for (;;) {
		cpu = m->topology.smt ? any_of(self, &m->idle_smt, allowed) : -1;
		if (cpu < 0 && m->topology.smt && flags & PICK_IDLE_CORE)
			return -EBUSY;
		if (cpu < 0)
			cpu = any_of(self, &m->idle, allowed);
		if (cpu < 0)
			return -EBUSY;
		if (idle_test_and_clear(cpu))
			return cpu;
	}
}

/* The CPUs of one cache or node that p may use. */
static bool nearby(struct mask *ret, const struct mask *allowed, bool by_llc, int number)
{
	struct machine *m = &machine;
	bool any = false;

	mask_clear(ret);
	for (u32 i = 0; i < m->topology.nr_cpus; i++)
		if ((by_llc ? m->cpus[i].llc : m->cpus[i].node) == number &&
		    mask_has(allowed, (int)i)) {
			mask_add(ret, (int)i);
			any = true;
		}
	return any;
}

s32 idle_pick_in_node(const struct mask *allowed, s32 node, u64 flags)
{
	struct machine *m = &machine;
	struct mask near;
	s32 cpu;

	for (u32 i = 0; i < m->topology.nr_nodes; i++) {
		int n = (node + (int)i) % (int)m->topology.nr_nodes;

		if (!nearby(&near, allowed, false, n))
			continue;
		cpu = idle_pick(&near, flags);
		if (cpu >= 0)
			return cpu;
	}
	return -EBUSY;
}

s32 idle_select(struct task *t, s32 prev_cpu, u64 wake_flags)
{
	struct machine *m = t->m;
	struct cpu *self = m->this_cpu;
	const struct mask *allowed = &t->allowed;
	bool prev_is_allowed = mask_has(allowed, prev_cpu);
	struct mask near;
	/* Near caches first since 6.16. */
	bool several = m->topology.nr_llcs > 1 && m->kernel >= SIM_KERNEL_7_3;
	s32 cpu;

	if (several)
		several = nearby(&near, allowed, true, m->cpus[prev_cpu].llc);
	/* The waker is about to sleep: its own CPU, if it shares the cache or some CPU is idle at all. */
	if (wake_flags & WAKE_SYNC && self->curr && !self->preempt_count) {
		if (m->kernel >= SIM_KERNEL_7_3 && prev_is_allowed &&
		    cpus_share_cache(m, self->id, prev_cpu) && idle_test_and_clear(prev_cpu))
			return prev_cpu;
		if (!mask_is_empty(&m->idle, (int)m->topology.nr_cpus) && !self->local.nr &&
		    !(self->curr->p.flags & PF_EXITING) && mask_has(allowed, self->id))
			return self->id;
	}
	if (m->topology.smt) {
		if (prev_is_allowed && mask_has(&m->idle_smt, prev_cpu) &&
		    idle_test_and_clear(prev_cpu))
			return prev_cpu;
		cpu = several ? idle_pick(&near, PICK_IDLE_CORE) : -EBUSY;
		if (cpu < 0)
			cpu = idle_pick(allowed, PICK_IDLE_CORE);
		if (cpu >= 0)
			return cpu;
	}
	if (prev_is_allowed && idle_test_and_clear(prev_cpu))
		return prev_cpu;
	cpu = several ? idle_pick(&near, 0) : -EBUSY;
	return cpu >= 0 ? cpu : idle_pick(allowed, 0);
}
