/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asking the policy and carrying out its decisions, without ever depending on it.
 *
 *   request    the record on the way up: a question about one task
 *   decision   the record on the way down, which is carried out
 *   grant      the policy's permission, in a decision, for later wakeups of the task without a request
 *   notice     a request that nobody waits for: the grant is used up, the policy may renew it
 *
 * A task that is asked about waits on a queue that the kernel owns: it is parked. The decision moves
 * it to where it shall wait for a CPU. So a lost, late or refused decision delays a task and can never
 * lose it:
 *
 *   policy stopped or waiting   its thread is not runnable, which is known at once (policy_awake)
 *   policy stuck or starved     its oldest unanswered request is older than opt_late_ns
 *   request lost (ring full)    the task is not parked at all
 *   decision lost               nothing is outstanding, yet somebody is parked; or the first parked
 *                               task has been so for longer than PARKED_MAX_NS, or any of the first
 *                               ones where nobody else waits
 *
 * In all of these, tasks are queued by an estimated deadline and CPUs take parked tasks as well; it
 * ends by itself when the policy decides again.
 *
 * This file must never lose a task when a decision does not come, and never believe what is in one.
 */
#ifndef RUSTLAND_ASK_BPF_H
#define RUSTLAND_ASK_BPF_H

#include "account.bpf.h"
#include "crowd.bpf.h"

/* ---- The two rings -------------------------------------------------------------------------- */

/* Requests. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RL_QUEUED_BYTES);
} queued SEC(".maps");

/* Of the parked tasks so many, at most, are looked at for one that was forgotten. */
#define PARK_LOOKED_AT 32

/* Decisions that a CPU carries out at a time: two rounds of the scheduler thread, see BATCH in lib/loop.c. */
#define DRAIN_MAX 512

/* Decisions. */
struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, RL_DISPATCHED_BYTES);
} dispatched SEC(".maps");

/* When each request was made, to know how old the oldest unanswered one is. */
struct request_slot {
	u64 request;
	u64 asked_at_ns;
};

static struct request_slot requests[RL_REQUEST_SLOTS];

/* ---- Tasks that are never asked about ------------------------------------------------------- */

static __always_inline bool is_policy_thread(const struct task_struct *p)
{
	return p->pid == shared.policy_pid;
}

/*
 * Another thread of the scheduler's process: a policy must never decide about those, because it may
 * wait for one of them.
 */
static __always_inline bool is_policy_helper(const struct task_struct *p)
{
	return p->tgid == shared.policy_tgid;
}

/*
 * Kernel threads that the policy itself may need to make progress: those bound to one CPU, and
 * those that free memory. They run where they are, at once. Everything else, other kernel threads
 * too, is the policy's business.
 */
static __always_inline bool is_exempt(const struct task_struct *p)
{
	if (!(p->flags & PF_KTHREAD))
		return false;
	return p->nr_cpus_allowed == 1 || p->flags & (PF_KSWAPD | PF_KCOMPACTD) ||
	       !bpf_strncmp(p->comm, sizeof("khugepaged"), "khugepaged");
}

/* ---- Can the policy be asked? --------------------------------------------------------------- */

static __always_inline bool policy_late(u64 now)
{
	u64 oldest = shared.answered + 1;
	struct request_slot *slot;

	if (!before(shared.answered, shared.asked))
		return false;
	slot = &requests[oldest % RL_REQUEST_SLOTS];
	/*
	 * A slot that its writer has not filled in yet holds an older request: too young to be
	 * late.
	 */
	return slot->request == oldest && before(slot->asked_at_ns + opt_late_ns, now);
}

static __always_inline bool policy_can_decide(u64 now)
{
	return shared.policy_awake && !policy_late(now);
}

static __always_inline bool policy_has_requests(void)
{
	return shared.heartbeat_due || before(shared.answered, shared.asked);
}

/*
 * The scheduler thread has something to do. What it says it holds back counts only while somebody is
 * parked: a policy that forgets a task says so for ever.
 */
static __always_inline bool policy_has_work(void)
{
	return policy_has_requests() || (shared.held && somebody_is_parked());
}

static __always_inline bool decisions_are_waiting(void)
{
	return shared.drained != shared.submitted;
}

/* No decision will come for a task that is parked. */
static __always_inline bool park_is_orphaned(u64 now)
{
	return !policy_can_decide(now) || (!policy_has_work() && !decisions_are_waiting()) ||
	       parked_too_long(now, 1);
}

