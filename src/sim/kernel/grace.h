/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Grace periods of RCU: each CPU has been out of the kernel since one began. Work of a CPU that is stopped in the
 * middle, which --interleave shows, is over then.
 */
#ifndef RUSTLAND_SIM_KERNEL_GRACE_H
#define RUSTLAND_SIM_KERNEL_GRACE_H

#include "sim/kernel/machine.h"

struct grace {
	u64 quiescent[SIM_MAX_CPUS];
	u64 least_ns; /* it lasts until then at least */
};

static inline void grace_begin(struct grace *grace)
{
	for (u32 i = 0; i < machine.topology.nr_cpus; i++)
		grace->quiescent[i] = machine.cpus[i].quiescent;
	grace->least_ns = machine_now(&machine) + machine.costs->grace;
}

/* From an interrupt: self is the CPU that asks. */
static inline bool grace_is_over(const struct grace *grace, const struct cpu *self)
{
	if (machine_now(&machine) < grace->least_ns)
		return false;
	for (u32 i = 0; i < machine.topology.nr_cpus; i++) {
		const struct cpu *cpu = &machine.cpus[i];

		if (cpu != self && cpu->wait != CPU_RUNS && cpu->quiescent == grace->quiescent[i])
			return false;
	}
	return true;
}

#endif /* RUSTLAND_SIM_KERNEL_GRACE_H */
