/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * New arguments on trial: the old ones are in force again unless the scheduler does well with the new
 * ones; with a clock and a child that are variables here.
 */

#include "tests/unit/lifecycle-fixture.h"

static void test_proven_after_a_while(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_true(lifecycle_trying(&f->lc));
	run(f);
	live(f, LIFECYCLE_TRIAL_MS - 1);
	assert_false(lifecycle_proven(&f->lc));
	live(f, 1);
	assert_true(lifecycle_proven(&f->lc));
	assert_false(lifecycle_trying(&f->lc));
	try_anew(f);
	assert_false(lifecycle_proven(&f->lc));
	run(f);
	live(f, LIFECYCLE_TRIAL_MS);
	assert_true(lifecycle_proven(&f->lc));
	/* From here it is as it ever was. */
	crash(f);
	assert_int_equal(wait_for_due(f), LIFECYCLE_START);
	assert_int_equal(f->reverts, 0);
	assert_true(lifecycle_proven(&f->lc));
}

/* In whatever way it ends before that. */
static void test_failed_trials(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	for (int way = 0; way < 4; way++) {
		try_anew(f);
		if (way >= 2)
			run(f);
		if (way == 3)
			live(f, LIFECYCLE_TRIAL_MS - 1);
		kernel(f, RL_KERNEL_DISABLED, "");
		/* The first end, without a pause: the machine has waited long enough. */
		if (way == 0)
			assert_int_equal(end(f, 0, SCHEDULER_EXIT_FAILED, "init failed"),
					 LIFECYCLE_REVERT | LIFECYCLE_START);
		else if (way == 1)
			assert_int_equal(end(f, 0, SCHEDULER_EXIT_USAGE, "no such policy"),
					 LIFECYCLE_REVERT | LIFECYCLE_START);
		else
			assert_int_equal(end(f, SIGSEGV, 0, ""),
					 LIFECYCLE_REVERT | LIFECYCLE_START);
		assert_int_equal(f->reverts, way + 1);
		assert_reason(f, way == 0 ? "init failed" : way == 1 ? "no such" : "signal 11");
		run(f);
	}
	/* The old ones are not to blame: their next end is their first. */
	crash(f);
	assert_int_equal(lifecycle_due_ms(&f->lc), f->now + limits.delay_ms);
}

static void test_trial_that_is_never_ready(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	try_anew(f);
	assert_int_equal(wait_for_due(f), LIFECYCLE_TERM);
	assert_int_equal(end(f, SIGTERM, 0, ""), LIFECYCLE_REVERT | LIFECYCLE_START);
	assert_reason(f, "not ready within 60 seconds");
}

static void test_trial_without_a_sign_of_life(void **state)
{
	struct fixture *f = *state;
	uint64_t ready;

	start(f);
	run(f);
	try_anew(f);
	run(f);
	ready = f->now;
	while (wait_for_due(f) == 0)
		;
	assert_int_equal(f->now, ready + LIFECYCLE_TRIAL_MAX_MS);
	kernel(f, RL_KERNEL_DISABLED, "");
	assert_int_equal(end(f, SIGTERM, 0, ""), LIFECYCLE_REVERT | LIFECYCLE_START);
	assert_reason(f, "no sign of life for 10 seconds");
}

/* A machine that has too much to do makes every policy late. */
static void test_late_in_the_trial(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	try_anew(f);
	run(f);
	simple(f, LIFECYCLE_LATE);
	live(f, LIFECYCLE_TRIAL_MS);
	assert_false(lifecycle_proven(&f->lc));
	simple(f, LIFECYCLE_IN_TIME);
	live(f, 1000);
	assert_true(lifecycle_proven(&f->lc));
	/* It was late before: that says nothing about the new arguments. */
	simple(f, LIFECYCLE_LATE);
	try_anew(f);
	run(f);
	simple(f, LIFECYCLE_LATE);
	live(f, LIFECYCLE_TRIAL_MS);
	assert_true(lifecycle_proven(&f->lc));
	/* It was not: late for the whole time is a fault of theirs. */
	simple(f, LIFECYCLE_IN_TIME);
	try_anew(f);
	run(f);
	simple(f, LIFECYCLE_LATE);
	for (int i = 0; i < LIFECYCLE_TRIAL_MAX_MS / 1000 - 1; i++)
		live(f, 1000);
	assert_int_equal(wait_for_due(f), LIFECYCLE_TERM);
	assert_reason(f, "answered too late for 10 seconds");
}

