/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The BPF backend as the loop sees it: two rings between the kernel and the scheduler thread. Both
 * are memory that is mapped here, so that taking tasks and sending decisions costs no system call.
 * Runs in the scheduler loop, and must never decide anything there.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "lib/internal.h"

/* Longest sleep; also the longest time until a scheduler that the kernel has ended is noticed. */
enum {
	SLEEP_MAX_MS = 1000
};

static int on_queued(void *context, void *data, size_t size)
{
	const struct rl_task *task = data;

	if (size >= sizeof(*task))
		rl_taken(context, task);
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

static int consume(struct rl *rl, uint32_t max)
{
	return ring__consume_n(rl->queued_ring, max);
}

static int decide(struct rl *rl, const struct rl_decision *decision)
{
	struct rl_decision *slot = user_ring_buffer__reserve(rl->dispatched, sizeof(*slot));

	if (!slot)
		return -EAGAIN;
	*slot = *decision;
	user_ring_buffer__submit(rl->dispatched, slot);
	return 0;
}

static void yield(struct rl *rl)
{
	(void)rl;
	sched_yield();
}

static bool sleep_on_ring(struct rl *rl)
{
	struct pollfd fds[] = {
		{.fd = rl->queued_fd, .events = POLLIN},
		{.fd = rl->stop_fd, .events = POLLIN},
	};

	return poll(fds, sizeof(fds) / sizeof(fds[0]), SLEEP_MAX_MS) > 0;
}

static void wake(struct rl *rl)
{
	const uint64_t one = 1;
	int saved_errno = errno;

	/* Cannot fail in a way that matters: the sleep is short. */
	if (write(rl->stop_fd, &one, sizeof(one)) < 0)
		errno = saved_errno;
}

const struct rl_backend_ops rl_backend_bpf = {
	.consume = consume,
	.decide = decide,
	.yield = yield,
	.sleep = sleep_on_ring,
	.wake = wake,
	.exited = rl_exit_is_recorded,
};
