/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Holding back who has used up the limit of a group: mechanism, with or without a policy, which is not
 * asked and sees such a task again when it next stops. Throttled tasks wait on a queue of their own in the order in which
 * they may go on. A timer makes a CPU look at that queue in time, and the CPU that looks puts them back to where
 * they compete, under a deadline by estimate.
 *
 * This file must never hold back the scheduler's own threads, nor a kernel thread that is exempt: see enqueue.
 */
#ifndef RUSTLAND_THROTTLE_BPF_H
#define RUSTLAND_THROTTLE_BPF_H

#include "account.bpf.h"
#include "crowd.bpf.h"

/* So much later than the others of its group a task goes on that has had a turn. */
#define RAN_NS 1000ULL

/* So many are put back at a time; a CPU that finds more looks again at its next dispatch. */
#define UNTHROTTLE_MAX 64

/* When the first throttled task may go on, as far as is known; 0: a CPU has to look. */
static u64 unthrottle_at_ns;

static __always_inline void unthrottle_not_after(u64 until)
{
	if (!unthrottle_at_ns || before(until, unthrottle_at_ns))
		unthrottle_at_ns = until;
}

/*
 * What exits is let go: the kernel queues it without asking the backend, so it could only be stopped again and again, and
 * it gives back memory and locks.
 */
static __always_inline bool may_be_throttled(const struct task_struct *p,
					     const struct task_ctx *tctx)
{
	return somebody_is_limited() && tctx->group && !(p->flags & PF_EXITING);
}

/* True: p is held back, and is on no other queue. */
static __always_inline bool throttle(struct task_struct *p, struct task_ctx *tctx, u64 enq_flags,
				     u64 now)
{
	u64 until;

	if (!may_be_throttled(p, tctx))
		return false;
	tctx->may_owe = enq_flags & KVAL(scx_enq_flags, SCX_ENQ_WAKEUP);
	until = task_throttled_until(tctx, now);
	if (!until)
		return false;
	/*
	 * Of those that may go on at the same time the ones that have not run since the last time come first, or the
	 * same tasks would use up each quota.
	 */
	if (tctx->runtime_ns - tctx->decided_runtime_ns > opt_slice_min_ns / 4)
		until += RAN_NS;
	tctx->slice_ns = 0;
	tctx->throttled_at_ns = now;
	queue_throttled(p, until, enq_flags);
	count(nr_throttled);
	unthrottle_not_after(until);
	timer_not_after(now, until);
	return true;
}

/*
 * p begins to run, for no longer than its limit allows. The limit may have been used up since p was
 * queued: then p stops at once, and is held back as it is queued again.
 */
static __always_inline void limit_running(struct task_struct *p, struct task_ctx *tctx)
{
	s32 cpu = scx_bpf_task_cpu(p);
	u64 slice_ns;

	if (!may_be_throttled(p, tctx))
		return;
	slice_ns = limited_slice(tctx->group, p->scx.slice, debt_of(tctx), tctx->started_at_ns);
	if (!slice_ns) {
		task_set_slice(p, 1);
		scx_bpf_kick_cpu(cpu, KVAL(scx_kick_flags, SCX_KICK_PREEMPT));
		return;
	}
	if (slice_ns >= p->scx.slice)
		return;
	task_set_slice(p, slice_ns);
	account_slice_end(cpu, tctx->started_at_ns + slice_ns);
	timer_not_after(tctx->started_at_ns, tctx->started_at_ns + slice_ns);
}

/* Likewise for a task that goes on; false: its limit is used up, and it has to stop. */
static __always_inline bool limit_going_on(s32 cpu, const struct task_struct *p,
					   const struct task_ctx *tctx, u64 now, u64 *slice_ns)
{
	u64 limited_ns;

	if (!may_be_throttled(p, tctx))
		return true;
	limited_ns = limited_slice(tctx->group, *slice_ns, 0, now);
	if (!limited_ns)
		return false;
	if (limited_ns < *slice_ns) {
		*slice_ns = limited_ns;
		account_slice_end(cpu, now + limited_ns);
		timer_not_after(now, now + limited_ns);
	}
	return true;
}

static __always_inline void put_back(struct task_struct *p, u64 now)
{
	struct task_ctx *tctx = task_ctx(p);
	u32 waiting = count_waiting(p);
	u64 dsq = queue_of(p, RL_CPU_ANY), deadline = shared.frontier;

	if (tctx) {
		decide_by_estimate(p, tctx, false, waiting);
		deadline = tctx->deadline;
		count_add(throttled_ns, now - tctx->throttled_at_ns);
	}
	if (release_throttled(p, dsq, slice_by_estimate(waiting), deadline))
		kick_for(p, dsq, deadline, false);
}

/* In dispatch: put back whose time has come. */
static __always_inline void unthrottle(u64 now)
{
	struct task_struct *p;
	u64 until;
	s32 pid;
	u32 i;

	if (!somebody_is_throttled() || before(now, unthrottle_at_ns) || !dsq_can_move())
		return;
	/* Who is throttled meanwhile puts its own time there. */
	unthrottle_at_ns = 0;
	bpf_for (i, 0, UNTHROTTLE_MAX) {
		if (!first_throttled(&pid, &until))
			break;
		if (before(now, until)) {
			unthrottle_not_after(until);
			break;
		}
		p = bpf_task_from_pid(pid);
		if (!p)
			break;
		put_back(p, now);
		bpf_task_release(p);
	}
}

static u32 looked_for_cpu;

/*
 * For the timer, which cannot look into a queue on all kernels: when the next throttled task may go on, or 0. If that is
 * now a CPU has to look. Its task goes on with the rest of its slice. If that CPU has no time, because a
 * real-time task uses it up, the next try is another one's.
 */
static __always_inline u64 check_throttled(u64 now)
{
	u64 until = unthrottle_at_ns;

	if (!somebody_is_throttled())
		return 0;
	if (until && before(now, until))
		return until;
	scx_bpf_kick_cpu(looked_for_cpu++ % scx_bpf_nr_cpu_ids(),
			 KVAL(scx_kick_flags, SCX_KICK_PREEMPT));
	return now + opt_slice_min_ns;
}

#endif /* RUSTLAND_THROTTLE_BPF_H */
