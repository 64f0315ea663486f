/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two rings between the kernel and the scheduler thread. Both are memory that is mapped here,
 * so that taking tasks and sending decisions costs no system call. Runs in the scheduler loop.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>

#include "internal.h"

/* Policies were compiled with these, and so was the BPF side, wherever that was. */
_Static_assert(sizeof(struct rl_task) == 136, "another size is another ABI");
_Static_assert(sizeof(struct rl_decision) == 64, "another size is another ABI");

/*
 * Tasks taken in one go: more wait for the next round, so that the first ones get their decision.
 */
enum {
	BATCH = 256
};

/* Longest sleep; also the longest time until a scheduler that the kernel has ended is noticed. */
enum {
	SLEEP_MAX_MS = 1000
};

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
	rl->queued_fd = queued_fd;
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
	rl->held = nr_held;
	__atomic_store_n(&rl->rounds, rl->rounds + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&rl->shared->held, nr_held, __ATOMIC_RELAXED);
	__atomic_store_n(&rl->shared->answered, rl->newest, __ATOMIC_RELEASE);
}

/*
 * Block until the kernel wakes this thread or rl_stop() is called. The flag is set before the
 * last look at the ring, and the kernel looks at the flag after it has found nobody awake, so no
 * wakeup is lost; the time limit is for a scheduler that the kernel has ended meanwhile. True
 * when it was woken.
 */
static bool sleep_until_needed(struct rl *rl)
{
	int woken = 0;

	struct pollfd fds[] = {
		{.fd = rl->queued_fd, .events = POLLIN},
		{.fd = rl->stop_fd, .events = POLLIN},
	};

	__atomic_store_n(&rl->shared->asleep, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&rl->shared->asked, __ATOMIC_SEQ_CST) == rl->newest)
		woken = poll(fds, sizeof(fds) / sizeof(fds[0]), SLEEP_MAX_MS);
	__atomic_store_n(&rl->shared->asleep, 0, __ATOMIC_SEQ_CST);
	return woken > 0;
}

/*
 * Whether tasks are held back that still wait for their decision. A policy that forgets one says so
 * for ever, but no task waits for longer than half a second (bpf/queue.bpf.h): a claim that has not
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

RL_API void rl_wait(struct rl *rl)
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
		sched_yield();
	else
		rl->just_woken = sleep_until_needed(rl);
}
