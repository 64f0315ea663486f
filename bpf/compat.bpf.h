/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every difference between the kernels from 6.12 to 7.3 and later, and nothing else: what is
 * asked for below this file works everywhere. Differences are found by probing (is the kfunc
 * there, is the type there), never by a version number, because distributions backport. The
 * version beside each entry only says where the difference was seen. Where each of these may be called
 * from, and what it locks, is in CONTEXTS.md. It must never look at an option or at what the backend
 * remembers.
 *
 * The ___compat suffix is dropped by libbpf when it looks for the kernel's function; it keeps our
 * declarations apart where one name had two prototypes.
 */
#ifndef RUSTLAND_COMPAT_BPF_H
#define RUSTLAND_COMPAT_BPF_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

/* A constant of the running kernel, by name; 0 when this kernel does not have it. */
#define KVAL(type, name)                                                                           \
	(bpf_core_enum_value_exists(enum type, name) ? bpf_core_enum_value(enum type, name) : 0)

/* ---- The same on all kernels ---------------------------------------------------------------- */

s32 scx_bpf_create_dsq(u64 dsq_id, s32 node) __ksym;
s32 scx_bpf_dsq_nr_queued(u64 dsq_id) __ksym;
s32 scx_bpf_task_cpu(const struct task_struct *p) __ksym;
void scx_bpf_kick_cpu(s32 cpu, u64 flags) __ksym;
bool scx_bpf_test_and_clear_cpu_idle(s32 cpu) __ksym;
u32 scx_bpf_nr_cpu_ids(void) __ksym;
const struct cpumask *scx_bpf_get_online_cpumask(void) __ksym;
void scx_bpf_put_cpumask(const struct cpumask *mask) __ksym;
s32 scx_bpf_select_cpu_dfl(struct task_struct *p, s32 prev_cpu, u64 wake_flags,
			   bool *is_idle) __ksym;
s32 scx_bpf_pick_idle_cpu(const struct cpumask *mask, u64 flags) __ksym;
const struct cpumask *scx_bpf_get_idle_smtmask(void) __ksym;
void scx_bpf_put_idle_cpumask(const struct cpumask *mask) __ksym;

int bpf_iter_scx_dsq_new(struct bpf_iter_scx_dsq *it, u64 dsq_id, u64 flags) __ksym;
struct task_struct *bpf_iter_scx_dsq_next(struct bpf_iter_scx_dsq *it) __ksym;
void bpf_iter_scx_dsq_destroy(struct bpf_iter_scx_dsq *it) __ksym;

struct task_struct *bpf_task_from_pid(s32 pid) __ksym;
void bpf_task_release(struct task_struct *p) __ksym;
bool bpf_cpumask_test_cpu(u32 cpu, const struct cpumask *mask) __ksym;
u32 bpf_cpumask_first(const struct cpumask *mask) __ksym;
void *bpf_rdonly_cast(const void *object, u32 btf_id) __ksym;

/*
 * Not scx_bpf_now(), which 6.14 brought and which costs less: it is the runqueue's own clock, and
 * where a task has been moved away from this CPU since, it stands still until this CPU next takes a
 * task (seen with 7.3: a timer read the same time for 4 ms).
 */
static __always_inline u64 now_ns(void)
{
	return bpf_ktime_get_ns();
}

/*
 * For what is only read through p and never given to a kernel function, so that it need not be trusted;
 * the verifier is told so. For each pointer that is read from a trusted one kernels before 7.0 search
 * all their types by name, up to four times: loading took six times as long.
 */
static __always_inline const struct task_struct *untrusted(const struct task_struct *p)
{
	return bpf_rdonly_cast(p, bpf_core_type_id_kernel(struct task_struct));
}

/* ---- Putting a task on a DSQ, in ops.select_cpu and ops.enqueue ----------------------------- */

/* 6.12: dispatch; 6.13: dsq_insert; 6.19: dsq_insert___v2, which returns bool. */
void scx_bpf_dispatch___compat(struct task_struct *p, u64 dsq, u64 slice, u64 flags) __ksym __weak;
void scx_bpf_dsq_insert___compat(struct task_struct *p, u64 dsq, u64 slice,
				 u64 flags) __ksym __weak;
bool scx_bpf_dsq_insert___v2___compat(struct task_struct *p, u64 dsq, u64 slice,
				      u64 flags) __ksym __weak;