/*
 * The same where nobody else waits for this CPU. Beside other tasks the one that has been parked for longest
 * becomes the first, because deadlines move on; on a machine that is nearly idle they do not, and a task
 * that the policy has forgotten would stay behind those that come and go.
 */
static __always_inline bool park_has_forgotten(u64 now)
{
	return parked_too_long(now, PARK_LOOKED_AT);
}

/*
 * The scheduler thread goes to sleep when the machine is so idle that nothing had to be asked for
 * a while. Tasks are then placed by estimate, and the first one wakes it for those that follow;
 * there is no request for it to answer.
 */
static __always_inline void wake_policy(void)
{
	void *nothing;

	if (!shared.asleep || !__sync_lock_test_and_set(&shared.asleep, 0))
		return;
	nothing = bpf_ringbuf_reserve(&queued, sizeof(u64), 0);
	if (nothing)
		bpf_ringbuf_discard(nothing, BPF_RB_FORCE_WAKEUP);
}

/* ---- Asking --------------------------------------------------------------------------------- */

/*
 * A woken task waits for a decision, so the scheduler thread has to run at once: on an idle CPU, or in
 * place of a less urgent task. Without this the decision comes when some slice ends, and the
 * wakeup latency is a slice long. A task whose estimate says that it would have to wait anyway
 * interrupts nobody to be told so. A task whose slice ended needs no kick: its CPU is about to
 * look for work, and the scheduler thread comes first.
 *
 * p's CPUs serve as a stand-in for the scheduler thread's. The thread itself is looked up only when
 * either of the two may not use every CPU.
 */
static __always_inline void run_policy_soon(const struct task_struct *p, u64 deadline)
{
	struct task_struct *policy = NULL;
	s32 cpu;

	if (shared.policy_cpu >= 0)
		return;
	if (is_confined(p) || policy_confined)
		policy = bpf_task_from_pid(shared.policy_pid);
	cpu = claim_idle_cpu(policy ?: p);
	if (cpu >= 0)
		scx_bpf_kick_cpu(cpu, KVAL(scx_kick_flags, SCX_KICK_IDLE));
	else
		preempt_later_deadline(policy ?: p, deadline);
	if (policy)
		bpf_task_release(policy);
}

/* The next request's number; from here on the policy is late if it does not answer. */
static __always_inline u64 number_request(u64 now)
{
	u64 request = __sync_add_and_fetch(&shared.asked, 1);
	struct request_slot *slot = &requests[request % RL_REQUEST_SLOTS];

	slot->asked_at_ns = now;
	slot->request = request;
	return request;
}

/* p's facts. */
static __always_inline void describe(struct rl_task *t, const struct task_struct *p,
				     const struct task_ctx *tctx, u32 flags)
{
	t->pid = p->pid;
	t->tgid = p->tgid;
	t->cpu = scx_bpf_task_cpu(p);
	t->flags = flags | (tctx->known ? 0 : RL_TASK_NEW) |
		   (tctx->sync_wake ? RL_TASK_SYNC_WAKE : 0) |
		   (p->flags & PF_KTHREAD ? RL_TASK_KTHREAD : 0) |
		   (interrupts_nobody(p) ? RL_TASK_BATCH : 0) |
		   (tctx->waker_class > tctx->class ? RL_TASK_INHERITED : 0);
	t->weight = weight_of(tctx);
	t->weight_of_all = weight_of_all(t->weight);
	t->nr_of_all = everybody.nr;
	t->clock = shared.clock;
	t->boost_class = present_class(tctx);
	t->nr_cpus_allowed = p->nr_cpus_allowed;
	t->runtime_ns = tctx->runtime_ns;
	t->burst_ns = tctx->burst_ns;
	t->slept_ns = tctx->slept_ns;
	t->cgroup_id = cgroup_id(p);
	__builtin_memcpy(t->state, tctx->state, sizeof(t->state));
	t->frontier = shared.frontier;
	t->generation = tctx->generation;
	t->user = t->boost_class ? present_owner(tctx) : (u32)tctx->class_uids;
	__builtin_memcpy(t->comm, p->comm, RL_COMM_LEN);
	t->last_burst_ns = tctx->last_burst_ns;
}

/*
 * A new request about p, to be submitted by the caller; p is charged for it. NULL when the ring is full:
 * nothing was done.
 */
