/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which busy CPU to interrupt for a task that has to wait otherwise, and how a CPU learns that somebody
 * waits for it.
 *
 * This file must never interrupt the scheduler thread, nor a CPU that the task may not use.
 */
#ifndef RUSTLAND_PREEMPT_BPF_H
#define RUSTLAND_PREEMPT_BPF_H

#include "idle.bpf.h"

/* p may run on this CPU, and what runs there is worth interrupting for a deadline like this. */
static __always_inline bool runs_later_deadline(const struct task_struct *p, s32 cpu, u64 deadline)
{
	struct cpu_ctx *cctx = cpu_ctx(cpu);

	return cctx && cctx->preemptible &&
	       is_worth_interrupting(cctx->deadline, deadline, opt_slice_min_ns) &&
	       may_run_on(p, cpu);
}

/*
 * Interrupt a CPU whose task is less urgent than the deadline given: the one p last used, where
 * its data is, or else one other at random. Trying two finds a task to interrupt nearly as often as a
 * scan of all CPUs (the power of two choices, Mitzenmacher 2001) and costs the same on 4 CPUs and on
 * 256.
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

/* p waits for this CPU and no other: wake it; or interrupt what runs there, if preempt and later. */
static __always_inline void kick_cpu_for(const struct task_struct *p, s32 cpu, u64 deadline,
					 bool preempt)
{
	preempt = preempt && runs_later_deadline(p, cpu, deadline);
	if (preempt)
		count(nr_preempt_kicks);
	scx_bpf_kick_cpu(cpu, preempt ? KVAL(scx_kick_flags, SCX_KICK_PREEMPT)
				      : KVAL(scx_kick_flags, SCX_KICK_IDLE));
}

/* p waits for any CPU: wake an idle one; or, if there is none and preempt, interrupt a later task. */
static __always_inline void kick_any_cpu_for(const struct task_struct *p, u64 deadline,
					     bool preempt)
{
	s32 cpu = claim_idle_cpu(p);

	if (cpu >= 0)
		scx_bpf_kick_cpu(cpu, KVAL(scx_kick_flags, SCX_KICK_IDLE));
	else if (preempt)
		preempt_later_deadline(p, deadline);
}

#endif /* RUSTLAND_PREEMPT_BPF_H */
