/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is left to tasks beside real-time ones, and what these get: the simulator's model of the classes above sched_ext.
 * On the simulator, see simulate.h; every run is checked by src/sim/invariants.h as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sim/faults.h"
#include "tests/unit/policy-limits.h"
#include "tests/unit/simulate.h"

enum {
	SECONDS = 10,
	RR_SLICE_MS = 100,
};

#define RUN(nr_cpus, loads)   simulate(nr_cpus, SECOND, SECONDS, loads, NELEMS(loads))
#define EEVDF(nr_cpus, loads) simulate_eevdf(nr_cpus, SECOND, SECONDS, loads, NELEMS(loads))

/* Of the time of one CPU, in thousandths. */
static uint64_t permille(uint64_t exec_ns)
{
	return exec_ns / (SECONDS * SECOND / 1000);
}

static void test_they_come_first(void **state)
{
	struct load loads[] = {
		{.kind = FRAMES, .run_ns = 3 * MS, .period_ns = 10 * MS, .realtime = 10},
		{.kind = HOG, .nr = 3},
	};

	(void)state;
	RUN(1, loads);
	assert_in_range(loads[0].got.wakeups, 995, 1005);
	assert_in_range(loads[0].got.wakeup_max_ns, 0, 20 * US);
	assert_in_range(permille(loads[1].got.exec_ns), 660, 700);
}

/* Of each second 50 ms are for those below, see server.h. */
static void share_with_a_realtime_hog(struct load *loads)
{
	assert_in_range(permille(loads[0].got.exec_ns), 945, 955);
	assert_int_equal(loads[1].got.exec_ns, 0);
	assert_in_range(permille(loads[2].got.exec_ns), 40, 55);
	assert_in_range(loads[2].got.waited_max_ns, 850 * MS, 1000 * MS);
}

static void test_the_rest_gets_a_twentieth(void **state)
{
	struct load loads[] = {
		{.kind = HOG, .realtime = 20},
		{.kind = HOG, .realtime = 10},
		{.kind = HOG},
	};

	(void)state;
	RUN(1, loads);
	share_with_a_realtime_hog(loads);
	EEVDF(1, loads);
	share_with_a_realtime_hog(loads);
}

/* That counts what they get by themselves: this is far more. */
static void test_the_rest_gets_no_more_than_is_left(void **state)
{
	struct load loads[] = {
		{.kind = SLEEPER, .run_ns = 80 * MS, .sleep_ns = 20 * MS, .realtime = 20},
		{.kind = HOG},
	};

	(void)state;
	RUN(1, loads);
	assert_in_range(permille(loads[1].got.exec_ns), 190, 210);
	assert_in_range(loads[0].got.wakeup_max_ns, 0, 20 * US);
}

static void test_round_robin(void **state)
{
	struct load loads[] = {{.kind = HOG, .nr = 2, .realtime = 10, .round_robin = true}};

	(void)state;
	RUN(1, loads);
	assert_in_range(loads[0].got.most_ns - loads[0].got.least_ns, 0, RR_SLICE_MS * MS);
	assert_in_range(loads[0].got.waited_max_ns, (RR_SLICE_MS - 5) * MS, (RR_SLICE_MS + 5) * MS);
}

static void test_first_in_first_out(void **state)
{
	struct load loads[] = {{.kind = HOG, .nr = 2, .realtime = 10}};

	(void)state;
	RUN(1, loads);
	assert_int_equal(loads[0].got.least_ns, 0);
}

/* One that has to wait goes to a CPU that has none, whatever else runs there. */
static void test_each_has_a_cpu(void **state)
{
	struct load loads[] = {
		{.kind = HOG, .nr = 3, .realtime = 10},
		{.kind = SLEEPER, .run_ns = MS, .sleep_ns = 3 * MS, .realtime = 5},
		{.kind = HOG, .nr = 4},
	};

	(void)state;
	RUN(4, loads);
	assert_in_range(permille(loads[0].got.least_ns), 900, 1000);
	assert_in_range(loads[1].got.wakeup_p99_ns, 0, 20 * US);
}