static __always_inline struct rl_task *make_request(struct task_struct *p, struct task_ctx *tctx,
						    u32 flags, u32 waiting, u64 now)
{
	struct rl_task *t;

	class_of(p, tctx);
	t = bpf_ringbuf_reserve(&queued, sizeof(*t), 0);
	if (!t)
		return NULL;
	/* Only now, so that there is no request that can never be answered. */
	t->request = number_request(now);
	t->enqueued_at_ns = now;
	t->nr_waiting = waiting;
	charge_request(tctx);
	describe(t, p, tctx, flags);
	return t;
}

/* Ask about p and park it. False when the ring is full: nothing was done. */
static __always_inline bool ask(struct task_struct *p, struct task_ctx *tctx, u64 enq_flags,
				u64 now)
{
	bool wakeup = enq_flags & KVAL(scx_enq_flags, SCX_ENQ_WAKEUP);
	u32 waiting = count_waiting(p);
	struct rl_task *t = make_request(p, tctx, wakeup ? RL_TASK_WAKEUP : 0, waiting, now);
	u64 deadline;

	if (!t)
		return false;
	deadline = deadline_by_estimate(p, tctx, wakeup, waiting);
	tctx->slice_ns = 0;
	tctx->grant.left = 0;
	tctx->notice = 0;
	tctx->parked_at_ns = now;
	park(p, slice_by_estimate(waiting), deadline, enq_flags);
	note_waiting(p, waiting);
	/* Last: from here on the decision may come, on another CPU. */
	bpf_ringbuf_submit(t, BPF_RB_NO_WAKEUP);
	if (wakeup && !interrupts_nobody(p))
		run_policy_soon(p, deadline);
	return true;
}

/* ---- Queueing without a request ------------------------------------------------------------- */

/*
 * A task that was interrupted goes back into its queue under the same deadline, with what is left of
 * the slice. False where nothing is left of a decision.
 */
static __always_inline bool resume_unfinished(struct task_struct *p, const struct task_ctx *tctx,
					      u64 enq_flags)
{
	u64 used_ns = tctx->runtime_ns - tctx->decided_runtime_ns;

	if (!slice_is_unfinished(tctx->slice_ns, used_ns, opt_slice_min_ns))
		return false;
	count(nr_resumed);
	queue_now(p, tctx->decided_cpu, tctx->slice_ns - used_ns, tctx->deadline, enq_flags, false);
	return true;
}

/* The grant is used up with this wakeup: the policy can renew it before the next one. */
static __always_inline void send_notice(struct task_struct *p, struct task_ctx *tctx, u64 now)
{
	struct rl_task *t;

	if (!policy_can_decide(now))
		return;
	t = make_request(p, tctx, RL_TASK_WAKEUP | RL_TASK_NOTICE, count_waiting(p), now);
	if (!t)
		return;
	tctx->notice = t->request;
	bpf_ringbuf_submit(t, BPF_RB_NO_WAKEUP);
}

/*
 * Queue p at once, as the policy has said it would. On the CPU where it wakes up it interrupts by
 * being put on that CPU's own queue: no interrupt has to be sent for it.
 */
static __always_inline void queue_granted(struct task_struct *p, struct task_ctx *tctx,
					  u64 enq_flags, u64 now)
{
	s32 cpu = scx_bpf_task_cpu(p);

	count(nr_standing);
	if (!--tctx->grant.left)
		send_notice(p, tctx, now);
	set_deadline(tctx, tctx->grant.deadline, tctx->grant.slice_ns);
	if (runs_later_deadline(p, cpu, tctx->deadline) && first_in_line(cpu, tctx->deadline)) {
		count(nr_preempt_kicks);
		start_here(p, tctx->slice_ns, enq_flags | KVAL(scx_enq_flags, SCX_ENQ_PREEMPT));
		return;
	}
	queue_now(p, tctx->decided_cpu, tctx->slice_ns, tctx->deadline, enq_flags, true);
}

/* The policy cannot be asked. */
static __always_inline void queue_by_estimate(struct task_struct *p, struct task_ctx *tctx,
					      u64 enq_flags)
{
	bool wakeup = enq_flags & KVAL(scx_enq_flags, SCX_ENQ_WAKEUP);
	u32 waiting = count_waiting(p);

	note_waiting(p, waiting);
	decide_by_estimate(p, tctx, wakeup, waiting);
	queue_now(p, RL_CPU_ANY, slice_by_estimate(waiting), tctx->deadline, enq_flags,
		  wakeup && !interrupts_nobody(p));
}

/*
 * p has yielded: it goes behind who waits now, all of whom have a turn within one long slice (estimate_slice()).
 * Nobody is asked, so two that do nothing but yield to each other cost no decisions.
 */
