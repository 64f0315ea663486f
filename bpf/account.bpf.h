/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bookkeeping: what each task used, how long it slept, under which deadline it was queued last, and what
 * the scheduler thread costs.
 *
 * This file must never queue a task or choose a CPU, and the formulas are in estimate.h.
 */
#ifndef RUSTLAND_ACCOUNT_BPF_H
#define RUSTLAND_ACCOUNT_BPF_H

#include "class.bpf.h"
#include "limit.bpf.h"

_Static_assert(NEUTRAL_WEIGHT == RL_WEIGHT_DEFAULT, "deadlines advance for both in the same unit");

/* ---- What estimate.h needs to know ---------------------------------------------------------- */

static __always_inline struct estimate_limits estimate_limits(u32 weight)
{
	return (struct estimate_limits){
		.slice_ns = opt_slice_ns,
		.slice_min_ns = opt_slice_min_ns,
		.nr_cpus = scx_bpf_nr_cpu_ids(),
		.weight_of_all = weight_of_all(weight),
	};
}

static __always_inline u64 slice_by_estimate(u32 nr_waiting)
{
	struct estimate_limits limits = estimate_limits(1);

	return estimate_slice(&limits, nr_waiting);
}

static __always_inline u64 deadline_by_estimate(const struct task_struct *p,
						const struct task_ctx *tctx, bool wakeup,
						u32 nr_waiting)
{
	u32 weight = weight_of(tctx);
	struct estimate_limits limits = estimate_limits(weight);
	struct estimate_facts task = {
		.deadline = tctx->deadline,
		.used_ns = tctx->runtime_ns - tctx->decided_runtime_ns,
		.slept_ns = tctx->slept_ns,
		.frontier = shared.frontier,
		.weight = weight,
		.nr_waiting = nr_waiting,
		.placed = tctx->placed,
		.wakeup = wakeup,
		.kernel_thread = p->flags & PF_KTHREAD,
		.boosted = present_class(tctx) != RL_CLASS_NORMAL,
	};

	return estimate_deadline(&limits, &task);
}

/* ---- The deadline that a task runs under ---------------------------------------------------- */

/* slice_ns is 0 when this is not the policy's word: then no decision is left unfinished. */
static __always_inline void set_deadline(struct task_ctx *tctx, u64 deadline, u64 slice_ns)
{
	tctx->deadline = deadline;
	tctx->slice_ns = slice_ns;
	tctx->decided_runtime_ns = tctx->runtime_ns;
	tctx->placed = true;
}

static __always_inline void decide_by_estimate(const struct task_struct *p, struct task_ctx *tctx,
					       bool wakeup, u32 nr_waiting)
{
	set_deadline(tctx, deadline_by_estimate(p, tctx, wakeup, nr_waiting), 0);
	tctx->goes_on = true;
}

/* The fair share when a task last went on alone. */
static u64 alone_clock;

/* A task runs under this deadline from now on. */
static __always_inline void serve(const struct task_ctx *tctx)
{
	u64 frontier = shared.frontier;
	u32 weight;

	if (!before(frontier, tctx->deadline))
		return;
	weight = weight_of(tctx);
	shared.frontier = advance_frontier(frontier, tctx->deadline, weight, weight_of_all(weight),
					   everybody.nr);
}

/* ---- Running and sleeping ------------------------------------------------------------------- */

/*
 * The task's CPU, not the one that this runs on: a change of a running task's class, nice value,
 * cgroup or affinity stops it and lets it run again from wherever that is asked for.
 */
static __always_inline void account_running(struct task_struct *p, struct task_ctx *tctx)
{
	struct cpu_ctx *cctx = cpu_ctx(scx_bpf_task_cpu(p));

	tctx->started_at_ns = now_ns();
	tctx->exec_ns = p->se.sum_exec_runtime;
	tctx->generation++;
	tctx->yielded = false;
	serve(tctx);
	if (cctx) {
		cctx->deadline = tctx->deadline;
		cctx->slice_ends_ns = tctx->started_at_ns + p->scx.slice;
		cctx->preemptible = true;
		cctx->in_time = false;
	}
	count_add(nr_running, 1);
}

