/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The decisions about the scheduler's process, with a clock and a child that are variables here. Those
 * about new arguments on trial are in test-trials.c.
 */

#include "tests/unit/lifecycle-fixture.h"

/* ---- Readiness ------------------------------------------------------------------------------ */

static void test_active_when_kernel_and_child_say_so(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_state(f, "starting");
	kernel(f, RL_KERNEL_ENABLING, "");
	assert_state(f, "starting");
	kernel(f, RL_KERNEL_ENABLED, "rustland_1");
	assert_state(f, "starting");
	simple(f, LIFECYCLE_READY);
	assert_state(f, "active");
	assert_string_equal(lifecycle_reason(&f->lc), "");
	assert_int_equal(f->starts, 1);
}

static void test_ready_alone_is_not_active(void **state)
{
	struct fixture *f = *state;

	start(f);
	simple(f, LIFECYCLE_READY);
	assert_state(f, "starting");
	kernel(f, RL_KERNEL_ENABLED, "lavd_1");
	assert_state(f, "starting");
	kernel(f, RL_KERNEL_ENABLED, "rustland_1");
	assert_state(f, "active");
}

static void test_never_ready(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_int_equal(wait_for_due(f), LIFECYCLE_TERM);
	assert_int_equal(f->now, 1000000 + LIFECYCLE_START_MS);
	/* It does not hear SIGTERM either. */
	assert_int_equal(wait_for_due(f), LIFECYCLE_KILL);
	assert_int_equal(end(f, SIGKILL, 0, ""), 0);
	assert_reason(f, "not ready within 60 seconds");
	assert_int_equal(wait_for_due(f), LIFECYCLE_START);
}

static void test_kernel_without_sched_ext(void **state)
{
	struct fixture *f = *state;

	lifecycle_init(&f->lc, &limits, f->now);
	assert_int_equal(kernel(f, RL_KERNEL_UNSUPPORTED, ""), 0);
	assert_state(f, "disabled");
	assert_reason(f, SCHED_EXT_MISSING);
	assert_true(lifecycle_due_ms(&f->lc) == UINT64_MAX);
}

/* An idle machine: nothing but heartbeats is waited for. */
static void test_heartbeats_move_the_clock_on(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	for (int i = 0; i < 100; i++) {
		f->now += LIFECYCLE_HEARTBEAT_MS - 1;
		assert_int_equal(simple(f, LIFECYCLE_HEARTBEAT), 0);
		assert_state(f, "active");
		assert_int_equal(lifecycle_due_ms(&f->lc), f->now + LIFECYCLE_HEARTBEAT_MS);
	}
}

/* The child executes itself when CPUs come and go: same process, detached for a moment. */
static void test_child_starts_itself_again(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	kernel(f, RL_KERNEL_DISABLED, "");
	assert_state(f, "starting");
	assert_int_equal(f->starts, 1);
	/* On a slow machine: it could not give a sign of life meanwhile. */
	f->now += 2 * LIFECYCLE_HEARTBEAT_MS;
	kernel(f, RL_KERNEL_ENABLED, "rustland_1");
	assert_state(f, "active");
	simple(f, LIFECYCLE_READY);
	assert_state(f, "active");
	assert_int_equal(f->starts, 1);
	/* But if it never comes back, it is replaced. */
	kernel(f, RL_KERNEL_DISABLED, "");
	wait_for_due(f);
	assert_int_equal(wait_for_due(f), LIFECYCLE_KILL);
}

/* ---- Crashes -------------------------------------------------------------------------------- */

static void test_crash_restarts(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	crash(f);
	assert_state(f, "starting");
	assert_reason(f, "killed by signal 9");
	assert_int_equal(f->starts, 1);
	assert_int_equal(lifecycle_due_ms(&f->lc), f->now + 100);
	assert_int_equal(wait_for_due(f), LIFECYCLE_START);
	run(f);
	/* Somebody may want to know still. */
	assert_reason(f, "killed by signal 9");
}

static void test_ejection_says_why(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	kernel(f, RL_KERNEL_DISABLED, "");
	end(f, 0, SCHEDULER_EXIT_EJECTED,
	    "the kernel has ended the scheduler: runnable task stall");
	assert_reason(f, "runnable task stall");
	assert_int_equal(wait_for_due(f), LIFECYCLE_START);
}

