/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The scheduler loop: tasks from the backend to the policy, decisions from the policy to the backend,
 * wait. Between the first and the last iteration nothing here allocates, locks, logs, or makes a
 * system call other than the one in rl_wait(). What the backend is, the loop does not know, see
 * backend.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/internal.h"

/* Policies were compiled with these, and so was the BPF side, wherever that was. */
_Static_assert(sizeof(struct rl_task) == 168, "another size is another ABI");
_Static_assert(sizeof(struct rl_decision) == 80, "another size is another ABI");

#define TICK_NS 1000000000ULL

/*
 * Tasks taken in one go: more wait for the next round, so that the first ones get their decision.
 */
enum {
	BATCH = 256
};

/* ---- The loop's steps ----------------------------------------------------------------------- */

void rl_taken(struct rl *rl, const struct rl_task *task)
{
	if ((int64_t)(task->request - rl->newest) > 0)
		rl->newest = task->request;
	rl->taken++;
	rl->sink(rl->sink_context, task);
}

static void copy_task(void *context, const struct rl_task *task)
{
	memcpy(context, task, sizeof(*task));
}

int rl_take(struct rl *rl, struct rl_task *ret)
{
	rl->sink = copy_task;
	rl->sink_context = ret;
	return rl->backend->consume(rl, 1);
}

int rl_decide(struct rl *rl, const struct rl_decision *decision)
{
	int err = rl->backend->decide(rl, decision);

	if (err)
		return err;
	rl->decided++;
	/* The kernel looks at the ring when this differs from what it has drained. */
	__atomic_store_n(&rl->shared->submitted, rl->decided, __ATOMIC_RELEASE);
	return 0;
}

void rl_complete(struct rl *rl, uint64_t nr_held)
{
	rl->held = nr_held;
	__atomic_store_n(&rl->rounds, rl->rounds + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&rl->shared->held, nr_held, __ATOMIC_RELAXED);
	__atomic_store_n(&rl->shared->answered, rl->newest, __ATOMIC_RELEASE);
}

/*
 * Block until the kernel wakes this thread or rl_stop() is called. The flag is set before the
 * last look at the number of requests, and the kernel looks at the flag after it has found nobody
 * awake, so no wakeup is lost; the backend's time limit is for a scheduler that the kernel has ended
 * meanwhile. True when it was woken.
 */
static bool sleep_until_needed(struct rl *rl)
{
	bool woken = false;

	__atomic_store_n(&rl->shared->asleep, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&rl->shared->asked, __ATOMIC_SEQ_CST) == rl->newest)
		woken = rl->backend->sleep(rl);
	__atomic_store_n(&rl->shared->asleep, 0, __ATOMIC_SEQ_CST);
	return woken;
}

/*
 * Whether tasks are held back that still wait for their decision. A policy that forgets one says so
 * for ever, but no task waits for longer than half a second (bpf/ask.bpf.h): a claim that has not
 * changed for a whole heartbeat, a second, is void.
 */
static bool holds(struct rl *rl)
{
	uint64_t mark = rl->taken + rl->decided;
	uint32_t beat = __atomic_load_n(&rl->shared->beats, __ATOMIC_RELAXED);

	if (rl->held_mark != mark) {
		rl->held_mark = mark;
		rl->held_since_beat = beat;
	}
	return rl->held && beat - rl->held_since_beat < 2;
}

void rl_wait(struct rl *rl)
{
	bool was_needed = rl->newest != rl->seen_when_woken || rl->just_woken;
	bool holds_back = holds(rl);

	rl->seen_when_woken = rl->newest;
	/*
	 * With work at hand the thread stays runnable: the kernel side takes it off its CPU and
	 * puts it back only when there is work, which needs no wakeup; and a thread that is not
	 * runnable any more is known at once to be unable to answer. Only the heartbeat brings it
	 * here without any task to decide about: then a second has passed without a question, and
	 * it really sleeps, so that an idle machine has a load of zero.
	 */
	rl->just_woken = false;
	if (was_needed || holds_back)
		rl->backend->yield(rl);
	else
		rl->just_woken = sleep_until_needed(rl);
}