/* The old ones had been given up: so they are still. */
static void test_trial_after_giving_up(void **state)
{
	struct fixture *f = *state;

	start(f);
	end(f, 0, SCHEDULER_EXIT_USAGE, "refused");
	assert_state(f, "failed");
	assert_int_equal(try(f), LIFECYCLE_START);
	assert_state(f, "starting");
	assert_int_equal(end(f, 0, SCHEDULER_EXIT_FAILED, "init failed"), LIFECYCLE_REVERT);
	assert_state(f, "failed");
	assert_reason(f, "init failed");
	assert_false(lifecycle_trying(&f->lc));
}

static void test_trial_during_back_off(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	crash(f);
	assert_int_equal(try(f), LIFECYCLE_START);
	assert_int_equal(end(f, 0, SCHEDULER_EXIT_FAILED, "init failed"),
			 LIFECYCLE_REVERT | LIFECYCLE_START);
}

static void test_trial_while_starting(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_int_equal(try(f), LIFECYCLE_TERM);
	assert_int_equal(end(f, SIGTERM, 0, ""), LIFECYCLE_START);
	assert_int_equal(f->reverts, 0);
	assert_int_equal(end(f, 0, SCHEDULER_EXIT_FAILED, "init failed"),
			 LIFECYCLE_REVERT | LIFECYCLE_START);
}

/* Another scheduler is in the way: nothing is known until it is gone. */
static void test_trial_beside_another_scheduler(void **state)
{
	struct fixture *f = *state;

	lifecycle_init(&f->lc, &limits, f->now);
	kernel(f, RL_KERNEL_ENABLED, "lavd_1");
	assert_int_equal(try(f), 0);
	assert_false(lifecycle_trying(&f->lc));
	assert_int_equal(kernel(f, RL_KERNEL_DISABLED, ""), LIFECYCLE_START);
	assert_true(lifecycle_trying(&f->lc));
	/* Another one is quicker: not their fault, and the trial is still to come. */
	kernel(f, RL_KERNEL_ENABLED, "lavd_1");
	assert_int_equal(end(f, 0, SCHEDULER_EXIT_FAILED, SCHED_EXT_OTHER), 0);
	assert_int_equal(kernel(f, RL_KERNEL_DISABLED, ""), LIFECYCLE_START);
	assert_int_equal(end(f, 0, SCHEDULER_EXIT_FAILED, "init failed"),
			 LIFECYCLE_REVERT | LIFECYCLE_START);
}

static void test_trial_without_sched_ext(void **state)
{
	struct fixture *f = *state;

	lifecycle_init(&f->lc, &limits, f->now);
	kernel(f, RL_KERNEL_UNSUPPORTED, "");
	assert_int_equal(try(f), 0);
	assert_false(lifecycle_trying(&f->lc));
	assert_state(f, "disabled");
}

/* Nothing to go back to: the rules are the usual ones. */
static void test_trial_without_fallback(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	assert_int_equal(configure(f, true), LIFECYCLE_TERM);
	kernel(f, RL_KERNEL_DISABLED, "");
	end(f, 0, SCHEDULER_EXIT_STOPPED, "");
	assert_int_equal(end(f, 0, SCHEDULER_EXIT_FAILED, "init failed"), 0);
	assert_int_equal(wait_for_due(f), LIFECYCLE_START);
	assert_int_equal(f->reverts, 0);
}

static void test_stop_during_a_trial(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	try_anew(f);
	assert_int_equal(simple(f, LIFECYCLE_QUIT), LIFECYCLE_TERM);
	assert_int_equal(end(f, 0, SCHEDULER_EXIT_FAILED, "init failed"), 0);
	assert_true(lifecycle_ended(&f->lc));
	assert_int_equal(f->reverts, 0);
}

/* Limits alone are taken at once. */
static void test_limits_during_a_trial(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	try_anew(f);
	assert_int_equal(configure(f, false), 0);
	assert_int_equal(end(f, 0, SCHEDULER_EXIT_FAILED, "init failed"),
			 LIFECYCLE_REVERT | LIFECYCLE_START);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_proven_after_a_while),
		TEST(test_failed_trials),
		TEST(test_trial_that_is_never_ready),
		TEST(test_trial_without_a_sign_of_life),
		TEST(test_late_in_the_trial),
		TEST(test_trial_after_giving_up),
		TEST(test_trial_during_back_off),
		TEST(test_trial_while_starting),
		TEST(test_trial_beside_another_scheduler),
		TEST(test_trial_without_sched_ext),
		TEST(test_trial_without_fallback),
		TEST(test_stop_during_a_trial),
		TEST(test_limits_during_a_trial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
