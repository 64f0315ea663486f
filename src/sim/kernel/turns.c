/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine whose CPUs share the speed of one, as QEMU has it with -icount (accel/tcg/tcg-accel-ops-rr.c): one
 * stream of instructions, in which the CPUs take turns. It is there to set figures beside those of tools/vm
 * --icount; no hardware is like that.
 *
 * A turn lasts the time until the next timer, divided by the number of all CPUs. Timers come between turns only. An
 * interrupt from another CPU is found at the beginning of the next turn. Where a timer is set that is the next one
 * to come, the turn ends, and those that follow are made anew.
 */
#include "sim/kernel/machine.h"

/* Is there anything that it can do? If not it is halted. */
static bool can_run(const struct cpu *cpu)
{
	return cpu->turn.is_busy || (cpu->wait == CPU_RUNS && cpu->irqs);
}

/* Nothing where it is halted. False: a timer that comes before next_ns was set. */
static bool take_turn(struct machine *m, struct cpu *cpu, u64 ns, u64 next_ns)
{
	struct turn *turn = &cpu->turn;
	u64 step;

	while (can_run(cpu) && !m->failed) {
		if (turn->left_ns && !(cpu->wait == CPU_RUNS && cpu->irqs)) {
			step = turn->left_ns < ns ? turn->left_ns : ns;
			ns -= step;
			m->now_ns += step;
			turn->left_ns -= step;
			turn->done_ns += step;
			if (turn->left_ns)
				return true;
		}
		turn->left_ns = 0;
		turn->is_busy = false;
		cpu_enter(cpu);
		if (events_next_ns(&m->events) < next_ns)
			return false;
		if (!ns)
			return true;
	}
	return true;
}

static void fire_timers(struct machine *m)
{
	struct event *event;
	u64 at_ns;

	while (!m->failed && (event = event_take(&m->events, m->now_ns + 1, &at_ns))) {
		m->counters.events++;
		event->fire(event);
	}
}

static bool all_are_halted(const struct machine *m)
{
	for (u32 i = 0; i < m->topology.nr_cpus; i++)
		if (can_run(&m->cpus[i]))
			return false;
	return true;
}

void turns_run(struct machine *m, u64 end_ns)
{
	u32 n = m->topology.nr_cpus, i = 0;
	u64 next_ns, ns;

	while (!m->failed && m->now_ns < end_ns) {
		fire_timers(m);
		next_ns = events_next_ns(&m->events);
		if (next_ns > end_ns)
			next_ns = end_ns;
		if (all_are_halted(m)) {
			m->now_ns = next_ns;
			continue;
		}
		ns = (next_ns - m->now_ns) / n;
		while (i < n && take_turn(m, &m->cpus[i++], ns ? ns : 1, next_ns))
			;
		if (i == n)
			i = 0;
		machine_bury(m);
	}
}
