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

#include "queue.bpf.h"

#define CROWD_PER_CPU 16

static u32 crowded; /* the timer runs at the pace of slices */

static __always_inline bool is_crowd(u32 nr_waiting)
{
	return nr_waiting > CROWD_PER_CPU * scx_bpf_nr_cpu_ids();
}

/* p has to wait, beside so many other tasks. */
static __always_inline void note_waiting(const struct task_struct *p, u32 nr_waiting)
{
	struct heartbeat *hb;
	u32 key = 0;

	if (crowded || nr_waiting <= CROWD_PER_CPU)
		return;
	if (!is_crowd(nr_waiting) && count_waiting_on(scx_bpf_task_cpu(p)) <= CROWD_PER_CPU)
		return;
	if (__sync_lock_test_and_set(&crowded, 1))
		return;
	hb = bpf_map_lookup_elem(&heartbeats, &key);
	if (hb)
		bpf_timer_start(&hb->timer, opt_slice_min_ns, 0);
}

/* For the timer: whether there still is a crowd. Once it is gone, the next one has to be noted. */
static __always_inline bool update_crowd(void)
{
	bool found = is_crowd(count_waiting_anywhere()) || some_cpu_has_waiting(CROWD_PER_CPU);

	crowded = found;
	return found;
}

/* End the slices that are used up; returns how long the next one still has. */
static __always_inline u64 end_slices(u64 now)
{
	s32 nr_cpus = scx_bpf_nr_cpu_ids(), cpu;
	u64 next_ns = opt_slice_min_ns;

	bpf_for (cpu, 0, nr_cpus) {
		struct cpu_ctx *cctx = cpu_ctx(cpu);

		if (!cctx || !cctx->preemptible)
			continue;
		if (!before(now, cctx->slice_ends_ns))
			scx_bpf_kick_cpu(cpu, KVAL(scx_kick_flags, SCX_KICK_PREEMPT));
		else if (cctx->slice_ends_ns - now < next_ns)
			next_ns = cctx->slice_ends_ns - now;
	}
	return next_ns;
}

#endif /* RUSTLAND_CROWD_BPF_H */
