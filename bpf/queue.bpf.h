/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who waits where, in which order, and who takes from whom. All knowledge of the queues is in here: no
 * other file names one, or counts what is in one.
 *
 *   one queue for each CPU   tasks that can use no other CPU, or that the policy wants there
 *   DSQ_SHARED               tasks that any CPU may take
 *   DSQ_PARK                 tasks that the policy has been asked about and has not decided yet
 *   DSQ_POLICY               the scheduler thread
 *   DSQ_THROTTLED            tasks that have used up the limit of a group, by when they may go on
 *
 * A parked task is an orphan when no decision about it will come. CPUs then take from DSQ_PARK as if
 * it were DSQ_SHARED.
 *
 * This file must never make up a deadline: it orders tasks by the deadline that it is given. It must
 * never look at what the policy does, either; ask.bpf.h says which tasks are orphans.
 */
#ifndef RUSTLAND_QUEUE_BPF_H
#define RUSTLAND_QUEUE_BPF_H

#include "preempt.bpf.h"

/*
 * DSQ ids. All but POLICY are ordered by deadline (a DSQ's vtime); one more DSQ per possible CPU,
 * also those that are offline now, has the CPU's number as its id.
 */
enum {
	DSQ_SHARED = RL_MAX_CPUS,
	DSQ_PARK,
	DSQ_THROTTLED,
	DSQ_POLICY,
};

static __always_inline s32 create_queues(void)
{
	s32 nr_cpus = scx_bpf_nr_cpu_ids(), err, i;

	bpf_for (i, 0, nr_cpus) {
		if (i >= RL_MAX_CPUS)
			return -ENOMEM;
		err = scx_bpf_create_dsq(i, -1);
		if (err)
			return err;
	}
	bpf_for (i, DSQ_SHARED, DSQ_POLICY + 1) {
		err = scx_bpf_create_dsq(i, -1);
		if (err)
			return err;
	}
	return 0;
}

/* ---- How many wait -------------------------------------------------------------------------- */

/* Tasks that wait for this CPU and no other. */
static __always_inline u32 count_waiting_on(s32 cpu)
{
	return scx_bpf_dsq_nr_queued(cpu);
}

/* Tasks that any CPU may take, now or once they are decided about. */
static __always_inline u32 count_waiting_anywhere(void)
{
	return scx_bpf_dsq_nr_queued(DSQ_SHARED) + scx_bpf_dsq_nr_queued(DSQ_PARK);
}

/* Tasks that wait for a CPU which p could use as well. */
static __always_inline u32 count_waiting(const struct task_struct *p)
{
	return count_waiting_anywhere() + count_waiting_on(scx_bpf_task_cpu(p));
}

static __always_inline bool somebody_is_parked(void)
{
	return scx_bpf_dsq_nr_queued(DSQ_PARK);
}

/* No task waits that a direct start on this idle CPU would overtake. */
static __always_inline bool nobody_waits_for(s32 cpu)
{
	return !scx_bpf_dsq_nr_queued(DSQ_SHARED) && !scx_bpf_dsq_nr_queued(cpu);
}

/* The earliest deadline of those that wait for this CPU; false: none does. */
static __always_inline bool earliest_waiting(s32 cpu, u64 *ret_deadline)
{
	u64 own = 0, common = 0;
	bool has_own = scx_bpf_dsq_nr_queued(cpu) && dsq_head_vtime(cpu, &own);
	bool has_common = scx_bpf_dsq_nr_queued(DSQ_SHARED) && dsq_head_vtime(DSQ_SHARED, &common);

	if (has_own && (!has_common || before(own, common)))
		*ret_deadline = own;
	else if (has_common)
		*ret_deadline = common;
	return has_own || has_common;
}

/* No task that waits for this CPU has an earlier deadline than this. */
static __always_inline bool first_in_line(s32 cpu, u64 deadline)
{
	u64 head;

	return !earliest_waiting(cpu, &head) || !before(head, deadline);
}

/* One of the first so many in DSQ_PARK has been there for longer than any policy may hold a task back. */
static __always_inline bool parked_too_long(u64 now, u32 so_many)
{
	struct bpf_iter_scx_dsq it;
	struct task_ctx *tctx;
	struct task_struct *p;
	bool too_long = false;
	u32 i;

	if (!bpf_iter_scx_dsq_new(&it, DSQ_PARK, 0)) {
		bpf_for (i, 0, so_many) {
			p = bpf_iter_scx_dsq_next(&it);
			tctx = p ? task_ctx(p) : NULL;
			too_long = tctx && before(tctx->parked_at_ns + PARKED_MAX_NS, now);
			if (!p || too_long)
				break;
		}
	}
	bpf_iter_scx_dsq_destroy(&it);
	return too_long;
}

/* ---- Joining a queue ------------------------------------------------------------------------ */

/* Run p on the CPU where it is, before all tasks that wait. */
static __always_inline void start_here(struct task_struct *p, u64 slice_ns, u64 enq_flags)
{
	dsq_insert(p, KVAL(scx_dsq_id_flags, SCX_DSQ_LOCAL), slice_ns, enq_flags);
}

