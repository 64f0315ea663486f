/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUs go offline and come back. A CPU that goes
 *
 *   takes no tasks any more (active): what it runs next is moved away, by the stopper;
 *   is nothing to the backend any more (rq_online), which is told so by its end, see load.h;
 *   is not there (online) when nothing is on its runqueue, and its timers are another CPU's.
 *
 * One that comes back does the same in the opposite order. Between two of these steps all else goes on.
 */
#ifndef RUSTLAND_SIM_KERNEL_HOTPLUG_H
#define RUSTLAND_SIM_KERNEL_HOTPLUG_H

#include "sim/kernel/machine.h"

/* From an event. Nothing happens for CPU 0, which is always there, nor while one comes or goes. */
void hotplug_start(struct cpu *cpu);
bool hotplug_is_under_way(void);

/* cpu, or where its timers are while it is offline. */
static inline struct cpu *online_cpu(struct cpu *cpu)
{
	return cpu->online ? cpu : &cpu->m->cpus[0];
}

#endif /* RUSTLAND_SIM_KERNEL_HOTPLUG_H */