/* The hog runs wherever neither of the others does, which are bound: both do for a sixteenth of the time. */
static void test_it_goes_where_it_can_run(void **state)
{
	struct load loads[] = {
		{.kind = SLEEPER,
		 .run_ns = 10 * MS,
		 .sleep_ns = 30 * MS,
		 .realtime = 20,
		 .cpus = 1},
		{.kind = SLEEPER,
		 .run_ns = 10 * MS,
		 .sleep_ns = 30 * MS,
		 .realtime = 15,
		 .cpus = 2},
		{.kind = HOG, .realtime = 10},
	};

	(void)state;
	RUN(2, loads);
	assert_in_range(permille(loads[2].got.exec_ns), 920, 960);
}

/* That is over as soon as one of them sleeps, on whichever CPU the hog waits. */
static void test_it_comes_when_it_can_run(void **state)
{
	struct load loads[] = {
		{.kind = SLEEPER,
		 .run_ns = 15 * MS,
		 .sleep_ns = 25 * MS,
		 .realtime = 20,
		 .cpus = 1},
		{.kind = SLEEPER,
		 .run_ns = 45 * MS,
		 .sleep_ns = 15 * MS,
		 .realtime = 15,
		 .cpus = 2},
		{.kind = HOG, .realtime = 10},
	};

	(void)state;
	RUN(2, loads);
	assert_in_range(loads[2].got.waited_max_ns, 0, 17 * MS);
}

/* It is what they would get if they stayed what they are, more or less. */
static void test_tasks_that_change_their_class(void **state)
{
	struct load loads[] = {
		{.kind = HOG, .nr = 4},
		{.kind = SPAWNER, .run_ns = MS, .period_ns = 20 * MS},
		{.kind = CHAIN, .run_ns = MS},
	};
	const uint32_t faults = 1U << FAULT_CLASSES;

	(void)state;
	simulate_faults(2, SECOND, SECONDS, faults, loads, NELEMS(loads));
	assert_in_range(permille(loads[0].got.exec_ns), 900, 1800);
	simulate_eevdf_faults(2, SECOND, SECONDS, faults, loads, NELEMS(loads));
	assert_in_range(permille(loads[0].got.exec_ns), 900, 1800);
}

static void test_idle_is_for_what_is_left(void **state)
{
	struct load loads[] = {{.kind = HOG}, {.kind = HOG, .idle = true}};

	(void)state;
	EEVDF(1, loads);
	assert_in_range(permille(loads[1].got.exec_ns), 1, 5);
}

static void test_batch_does_not_preempt(void **state)
{
	struct load loads[] = {
		{.kind = SLEEPER, .run_ns = 100 * US, .sleep_ns = 10 * MS},
		{.kind = SLEEPER, .run_ns = 100 * US, .sleep_ns = 10 * MS, .batch = true},
		{.kind = HOG},
	};

	(void)state;
	EEVDF(1, loads);
	assert_in_range(loads[0].got.wakeup_p99_ns, 0, 150 * US);
	assert_in_range(loads[1].got.wakeup_p99_ns, 400 * US, 5 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_they_come_first),
		cmocka_unit_test(test_the_rest_gets_a_twentieth),
		cmocka_unit_test(test_the_rest_gets_no_more_than_is_left),
		cmocka_unit_test(test_round_robin),
		cmocka_unit_test(test_first_in_first_out),
		cmocka_unit_test(test_each_has_a_cpu),
		cmocka_unit_test(test_it_goes_where_it_can_run),
		cmocka_unit_test(test_it_comes_when_it_can_run),
		cmocka_unit_test(test_tasks_that_change_their_class),
		cmocka_unit_test(test_idle_is_for_what_is_left),
		cmocka_unit_test(test_batch_does_not_preempt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