static __always_inline void dsq_insert(struct task_struct *p, u64 dsq, u64 slice_ns, u64 flags)
{
	if (bpf_ksym_exists(scx_bpf_dsq_insert___v2___compat))
		scx_bpf_dsq_insert___v2___compat(p, dsq, slice_ns, flags);
	else if (bpf_ksym_exists(scx_bpf_dsq_insert___compat))
		scx_bpf_dsq_insert___compat(p, dsq, slice_ns, flags);
	else
		scx_bpf_dispatch___compat(p, dsq, slice_ns, flags);
}

/* 6.12: dispatch_vtime; 6.13: dsq_insert_vtime; 6.19: the same with its arguments in a struct. */
void scx_bpf_dispatch_vtime___compat(struct task_struct *p, u64 dsq, u64 slice, u64 vtime,
				     u64 flags) __ksym __weak;
void scx_bpf_dsq_insert_vtime___compat(struct task_struct *p, u64 dsq, u64 slice, u64 vtime,
				       u64 flags) __ksym __weak;
bool __scx_bpf_dsq_insert_vtime(struct task_struct *p,
				struct scx_bpf_dsq_insert_vtime_args *args) __ksym __weak;

static __always_inline void dsq_insert_vtime(struct task_struct *p, u64 dsq, u64 slice_ns,
					     u64 vtime, u64 flags)
{
	if (bpf_core_type_exists(struct scx_bpf_dsq_insert_vtime_args)) {
		struct scx_bpf_dsq_insert_vtime_args args = {
			.dsq_id = dsq,
			.slice = slice_ns,
			.vtime = vtime,
			.enq_flags = flags,
		};

		__scx_bpf_dsq_insert_vtime(p, &args);
	} else if (bpf_ksym_exists(scx_bpf_dsq_insert_vtime___compat)) {
		scx_bpf_dsq_insert_vtime___compat(p, dsq, slice_ns, vtime, flags);
	} else {
		scx_bpf_dispatch_vtime___compat(p, dsq, slice_ns, vtime, flags);
	}
}

/* ---- Taking and moving tasks, in ops.dispatch ----------------------------------------------- */

/* 6.12: consume; 6.13: dsq_move_to_local; 7.1: dsq_move_to_local___v2 with enqueue flags. */
bool scx_bpf_consume___compat(u64 dsq) __ksym __weak;
bool scx_bpf_dsq_move_to_local___compat(u64 dsq) __ksym __weak;
bool scx_bpf_dsq_move_to_local___v2___compat(u64 dsq, u64 enq_flags) __ksym __weak;

static __always_inline bool dsq_move_to_local(u64 dsq)
{
	if (bpf_ksym_exists(scx_bpf_dsq_move_to_local___v2___compat))
		return scx_bpf_dsq_move_to_local___v2___compat(dsq, 0);
	if (bpf_ksym_exists(scx_bpf_dsq_move_to_local___compat))
		return scx_bpf_dsq_move_to_local___compat(dsq);
	return scx_bpf_consume___compat(dsq);
}

/* 6.12: dispatch_from_dsq; 6.13: dsq_move. */
void scx_bpf_dispatch_from_dsq_set_slice___compat(struct bpf_iter_scx_dsq *it,
						  u64 slice) __ksym __weak;
void scx_bpf_dispatch_from_dsq_set_vtime___compat(struct bpf_iter_scx_dsq *it,
						  u64 vtime) __ksym __weak;
bool scx_bpf_dispatch_vtime_from_dsq___compat(struct bpf_iter_scx_dsq *it, struct task_struct *p,
					      u64 dsq, u64 flags) __ksym __weak;
void scx_bpf_dsq_move_set_slice___compat(struct bpf_iter_scx_dsq *it, u64 slice) __ksym __weak;
void scx_bpf_dsq_move_set_vtime___compat(struct bpf_iter_scx_dsq *it, u64 vtime) __ksym __weak;
bool scx_bpf_dsq_move_vtime___compat(struct bpf_iter_scx_dsq *it, struct task_struct *p, u64 dsq,
				     u64 flags) __ksym __weak;

extern const struct rq runqueues __ksym __weak;

/* 7.2: the kernel knows which runqueue is held, and chooses anew when its lock was let go of. */
static __always_inline bool dsq_move_knows_lock(void)
{
	return bpf_core_field_exists(struct scx_rq, lock_drop_seq);
}

