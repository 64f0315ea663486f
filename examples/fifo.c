/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The smallest useful policy, to copy: whoever asked first runs first, on any CPU, for the longest
 * slice. Try it with
 *
 *	scx_rustland --policy examples/.libs/fifo.so
 *
 * It must never allocate, lock, log or ask for the time outside init() and fini(); see rustland.h.
 */
#include <rustland.h>

struct fifo {
	struct rl_pool *pool;
	uint64_t slice_ns;
};

static int fifo_init(void *state, const struct rl_policy_config *config)
{
	struct fifo *fifo = state;

	fifo->slice_ns = config->slice_ns;
	return rl_pool_new(&fifo->pool, 8192);
}

static void fifo_fini(void *state)
{
	struct fifo *fifo = state;

	rl_pool_free(&fifo->pool);
}

static void fifo_enqueue(void *state, const struct rl_task *task)
{
	struct fifo *fifo = state;
	struct rl_decision decision = rl_decide_for(task);

	decision.slice_ns = fifo->slice_ns;
	decision.deadline = task->enqueued_at_ns;
	/* When the pool is full nobody answers for this task, and the kernel runs it by itself. */
	rl_pool_push(fifo->pool, &decision, task->enqueued_at_ns);
}

static bool fifo_next(void *state, struct rl_decision *ret)
{
	struct fifo *fifo = state;

	return rl_pool_pop(fifo->pool, ret);
}

const struct rl_policy rl_policy = {
	.version = RL_POLICY_VERSION,
	.sz = sizeof(struct rl_policy),
	.name = "fifo",
	.summary = "first come, first served",
	.state_size = sizeof(struct fifo),
	.init = fifo_init,
	.fini = fifo_fini,
	.enqueue = fifo_enqueue,
	.next = fifo_next,
};