/*
 * Add what the running task has used since this was last called, by the kernel's own count: without interrupts, and
 * without what a hypervisor took. The kernel has brought it up to date before it calls.
 */
static __always_inline void account_runtime(const struct task_struct *p, struct task_ctx *tctx)
{
	u64 now = now_ns(), exec_ns = p->se.sum_exec_runtime;
	s64 ran_ns = exec_ns - tctx->exec_ns;

	tctx->exec_ns = exec_ns;
	if (ran_ns > 0) {
		tctx->runtime_ns += ran_ns;
		tctx->burst_ns += ran_ns;
		__sync_fetch_and_add(&shared.clock, clock_step(ran_ns, weight_of_all(1)));
		if (somebody_is_limited())
			charge_limits(tctx->group, ran_ns, now);
	}
	tctx->started_at_ns = now;
}

/*
 * The task that runs on this CPU gets another slice there, under the deadline it has now. If no task waits for the
 * CPU that says nothing of what others have been served, who may share theirs with many: then only the
 * fair share moves the frontier, and only where no task waits for any CPU.
 */
static __always_inline void account_going_on(s32 cpu, const struct task_ctx *tctx, u64 ends_ns,
					     bool alone)
{
	struct cpu_ctx *cctx = cpu_ctx(cpu);
	u64 clock = shared.clock, step = clock - alone_clock;

	if (!alone)
		serve(tctx);
	else if (everybody.nr <= nr_online && before(shared.frontier, tctx->deadline))
		shared.frontier += step < tctx->deadline - shared.frontier
					   ? step
					   : tctx->deadline - shared.frontier;
	alone_clock = clock;
	if (!cctx)
		return;
	cctx->deadline = tctx->deadline;
	cctx->slice_ends_ns = ends_ns;
}

/* The slice of the task that runs there ends already then. */
static __always_inline void account_slice_end(s32 cpu, u64 ends_ns)
{
	struct cpu_ctx *cctx = cpu_ctx(cpu);

	if (!cctx)
		return;
	cctx->slice_ends_ns = ends_ns;
	cctx->in_time = true;
}

static __always_inline void account_stopping(struct task_struct *p, struct task_ctx *tctx)
{
	struct cpu_ctx *cctx = cpu_ctx(scx_bpf_task_cpu(p));

	account_runtime(p, tctx);
	tctx->waits_since_ns = tctx->started_at_ns;
	look_at_shares(tctx, tctx->started_at_ns);
	if (cctx)
		cctx->preemptible = false;
	count_add(nr_running, -1);
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
	tctx->waits_since_ns = tctx->slept_at_ns + tctx->slept_ns;
	tctx->last_burst_ns = tctx->burst_ns;
	tctx->burst_ns = 0;
	tctx->asleep = false;
}

/* ---- What the scheduler thread costs -------------------------------------------------------- */

/* The scheduler thread has run: spread what it used over the requests it handled. */
static __always_inline void account_policy(u64 ran_ns)
{
	u64 handled = shared.answered - shared.costed;

	count_add(policy_runtime_ns, ran_ns);
	if (!handled || handled > RL_REQUEST_SLOTS)
		return;
	shared.costed = shared.answered;
	shared.request_cost_ns = (7 * shared.request_cost_ns + ran_ns / handled) / 8;
}

/*
 * The task that a request is about pays for it, so a task that sleeps and wakes ten thousand times a
 * second spends its own share on being scheduled, and not that of others.
 */
static __always_inline void charge_request(struct task_ctx *tctx)
{
	tctx->runtime_ns += shared.request_cost_ns;
}

#endif /* RUSTLAND_ACCOUNT_BPF_H */
