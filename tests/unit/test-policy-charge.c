/* SPDX-License-Identifier: GPL-2.0-only */
/* What a task pays the policy "rustland" for what it has used, what it owes and what it is owed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/policy-task.h"

/* Nobody is owed more than this time, neither on the clock nor of a CPU. */
static uint64_t owed_at_most(uint64_t time_ns, uint32_t weight)
{
	return weight > RL_WEIGHT_DEFAULT ? in_virtual_time(time_ns, weight) : time_ns;
}

static void credit_is_bounded(void **state)
{
	const uint64_t hour = 3600 * SECOND;

	(void)state;
	for (size_t i = 0; i < NR_WEIGHTS; i++) {
		int64_t most = (int64_t)owed_at_most(SLICE, all_weights[i]);
		void *p = start_policy(2);
		struct rl_task sleeper = task_at(1, 1);
		struct rl_decision d;
		int64_t lag;

		/* A long sleep gives one slice and no more. */
		set_load(&sleeper, all_weights[i], 3);
		d = decide(p, &sleeper);
		ran(&sleeper, &d, 0, hour);
		woke(&sleeper, hour);
		lag = decide_lag(p, &sleeper, &d);
		assert_in_range(-lag, most * 9 / 10, most);

		/* One of a tenth of a millisecond next to nothing, although the clock went on. */
		ran(&sleeper, &d, 100 * US, hour + 10000 * SECOND);
		woke(&sleeper, 100 * US);
		lag = decide_lag(p, &sleeper, &d);
		assert_in_range(-lag, 0, most / 20);

		/* Who did not sleep is owed half a slice, however long it waited. */
		ran(&sleeper, &d, 100 * US, hour + 20000 * SECOND);
		lag = decide_lag(p, &sleeper, &d);
		assert_int_equal(-lag, owed_at_most(OWED_MAX, all_weights[i]));
		stop_policy(p);
	}
}

/* The task used slice after slice, and others had the other CPU. */
static struct rl_decision owes_most(void *p, struct rl_task *task, const struct rl_decision *first,
				    uint64_t slice_ns)
{
	struct rl_decision d = *first;

	for (int i = 0; i < 10; i++) {
		ran(task, &d, slice_ns, kernel.now_ns + slice_ns);
		d = decide(p, task);
	}
	return d;
}

/* Only a real sleep makes debt less, and lets a task that is still in debt interrupt others. */
static void a_real_sleep_makes_debt_less(void **state)
{
	static const uint64_t sleeps[] = {50 * US, 30 * MS};
	int64_t lags[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		void *p = start_policy(2);
		struct rl_task task = task_at(1, 1);
		struct rl_decision d = decide(p, &task);

		d = owes_most(p, &task, &d, SLICE);
		ran(&task, &d, 0, kernel.now_ns + sleeps[i]);
		woke(&task, sleeps[i]);
		lags[i] = decide_lag(p, &task, &d);
		assert_int_equal(preempts(&d), i == 1);
		stop_policy(p);
	}
	assert_true(lags[0] > (int64_t)(2 * SLICE));
	assert_true(lags[1] > 0);
	assert_true(lags[1] < lags[0] / 2);
}

static void debt_is_bounded(void **state)
{
	void *p = start_policy(2);
	struct rl_task task = task_at(1, 1);
	struct rl_decision d = decide(p, &task);

	(void)state;
	d = owes_most(p, &task, &d, SLICE);
	ran(&task, &d, SLICE, kernel.now_ns + SLICE);
	assert_int_equal(lag_of(p, &task), DEBT_MAX);
	stop_policy(p);
}

/*
 * Slices cannot be as short as its weight asks for. It owes what it got too much, up to six of them;
 * but it does not wait longer than others for its turn.
 */
static void a_light_task_owes_its_shortest_slices(void **state)
{
	static const uint32_t weights[] = {1000, WEIGHT_IDLE, 15U << WEIGHT_SHIFT};

	(void)state;
	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
		void *p = start_policy(2);
		struct rl_task task = task_at(1, 1);
		struct rl_decision d;
		uint64_t clock, most = in_virtual_time(LIGHT_TURNS * SLICE_MIN, weights[i]);

		assert_true(most > DEBT_MAX);
		set_load(&task, weights[i], 3);
		d = decide(p, &task);
		for (uint64_t turn = 1; turn <= LIGHT_TURNS; turn++) {
			assert_int_equal(d.slice_ns, SLICE_MIN);
			ran(&task, &d, SLICE_MIN, kernel.now_ns + SLICE_MIN);
			clock = clock_seen_by(p, &task);
			task.frontier = clock;
			d = decide(p, &task);
			assert_in_range(d.state[0] - clock, most * turn / LIGHT_TURNS * 98 / 100,
					most * turn / LIGHT_TURNS);
			assert_true((int64_t)(d.deadline - clock) <=
				    (int64_t)in_virtual_time(2 * WAIT_MAX, task.weight_of_all));
		}
		/* No more than that. */
		d = owes_most(p, &task, &d, SLICE_MIN);
		ran(&task, &d, SLICE_MIN, kernel.now_ns + SLICE_MIN);
		assert_int_equal(lag_of(p, &task), most);
		stop_policy(p);
	}
}