bool rl_exited(const struct rl *rl)
{
	return rl->backend->exited(rl);
}

void rl_stop(struct rl *rl)
{
	atomic_store_explicit(&rl->stop, true, memory_order_relaxed);
	/* The next CPU that looks for work runs the scheduler thread, which then sees it ... */
	__atomic_store_n(&rl->shared->heartbeat_due, 1, __ATOMIC_RELEASE);
	/* ... unless it sleeps. */
	rl->backend->wake(rl);
}

/* ---- Driving a policy ----------------------------------------------------------------------- */

struct loop {
	struct rl_policy policy;
	void *state;
	uint64_t now_ns, ticked_at_ns; /* the newest task's time is the loop's clock */
	struct rl_decision spill;      /* could not be sent, for policies without undo() */
	bool spilled;
};

static void enqueue(void *context, const struct rl_task *task)
{
	struct loop *loop = context;

	loop->now_ns = task->enqueued_at_ns;
	loop->policy.enqueue(loop->state, task);
}

static bool next(struct loop *loop, struct rl_decision *ret)
{
	if (loop->spilled) {
		*ret = loop->spill;
		loop->spilled = false;
		return true;
	}
	memset(ret, 0, sizeof(*ret));
	return loop->policy.next(loop->state, ret);
}

static void undo(struct loop *loop, const struct rl_decision *decision)
{
	if (loop->policy.undo) {
		loop->policy.undo(loop->state, decision);
	} else {
		loop->spill = *decision;
		loop->spilled = true;
	}
}

static bool ended(const struct rl *rl)
{
	return atomic_load_explicit(&rl->stop, memory_order_relaxed) || rl_exited(rl);
}

static void iterate(struct rl *rl, struct loop *loop)
{
	struct rl_decision decision;
	int64_t held;

	rl->backend->consume(rl, BATCH);
	/* A policy may have one more decision each time, and has to be stopped all the same. */
	while (!ended(rl) && next(loop, &decision)) {
		if (rl_decide(rl, &decision)) {
			undo(loop, &decision);
			break;
		}
	}
	/* One decision for each task, sooner or later: the difference is what the policy holds. */
	held = (int64_t)(rl->taken - rl->decided);
	rl_complete(rl, held > 0 ? (uint64_t)held : 0);

	/* Signed: CPUs number their requests in another order than they look at the time. */
	if (loop->policy.tick && (int64_t)(loop->now_ns - loop->ticked_at_ns) >= (int64_t)TICK_NS) {
		loop->policy.tick(loop->state, loop->now_ns);
		loop->ticked_at_ns = loop->now_ns;
	}
	rl_wait(rl);
}

/* Callers may know a shorter or a longer struct rl_policy_config. */
static int take_config(struct rl_policy_config *ret, const struct rl_policy_config *config)
{
	if (!config || config->sz < sizeof(config->sz) || config->sz > 4096)
		return -EINVAL;
	*ret = (struct rl_policy_config){0};
	memcpy(ret, config, config->sz < sizeof(*ret) ? config->sz : sizeof(*ret));
	ret->sz = sizeof(*ret);
	if (!ret->nr_cpus || !ret->slice_min_ns || ret->slice_min_ns > ret->slice_ns)
		return -EINVAL;
	return 0;
}

int rl_run(struct rl *rl, const struct rl_policy *policy, const struct rl_policy_config *config)
{
	struct loop loop = {0};
	struct rl_policy_config c;
	int err = take_config(&c, config);

	if (err)
		return err;
	if (rl_policy_fault(policy))
		return -EINVAL;
	memcpy(&loop.policy, policy,
	       policy->sz < sizeof(loop.policy) ? policy->sz : sizeof(loop.policy));
	loop.state = calloc(1, loop.policy.state_size ? loop.policy.state_size : 1);
	if (!loop.state)
		return -ENOMEM;
	if (loop.policy.init)
		err = loop.policy.init(loop.state, &c);
	if (!err) {
		rl->sink = enqueue;
		rl->sink_context = &loop;
		while (!ended(rl))
			iterate(rl, &loop);
		if (loop.policy.fini)
			loop.policy.fini(loop.state);
	}
	free(loop.state);
	return err;
}
