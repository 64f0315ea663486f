/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Crowds: so many tasks wait, for any CPU or for one, that each gets the shortest slice. The kernel
 * looks at slices when its tick comes, every 4 ms on many machines, so a round would take four times
 * as long as it should: 2,000 tasks on 2 CPUs would wait for 4 s, and after 5 s the kernel ends the
 * scheduler. For as long as a crowd lasts the heartbeat's timer therefore runs as often as slices
 * end, and ends them.
 *
 * This file must never interrupt a task before its slice is used up.
 */
#ifndef RUSTLAND_CROWD_BPF_H
#define RUSTLAND_CROWD_BPF_H

#include "account.bpf.h"
#include "queue.bpf.h"
#include "timer.bpf.h"

#define CROWD_PER_CPU 16

static u32 crowded; /* the timer runs at the pace of slices */

static __always_inline bool is_crowd(u32 nr_waiting)
{
	return nr_waiting > CROWD_PER_CPU * scx_bpf_nr_cpu_ids();
}

/* p has to wait, beside so many other tasks. */
static __always_inline void note_waiting(const struct task_struct *p, u32 nr_waiting)
{
	u64 now;

	if (crowded || nr_waiting <= CROWD_PER_CPU)
		return;
	if (!is_crowd(nr_waiting) && count_waiting_on(scx_bpf_task_cpu(p)) <= CROWD_PER_CPU)
		return;
	if (__sync_lock_test_and_set(&crowded, 1))
		return;
	now = now_ns();
	timer_not_after(now, now + opt_slice_min_ns);
}

/*
 * p begins to run and is lighter than most: its shortest slice ends in time, too. A tick is four of these on many
 * machines, and one that is worth a hundredth of the others would have four times its share.
 */
static __always_inline void end_light_slice(const struct task_struct *p,
					    const struct task_ctx *tctx)
{
	u64 ends_ns = tctx->started_at_ns + opt_slice_min_ns;

	if (p->scx.slice > opt_slice_min_ns || crowded ||
	    !is_light(weight_of(tctx), everybody.load, everybody.nr))
		return;
	account_slice_end(scx_bpf_task_cpu(p), ends_ns);
	timer_not_after(tctx->started_at_ns, ends_ns);
}

/* For the timer: whether there still is a crowd. Once it is gone, the next one has to be noted. */
static __always_inline bool update_crowd(void)
{
	bool found = is_crowd(count_waiting_anywhere()) || some_cpu_has_waiting(CROWD_PER_CPU);

	crowded = found;
	return found;
}

/*
 * End the slices that are used up, all or only those that have to end in time; returns how long the next one still
 * has, or next_ns if that is less.
 */
static __always_inline u64 end_slices(u64 now, bool all, u64 next_ns)
{
	s32 nr_cpus = scx_bpf_nr_cpu_ids(), cpu;

	bpf_for (cpu, 0, nr_cpus) {
		struct cpu_ctx *cctx = cpu_ctx(cpu);

		if (!cctx || !cctx->preemptible || !(all || cctx->in_time))
			continue;
		if (!before(now, cctx->slice_ends_ns))
			scx_bpf_kick_cpu(cpu, KVAL(scx_kick_flags, SCX_KICK_PREEMPT));
		else if (cctx->slice_ends_ns - now < next_ns)
			next_ns = cctx->slice_ends_ns - now;
	}
	return next_ns;
}

#endif /* RUSTLAND_CROWD_BPF_H */
