/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asking the policy and carrying out its answers, without ever depending on it.
 *
 * A task that is asked about waits on DSQ_PARK, which the kernel owns; the answer moves it to
 * where it shall wait for a CPU. So a lost, late or refused answer delays a task and can never
 * lose it:
 *
 *   policy stopped or waiting   its thread is not runnable, which is known at once (policy_awake)
 *   policy stuck or starved     its oldest unanswered request is older than opt_late_ns
 *   request lost (ring full)    the task is not parked at all
 *   answer lost                 nothing is outstanding, yet somebody is parked; or the first of
 *                               them has been for longer than PARKED_MAX_NS
 *
 * In all of these, tasks are queued by an estimated deadline and CPUs take from DSQ_PARK as if it
 * were DSQ_SHARED; it ends by itself when the policy answers again.
 */
#ifndef RUSTLAND_PARK_BPF_H
#define RUSTLAND_PARK_BPF_H

#include "account.bpf.h"
#include "class.bpf.h"
#include "crowd.bpf.h"
#include "idle.bpf.h"

/* Far below the kernel's watchdog (5 s), far above what a policy has a reason to wait for. */
#define PARKED_MAX_NS (500ULL * 1000 * 1000)

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

static __always_inline bool policy_can_answer(u64 now)
{
	return shared.policy_awake && !policy_late(now);
}

static __always_inline bool policy_has_questions(void)
{
	return shared.heartbeat_due || before(shared.answered, shared.asked);
}

/*
 * The scheduler thread has something to do. What it says it holds back counts only while somebody is
 * parked: a policy that forgets a task says so for ever.
 */
static __always_inline bool policy_has_work(void)
{
	return policy_has_questions() || (shared.held && scx_bpf_dsq_nr_queued(DSQ_PARK));
}

/*
 * The scheduler thread goes to sleep when the machine is so idle that nothing had to be asked for
 * a while. Tasks are then placed by estimate, and the first one wakes it for those that follow;
 * there is no record that it would have to answer.
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

/* ---- Queueing without an answer ------------------------------------------------------------- */

/*
 * The queue of tasks for one CPU, where p can use no other; else the shared one. A CPU that is offline
 * never looks at its queue, and p may be allowed to use it all the same.
 */
static __always_inline u64 queue_of(const struct task_struct *p, s32 cpu)
{
	struct cpu_ctx *cctx;

	if (p->nr_cpus_allowed == 1 && cpu == RL_CPU_ANY)
		cpu = scx_bpf_task_cpu(p);
	cctx = cpu_ctx(cpu);
	return cctx && cctx->online && may_run_on(p, cpu) ? (u64)cpu : DSQ_SHARED;
}

/* Queue p where it competes by deadline, and wake or interrupt a CPU for it. */
static __always_inline void queue_now(struct task_struct *p, s32 cpu, u64 slice_ns, u64 deadline,
				      u64 enq_flags, bool preempt)
{
	u64 dsq = queue_of(p, cpu);

	dsq_insert_vtime(p, dsq, slice_ns, deadline, enq_flags);
	kick_for(p, dsq, deadline, preempt);
}

/*
 * A decision whose slice is not used up is still the policy's will: a task that was interrupted
 * goes back into its queue under the same deadline, with what is left of the slice.
 */
static __always_inline bool decision_stands(const struct task_ctx *tctx, u64 *ret_left_ns)
{
	u64 used_ns = tctx->runtime_ns - tctx->decided_runtime_ns;

	if (!tctx->slice_ns || used_ns + opt_slice_min_ns / 2 > tctx->slice_ns)
		return false;
	*ret_left_ns = tctx->slice_ns - used_ns;
	return true;
}

/* ---- Asking --------------------------------------------------------------------------------- */