static void test_stopped_by_somebody(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	kernel(f, RL_KERNEL_DISABLED, "");
	end(f, 0, SCHEDULER_EXIT_STOPPED, "");
	assert_reason(f, "not by its service");
	assert_int_equal(wait_for_due(f), LIFECYCLE_START);
}

/* The kernel may still be disabling when the process is gone. */
static void test_waits_for_the_kernel(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	end(f, SIGKILL, 0, "");
	assert_state(f, "starting");
	kernel(f, RL_KERNEL_DISABLING, "rustland_1");
	f->now += 500;
	assert_int_equal(simple(f, LIFECYCLE_TICK), 0);
	assert_state(f, "starting");
	assert_int_equal(kernel(f, RL_KERNEL_DISABLED, ""), LIFECYCLE_START);
}

static void test_back_off_and_giving_up(void **state)
{
	static const uint64_t delays[] = {100, 200, 400};
	struct fixture *f = *state;

	start(f);
	for (size_t i = 0; i < G_N_ELEMENTS(delays); i++) {
		run(f);
		crash(f);
		assert_state(f, "starting");
		assert_int_equal(lifecycle_due_ms(&f->lc), f->now + delays[i]);
		f->now += delays[i] - 1;
		assert_int_equal(simple(f, LIFECYCLE_TICK), 0);
		f->now++;
		assert_int_equal(simple(f, LIFECYCLE_TICK), LIFECYCLE_START);
	}
	run(f);
	crash(f);
	assert_state(f, "failed");
	assert_reason(f, "killed by signal 9");
	assert_true(lifecycle_due_ms(&f->lc) == UINT64_MAX);
	f->now += 1000000;
	assert_int_equal(simple(f, LIFECYCLE_TICK), 0);
	/* Another scheduler that comes and goes is no reason to start. */
	kernel(f, RL_KERNEL_ENABLED, "lavd_1");
	assert_state(f, "failed");
	assert_int_equal(kernel(f, RL_KERNEL_DISABLED, ""), 0);
	assert_int_equal(simple(f, LIFECYCLE_RETRY), LIFECYCLE_START);
	assert_state(f, "starting");
}

static void test_back_off_has_an_end(void **state)
{
	struct fixture *f = *state;
	const struct lifecycle_limits many = {
		.restarts = LIFECYCLE_LIMIT_MAX,
		.window_ms = 86400000,
		.delay_ms = 100,
		.delay_max_ms = 1000,
	};

	lifecycle_init(&f->lc, &many, f->now);
	kernel(f, RL_KERNEL_DISABLED, "");
	for (int i = 0; i < LIFECYCLE_LIMIT_MAX; i++) {
		crash(f);
		assert_true(lifecycle_due_ms(&f->lc) <= f->now + 1000);
		assert_int_equal(wait_for_due(f), LIFECYCLE_START);
	}
	crash(f);
	assert_state(f, "failed");
}

static void test_old_crashes_do_not_count(void **state)
{
	struct fixture *f = *state;

	start(f);
	for (int i = 0; i < 20; i++) {
		run(f);
		f->now += limits.window_ms;
		crash(f);
		assert_int_equal(lifecycle_due_ms(&f->lc), f->now + 100);
		assert_int_equal(wait_for_due(f), LIFECYCLE_START);
	}
}

static void test_refused_arguments_are_not_tried_again(void **state)
{
	struct fixture *f = *state;

	start(f);
	end(f, 0, SCHEDULER_EXIT_USAGE, "there is no policy nonsense");
	assert_state(f, "failed");
	assert_reason(f, "there is no policy nonsense");
	/* Other arguments may do better. */
	assert_int_equal(configure(f, true), LIFECYCLE_START);
}

static void test_cannot_be_executed(void **state)
{
	struct fixture *f = *state;

	start(f);
	for (int i = 0; i < 3; i++) {
		end(f, 0, SCHEDULER_EXIT_FAILED, "No such file or directory");
		assert_state(f, "starting");
		assert_int_equal(wait_for_due(f), LIFECYCLE_START);
	}
	end(f, 0, SCHEDULER_EXIT_FAILED, "No such file or directory");
	assert_state(f, "failed");
	assert_reason(f, "No such file");
}

/* ---- Other schedulers ----------------------------------------------------------------------- */

