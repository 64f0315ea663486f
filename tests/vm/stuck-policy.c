/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A policy with two bugs: of tasks that come together it answers for the last only, and after two
 * hundred it never comes back from enqueue(). For stuck.sh, which wants to see the machine go on.
 */
#include <rustland.h>

struct stuck {
	struct rl_decision last;
	uint64_t taken;
	bool pending;
};

static void enqueue(void *state, const struct rl_task *task)
{
	struct stuck *stuck = state;

	if (++stuck->taken > 200)
		for (;;)
			__asm__ volatile("" ::: "memory");
	stuck->last = rl_decide_for(task);
	stuck->last.deadline = task->enqueued_at_ns;
	stuck->pending = true;
}

static bool next(void *state, struct rl_decision *ret)
{
	struct stuck *stuck = state;

	if (!stuck->pending)
		return false;
	*ret = stuck->last;
	stuck->pending = false;
	return true;
}

const struct rl_policy rl_policy = {
	.version = RL_POLICY_VERSION,
	.sz = sizeof(struct rl_policy),
	.name = "stuck",
	.summary = "stops answering",
	.state_size = sizeof(struct stuck),
	.enqueue = enqueue,
	.next = next,
};
