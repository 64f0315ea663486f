/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rl_pool: order, ties, wrap-around, limits, and that it is a heap that loses nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <rustland.h>

static uint32_t seed = 1;

/* xorshift32 (Marsaglia 2003) */
static uint32_t random32(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static int push(struct rl_pool *pool, int32_t pid, uint64_t deadline, uint64_t enqueued_at_ns)
{
	const struct rl_decision d = {
		.pid = pid,
		.cpu = -pid,
		.flags = RL_DECISION_PREEMPT,
		.generation = pid + 1,
		.request = pid + 2,
		.slice_ns = pid + 3,
		.deadline = deadline,
		.state = {pid + 4, pid + 5},
	};

	return rl_pool_push(pool, &d, enqueued_at_ns);
}

static void expect(struct rl_pool *pool, int32_t pid)
{
	struct rl_decision d;

	assert_true(rl_pool_pop(pool, &d));
	assert_int_equal(d.pid, pid);
}

static void limits(void **state)
{
	struct rl_pool *pool = NULL;
	struct rl_decision d;

	(void)state;
	assert_int_equal(rl_pool_new(&pool, 0), -EINVAL);
	assert_int_equal(rl_pool_new(&pool, 1048577), -EINVAL);
	assert_null(pool);
	rl_pool_free(&pool);

	assert_int_equal(rl_pool_new(&pool, 1048576), 0);
	rl_pool_free(&pool);
	assert_null(pool);

	assert_int_equal(rl_pool_new(&pool, 1), 0);
	assert_false(rl_pool_pop(pool, &d));
	assert_int_equal(push(pool, 1, 10, 0), 0);
	assert_int_equal(push(pool, 2, 5, 0), -ENOSPC);
	assert_int_equal(rl_pool_len(pool), 1);
	expect(pool, 1);
	assert_int_equal(rl_pool_len(pool), 0);
	assert_false(rl_pool_pop(pool, &d));
	rl_pool_free(&pool);
}

static void order(void **state)
{
	struct rl_pool *pool;

	(void)state;
	assert_int_equal(rl_pool_new(&pool, 8), 0);
	push(pool, 1, 200, 0);
	push(pool, 6, 100, 9);
	push(pool, 5, 100, 8);
	push(pool, 4, 100, 9);
	push(pool, 2, 300, 0);
	expect(pool, 5); /* the earliest deadline, the longest waiting */
	expect(pool, 4); /* as long, the lower pid */
	expect(pool, 6);
	push(pool, 3, 250, 0);
	expect(pool, 1);
	expect(pool, 3);
	expect(pool, 2);
	rl_pool_free(&pool);
}

static void deadlines_wrap(void **state)
{
	struct rl_pool *pool;

	(void)state;
	assert_int_equal(rl_pool_new(&pool, 8), 0);
	push(pool, 3, 5, 0);
	push(pool, 1, UINT64_MAX - 5, 0);
	push(pool, 4, 1ULL << 62, 0);
	push(pool, 2, 0, 0);
	for (int pid = 1; pid <= 4; pid++)
		expect(pool, pid);
	rl_pool_free(&pool);
}

static void decisions_come_back_whole(void **state)
{
	struct rl_pool *pool;
	struct rl_decision d;

	(void)state;
	assert_int_equal(rl_pool_new(&pool, 8), 0);
	for (int pid = 1; pid <= 8; pid++)
		push(pool, pid, 1000 - pid, 0);
	for (int pid = 8; pid >= 1; pid--) {
		assert_true(rl_pool_pop(pool, &d));
		assert_int_equal(d.pid, pid);
		assert_int_equal(d.cpu, -pid);
		assert_int_equal(d.flags, RL_DECISION_PREEMPT);
		assert_int_equal(d.generation, pid + 1);
		assert_int_equal(d.request, pid + 2);
		assert_int_equal(d.slice_ns, pid + 3);
		assert_int_equal(d.deadline, 1000 - pid);
		assert_int_equal(d.state[0], pid + 4);
		assert_int_equal(d.state[1], pid + 5);
	}
	rl_pool_free(&pool);
}

/* Against an array that is searched from end to end. */
static void random_traffic(void **state)
{
	enum {
		SIZE = 257,
		STEPS = 100000
	};
	static struct {
		uint64_t deadline, at;
		bool held;
	} model[SIZE];
	struct rl_pool *pool;
	struct rl_decision d;
	uint32_t len = 0;

	(void)state;
	assert_int_equal(rl_pool_new(&pool, SIZE), 0);
	for (int step = 0; step < STEPS; step++) {
		/* Fill in the first half of every 2000 steps, drain in the second. */
		bool fill = random32() % 4 < (step % 2000 < 1000 ? 3 : 1);
		int best = -1;

		if (fill) {
			int pid = random32() % SIZE;

			if (model[pid].held)
				continue;
			/* Few values, so that ties are common; around zero, so that they wrap. */
			model[pid].deadline = (uint64_t)(random32() % 64) - 32;
			model[pid].at = random32() % 4;
			model[pid].held = true;
			assert_int_equal(push(pool, pid, model[pid].deadline, model[pid].at), 0);
			assert_int_equal(rl_pool_len(pool), ++len);
			continue;
		}
		for (int i = 0; i < SIZE; i++) {
			int64_t diff = best < 0 ? 0 : model[i].deadline - model[best].deadline;

			if (model[i].held &&
			    (best < 0 || diff < 0 || (diff == 0 && model[i].at < model[best].at)))
				best = i;
		}
		assert_int_equal(rl_pool_pop(pool, &d), best >= 0);
		if (best < 0)
			continue;
		assert_int_equal(d.pid, best);
		model[best].held = false;
		assert_int_equal(rl_pool_len(pool), --len);
	}
	rl_pool_free(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits),	  cmocka_unit_test(order),
		cmocka_unit_test(deadlines_wrap), cmocka_unit_test(decisions_come_back_whole),
		cmocka_unit_test(random_traffic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