static __always_inline void queue_policy(struct task_struct *policy, u64 slice_ns, u64 enq_flags)
{
	dsq_insert(policy, DSQ_POLICY, slice_ns, enq_flags);
}

/*
 * The queue for p of the CPU given, or of its own where it can use no other; else the shared queue. A CPU
 * that is offline never looks at its queue, and p may be allowed to use that CPU all the same.
 */
static __always_inline u64 queue_of(const struct task_struct *p, s32 cpu)
{
	struct cpu_ctx *cctx;

	if (p->nr_cpus_allowed == 1 && cpu == RL_CPU_ANY)
		cpu = scx_bpf_task_cpu(p);
	cctx = cpu_ctx(cpu);
	return cctx && cctx->online && may_run_on(p, cpu) ? (u64)cpu : DSQ_SHARED;
}

/* The one CPU that takes from this queue, or RL_CPU_ANY. */
static __always_inline s32 cpu_of_queue(u64 dsq)
{
	return dsq == DSQ_SHARED ? RL_CPU_ANY : (s32)dsq;
}

/* p was just put on a queue: see to it that a CPU which takes from this queue looks at it. */
static __always_inline void kick_for(const struct task_struct *p, u64 dsq, u64 deadline,
				     bool preempt)
{
	if (dsq < RL_MAX_CPUS)
		kick_cpu_for(p, dsq, deadline, preempt);
	else
		kick_any_cpu_for(p, deadline, preempt);
}

/* Queue p where it competes by deadline. No CPU is told; returns the queue. */
static __always_inline u64 queue_quietly(struct task_struct *p, s32 cpu, u64 slice_ns, u64 deadline,
					 u64 enq_flags)
{
	u64 dsq = queue_of(p, cpu);

	dsq_insert_vtime(p, dsq, slice_ns, deadline, enq_flags);
	return dsq;
}

/* Queue p where it competes by deadline, and wake or interrupt a CPU for it. */
static __always_inline void queue_now(struct task_struct *p, s32 cpu, u64 slice_ns, u64 deadline,
				      u64 enq_flags, bool preempt)
{
	kick_for(p, queue_quietly(p, cpu, slice_ns, deadline, enq_flags), deadline, preempt);
}

/* p waits for a decision; the deadline and the slice are those of an orphan. */
static __always_inline void park(struct task_struct *p, u64 slice_ns, u64 deadline, u64 enq_flags)
{
	dsq_insert_vtime(p, DSQ_PARK, slice_ns, deadline, enq_flags);
}

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

/* ---- Throttled tasks ------------------------------------------------------------------------ */

static __always_inline bool somebody_is_throttled(void)
{
	return scx_bpf_dsq_nr_queued(DSQ_THROTTLED);
}

/* p waits until that time, and for no CPU. The slice is for a move that nobody expects. */
static __always_inline void queue_throttled(struct task_struct *p, u64 until, u64 enq_flags)
{
	dsq_insert_vtime(p, DSQ_THROTTLED, opt_slice_min_ns, until, enq_flags);
}

/* Who may go on first, and when. */
static __always_inline bool first_throttled(s32 *ret_pid, u64 *ret_until)
{
	return dsq_head(DSQ_THROTTLED, ret_pid, ret_until);
}

/* It waits for a CPU again. Only if dsq_can_move(). */
static __always_inline bool release_throttled(struct task_struct *p, u64 dsq, u64 slice_ns,
					      u64 deadline)
{
	return dsq_move_vtime(p, DSQ_THROTTLED, dsq, slice_ns, deadline);
}

/* ---- A CPU takes a task --------------------------------------------------------------------- */

static __always_inline bool take_policy(void)
{
	return dsq_move_to_local(DSQ_POLICY);
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

/* Take the most urgent orphan, unless a task that waits for this CPU is more urgent. */
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

/* ---- All queues ----------------------------------------------------------------------------- */

/* More tasks than this wait for one CPU and no other. */
static __always_inline bool some_cpu_has_waiting(u32 more_than)
{
	s32 nr_cpus = scx_bpf_nr_cpu_ids(), cpu;
	bool found = false;

	bpf_for (cpu, 0, nr_cpus) {
		found = cpu < RL_MAX_CPUS && count_waiting_on(cpu) > more_than;
		if (found)
			break;
	}
	return found;
}

/* Wake the idle CPUs for which somebody waits: one that came or went just then missed its kick. */
static __always_inline void kick_idle_with_waiting(void)
{
	bool anywhere = scx_bpf_dsq_nr_queued(DSQ_SHARED) || scx_bpf_dsq_nr_queued(DSQ_PARK);
	s32 nr_cpus = scx_bpf_nr_cpu_ids(), cpu;

	bpf_for (cpu, 0, nr_cpus) {
		if (cpu < RL_MAX_CPUS && (anywhere || scx_bpf_dsq_nr_queued(cpu)))
			scx_bpf_kick_cpu(cpu, KVAL(scx_kick_flags, SCX_KICK_IDLE));
	}
}

#endif /* RUSTLAND_QUEUE_BPF_H */