/*
 * A woken task waits for an answer, so the scheduler thread has to run at once: on an idle CPU,
 * or in place of a less urgent task. Without this the answer comes when some slice ends, and the
 * wakeup latency is a slice long. A task whose estimate says that it would have to wait anyway
 * interrupts nobody to be told so. A task whose slice ended needs no kick: its CPU is about to
 * look for work, and the scheduler thread comes first.
 *
 * The scheduler thread can usually run where p can, and best where p will; the two are told apart only
 * where one of them may not use every CPU.
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

/*
 * A request with p's facts, to be submitted by the caller. NULL when the ring is full: nothing was
 * done.
 */
static __always_inline struct rl_task *describe(struct task_struct *p, struct task_ctx *tctx,
						u32 flags, u32 waiting, u64 now)
{
	struct request_slot *slot;
	struct rl_task *t;
	u32 own_class = class_of(p, tctx);
	u64 request;

	t = bpf_ringbuf_reserve(&queued, sizeof(*t), 0);
	if (!t)
		return NULL;

	/* Numbered only now, so that there is no request that can never be answered. */
	request = __sync_add_and_fetch(&shared.asked, 1);
	slot = &requests[request % RL_REQUEST_SLOTS];
	slot->asked_at_ns = now;
	slot->request = request;

	t->pid = p->pid;
	t->tgid = p->tgid;
	t->cpu = scx_bpf_task_cpu(p);
	t->flags = flags | (tctx->known ? 0 : RL_TASK_NEW) |
		   (tctx->sync_wake ? RL_TASK_SYNC_WAKE : 0) |
		   (p->flags & PF_KTHREAD ? RL_TASK_KTHREAD : 0) |
		   (tctx->waker_class > own_class ? RL_TASK_INHERITED : 0);
	t->weight = p->scx.weight;
	t->boost_class = present_class(tctx);
	t->nr_cpus_allowed = p->nr_cpus_allowed;
	t->nr_waiting = waiting;
	t->enqueued_at_ns = now;
	tctx->runtime_ns += shared.request_cost_ns;
	t->runtime_ns = tctx->runtime_ns;
	t->burst_ns = tctx->burst_ns;
	t->slept_ns = tctx->slept_ns;
	t->cgroup_id = cgroup_id(p);
	__builtin_memcpy(t->state, tctx->state, sizeof(t->state));
	t->frontier = shared.frontier;
	t->request = request;
	t->generation = tctx->generation;
	t->user = t->boost_class ? present_owner(tctx) : (u32)tctx->class_uids;
	__builtin_memcpy(t->comm, p->comm, RL_COMM_LEN);
	t->last_burst_ns = tctx->last_burst_ns;
	return t;
}

/* Ask about p and park it. False when the ring is full: nothing was done. */
static __always_inline bool ask(struct task_struct *p, struct task_ctx *tctx, u64 enq_flags,
				u64 now)
{
	bool wakeup = enq_flags & KVAL(scx_enq_flags, SCX_ENQ_WAKEUP);
	u32 waiting = count_waiting(p);
	struct rl_task *t = describe(p, tctx, wakeup ? RL_TASK_WAKEUP : 0, waiting, now);
	u64 deadline;

	if (!t)
		return false;
	deadline = estimate_deadline(p, tctx, wakeup, waiting);
	tctx->slice_ns = 0;
	tctx->standing = 0;
	tctx->notice = 0;
	tctx->parked_at_ns = now;
	dsq_insert_vtime(p, DSQ_PARK, estimate_slice(waiting), deadline, enq_flags);
	note_waiting(p, waiting);
	/* Last: from here on the answer may come, on another CPU. */
	bpf_ringbuf_submit(t, BPF_RB_NO_WAKEUP);
	if (wakeup)
		run_policy_soon(p, deadline);
	return true;
}

/* ---- Wakeups that need no answer ------------------------------------------------------------ */

/* Half a second: a grant is about what the task has just been doing. */
#define STANDING_NS (500ULL * 1000 * 1000)

static __always_inline bool wakeup_stands(const struct task_ctx *tctx, u64 now)
{
	return tctx->standing && before(now, tctx->standing_until_ns);
}