static void test_inhibited_and_taken_over(void **state)
{
	struct fixture *f = *state;

	lifecycle_init(&f->lc, &limits, f->now);
	assert_int_equal(kernel(f, RL_KERNEL_ENABLED, "lavd_1"), 0);
	assert_state(f, "inhibited");
	assert_reason(f, "lavd_1");
	assert_true(lifecycle_due_ms(&f->lc) == UINT64_MAX);
	kernel(f, RL_KERNEL_DISABLING, "lavd_1");
	assert_int_equal(f->starts, 0);
	assert_int_equal(kernel(f, RL_KERNEL_DISABLED, ""), LIFECYCLE_START);
	assert_state(f, "starting");
	run(f);
	assert_string_equal(lifecycle_reason(&f->lc), "");
}

/* By hand, say: the name is like ours, the process is not. */
static void test_inhibited_by_another_rustland(void **state)
{
	struct fixture *f = *state;

	lifecycle_init(&f->lc, &limits, f->now);
	kernel(f, RL_KERNEL_ENABLED, "rustland_1");
	assert_state(f, "inhibited");
	assert_int_equal(f->starts, 0);
}

/* Another one gets in while ours starts: it refuses, which is no failure. */
static void test_another_is_quicker(void **state)
{
	struct fixture *f = *state;

	start(f);
	for (int i = 0; i < 20; i++) {
		kernel(f, RL_KERNEL_ENABLED, "lavd_1");
		end(f, 0, SCHEDULER_EXIT_FAILED, SCHED_EXT_OTHER ": lavd_1");
		assert_state(f, "inhibited");
		assert_int_equal(kernel(f, RL_KERNEL_DISABLED, ""), LIFECYCLE_START);
	}
}

/* Another one gets in as soon as ours is gone. */
static void test_another_follows_a_crash(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	kernel(f, RL_KERNEL_ENABLED, "lavd_1");
	end(f, SIGKILL, 0, "");
	/* For a moment it could be what is left of ours. */
	assert_state(f, "starting");
	wait_for_due(f);
	assert_state(f, "inhibited");
	assert_int_equal(f->starts, 1);
	assert_true(lifecycle_due_ms(&f->lc) == UINT64_MAX);
}

/* ---- Degraded ------------------------------------------------------------------------------- */

static void test_late_policy(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	simple(f, LIFECYCLE_LATE);
	assert_state(f, "degraded");
	simple(f, LIFECYCLE_HEARTBEAT);
	assert_state(f, "degraded");
	simple(f, LIFECYCLE_IN_TIME);
	assert_state(f, "active");
}

static void test_silent_child(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	assert_int_equal(wait_for_due(f), 0);
	assert_int_equal(f->now, 1000000 + LIFECYCLE_HEARTBEAT_MS);
	assert_state(f, "degraded");
	assert_true(lifecycle_healthy(&f->lc, f->now));
	simple(f, LIFECYCLE_HEARTBEAT);
	assert_state(f, "active");
}

static void test_lost_child_is_replaced(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	wait_for_due(f);
	assert_int_equal(wait_for_due(f), LIFECYCLE_KILL);
	assert_int_equal(f->now, 1000000 + LIFECYCLE_HEARTBEATS * LIFECYCLE_HEARTBEAT_MS);
	/* The kernel still goes on with it. */
	assert_state(f, "degraded");
	crash(f);
	assert_reason(f, "no sign of life for 24 seconds");
	assert_int_equal(wait_for_due(f), LIFECYCLE_START);
}

/* Nothing helps: then systemd's watchdog has to. */
static void test_child_that_cannot_be_killed(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	wait_for_due(f);
	wait_for_due(f);
	for (int i = 0; i < 4; i++) {
		assert_true(lifecycle_healthy(&f->lc, f->now));
		assert_int_equal(wait_for_due(f), LIFECYCLE_KILL);
	}
	assert_false(lifecycle_healthy(&f->lc, f->now));
}

/* ---- Reload and stop ------------------------------------------------------------------------ */

static void test_same_arguments_change_nothing(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	assert_int_equal(configure(f, false), 0);
	assert_state(f, "active");
}

static void test_new_arguments_restart(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	/* So often that a crash would have made it give up. */
	for (unsigned int i = 0; i < 10; i++) {
		assert_true(lifecycle_settled(&f->lc));
		assert_int_equal(configure(f, true), LIFECYCLE_TERM);
		/* The old one still schedules, but nobody should take the reload for done. */
		assert_state(f, "active");
		assert_false(lifecycle_settled(&f->lc));
		kernel(f, RL_KERNEL_DISABLED, "");
		assert_state(f, "starting");
		assert_int_equal(end(f, 0, SCHEDULER_EXIT_STOPPED, ""), LIFECYCLE_START);
		assert_state(f, "starting");
		run(f);
		assert_string_equal(lifecycle_reason(&f->lc), "");
	}
}