/*
 * Whatever the kernel gave without asking is charged, up to the longest debt; so after a stop of
 * five seconds a frame loop does not come last of all for long.
 */
static void all_that_ran_is_charged(void **state)
{
	static const uint64_t times[] = {6 * MS,     SLICE,	   SLICE + MS,	 60 * MS,
					 5 * SECOND, 600 * SECOND, 8000 * SECOND};

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		void *p = start_policy(2);
		struct rl_task task = task_at(1, 1);
		struct rl_decision d = decide(p, &task);
		uint64_t owes;
		int64_t lag;

		/* It had one of the CPUs, and its share was a third of that. */
		ran(&task, &d, times[i], kernel.now_ns + times[i]);
		owes = times[i] - kernel.clock;
		lag = decide_lag(p, &task, &d);
		assert_int_equal(lag, owes < DEBT_MAX ? owes : DEBT_MAX);
		assert_int_equal(d.state[1], times[i]);

		/* Once: it is one of six that move the clock, and no more changes. */
		ran(&task, &d, 0, kernel.now_ns);
		assert_in_range(lag - lag_of(p, &task), 0, SLICE / 6);
		stop_policy(p);
	}
}

/* Beyond an hour or so what a task ran is forgotten, and nothing overflows. */
static void check_long_run(uint32_t weight, uint64_t run_ns, bool wakes_up)
{
	void *p = start_policy(2);
	struct rl_task task = task_at(1, 1);
	struct rl_decision d;

	/* Others like it are all that wait. */
	task.weight = weight;
	task.weight_of_all = 2 * (uint64_t)weight;
	d = decide(p, &task);
	ran(&task, &d, run_ns, SECOND);
	if (wakes_up)
		woke(&task, 0);
	assert_int_equal(decide_lag(p, &task, &d), debt_max_of(weight));
	assert_int_equal(d.state[1], run_ns);
	stop_policy(p);
}

static void no_run_is_too_long(void **state)
{
	static const uint64_t times[] = {UINT64_C(1) << 43, UINT64_C(1) << 63, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		for (size_t j = 0; j < NR_WEIGHTS; j++) {
			check_long_run(all_weights[j], times[i], false);
			check_long_run(all_weights[j], times[i], true);
		}
	}
}

/* While nobody waits the clock is as fast as a task that runs. */
static void lone_run_is_no_debt(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_WEIGHTS; i++) {
		void *p = start_policy(2);
		struct rl_task hog = task_at(1, 1), other = task_at(2, 1);
		struct rl_decision d;

		set_load(&hog, all_weights[i], 0);
		d = decide(p, &hog);
		one_runs_until(kernel.now_ns + 600 * SECOND, all_weights[i]);
		used(&hog, &d, 600 * SECOND);
		/* After ten minutes somebody wakes up; no CPU is idle, and nobody else waits. */
		other = task_at(2, kernel.now_ns);
		set_load(&other, RL_WEIGHT_DEFAULT, 0);
		woke(&other, 600 * SECOND);
		decide(p, &other);
		assert_int_equal(lag_of(p, &hog), 0);
		stop_policy(p);
	}
}

/* Whatever is dropped, what was used is charged, and charged once. */
static void dropped_decisions_charge_once(void **state)
{
	void *p = start_policy(2);
	struct rl_task task = task_at(1, 1);
	struct rl_decision first = decide(p, &task), d;
	uint64_t before = first.state[0];

	(void)state;
	ran(&task, &first, 6 * MS, 6 * MS);
	d = decide(p, &task);
	assert_int_equal(d.state[0] - before, 6 * MS);

	/* That one was stale: the next request carries the state of the first. */
	ran(&task, &first, 4 * MS, 10 * MS);
	d = decide(p, &task);
	assert_int_equal(d.state[0] - before, 10 * MS);

	/* Asked again without having run (its affinity changed): nothing is charged. */
	ran(&task, &d, 0, 11 * MS);
	d = decide(p, &task);
	assert_int_equal(d.state[0] - before, 10 * MS);
	stop_policy(p);
}

static void heavier_pays_less(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_WEIGHTS; i++) {
		void *p = start_policy(2);
		struct rl_task task = task_at(1, 1);
		struct rl_decision d;
		uint64_t before;

		set_load(&task, all_weights[i], 3);
		d = decide(p, &task);
		before = d.state[0];
		ran(&task, &d, 3 * MS, 3 * MS);
		d = decide(p, &task);
		assert_int_equal(d.state[0] - before, in_virtual_time(3 * MS, all_weights[i]));
		stop_policy(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(credit_is_bounded),
		cmocka_unit_test(a_real_sleep_makes_debt_less),
		cmocka_unit_test(debt_is_bounded),
		cmocka_unit_test(a_light_task_owes_its_shortest_slices),
		cmocka_unit_test(all_that_ran_is_charged),
		cmocka_unit_test(no_run_is_too_long),
		cmocka_unit_test(lone_run_is_no_debt),
		cmocka_unit_test(dropped_decisions_charge_once),
		cmocka_unit_test(heavier_pays_less),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
