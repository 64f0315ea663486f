/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Accounting: what each task used and how long it slept, and the deadline that the backend
 * estimates for a task from its last decision, for the times when the policy cannot be asked or
 * has not answered yet.
 */
#ifndef RUSTLAND_ACCOUNT_BPF_H
#define RUSTLAND_ACCOUNT_BPF_H

#include "state.bpf.h"

/* CPU time in the unit of deadlines: heavier tasks pay less. */
static __always_inline u64 weighted(const struct task_struct *p, u64 runtime_ns)
{
	u32 weight = p->scx.weight;

	return weight ? runtime_ns * RL_WEIGHT_DEFAULT / weight : runtime_ns;
}

/* Its own class, or that of whoever woke it, for as long as it does not sleep again. */
static __always_inline u32 present_class(const struct task_ctx *tctx)
{
	return tctx->waker_class > tctx->class ? tctx->waker_class : tctx->class;
}

/* Who asked for that class; RL_ANY_UID when it is none. */
static __always_inline u32 present_owner(const struct task_ctx *tctx)
{
	return tctx->waker_class > tctx->class ? tctx->waker_owner : tctx->class_owner;
}

/* Tasks that wait for a CPU which p could use as well. */
static __always_inline u32 count_waiting(const struct task_struct *p)
{
	return scx_bpf_dsq_nr_queued(DSQ_SHARED) + scx_bpf_dsq_nr_queued(DSQ_PARK) +
	       scx_bpf_dsq_nr_queued(scx_bpf_task_cpu(p));
}

/* What each task gets of this time when so many others wait. */
static __always_inline u64 share_of(u64 time_ns, u32 nr_waiting)
{
	u64 nr_cpus = scx_bpf_nr_cpu_ids();

	return time_ns * nr_cpus / (nr_cpus + nr_waiting);
}

/* A slice that the policy did not give: all who wait get their turn within one long slice. */
static __always_inline u64 estimate_slice(u32 nr_waiting)
{
	u64 slice_ns = share_of(opt_slice_ns, nr_waiting);

	return slice_ns > opt_slice_min_ns ? slice_ns : opt_slice_min_ns;
}

/* No task waits longer because it used more than others: the kernel would end us after 5 s. */
#define WAIT_MAX_NS (1000ULL * 1000 * 1000)

/*
 * The deadline that p would get if the policy went on as before: the last one, plus what it has
 * used since, less how long it has slept if it just woke up; kept within one slice behind and two
 * slices ahead of the latest deadline that has started to run. The first bound is the credit of a
 * sleeper, the second keeps a task that ran alone for long from waiting for as long; in a crowd, where
 * two slices would be a wait of many rounds, it is what everybody gets in WAIT_MAX_NS. The clock is
 * the self-clocked one of Golestani (1994): virtual time is the tag of the task in service, so no
 * sum over all tasks is needed.
 *
 * A class brings an earlier deadline only at a wakeup, by as much as the sleep was long and half a
 * slice at most: so little that the others cannot starve, and nothing for who hardly sleeps. This is
 * what the kernel goes on with where no policy answers, and there is no budget as the policy has.
 *
 * New tasks start without credit, or a storm of them would starve the others. A kernel thread that
 * wakes up or is new goes first, because others wait for it (not least the kernel's watchdog, which
 * runs on a workqueue and ends a scheduler that lets it wait).
 */