static void test_new_arguments_begin_with_a_clean_slate(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	crash(f);
	assert_reason(f, "signal 9");
	assert_int_equal(configure(f, true), LIFECYCLE_START);
	assert_string_equal(lifecycle_reason(&f->lc), "");
	crash(f);
	assert_int_equal(lifecycle_due_ms(&f->lc), f->now + limits.delay_ms);
}

/* Twice, before the first is through. */
static void test_reload_during_reload(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_int_equal(configure(f, true), LIFECYCLE_TERM);
	assert_int_equal(configure(f, true), 0);
	assert_int_equal(end(f, SIGTERM, 0, ""), LIFECYCLE_START);
	assert_string_equal(lifecycle_reason(&f->lc), "");
}

/* What it says while it is being stopped is about the old one. */
static void test_late_messages_of_the_old_child(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	configure(f, true);
	simple(f, LIFECYCLE_READY);
	simple(f, LIFECYCLE_LATE);
	simple(f, LIFECYCLE_HEARTBEAT);
	kernel(f, RL_KERNEL_DISABLED, "");
	assert_int_equal(end(f, 0, SCHEDULER_EXIT_STOPPED, ""), LIFECYCLE_START);
	simple(f, LIFECYCLE_HEARTBEAT);
	assert_state(f, "starting");
	run(f);
}

static void test_stop(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	assert_int_equal(simple(f, LIFECYCLE_QUIT), LIFECYCLE_TERM);
	assert_false(lifecycle_ended(&f->lc));
	kernel(f, RL_KERNEL_DISABLED, "");
	assert_int_equal(end(f, 0, SCHEDULER_EXIT_STOPPED, ""), 0);
	assert_true(lifecycle_ended(&f->lc));
	assert_true(lifecycle_due_ms(&f->lc) == UINT64_MAX);
	assert_int_equal(f->starts, 1);
}

static void test_stop_without_child(void **state)
{
	struct fixture *f = *state;

	lifecycle_init(&f->lc, &limits, f->now);
	kernel(f, RL_KERNEL_ENABLED, "lavd_1");
	assert_int_equal(simple(f, LIFECYCLE_QUIT), 0);
	assert_true(lifecycle_ended(&f->lc));
	assert_int_equal(kernel(f, RL_KERNEL_DISABLED, ""), 0);
}

static void test_stop_during_back_off(void **state)
{
	struct fixture *f = *state;

	start(f);
	run(f);
	crash(f);
	simple(f, LIFECYCLE_QUIT);
	f->now += 100000;
	assert_int_equal(simple(f, LIFECYCLE_TICK), 0);
	assert_int_equal(f->starts, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_active_when_kernel_and_child_say_so),
		TEST(test_ready_alone_is_not_active),
		TEST(test_never_ready),
		TEST(test_kernel_without_sched_ext),
		TEST(test_heartbeats_move_the_clock_on),
		TEST(test_child_starts_itself_again),
		TEST(test_crash_restarts),
		TEST(test_ejection_says_why),
		TEST(test_stopped_by_somebody),
		TEST(test_waits_for_the_kernel),
		TEST(test_back_off_and_giving_up),
		TEST(test_back_off_has_an_end),
		TEST(test_old_crashes_do_not_count),
		TEST(test_refused_arguments_are_not_tried_again),
		TEST(test_cannot_be_executed),
		TEST(test_inhibited_and_taken_over),
		TEST(test_inhibited_by_another_rustland),
		TEST(test_another_is_quicker),
		TEST(test_another_follows_a_crash),
		TEST(test_late_policy),
		TEST(test_silent_child),
		TEST(test_lost_child_is_replaced),
		TEST(test_child_that_cannot_be_killed),
		TEST(test_same_arguments_change_nothing),
		TEST(test_new_arguments_restart),
		TEST(test_new_arguments_begin_with_a_clean_slate),
		TEST(test_reload_during_reload),
		TEST(test_late_messages_of_the_old_child),
		TEST(test_stop),
		TEST(test_stop_without_child),
		TEST(test_stop_during_back_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
