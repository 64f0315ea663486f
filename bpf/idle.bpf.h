/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUs: which idle one a task should take, and which busy one should be interrupted for it.
 * Claiming an idle CPU clears its idle bit, so that two wakeups never choose the same one.
 */
#ifndef RUSTLAND_IDLE_BPF_H
#define RUSTLAND_IDLE_BPF_H

#include "state.bpf.h"

static __always_inline bool may_run_on(const struct task_struct *p, s32 cpu)
{
	return cpu >= 0 && bpf_cpumask_test_cpu(cpu, p->cpus_ptr);
}

/* The scheduler thread may not use every CPU. */
static bool policy_confined;

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
 * one it last used, unless that one shares the cache and its whole core is idle. Returns the CPU
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

static __always_inline bool runs_later_deadline(const struct task_struct *p, s32 cpu, u64 deadline)
{
	struct cpu_ctx *cctx = cpu_ctx(cpu);

	return cctx && cctx->victim && before(deadline + opt_slice_min_ns, cctx->deadline) &&
	       may_run_on(p, cpu);
}

/*
 * Interrupt a CPU whose task is less urgent than the deadline given: the one p last used, where
 * its data is, or else one other at random. Trying two finds a victim nearly as often as a scan
 * of all CPUs (the power of two choices, Mitzenmacher 2001) and costs the same on 4 CPUs and on
 * 256. A task is only stopped for a deadline that is earlier by more than the shortest slice,
 * because each interruption costs a switch.
 */
static __always_inline void preempt_later_deadline(const struct task_struct *p, u64 deadline)
{
	u32 nr_cpus = scx_bpf_nr_cpu_ids();
	s32 cpu = scx_bpf_task_cpu(p);

	if (!runs_later_deadline(p, cpu, deadline)) {
		if (nr_cpus < 2)
			return;
		cpu = (cpu + 1 + bpf_get_prandom_u32() % (nr_cpus - 1)) % nr_cpus;
		if (!runs_later_deadline(p, cpu, deadline))
			return;
	}
	count(nr_preempt_kicks);
	scx_bpf_kick_cpu(cpu, KVAL(scx_kick_flags, SCX_KICK_PREEMPT));
}

/* p was just put on a queue: see to it that a CPU which takes from that one looks at it. */
static __always_inline void kick_for(const struct task_struct *p, u64 dsq, u64 deadline,
				     bool preempt)
{
	s32 cpu;

	if (dsq < RL_MAX_CPUS) {
		preempt = preempt && runs_later_deadline(p, dsq, deadline);
		if (preempt)
			count(nr_preempt_kicks);
		scx_bpf_kick_cpu(dsq, preempt ? KVAL(scx_kick_flags, SCX_KICK_PREEMPT)
					      : KVAL(scx_kick_flags, SCX_KICK_IDLE));
		return;
	}
	cpu = claim_idle_cpu(p);
	if (cpu >= 0)
		scx_bpf_kick_cpu(cpu, KVAL(scx_kick_flags, SCX_KICK_IDLE));
	else if (preempt)
		preempt_later_deadline(p, deadline);
}

#endif /* RUSTLAND_IDLE_BPF_H */
