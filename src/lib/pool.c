/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rl_pool: the decisions a policy holds back, the most urgent first. A binary heap (J. W. J.
 * Williams, CACM 7(6), 1964) in one array.
 *
 * This file must never allocate, nor touch a page for the first time, after rl_pool_new(): push and
 * pop run on the scheduler's loop, where a page fault waits for a task that nobody schedules.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rustland.h>

#define POOL_CAPACITY_MAX (1U << 20)

struct entry {
	struct rl_decision decision;
	uint64_t enqueued_at_ns;
};

struct rl_pool {
	uint32_t capacity;
	uint32_t len;
	struct entry heap[]; /* no entry sorts before its parent, which is at (i - 1) / 2 */
};

/*
 * Deadlines may wrap, so they are compared as the kernel compares vtimes: by the sign of their
 * difference. Among equals the longest waiting goes first; the pid makes the order total, so that a
 * simulation repeats itself.
 */
static bool before(const struct entry *a, const struct entry *b)
{
	if (a->decision.deadline != b->decision.deadline)
		return (int64_t)(a->decision.deadline - b->decision.deadline) < 0;
	if (a->enqueued_at_ns != b->enqueued_at_ns)
		return a->enqueued_at_ns < b->enqueued_at_ns;
	return a->decision.pid < b->decision.pid;
}

int rl_pool_new(struct rl_pool **ret, uint32_t capacity)
{
	struct rl_pool *pool;
	size_t size;

	if (capacity == 0 || capacity > POOL_CAPACITY_MAX)
		return -EINVAL;
	size = sizeof(*pool) + capacity * sizeof(struct entry);
	pool = malloc(size);
	if (!pool)
		return -ENOMEM;
	/*
	 * Written, not only reserved: every page is there from now on. Compilers make one calloc()
	 * of malloc() and memset().
	 */
	explicit_bzero(pool, size);
	pool->capacity = capacity;
	*ret = pool;
	return 0;
}

void rl_pool_free(struct rl_pool **pool)
{
	free(*pool);
	*pool = NULL;
}

int rl_pool_push(struct rl_pool *pool, const struct rl_decision *decision, uint64_t enqueued_at_ns)
{
	const struct entry new = {.decision = *decision, .enqueued_at_ns = enqueued_at_ns};
	uint32_t hole, parent;

	if (pool->len == pool->capacity)
		return -ENOSPC;

	/* Move the hole at the end up to where the new entry belongs. */
	for (hole = pool->len++; hole > 0; hole = parent) {
		parent = (hole - 1) / 2;
		if (!before(&new, &pool->heap[parent]))
			break;
		pool->heap[hole] = pool->heap[parent];
	}
	pool->heap[hole] = new;
	return 0;
}

bool rl_pool_pop(struct rl_pool *pool, struct rl_decision *ret)
{
	const struct entry *last;
	uint32_t hole, child;

	if (pool->len == 0)
		return false;
	*ret = pool->heap[0].decision;

	/* Move the hole at the top down to where the last entry belongs. */
	last = &pool->heap[--pool->len];
	for (hole = 0; (child = 2 * hole + 1) < pool->len; hole = child) {
		if (child + 1 < pool->len && before(&pool->heap[child + 1], &pool->heap[child]))
			child++;
		if (!before(&pool->heap[child], last))
			break;
		pool->heap[hole] = pool->heap[child];
	}
	pool->heap[hole] = *last;
	return true;
}

uint32_t rl_pool_len(const struct rl_pool *pool)
{
	return pool->len;
}
