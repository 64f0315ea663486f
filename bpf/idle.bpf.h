/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which idle CPU a task should take. Claiming an idle CPU clears its idle bit, so that two wakeups never
 * choose the same one.
 *
 * This file must never interrupt a CPU that is busy.
 */
#ifndef RUSTLAND_IDLE_BPF_H
#define RUSTLAND_IDLE_BPF_H

#include "state.bpf.h"

static __always_inline bool may_run_on(const struct task_struct *p, s32 cpu)
{
	return cpu >= 0 && bpf_cpumask_test_cpu(cpu, p->cpus_ptr);
}

/* SCHED_BATCH and SCHED_IDLE: as under the kernel's own scheduler, their wakeups wait for a slice to end. */
static __always_inline bool interrupts_nobody(const struct task_struct *p)
{
	return p->policy == SCHED_BATCH || p->policy == SCHED_IDLE;
}

/* p may not use every CPU. */
static __always_inline bool is_confined(const struct task_struct *p)
{
	return p->nr_cpus_allowed < (int)scx_bpf_nr_cpu_ids();
}

/* Claim any idle CPU that p may use, or a negative errno. */
static __always_inline s32 claim_idle_cpu(const struct task_struct *p)
{
	return pick_idle_cpu(p->cpus_ptr, opt_numa_local, scx_bpf_task_cpu(p));
}

static __always_inline bool whole_core_idle(s32 cpu)
{
	return !opt_smt || core_is_idle(cpu, opt_numa_local);
}

/*
 * Hybrid machines: a task that is woken from a faster core is better off there than on the slower
 * one it last used, unless the slower one shares the cache and its whole core is idle. Returns the CPU
 * to start the search from; *ret_claimed says that it was idle and has been claimed.
 */
static __always_inline s32 steer_to_fast_core(const struct task_struct *p, s32 prev_cpu,
					      bool *ret_claimed)
{
	s32 this_cpu = bpf_get_smp_processor_id();

	if (this_cpu == prev_cpu || core_priority(this_cpu) <= core_priority(prev_cpu) ||
	    !may_run_on(p, this_cpu))
		return prev_cpu;
	if (same_llc(this_cpu, prev_cpu) && whole_core_idle(prev_cpu) &&
	    scx_bpf_test_and_clear_cpu_idle(prev_cpu)) {
		*ret_claimed = true;
		return prev_cpu;
	}
	return this_cpu;
}

/*
 * Claim the best idle CPU for p, or return a negative errno. in_select_cpu: called from
 * ops.select_cpu, the only place where kernels before 6.16 offer their topology-aware search.
 */
static __always_inline s32 claim_best_idle_cpu(struct task_struct *p, s32 prev_cpu, u64 wake_flags,
					       bool in_select_cpu)
{
	bool claimed = false;
	s32 cpu;

	if (p->nr_cpus_allowed == 1)
		return scx_bpf_test_and_clear_cpu_idle(prev_cpu) ? prev_cpu : -ENOENT;

	if (wake_flags) {
		prev_cpu = steer_to_fast_core(p, prev_cpu, &claimed);
		if (claimed)
			return prev_cpu;
	}
	if (have_select_cpu_and())
		return select_cpu_and(p, prev_cpu, wake_flags);
	if (in_select_cpu) {
		cpu = scx_bpf_select_cpu_dfl(p, prev_cpu, wake_flags, &claimed);
		return claimed ? cpu : -ENOENT;
	}
	if (scx_bpf_test_and_clear_cpu_idle(prev_cpu))
		return prev_cpu;
	return claim_idle_cpu(p);
}

#endif /* RUSTLAND_IDLE_BPF_H */