/*
 * Whether a task can be moved now. ops.dispatch holds the lock of the runqueue that it looks for
 * work for, and a move takes that of the task's. Before 7.2 the kernel exchanges the one for the
 * other only where the runqueue of the CPU that it runs on is marked as looking for work, and takes
 * the second beside the first where not: the machine stops for good when that is the same lock, or
 * when another CPU takes the two the other way round. It is marked in every dispatch that a CPU does
 * for itself. Under core scheduling the threads of a core share one lock and look for work for each
 * other, and a sibling can take the mark away while the lock is exchanged. The mark changes under the
 * lock only, so nothing comes between this and a move.
 */
static __always_inline bool dsq_can_move(void)
{
	const struct rq *rq;

	if (dsq_move_knows_lock() ||
	    !bpf_core_enum_value_exists(enum scx_rq_flags, SCX_RQ_IN_BALANCE) ||
	    !bpf_ksym_exists(&runqueues))
		return true;
	rq = bpf_this_cpu_ptr(&runqueues);
	return rq->scx.flags & KVAL(scx_rq_flags, SCX_RQ_IN_BALANCE);
}

/* Move p from DSQ src, if it is there, to dst. O(1) in the length of src. Only if dsq_can_move(). */
static __always_inline bool dsq_move_vtime(struct task_struct *p, u64 src, u64 dst, u64 slice_ns,
					   u64 vtime)
{
	struct bpf_iter_scx_dsq it;
	bool moved = false;

	if (!bpf_iter_scx_dsq_new(&it, src, 0)) {
		if (bpf_ksym_exists(scx_bpf_dsq_move_vtime___compat)) {
			scx_bpf_dsq_move_set_slice___compat(&it, slice_ns);
			scx_bpf_dsq_move_set_vtime___compat(&it, vtime);
			moved = scx_bpf_dsq_move_vtime___compat(&it, p, dst, 0);
		} else {
			scx_bpf_dispatch_from_dsq_set_slice___compat(&it, slice_ns);
			scx_bpf_dispatch_from_dsq_set_vtime___compat(&it, vtime);
			moved = scx_bpf_dispatch_vtime_from_dsq___compat(&it, p, dst, 0);
		}
	}
	bpf_iter_scx_dsq_destroy(&it);
	return moved;
}

/*
 * The task at the head of a DSQ and its vtime; false when the DSQ is empty. An iterator does on all kernels
 * what dsq_peek does since 6.19 (and does right since 7.1). Where RCU is held, see CONTEXTS.md.
 */
static __always_inline bool dsq_head(u64 dsq, s32 *ret_pid, u64 *ret_vtime)
{
	struct bpf_iter_scx_dsq it;
	struct task_struct *p;
	bool found = false;

	if (!bpf_iter_scx_dsq_new(&it, dsq, 0)) {
		p = bpf_iter_scx_dsq_next(&it);
		if (p) {
			*ret_pid = p->pid;
			*ret_vtime = p->scx.dsq_vtime;
			found = true;
		}
	}
	bpf_iter_scx_dsq_destroy(&it);
	return found;
}

static __always_inline bool dsq_head_vtime(u64 dsq, u64 *ret_vtime)
{
	s32 pid;

	return dsq_head(dsq, &pid, ret_vtime);
}

/* ---- A running task's slice ----------------------------------------------------------------- */

/* 6.19: a kfunc; before that a direct store. */
bool scx_bpf_task_set_slice(struct task_struct *p, u64 slice) __ksym __weak;

static __always_inline void task_set_slice(struct task_struct *p, u64 slice_ns)
{
	if (bpf_ksym_exists(scx_bpf_task_set_slice))
		scx_bpf_task_set_slice(p, slice_ns);
	else
		p->scx.slice = slice_ns;
}

/* ---- Idle CPUs ------------------------------------------------------------------------------ */

/* 6.16: one kfunc for both contexts; 6.19: with its arguments in a struct. */
s32 scx_bpf_select_cpu_and___compat(struct task_struct *p, s32 prev_cpu, u64 wake_flags,
				    const struct cpumask *allowed, u64 flags) __ksym __weak;
s32 __scx_bpf_select_cpu_and(struct task_struct *p, const struct cpumask *allowed,
			     struct scx_bpf_select_cpu_and_args *args) __ksym __weak;

static __always_inline bool have_select_cpu_and(void)
{
	return bpf_core_type_exists(struct scx_bpf_select_cpu_and_args) ||
	       bpf_ksym_exists(scx_bpf_select_cpu_and___compat);
}

