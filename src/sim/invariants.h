/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What must hold at every moment of a run, whatever the policy does. A violation is told once for each kind,
 * with the time and the task; checks look, and never change anything. Only invariants_end() does.
 */
#ifndef RUSTLAND_SIM_INVARIANTS_H
#define RUSTLAND_SIM_INVARIANTS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * After machine_init(). faults: those of the run, some of which make tasks wait, see faults.h.
 * policy_chooses_cpus: it keeps tasks for one CPU, although another one is idle. slice_ns: the longest slice.
 */
void invariants_watch(uint32_t faults, bool policy_chooses_cpus, uint64_t slice_ns);

/* The policy, or a workload, has done what cannot be gone on after: a violation, and the run ends. */
void invariants_end(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether it has: the violation in invariants_first() is that one then. */
bool invariants_ended(void);

/* How long a task has waited behind real-time tasks on a CPU's own queue, at most, while another CPU was idle for it. */
uint64_t invariants_held_max_ns(void);

/* How many were violated, and the first of them in words (or ""). */
uint64_t invariants_violated(void);
const char *invariants_first(void);

#endif /* RUSTLAND_SIM_INVARIANTS_H */
