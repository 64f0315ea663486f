/* SPDX-License-Identifier: GPL-2.0-only */
/* A policy that loads and cannot start: service.sh sees to it that nothing is lost by that. */
#include <errno.h>

#include <rustland.h>

static int init(void *state, const struct rl_policy_config *config)
{
	(void)state, (void)config;
	return -ENODEV;
}

static void enqueue(void *state, const struct rl_task *task)
{
	(void)state, (void)task;
}

static bool next(void *state, struct rl_decision *ret)
{
	(void)state, (void)ret;
	return false;
}

const struct rl_policy rl_policy = {
	.version = RL_POLICY_VERSION,
	.sz = sizeof(struct rl_policy),
	.name = "unable",
	.summary = "cannot start",
	.init = init,
	.enqueue = enqueue,
	.next = next,
};