static __always_inline u64 estimate_deadline(const struct task_struct *p,
					     const struct task_ctx *tctx, bool wakeup,
					     u32 nr_waiting)
{
	u64 frontier = shared.frontier, ahead_ns = share_of(WAIT_MAX_NS, nr_waiting);
	u64 slept_ns = tctx->slept_ns < opt_slice_ns ? tctx->slept_ns : opt_slice_ns;
	u64 deadline = tctx->deadline + weighted(p, tctx->runtime_ns - tctx->decided_runtime_ns);

	if (p->flags & PF_KTHREAD && (wakeup || !tctx->placed))
		return frontier - 2 * opt_slice_ns;
	if (!tctx->placed)
		deadline = frontier;
	if (wakeup)
		deadline -= slept_ns;
	if (before(deadline, frontier - opt_slice_ns))
		deadline = frontier - opt_slice_ns;
	if (ahead_ns > 2 * opt_slice_ns)
		ahead_ns = 2 * opt_slice_ns;
	if (before(frontier + ahead_ns, deadline))
		deadline = frontier + ahead_ns;
	if (wakeup && present_class(tctx))
		deadline -= slept_ns < opt_slice_ns / 2 ? slept_ns : opt_slice_ns / 2;
	return deadline;
}

/* Let p start under an estimate; no decision of the policy stands any more. */
static __always_inline void decide_by_estimate(const struct task_struct *p, struct task_ctx *tctx,
					       bool wakeup, u32 nr_waiting)
{
	tctx->deadline = estimate_deadline(p, tctx, wakeup, nr_waiting);
	tctx->decided_runtime_ns = tctx->runtime_ns;
	tctx->slice_ns = 0;
	tctx->placed = true;
}

/*
 * The task's CPU, not the one that this runs on: a change of a running task's class, nice value,
 * cgroup or affinity stops it and lets it run again from wherever that is asked for.
 */
static __always_inline void account_running(struct task_struct *p, struct task_ctx *tctx)
{
	struct cpu_ctx *cctx = cpu_ctx(scx_bpf_task_cpu(p));

	tctx->started_at_ns = now_ns();
	tctx->generation++;
	if (before(shared.frontier, tctx->deadline))
		shared.frontier = tctx->deadline;
	if (cctx) {
		cctx->deadline = tctx->deadline;
		cctx->slice_ends_ns = tctx->started_at_ns + p->scx.slice;
		cctx->victim = true;
	}
	count_add(nr_running, 1);
}

/* Add what the running task has used since this was last called. */
static __always_inline void account_runtime(struct task_ctx *tctx)
{
	u64 now = now_ns();
	s64 ran_ns = now - tctx->started_at_ns;

	if (ran_ns > 0) {
		tctx->runtime_ns += ran_ns;
		tctx->burst_ns += ran_ns;
	}
	tctx->started_at_ns = now;
}

static __always_inline void account_stopping(struct task_struct *p, struct task_ctx *tctx)
{
	struct cpu_ctx *cctx = cpu_ctx(scx_bpf_task_cpu(p));

	account_runtime(tctx);
	if (cctx)
		cctx->victim = false;
	count_add(nr_running, -1);
}

/*
 * The scheduler thread has run: spread what it used over the requests it handled. Whoever asks
 * pays for the answer (see ask()), so a task that sleeps and wakes ten thousand times a second
 * spends its own share on being scheduled, and not that of others.
 */
static __always_inline void account_policy(u64 ran_ns)
{
	u64 handled = shared.answered - shared.costed;

	count_add(policy_runtime_ns, ran_ns);
	if (!handled || handled > RL_REQUEST_SLOTS)
		return;
	shared.costed = shared.answered;
	shared.request_cost_ns = (7 * shared.request_cost_ns + ran_ns / handled) / 8;
}

static __always_inline void account_sleep(struct task_ctx *tctx)
{
	tctx->slept_at_ns = now_ns();
	tctx->asleep = true;
	tctx->waker_class = RL_CLASS_NORMAL;
}

static __always_inline void account_wakeup(struct task_ctx *tctx)
{
	s64 slept_ns;

	if (!tctx->asleep)
		return;
	slept_ns = now_ns() - tctx->slept_at_ns;
	tctx->slept_ns = slept_ns > 0 ? slept_ns : 0;
	tctx->last_burst_ns = tctx->burst_ns;
	tctx->burst_ns = 0;
	tctx->asleep = false;
}

#endif /* RUSTLAND_ACCOUNT_BPF_H */
