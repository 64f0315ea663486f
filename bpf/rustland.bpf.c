/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF backend: mechanism and a safety net, no policy. What the kernel calls is in here.
 *
 *   wakeup --> select_cpu: an idle CPU? run there at once
 *          --> enqueue:    exempt? throttled? slice unfinished? wakeup granted? policy late? queue it
 *                          else ask the policy and park the task
 *   CPU free -> dispatch:  carry out decisions, run the scheduler thread if it has work,
 *                          else the most urgent waiting task, else go on with the last one
 *
 * One file answers one question; each uses only those below it:
 *
 *   ask.bpf.h       how is the policy asked, and what becomes of its decision?
 *   account.bpf.h   what has a task used?             crowd.bpf.h   do too many wait?
 *   class.bpf.h     what has user space said of it?   queue.bpf.h   who waits where?
 *   group.bpf.h     what does it weigh?               preempt.bpf.h which busy CPU to interrupt?
 *                                                     idle.bpf.h    which idle CPU to take?
 *   throttle.bpf.h  who is held back?                 starved.bpf.h who was forgotten?
 *                                                     timer.bpf.h   when to look again?
 *   limit.bpf.h     what is left of a limit?          state.bpf.h   what is remembered?
 *   estimate.h      the arithmetic                    compat.bpf.h  what differs between kernels?
 *   intf.h          what does librustland see?        kernel.h      the kernel's types
 *
 * This file must never decide who is more important; it compares deadlines that the policy made,
 * or that estimate.h extrapolated from them.
 */