static __always_inline void queue_behind(struct task_struct *p, struct task_ctx *tctx,
					 u64 enq_flags)
{
	u32 waiting = count_waiting(p);
	u64 deadline;

	note_waiting(p, waiting);
	deadline = deadline_by_estimate(p, tctx, false, waiting);
	if (before(deadline, shared.frontier))
		deadline = shared.frontier;
	set_deadline(tctx, deadline + opt_slice_ns, 0);
	tctx->goes_on = true;
	queue_now(p, RL_CPU_ANY, slice_by_estimate(waiting), tctx->deadline, enq_flags, false);
	count(nr_kernel_dispatches);
}

/* ---- Carrying out decisions ----------------------------------------------------------------- */

/* What a decision says about later: the policy's own memory of the task, and a grant. */
static __always_inline void keep_for_later(struct task_ctx *tctx, const struct rl_decision *d)
{
	__builtin_memcpy(tctx->state, d->state, sizeof(tctx->state));
	tctx->grant.left = d->standing < RL_STANDING_MAX ? d->standing : RL_STANDING_MAX;
	tctx->grant.until_ns = now_ns() + GRANT_NS;
	tctx->grant.deadline = d->deadline;
	tctx->grant.slice_ns = slice_of(d->slice_ns, opt_slice_ns);
	tctx->goes_on = d->flags & RL_DECISION_GO_ON;
}

static __always_inline void carry_out(const struct rl_decision *d)
{
	struct task_struct *p = bpf_task_from_pid(d->pid);
	struct task_ctx *tctx;
	u64 dsq, slice_ns;

	if (!p)
		return; /* it exited */
	tctx = task_ctx(p);
	if (tctx && d->flags & RL_DECISION_NOTICE) {
		/* The task is queued, or runs, or sleeps: it stays where it is. */
		if (tctx->notice == d->request) {
			tctx->notice = 0;
			keep_for_later(tctx, d);
		}
		goto out;
	}
	if (!tctx || tctx->generation != d->generation) {
		count(nr_cancel_dispatches);
		goto out;
	}

	slice_ns = slice_of(d->slice_ns, opt_slice_ns);
	dsq = queue_of(p, d->cpu);
	if (d->cpu != RL_CPU_ANY && cpu_of_queue(dsq) == RL_CPU_ANY) {
		count(nr_bounce_dispatches);
		dsq = queue_of(p, scx_bpf_task_cpu(p));
	}

	/* Before the move: once moved it may run, on another CPU, at any moment. */
	set_deadline(tctx, d->deadline, slice_ns);
	/* Where the policy leaves the CPU open, affinity decides, which may be another one by the next wakeup. */
	tctx->decided_cpu = d->cpu == RL_CPU_ANY ? RL_CPU_ANY : cpu_of_queue(dsq);
	tctx->known = true;
	keep_for_later(tctx, d);

	if (!unpark(p, dsq, slice_ns, d->deadline)) {
		count(nr_failed_dispatches);
		goto out;
	}
	count(nr_user_dispatches);
	dbg("decided: pid=%d dsq=%llu slice=%llu", d->pid, dsq, slice_ns);
	kick_for(p, dsq, d->deadline, d->flags & RL_DECISION_PREEMPT);
out:
	bpf_task_release(p);
}

static long drain_one(struct bpf_dynptr *record, void *context)
{
	struct rl_decision d;
	u64 *until = context;

	/*
	 * Copied once: the ring is writable by user space, nothing may change after it was
	 * checked.
	 */
	if (!bpf_dynptr_read(&d, sizeof(d), record, 0, 0))
		carry_out(&d);
	/* Only now: until then its task is parked, and nobody shall take it for an orphan. */
	__sync_fetch_and_add(&shared.drained, 1);
	/* The rest stays in the ring, for the next CPU that looks for work. */
	return !before(shared.drained, *until) || !dsq_can_move();
}

/*
 * Only one CPU can drain at a time; the others find the ring busy and go on. Where nothing can be
 * moved, which happens under core scheduling, the decisions wait for the next dispatch in which
 * something can.
 *
 * The number is bounded, else a scheduler thread that always has one more would keep this CPU here, with
 * interrupts off. What is left is for others: for the CPU that the thread leaves at the latest.
 */
static __always_inline void drain_decisions(void)
{
	u64 until = shared.drained + DRAIN_MAX;

	if (decisions_are_waiting() && dsq_can_move())
		bpf_user_ringbuf_drain(&dispatched, drain_one, &until, BPF_RB_NO_WAKEUP);
}

#endif /* RUSTLAND_ASK_BPF_H */
