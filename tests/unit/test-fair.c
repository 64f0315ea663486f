/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The simulator's model of EEVDF by what tasks get: shares, waits, places. Every run is checked by
 * src/sim/invariants.h as well. That the model is like a kernel, tests/sim/beside says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/simulate.h"

#define USEC 1000ULL
#define MSEC 1000000ULL
#define SEC  1000000000ULL

#define SLICE (700 * USEC) /* on one CPU */
#define TICK  (4 * MSEC)

enum {
	SECONDS = 4,
};

#define EEVDF(nr_cpus, loads) simulate_eevdf(nr_cpus, SEC, SECONDS, loads, NELEMS(loads))

/* Of the time of one CPU, in thousandths. */
static uint64_t permille(uint64_t exec_ns)
{
	return exec_ns / (SECONDS * SEC / 1000);
}

static void test_shares_follow_weights(void **state)
{
	struct load loads[] = {
		{.kind = HOG},
		{.kind = HOG, .nice = -5},
		{.kind = HOG, .nice = -10},
	};

	(void)state;
	EEVDF(1, loads);
	assert_near(permille(loads[0].got.exec_ns), 1024000 / 13693, 5);
	assert_near(permille(loads[1].got.exec_ns), 3121000 / 13693, 10);
	assert_near(permille(loads[2].got.exec_ns), 9548000 / 13693, 25);
}

/* 7.3 has a timer for it: ticks are further apart. */
static void test_a_slice_ends_in_time(void **state)
{
	struct load loads[] = {{.kind = HOG, .nr = 3}};

	(void)state;
	EEVDF(1, loads);
	assert_near(loads[0].got.waited_max_ns, 2 * SLICE, 200 * USEC);
	assert_near(permille(loads[0].got.least_ns), 333, 10);
}

/* A hog that is chosen once more has no timer for its slice: the next tick ends it. */
static void test_a_sleeper_waits_for_a_tick_at_most(void **state)
{
	struct load loads[] = {
		{.kind = SLEEPER, .run_ns = 200 * USEC, .sleep_ns = 20 * MSEC},
		{.kind = HOG, .nr = 2},
	};

	(void)state;
	EEVDF(1, loads);
	assert_true(loads[0].got.wakeups > 150);
	assert_true(loads[0].got.wakeup_max_ns < TICK + 2 * SLICE);
}

/*
 * It runs for less than its slice and sleeps for a moment: what it has not used it is owed still, and all of them
 * have the same share in the end.
 */
static void test_lag_is_kept_over_sleep(void **state)
{
	struct load loads[] = {
		{.kind = SLEEPER, .run_ns = 300 * USEC, .sleep_ns = 5 * USEC},
		{.kind = HOG},
	};

	(void)state;
	EEVDF(1, loads);
	assert_near(permille(loads[0].got.exec_ns), 480, 20);
}

/* One that has had more than its share does not get rid of that by a short sleep. */
static void test_sleeping_is_no_way_to_more(void **state)
{
	struct load loads[] = {
		{.kind = SLEEPER, .run_ns = 690 * USEC, .sleep_ns = 5 * USEC, .nr = 1},
		{.kind = HOG, .nice = -5},
	};

	(void)state;
	EEVDF(1, loads);
	assert_true(permille(loads[0].got.exec_ns) <= 255);
}

/*
 * It has had far more than its share when it goes to sleep, and nothing of that is left when it wakes up: it would
 * have to wait for 6 ms.
 */
static void test_a_long_sleep_pays_debts(void **state)
{
	struct load loads[] = {
		{.kind = SLEEPER, .run_ns = 600 * USEC, .sleep_ns = 20 * MSEC},
		{.kind = HOG, .nice = -10},
	};

	(void)state;
	EEVDF(1, loads);
	assert_true(loads[0].got.wakeup_max_ns < 2 * SLICE);
}

static void test_hogs_spread(void **state)
{
	struct load few[] = {{.kind = HOG, .nr = 4}}, many[] = {{.kind = HOG, .nr = 16}};

	(void)state;
	EEVDF(4, few);
	assert_true(permille(few[0].got.least_ns) > 985);
	EEVDF(8, many);
	assert_near(permille(many[0].got.least_ns), 500, 20);
	assert_near(permille(many[0].got.most_ns), 500, 20);
}

/* Three on two CPUs: none of them keeps a CPU for itself for ever. */
static void test_busy_cpus_are_balanced(void **state)
{
	struct load loads[] = {{.kind = HOG, .nr = 3}};

	(void)state;
	EEVDF(2, loads);
	assert_near(permille(loads[0].got.least_ns), 667, 70);
}

static void test_affinity(void **state)
{
	struct load loads[] = {
		{.kind = HOG, .nr = 2, .cpus = 1},
		{.kind = HOG},
	};

	(void)state;
	EEVDF(2, loads);
	assert_near(permille(loads[0].got.least_ns), 500, 10);
	assert_near(permille(loads[1].got.exec_ns), 995, 5);
}

/* The parent may use one CPU only, and shares it. */
static void test_children_begin_on_idle_cpus(void **state)
{
	struct load loads[] = {
		{.kind = SPAWNER, .run_ns = 5 * MSEC, .period_ns = 20 * MSEC, .cpus = 1},
		{.kind = HOG, .cpus = 1},
	};

	(void)state;
	EEVDF(4, loads);
	assert_true(loads[0].got.exec_ns > 180 * 5 * MSEC);
	assert_true(permille(loads[1].got.exec_ns) > 970);
}

/* There is always somebody who waits, but not always on both CPUs. */
static void test_no_cpu_idles_beside_a_task(void **state)
{
	struct load loads[] = {
		{.kind = SLEEPER, .nr = 10, .run_ns = 300 * USEC, .sleep_ns = 1 * MSEC},
	};

	(void)state;
	EEVDF(2, loads);
	/* Switches and wakeups take the rest; without newidle balancing it is 1925. */
	assert_true(permille(loads[0].got.exec_ns) > 1942);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares_follow_weights),
		cmocka_unit_test(test_a_slice_ends_in_time),
		cmocka_unit_test(test_a_sleeper_waits_for_a_tick_at_most),
		cmocka_unit_test(test_lag_is_kept_over_sleep),
		cmocka_unit_test(test_sleeping_is_no_way_to_more),
		cmocka_unit_test(test_a_long_sleep_pays_debts),
		cmocka_unit_test(test_hogs_spread),
		cmocka_unit_test(test_busy_cpus_are_balanced),
		cmocka_unit_test(test_affinity),
		cmocka_unit_test(test_children_begin_on_idle_cpus),
		cmocka_unit_test(test_no_cpu_idles_beside_a_task),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
