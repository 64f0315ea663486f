/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The scheduler loop: tasks from the ring to the policy, decisions from the policy to the ring,
 * wait. Between the first and the last iteration nothing here allocates, locks, logs, or makes a
 * system call other than the one in rl_wait().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/internal.h"

#define TICK_NS 1000000000ULL

struct loop {
	const struct rl_policy *policy;
	void *state;
	uint64_t now_ns, ticked_at_ns; /* the newest task's time is the loop's clock */
	struct rl_decision spill;      /* could not be sent, for policies without undo() */
	bool spilled;
};

static void enqueue(void *context, const struct rl_task *task)
{
	struct loop *loop = context;

	loop->now_ns = task->enqueued_at_ns;
	loop->policy->enqueue(loop->state, task);
}

static bool next(struct loop *loop, struct rl_decision *ret)
{
	if (loop->spilled) {
		*ret = loop->spill;
		loop->spilled = false;
		return true;
	}
	memset(ret, 0, sizeof(*ret));
	return loop->policy->next(loop->state, ret);
}

static void undo(struct loop *loop, const struct rl_decision *decision)
{
	if (loop->policy->undo) {
		loop->policy->undo(loop->state, decision);
	} else {
		loop->spill = *decision;
		loop->spilled = true;
	}
}

static void iterate(struct rl *rl, struct loop *loop)
{
	struct rl_decision decision;
	int64_t held;

	rl_consume(rl);
	while (next(loop, &decision)) {
		if (rl_decide(rl, &decision)) {
			undo(loop, &decision);
			break;
		}
	}
	/* One decision for each task, sooner or later: the difference is what the policy holds. */
	held = (int64_t)(rl->taken - rl->decided);
	rl_complete(rl, held > 0 ? (uint64_t)held : 0);

	/* Signed: CPUs number their requests in another order than they look at the time. */
	if (loop->policy->tick &&
	    (int64_t)(loop->now_ns - loop->ticked_at_ns) >= (int64_t)TICK_NS) {
		loop->policy->tick(loop->state, loop->now_ns);
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

RL_API int rl_run(struct rl *rl, const struct rl_policy *policy,
		  const struct rl_policy_config *config)
{
	struct loop loop = {.policy = policy};
	struct rl_policy_config c;
	int err = take_config(&c, config);

	if (err)
		return err;
	if (policy->version != RL_POLICY_VERSION || !policy->enqueue || !policy->next)
		return -EINVAL;
	loop.state = calloc(1, policy->state_size ? policy->state_size : 1);
	if (!loop.state)
		return -ENOMEM;
	if (policy->init)
		err = policy->init(loop.state, &c);
	if (!err) {
		rl->sink = enqueue;
		rl->sink_context = &loop;
		while (!atomic_load_explicit(&rl->stop, memory_order_relaxed) && !rl_exited(rl))
			iterate(rl, &loop);
		if (policy->fini)
			policy->fini(loop.state);
	}
	free(loop.state);
	return err;
}

RL_API void rl_stop(struct rl *rl)
{
	const uint64_t one = 1;
	int saved_errno = errno;

	atomic_store_explicit(&rl->stop, true, memory_order_relaxed);
	/* The next CPU that looks for work runs the scheduler thread, which then sees it ... */
	__atomic_store_n(&rl->shared->heartbeat_due, 1, __ATOMIC_RELEASE);
	/* ... unless it sleeps. Cannot fail in a way that matters: the sleep is short. */
	if (write(rl->stop_fd, &one, sizeof(one)) < 0)
		errno = saved_errno;
}
