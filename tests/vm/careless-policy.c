/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A policy that answers quickly and carelessly: it forgets every hundredth task, gives slices without an
 * end, and sends tasks to CPUs without asking whether they are there. For careless.sh, which wants to
 * see the machine go on.
 */
#include <rustland.h>

struct careless {
	struct rl_pool *pool;
	uint64_t taken;
	uint32_t nr_cpus;
};

static int init(void *state, const struct rl_policy_config *config)
{
	struct careless *careless = state;

	careless->nr_cpus = config->nr_cpus;
	return rl_pool_new(&careless->pool, 8192);
}

static void fini(void *state)
{
	struct careless *careless = state;

	rl_pool_free(&careless->pool);
}

static void enqueue(void *state, const struct rl_task *task)
{
	struct careless *careless = state;
	struct rl_decision decision = rl_decide_for(task);

	if (++careless->taken % 100 == 0)
		return;
	decision.slice_ns = UINT64_MAX;
	decision.deadline = task->enqueued_at_ns;
	/* With one CPU offline, the last number is one that is not there, or one is never used. */
	decision.cpu = task->pid % (int)(careless->nr_cpus + 1);
	rl_pool_push(careless->pool, &decision, task->enqueued_at_ns);
}

static bool next(void *state, struct rl_decision *ret)
{
	struct careless *careless = state;

	return rl_pool_pop(careless->pool, ret);
}

const struct rl_policy rl_policy = {
	.version = RL_POLICY_VERSION,
	.sz = sizeof(struct rl_policy),
	.name = "careless",
	.summary = "forgets tasks, and believes in CPUs that are offline",
	.state_size = sizeof(struct careless),
	.init = init,
	.fini = fini,
	.enqueue = enqueue,
	.next = next,
};