/* Claim an idle CPU for p, or a negative errno. Only where have_select_cpu_and(). */
static __always_inline s32 select_cpu_and(struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	if (bpf_core_type_exists(struct scx_bpf_select_cpu_and_args)) {
		struct scx_bpf_select_cpu_and_args args = {
			.prev_cpu = prev_cpu,
			.wake_flags = wake_flags,
		};

		return __scx_bpf_select_cpu_and(p, p->cpus_ptr, &args);
	}
	return scx_bpf_select_cpu_and___compat(p, prev_cpu, wake_flags, p->cpus_ptr, 0);
}

/* 6.15: idle tracking per NUMA node. With it, the kfuncs without a node end the scheduler. */
s32 scx_bpf_pick_idle_cpu_node(const struct cpumask *mask, s32 node, u64 flags) __ksym __weak;
const struct cpumask *scx_bpf_get_idle_smtmask_node(s32 node) __ksym __weak;
s32 scx_bpf_cpu_node(s32 cpu) __ksym __weak;

/*
 * Claim an idle CPU of the mask, or a negative errno. per_node: idle CPUs are tracked for each node,
 * and the one that this CPU belongs to is searched first.
 */
static __always_inline s32 pick_idle_cpu(const struct cpumask *mask, bool per_node, s32 cpu)
{
	if (per_node && bpf_ksym_exists(scx_bpf_pick_idle_cpu_node))
		return scx_bpf_pick_idle_cpu_node(mask, scx_bpf_cpu_node(cpu), 0);
	return scx_bpf_pick_idle_cpu(mask, 0);
}

/* All threads of this CPU's core are idle. */
static __always_inline bool core_is_idle(s32 cpu, bool per_node)
{
	const struct cpumask *mask;
	bool idle;

	if (per_node && bpf_ksym_exists(scx_bpf_get_idle_smtmask_node))
		mask = scx_bpf_get_idle_smtmask_node(scx_bpf_cpu_node(cpu));
	else
		mask = scx_bpf_get_idle_smtmask();
	idle = bpf_cpumask_test_cpu(cpu, mask);
	scx_bpf_put_idle_cpumask(mask);
	return idle;
}

/* ---- Contexts ------------------------------------------------------------------------------- */

/* x86. 6.12: a member of pcpu_hot; 6.15: a variable. */
extern const struct pcpu_hot pcpu_hot __ksym __weak;
extern const int __preempt_count __ksym __weak;

/* The low bits of preempt_count that are set in interrupts: NMI, hard and soft (<linux/preempt.h>). */
#define INTERRUPT_MASK 0x00ff0100

/*
 * The current task does what is being done: no interrupt does. False where that cannot be told. On
 * x86 the count is the CPU's, on arm64 the task's.
 */
static __always_inline bool in_task(void)
{
	if (bpf_ksym_exists(&__preempt_count))
		return !(*(const int *)bpf_this_cpu_ptr(&__preempt_count) & INTERRUPT_MASK);
	if (bpf_ksym_exists(&pcpu_hot) && bpf_core_field_exists(struct pcpu_hot, preempt_count))
		return !(((const struct pcpu_hot *)bpf_this_cpu_ptr(&pcpu_hot))->preempt_count &
			 INTERRUPT_MASK);
	if (bpf_core_field_exists(struct task_struct, thread_info.preempt.count))
		return !(bpf_get_current_task_btf()->thread_info.preempt.count & INTERRUPT_MASK);
	return false;
}

/* ---- Knowledge about CPUs that not every kernel configuration has --------------------------- */

extern const int sched_core_priority __ksym __weak; /* CONFIG_SCHED_MC_PRIO */
extern const int sd_llc_id __ksym __weak;

/* The kernel's idea of how fast a CPU is compared to others; equal on symmetric machines. */
static __always_inline int core_priority(s32 cpu)
{
	const int *priority;

	if (!bpf_ksym_exists(&sched_core_priority))
		return 0;
	priority = bpf_per_cpu_ptr(&sched_core_priority, cpu);
	return priority ? *priority : 0;
}

static __always_inline bool same_llc(s32 a, s32 b)
{
	const int *ida, *idb;

	if (!bpf_ksym_exists(&sd_llc_id))
		return true;
	ida = bpf_per_cpu_ptr(&sd_llc_id, a);
	idb = bpf_per_cpu_ptr(&sd_llc_id, b);
	return ida && idb && *ida == *idb;
}

#endif /* RUSTLAND_COMPAT_BPF_H */
