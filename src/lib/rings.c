/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two rings between the kernel and the scheduler thread. Both are memory that is mapped here, so that
 * taking tasks and sending decisions costs no system call. Runs in the scheduler loop.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "internal.h"

/* Tasks taken in one go: more wait for the next round, so that the first ones get their decision. */
enum { BATCH = 256 };

static int on_queued(void *context, void *data, size_t size)
{
	struct rl *rl = context;
	const struct rl_task *task = data;

	if (size < sizeof(*task))
		return 0;
	if ((int64_t)(task->request - rl->newest) > 0)
		rl->newest = task->request;
	rl->taken++;
	rl->sink(rl->sink_context, task);
	return 0;
}

int rl_rings_open(struct rl *rl, int queued_fd, int dispatched_fd)
{
	rl->queued = ring_buffer__new(queued_fd, on_queued, rl, NULL);
	if (!rl->queued)
		return -errno;
	rl->queued_ring = ring_buffer__ring(rl->queued, 0);
	rl->dispatched = user_ring_buffer__new(dispatched_fd, NULL);
	if (!rl->dispatched)
		return -errno;
	return 0;
}

void rl_rings_close(struct rl *rl)
{
	user_ring_buffer__free(rl->dispatched);
	ring_buffer__free(rl->queued);
	rl->dispatched = NULL;
	rl->queued = NULL;
}

int rl_consume(struct rl *rl)
{
	return ring__consume_n(rl->queued_ring, BATCH);
}

static void copy_task(void *context, const struct rl_task *task)
{
	memcpy(context, task, sizeof(*task));
}

RL_API int rl_take(struct rl *rl, struct rl_task *ret)
{
	rl->sink = copy_task;
	rl->sink_context = ret;
	return ring__consume_n(rl->queued_ring, 1);
}

RL_API int rl_decide(struct rl *rl, const struct rl_decision *decision)
{
	struct rl_decision *slot = user_ring_buffer__reserve(rl->dispatched, sizeof(*slot));

	if (!slot)
		return -EAGAIN;
	*slot = *decision;
	user_ring_buffer__submit(rl->dispatched, slot);
	rl->decided++;
	/* The kernel looks at the ring when this differs from what it has drained. */
	__atomic_store_n(&rl->shared->submitted, rl->decided, __ATOMIC_RELEASE);
	return 0;
}

RL_API void rl_complete(struct rl *rl, uint64_t nr_held)
{
	__atomic_store_n(&rl->shared->held, nr_held, __ATOMIC_RELAXED);
	__atomic_store_n(&rl->shared->answered, rl->newest, __ATOMIC_RELEASE);
}

RL_API void rl_wait(struct rl *rl)
{
	/*
	 * Not a poll: the kernel side takes the thread off its CPU and puts it back only when there is
	 * work. Staying runnable, it needs no wakeup on the way back, and a thread that is not
	 * runnable any more is known at once to be unable to answer.
	 */
	(void)rl;
	sched_yield();
}