#include "ask.bpf.h"
#include "starved.bpf.h"
#include "throttle.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define OPS(name, args...) SEC("struct_ops/rustland_" #name) BPF_PROG(rustland_##name, ##args)
#define OPS_SLEEPABLE(name, args...)                                                               \
	SEC("struct_ops.s/rustland_" #name) BPF_PROG(rustland_##name, ##args)

#define HEARTBEAT_NS (1000ULL * 1000 * 1000)

/* ---- Wakeups -------------------------------------------------------------------------------- */

s32 OPS(select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	struct task_ctx *tctx = task_ctx(p);
	s32 cpu, this_cpu;

	if (!may_run_on(p, prev_cpu)) {
		this_cpu = bpf_get_smp_processor_id();
		prev_cpu = may_run_on(p, this_cpu) ? this_cpu : (s32)bpf_cpumask_first(p->cpus_ptr);
	}
	if (!tctx || is_policy_thread(p))
		return prev_cpu;
	tctx->sync_wake = wake_flags & KVAL(scx_wake_flags, SCX_WAKE_SYNC);
	tctx->may_owe = true;
	inherit_class(tctx);
	if (!opt_builtin_idle || task_throttled_until(tctx, now_ns()))
		return prev_cpu;

	cpu = claim_best_idle_cpu(p, prev_cpu, wake_flags, true);
	if (cpu < 0)
		return prev_cpu;
	if (nobody_waits_for(cpu)) {
		decide_by_estimate(p, tctx, true, 0);
		start_here(p, opt_slice_ns, 0);
		count(nr_kernel_dispatches);
	}
	return cpu;
}

/*
 * A wakeup that did not pass through select_cpu (it was queued on the CPU it last ran on): look for
 * an idle CPU now. Only the task's own CPU can be used directly from here. For another CPU the task
 * goes where any CPU may take it, in case the other CPU is just about to go offline.
 */
static __always_inline bool start_on_idle_cpu(struct task_struct *p, struct task_ctx *tctx,
					      u64 enq_flags)
{
	s32 own = scx_bpf_task_cpu(p), cpu;

	if (!opt_builtin_idle || enq_flags & KVAL(scx_enq_flags, SCX_ENQ_CPU_SELECTED))
		return false;
	cpu = claim_best_idle_cpu(p, own, KVAL(scx_wake_flags, SCX_WAKE_TTWU), false);
	if (cpu < 0)
		return false;
	if (!may_run_on(p, cpu) || !nobody_waits_for(cpu)) {
		scx_bpf_kick_cpu(cpu, KVAL(scx_kick_flags, SCX_KICK_IDLE));
		return false;
	}
	decide_by_estimate(p, tctx, true, 0);
	if (cpu == own)
		start_here(p, opt_slice_ns, enq_flags);
	else
		queue_quietly(p, RL_CPU_ANY, opt_slice_ns, tctx->deadline, enq_flags);
	scx_bpf_kick_cpu(cpu, KVAL(scx_kick_flags, SCX_KICK_IDLE));
	count(nr_kernel_dispatches);
	return true;
}

/* False: the policy is asked about p like about any other task. */
static __always_inline bool queue_if_never_asked(struct task_struct *p, u64 enq_flags)
{
	bool wakeup = enq_flags & KVAL(scx_enq_flags, SCX_ENQ_WAKEUP);

	if (is_policy_thread(p)) {
		queue_policy(p, policy_late(now_ns()) ? opt_slice_min_ns : opt_slice_ns, enq_flags);
		if (wakeup) {
			shared.heartbeat_due = true;
			run_policy_soon(p, shared.frontier - opt_slice_ns);
		}
		return true;
	}
	if (is_exempt(p) && wakeup)
		enq_flags |= KVAL(scx_enq_flags, SCX_ENQ_PREEMPT);
	if (is_policy_helper(p) || is_exempt(p)) {
		start_here(p, opt_slice_ns, enq_flags);
		count(nr_kernel_dispatches);
		return true;
	}
	return false;
}

void OPS(enqueue, struct task_struct *p, u64 enq_flags)
{
	bool wakeup = enq_flags & KVAL(scx_enq_flags, SCX_ENQ_WAKEUP);
	struct task_ctx *tctx;
	u64 now;

	if (queue_if_never_asked(p, enq_flags))
		return;
	tctx = task_ctx(p);
	if (!tctx) {
		/* Without memory about a task it is still never lost. */
		queue_now(p, RL_CPU_ANY, opt_slice_ns, shared.frontier, enq_flags, false);
		count(nr_kernel_dispatches);
		return;
	}

	tctx->generation++;
	now = now_ns();
	if (throttle(p, tctx, enq_flags, now))
		return;
	if (enq_flags & KVAL(scx_enq_flags, SCX_ENQ_LAST)) {
		start_here(p, opt_slice_ns, enq_flags);
		count(nr_kernel_dispatches);
		return;
	}
	if (tctx->yielded && !wakeup) {
		queue_behind(p, tctx, enq_flags);
		return;
	}
	if (wakeup && start_on_idle_cpu(p, tctx, enq_flags))
		return;
	if (!wakeup && resume_unfinished(p, tctx, enq_flags))
		return;
	if (wakeup && wakeup_is_granted(&tctx->grant, now)) {
		queue_granted(p, tctx, enq_flags, now);
		return;
	}
	if (policy_can_decide(now)) {
		if (ask(p, tctx, enq_flags, now))
			return;
		count(nr_sched_congested);
	} else if (shared.asleep) {
		wake_policy();
		count(nr_kernel_dispatches);
	} else {
		count(nr_late);
	}
	queue_by_estimate(p, tctx, enq_flags);
}

/* ---- A CPU looks for work ------------------------------------------------------------------- */

static __always_inline bool is_runnable(const struct task_struct *p)
{
	return p->scx.flags & KVAL(scx_ent_flags, SCX_TASK_QUEUED);
}

/* Nobody else wants this CPU: it goes on with prev, which is runnable. */
static __always_inline void go_on_with(s32 cpu, struct task_struct *prev, u64 now)
{
	/* Somebody who is being decided about right now should not have to wait a whole slice. */
	u64 slice_ns = somebody_is_parked() ? opt_slice_min_ns : opt_slice_ns;
	struct task_ctx *tctx;

	if (is_policy_thread(prev)) {
		if (policy_has_work())
			task_set_slice(prev, policy_late(now) ? opt_slice_min_ns : opt_slice_ns);
		return;
	}
	tctx = task_ctx(prev);
	if (tctx && !is_policy_helper(prev) && !is_exempt(prev)) {
		account_runtime(prev, tctx);
		if (!limit_going_on(cpu, prev, tctx, now, &slice_ns))
			return;
		decide_by_estimate(prev, tctx, false, 0);
		account_going_on(cpu, tctx, now + slice_ns, true);
	}
	task_set_slice(prev, slice_ns);
}

/*
 * The scheduler thread comes first while it has work. When it has just been here, it goes on only
 *   - for new requests. Tasks that it holds back are no reason: one of them may have to wait for
 *     a task that is queued;
 *   - while it is not late. A policy in an endless loop answers nobody, and shares the CPU with the
 *     others.
 */
static __always_inline bool policy_comes_first(struct task_struct *prev, u64 now)
{
	if (!prev || !is_policy_thread(prev))
		return policy_has_work() && take_policy();
	if (!is_runnable(prev) || !policy_has_requests() || policy_late(now))
		return false;
	task_set_slice(prev, opt_slice_ns);
	return true;
}

/*
 * prev has used up its slice and would still be the next: it goes on, and nobody is asked. So a heavy task beside a
 * light one keeps its CPU for as long as it is worth, whatever the longest slice is.
 */
static __always_inline bool goes_on(s32 cpu, struct task_struct *prev)
{
	struct estimate_limits limits;
	struct task_ctx *tctx;
	u64 deadline, head, slice_ns;
	u32 weight;

	if (is_policy_thread(prev) || is_policy_helper(prev) || is_exempt(prev))
		return false;
	tctx = task_ctx(prev);
	if (!tctx || !tctx->goes_on || tctx->yielded || !earliest_waiting(cpu, &head))
		return false;
	account_runtime(prev, tctx);
	weight = weight_of(tctx);
	limits = estimate_limits(weight);
	deadline = tctx->deadline + weighted(tctx->runtime_ns - tctx->decided_runtime_ns, weight);
	if (!before(deadline, head))
		return false;
	set_deadline(tctx, deadline, 0);
	slice_ns = somebody_is_parked() ? opt_slice_min_ns
					: lead_slice(&limits, deadline, head, weight);
	if (!limit_going_on(cpu, prev, tctx, tctx->started_at_ns, &slice_ns))
		return false;
	account_going_on(cpu, tctx, tctx->started_at_ns + slice_ns, false);
	task_set_slice(prev, slice_ns);
	return true;
}

static __always_inline void look_for_work(s32 cpu, struct task_struct *prev)
{
	u64 now = now_ns();

	drain_decisions();
	unthrottle(now);
	hurry_starved(cpu, now);
	if (policy_comes_first(prev, now))
		return;
	if (somebody_is_parked() && park_is_orphaned(now) && take_next_orphan(cpu))
		return;
	if (prev && is_runnable(prev) && goes_on(cpu, prev))
		return;
	if (take_next(cpu))
		return;
	if (somebody_is_parked() && park_has_forgotten(now) && take_next_orphan(cpu))
		return;
	if (prev && is_runnable(prev))
		go_on_with(cpu, prev, now);
}

/*
 * Under core scheduling a CPU picks for its siblings, too. Before 7.2 the kernel remembers what
 * prev was when it called: when the lock is let go of for a move, prev may go to sleep or be replaced
 * on its own CPU. The kernel goes on to choose prev all the same, or the task that runs there now, even
 * if that sleeps, where no wakeup finds it any more. So nothing is moved for a sibling. The sibling goes
 * on with prev, and looks for work itself, at once, when prev's slice is over.
 */
static __always_inline bool is_for_sibling(s32 cpu)
{
	return !dsq_move_knows_lock() && cpu != (s32)bpf_get_smp_processor_id();
}

static __always_inline void leave_to_sibling(s32 cpu, struct task_struct *prev)
{
	if (!prev || !is_runnable(prev))
		return;
	/* Not 0, for which the kernel puts 20 ms of its own. */
	task_set_slice(prev, 1);
	scx_bpf_kick_cpu(cpu, 0);
}

void OPS(dispatch, s32 cpu, struct task_struct *prev)
{
	if (is_for_sibling(cpu))
		leave_to_sibling(cpu, prev);
	else
		look_for_work(cpu, prev);
}

/*
 * sched_yield(2). Where nobody waits for this CPU the task goes on at once. No task yields to one that it
 * names: the kernel does not need it.
 */
bool OPS(yield, struct task_struct *from, struct task_struct *to)
{
	struct task_ctx *tctx;

	/* The scheduler thread gives up its CPU in this way after each round, and has a queue of its own. */
	tctx = is_policy_thread(from) ? NULL : task_ctx(from);
	if (tctx)
		tctx->yielded = true;
	task_set_slice(from, 0);
	return false;
}

/* ---- Accounting ----------------------------------------------------------------------------- */

void OPS(runnable, struct task_struct *p, u64 enq_flags)
{
	struct task_ctx *tctx;

	if (is_policy_thread(p)) {
		shared.policy_awake = true;
		return;
	}
	tctx = task_ctx(p);
	if (!tctx)
		return;
	account_wakeup(tctx);
	join_group(p, tctx);
}

void OPS(running, struct task_struct *p)
{
	struct task_ctx *tctx = task_ctx(p);

	if (!tctx)
		return;
	if (is_policy_thread(p)) {
		shared.heartbeat_due = false;
		shared.policy_cpu = scx_bpf_task_cpu(p);
		policy_confined = is_confined(p);
		tctx->started_at_ns = now_ns();
		return;
	}
	account_running(p, tctx);
	if (is_policy_helper(p) || is_exempt(p))
		return;
	limit_running(p, tctx);
	end_light_slice(p, tctx);
}

void OPS(stopping, struct task_struct *p, bool runnable)
{
	struct task_ctx *tctx = task_ctx(p);
	s64 ran_ns;

	if (!tctx)
		return;
	if (is_policy_thread(p)) {
		shared.policy_cpu = -1;
		ran_ns = now_ns() - tctx->started_at_ns;
		account_policy(ran_ns > 0 ? ran_ns : 0);
		return;
	}
	account_stopping(p, tctx);
}

void OPS(quiescent, struct task_struct *p, u64 deq_flags)
{
	struct task_ctx *tctx;

	if (is_policy_thread(p)) {
		shared.policy_awake = false;
		return;
	}
	tctx = task_ctx(p);
	if (!tctx)
		return;
	leave_group(tctx);
	if (deq_flags & KVAL(scx_deq_flags, SCX_DEQ_SLEEP))
		account_sleep(tctx);
}

/* ---- Tasks and the scheduler come and go ---------------------------------------------------- */

s32 OPS(init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	struct task_ctx *tctx =
		bpf_task_storage_get(&task_ctxs, p, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!tctx)
		return -ENOMEM;
	if (args->fork)
		inherit_trees(tctx);
	else
		recall_trees(p, tctx);
	return 0;
}

void OPS(exit_task, struct task_struct *p, struct scx_exit_task_args *args)
{
	struct task_ctx *tctx = task_ctx(p);

	remove_member(p);
	if (tctx)
		forget_group(tctx);
}

/* p comes from another scheduling class, or is new: nothing that was known about it holds. */
void OPS(enable, struct task_struct *p)
{
	struct task_ctx *tctx = task_ctx(p);

	if (!tctx)
		return;
	add_member(p, tctx);
	tctx->known = false;
	tctx->placed = false;
	tctx->waits_since_ns = now_ns();
	tctx->slice_ns = 0;
	tctx->grant.left = 0;
	tctx->notice = 0;
	tctx->state[0] = 0;
	tctx->state[1] = 0;
}

static u64 frontier_at_beat, clock_at_beat;

/*
 * Where no policy decides, tasks that sleep more than they run always come back with a deadline behind the
 * frontier. If they are enough to use all CPUs, the frontier stands still, and a task ahead of it would never
 * have its turn. So it moves half as far as the fair share does, at least. Not as far: hogs beside sleepers have less than
 * that, and a frontier that is far ahead of all of them says nothing of who is earlier.
 */
static __always_inline void move_frontier_on(void)
{
	u64 least = frontier_at_beat + (shared.clock - clock_at_beat) / 2;

	if (!policy_can_decide(now_ns()) && before(shared.frontier, least))
		shared.frontier = least;
	frontier_at_beat = shared.frontier;
	clock_at_beat = shared.clock;
}

/*
 * Once a second the scheduler thread runs even if nothing was asked: the kernel ends a scheduler
 * one of whose runnable tasks, and the scheduler thread is one, does not get a CPU. It is also
 * the last resort for tasks that were parked just before the machine went idle.
 */
static __always_inline void beat(void)
{
	struct task_struct *p;

	shared.beats++;
	move_frontier_on();
	shared.heartbeat_due = true;
	p = shared.policy_awake ? bpf_task_from_pid(shared.policy_pid) : NULL;
	if (p) {
		scx_bpf_kick_cpu(scx_bpf_task_cpu(p), KVAL(scx_kick_flags, SCX_KICK_IDLE));
		bpf_task_release(p);
	}
	kick_idle_with_waiting();
}

static int heartbeat(void *map, int *key, struct heartbeat *hb)
{
	u64 now = now_ns(), next_ns = HEARTBEAT_NS, until;
	bool crowd;

	if (!before(now, hb->due_ns)) {
		hb->due_ns = now + HEARTBEAT_NS;
		beat();
	}
	next_ns = hb->due_ns - now;
	crowd = update_crowd();
	if (crowd && next_ns > opt_slice_min_ns)
		next_ns = opt_slice_min_ns;
	next_ns = end_slices(now, crowd, next_ns);
	until = check_throttled(now);
	if (until && before(until, now + next_ns))
		next_ns = until - now;
	timer_at(hb, now, now + next_ns);
	/* Who has asked for it just now has set the timer already, and that was overwritten. */
	if (crowded && next_ns > opt_slice_min_ns)
		timer_not_after(now, now + opt_slice_min_ns);
	if (somebody_is_throttled() && !until)
		timer_not_after(now, now + opt_slice_min_ns);
	return 0;
}

static __always_inline void note_online_cpus(void)
{
	const struct cpumask *online = scx_bpf_get_online_cpumask();
	s32 nr_cpus = scx_bpf_nr_cpu_ids(), cpu;

	bpf_for (cpu, 0, nr_cpus) {
		struct cpu_ctx *cctx = cpu_ctx(cpu);

		if (!cctx)
			continue;
		cctx->online = bpf_cpumask_test_cpu(cpu, online);
		nr_online += cctx->online;
	}
	scx_bpf_put_cpumask(online);
}

s32 OPS_SLEEPABLE(init)
{
	struct heartbeat *hb;
	u32 key = 0;
	s32 err = create_queues();

	if (err)
		return err;
	note_online_cpus();
	hb = bpf_map_lookup_elem(&heartbeats, &key);
	if (!hb)
		return -ENOENT;
	err = bpf_timer_init(&hb->timer, &heartbeats, CLOCK_BOOTTIME);
	if (!err)
		err = bpf_timer_set_callback(&hb->timer, heartbeat);
	if (!err)
		timer_at(hb, now_ns(), now_ns() + HEARTBEAT_NS);
	return err;
}

void OPS(exit, struct scx_exit_info *info)
{
	bpf_probe_read_kernel_str(exit_record.reason, sizeof(exit_record.reason), info->reason);
	bpf_probe_read_kernel_str(exit_record.message, sizeof(exit_record.message), info->msg);
	if (opt_exit_dump_len)
		bpf_probe_read_kernel_str(exit_dump, opt_exit_dump_len, info->dump);
	exit_record.code = info->exit_code;
	/* Last, and with a barrier: user space reads the rest once it sees a kind. */
	__sync_fetch_and_add(&exit_record.kind, info->kind);
}

/* ---- A program that user space calls -------------------------------------------------------- */

/*
 * The caller becomes the scheduler thread. Its ids are read here because they have to be those of
 * the initial pid namespace, which the caller may not know.
 */
SEC("syscall")
int rustland_enlist(void *ctx)
{
	u64 pid_tgid = bpf_get_current_pid_tgid();

	shared.policy_pid = (u32)pid_tgid;
	shared.policy_tgid = pid_tgid >> 32;
	shared.policy_cpu = -1;
	return 0;
}

SEC(".struct_ops.link")
struct sched_ext_ops rustland_ops = {
	.select_cpu = (void *)rustland_select_cpu,
	.enqueue = (void *)rustland_enqueue,
	.dispatch = (void *)rustland_dispatch,
	.yield = (void *)rustland_yield,
	.runnable = (void *)rustland_runnable,
	.running = (void *)rustland_running,
	.stopping = (void *)rustland_stopping,
	.quiescent = (void *)rustland_quiescent,
	.init_task = (void *)rustland_init_task,
	.exit_task = (void *)rustland_exit_task,
	.enable = (void *)rustland_enable,
	.init = (void *)rustland_init,
	.exit = (void *)rustland_exit,
	/*
	 * Larger batches fail in the kernel's per-CPU allocator. Moves between DSQs do not count.
	 */
	.dispatch_max_batch = 512,
	.timeout_ms = 5000,
	.name = "rustland",
};