/* The grant is used up with this wakeup: the policy can renew it before the next one. */
static __always_inline void notice(struct task_struct *p, struct task_ctx *tctx, u64 now)
{
	struct rl_task *t;

	if (!policy_can_answer(now))
		return;
	t = describe(p, tctx, RL_TASK_WAKEUP | RL_TASK_NOTICE, count_waiting(p), now);
	if (!t)
		return;
	tctx->notice = t->request;
	bpf_ringbuf_submit(t, BPF_RB_NO_WAKEUP);
}

/* Nobody waits for this CPU who should run before the deadline given. */
static __always_inline bool first_in_line(s32 cpu, u64 deadline)
{
	u64 head;

	return !(scx_bpf_dsq_nr_queued(cpu) && dsq_head_vtime(cpu, &head) &&
		 before(head, deadline)) &&
	       !(scx_bpf_dsq_nr_queued(DSQ_SHARED) && dsq_head_vtime(DSQ_SHARED, &head) &&
		 before(head, deadline));
}

/*
 * Queue p at once, as the policy has said it would. On the CPU where it wakes up it interrupts by
 * being put on that CPU's own queue: no interrupt has to be sent for it.
 */
static __always_inline void queue_standing(struct task_struct *p, struct task_ctx *tctx,
					   u64 enq_flags, u64 now)
{
	s32 cpu = scx_bpf_task_cpu(p);

	count(nr_standing);
	if (!--tctx->standing)
		notice(p, tctx, now);
	tctx->deadline = tctx->standing_deadline;
	tctx->slice_ns = tctx->standing_slice_ns;
	tctx->decided_runtime_ns = tctx->runtime_ns;
	if (runs_later_deadline(p, cpu, tctx->deadline) && first_in_line(cpu, tctx->deadline)) {
		count(nr_preempt_kicks);
		dsq_insert(p, KVAL(scx_dsq_id_flags, SCX_DSQ_LOCAL), tctx->slice_ns,
			   enq_flags | KVAL(scx_enq_flags, SCX_ENQ_PREEMPT));
		return;
	}
	queue_now(p, tctx->decided_cpu, tctx->slice_ns, tctx->deadline, enq_flags, true);
}

/* ---- Carrying out answers ------------------------------------------------------------------- */

/*
 * Move a task from DSQ_PARK to where the policy wants it. The task may have been asked about on a
 * CPU that is still busy putting it there: the move then waits for that CPU, but its iterator has
 * been opened too early to see the task, so one retry with a new iterator is needed and enough.
 */
static __always_inline bool unpark(struct task_struct *p, u64 dsq, u64 slice_ns, u64 deadline)
{
	return dsq_move_vtime(p, DSQ_PARK, dsq, slice_ns, deadline) ||
	       (dsq_can_move() && dsq_move_vtime(p, DSQ_PARK, dsq, slice_ns, deadline));
}

/* No longer than the longest one: the watchdog and opt_late_ns rely on it. */
static __always_inline u64 slice_of(const struct rl_decision *d)
{
	return d->slice_ns && d->slice_ns < opt_slice_ns ? d->slice_ns : opt_slice_ns;
}

static __always_inline void grant(struct task_ctx *tctx, const struct rl_decision *d)
{
	tctx->standing = d->standing < RL_STANDING_MAX ? d->standing : RL_STANDING_MAX;
	tctx->standing_until_ns = now_ns() + STANDING_NS;
	tctx->standing_deadline = d->deadline;
	tctx->standing_slice_ns = slice_of(d);
}

