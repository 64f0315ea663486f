/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The last resort for a task that waits and waits: where deadlines alone would let light tasks wait beside heavy ones that
 * always come back with earlier deadlines, or where a policy gives such deadlines. The kernel ends a scheduler that lets a
 * task wait for 5 s, and then all tasks lose. So a task that has waited for half of that runs next, for a shortest slice.
 *
 * This file must never look at more than a few tasks at a time, nor often: what it does for is rare.
 */
#ifndef RUSTLAND_STARVED_BPF_H
#define RUSTLAND_STARVED_BPF_H

#include "account.bpf.h"
#include "queue.bpf.h"

#define STARVED_NS (2500ULL * 1000 * 1000)

/* So often somebody looks, at the shared queue and at that of the CPU that does. */
#define LOOK_NS (100ULL * 1000 * 1000)

/*
 * So many of a queue are looked at, from the first on. In a longer one the deadlines move on: no policy in its senses
 * and no estimate puts them farther away than WAIT_MAX_NS.
 */
#define QUEUED_LOOKED_AT 256

static u64 looked_for_starved_ns;

/* One of the first tasks of a queue that has waited for too long. */
static __always_inline bool find_starved(u64 dsq, u64 now, s32 *ret_pid)
{
	struct bpf_iter_scx_dsq it;
	struct task_ctx *tctx;
	struct task_struct *p;
	bool found = false;
	u32 i;

	if (!bpf_iter_scx_dsq_new(&it, dsq, 0)) {
		bpf_for (i, 0, QUEUED_LOOKED_AT) {
			p = bpf_iter_scx_dsq_next(&it);
			if (!p)
				break;
			tctx = task_ctx(p);
			found = tctx && before(tctx->waits_since_ns + STARVED_NS, now);
			if (found) {
				*ret_pid = p->pid;
				break;
			}
		}
	}
	bpf_iter_scx_dsq_destroy(&it);
	return found;
}

static __always_inline void hurry(u64 dsq, u64 now)
{
	struct task_struct *p;
	struct task_ctx *tctx;
	s32 pid;

	if (!scx_bpf_dsq_nr_queued(dsq) || !find_starved(dsq, now, &pid))
		return;
	p = bpf_task_from_pid(pid);
	if (!p)
		return;
	tctx = task_ctx(p);
	if (tctx) {
		/* Before all that is being served: not even those that have just come are earlier. */
		set_deadline(tctx, shared.frontier - 4 * opt_slice_ns, 0);
		if (dsq_move_vtime(p, dsq, dsq, opt_slice_min_ns, tctx->deadline))
			count(nr_hurried);
	}
	bpf_task_release(p);
}

/* In dispatch: see that nobody who could run here has been forgotten. */
static __always_inline void hurry_starved(s32 cpu, u64 now)
{
	u64 looked_ns = looked_for_starved_ns;

	if (before(now, looked_ns + LOOK_NS) || !dsq_can_move())
		return;
	if (__sync_val_compare_and_swap(&looked_for_starved_ns, looked_ns, now) != looked_ns)
		return;
	hurry(DSQ_SHARED, now);
	hurry(cpu, now);
}

#endif /* RUSTLAND_STARVED_BPF_H */