/* The answer to a notice. The task is queued, or runs, or sleeps: it stays where it is. */
static __always_inline void renew(struct task_ctx *tctx, const struct rl_decision *d)
{
	tctx->notice = 0;
	__builtin_memcpy(tctx->state, d->state, sizeof(tctx->state));
	grant(tctx, d);
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
		if (tctx->notice == d->request)
			renew(tctx, d);
		goto out;
	}
	if (!tctx || tctx->generation != d->generation) {
		count(nr_cancel_dispatches);
		goto out;
	}

	slice_ns = slice_of(d);
	dsq = queue_of(p, d->cpu);
	if (d->cpu != RL_CPU_ANY && dsq == DSQ_SHARED) {
		count(nr_bounce_dispatches);
		dsq = queue_of(p, scx_bpf_task_cpu(p));
	}

	/* Before the move: once moved it may run, on another CPU, at any moment. */
	tctx->deadline = d->deadline;
	tctx->slice_ns = slice_ns;
	tctx->decided_runtime_ns = tctx->runtime_ns;
	tctx->decided_cpu = dsq == DSQ_SHARED ? RL_CPU_ANY : (s32)dsq;
	tctx->known = true;
	tctx->placed = true;
	__builtin_memcpy(tctx->state, d->state, sizeof(tctx->state));
	grant(tctx, d);

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

	/*
	 * Copied once: the ring is writable by user space, nothing may change after it was
	 * checked.
	 */
	if (!bpf_dynptr_read(&d, sizeof(d), record, 0, 0))
		carry_out(&d);
	/* Only now: until then its task is parked, and nobody shall take it for an orphan. */
	__sync_fetch_and_add(&shared.drained, 1);
	/* The rest stays in the ring, for the next CPU that looks for work. */
	return !dsq_can_move();
}

/*
 * Only one CPU can drain at a time; the others find the ring busy and go on. Where nothing can be
 * moved, which happens under core scheduling, the answers wait for the next dispatch in which it can.
 */
static __always_inline void drain_decisions(void)
{
	if (shared.drained != shared.submitted && dsq_can_move())
		bpf_user_ringbuf_drain(&dispatched, drain_one, NULL, BPF_RB_NO_WAKEUP);
}

/* ---- Choosing what runs next ---------------------------------------------------------------- */

/* The first in DSQ_PARK has been there for longer than any policy may hold a task back. */
static __always_inline bool parked_too_long(u64 now)
{
	struct bpf_iter_scx_dsq it;
	struct task_ctx *tctx;
	struct task_struct *p;
	bool too_long = false;

	if (!bpf_iter_scx_dsq_new(&it, DSQ_PARK, 0)) {
		p = bpf_iter_scx_dsq_next(&it);
		tctx = p ? task_ctx(p) : NULL;
		too_long = tctx && before(tctx->parked_at_ns + PARKED_MAX_NS, now);
	}
	bpf_iter_scx_dsq_destroy(&it);
	return too_long;
}

static __always_inline bool park_is_orphaned(u64 now)
{
	return !policy_can_answer(now) ||
	       (!policy_has_work() && shared.drained == shared.submitted) || parked_too_long(now);
}

/*
 * Take the most urgent task that waits for this CPU: from its own queue or the shared one,
 * whichever head has the earlier deadline, so that neither starves the other.
 */
static __always_inline bool take_next(s32 cpu)
{
	u64 own, common;

	if (scx_bpf_dsq_nr_queued(cpu) && scx_bpf_dsq_nr_queued(DSQ_SHARED) &&
	    dsq_head_vtime(cpu, &own) && dsq_head_vtime(DSQ_SHARED, &common) && before(common, own))
		return dsq_move_to_local(DSQ_SHARED) || dsq_move_to_local(cpu);
	return dsq_move_to_local(cpu) || dsq_move_to_local(DSQ_SHARED);
}

/* The same when tasks are parked that nobody will answer for: they compete, too. */
static __always_inline bool take_next_orphan(s32 cpu)
{
	u64 parked, common;

	if (!dsq_head_vtime(DSQ_PARK, &parked))
		return false;
	if (scx_bpf_dsq_nr_queued(cpu) && dsq_head_vtime(cpu, &common) && before(common, parked))
		return false;
	if (scx_bpf_dsq_nr_queued(DSQ_SHARED) && dsq_head_vtime(DSQ_SHARED, &common) &&
	    before(common, parked))
		return false;
	if (!dsq_move_to_local(DSQ_PARK))
		return false;
	count(nr_flushed);
	return true;
}

#endif /* RUSTLAND_PARK_BPF_H */
