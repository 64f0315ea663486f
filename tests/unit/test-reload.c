/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tasks get while CPUs go and come back, and while the scheduler is unloaded and loaded again, for the service or
 * because a CPU went. On the simulator, see simulate.h; every run is checked by src/sim/invariants.h as well.
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
	SECONDS = 20,
};

/* Of the time of one CPU, in thousandths. */
static uint64_t permille(uint64_t exec_ns)
{
	return exec_ns / (SECONDS * SECOND / 1000);
}

static void reload_beside(uint32_t nr_cpus, struct load *loads, size_t nr_loads)
{
	simulate_faults(nr_cpus, SECOND, SECONDS, 1U << FAULT_RELOAD, loads, nr_loads);
	assert_in_range(simulate_reloads, 6, 15);
}

/* The rest is the program's that loads it, a second each time. */
static void test_tasks_go_on_without_it(void **state)
{
	struct load loads[] = {{.kind = HOG, .nr = 6}};

	(void)state;
	reload_beside(2, loads, NELEMS(loads));
	assert_in_range(permille(loads[0].got.exec_ns), 1550, 1700);
	assert_in_range(loads[0].got.waited_max_ns, 0, SECOND / 2);
}

/* Forks wait while tasks change their class, and go on. */
static void test_forks_go_on(void **state)
{
	struct load loads[] = {
		{.kind = SPAWNER, .run_ns = MS, .period_ns = 10 * MS},
		{.kind = CHAIN, .run_ns = MS},
	};

	(void)state;
	reload_beside(2, loads, NELEMS(loads));
	assert_in_range(loads[0].got.exec_ns, SECONDS * 95 * MS, SECONDS * 100 * MS * 2);
	assert_in_range(permille(loads[1].got.exec_ns), 900, 1300);
}

/* The service keeps the classes. Without one the sleeper wakes up a third less often. */
static void test_boosts_outlive_it(void **state)
{
	struct load loads[] = {
		{.kind = SLEEPER,
		 .run_ns = 8 * MS,
		 .sleep_ns = 8 * MS,
		 .class = RL_CLASS_FOREGROUND},
		{.kind = HOG, .nr = 3},
	};

	(void)state;
	reload_beside(1, loads, NELEMS(loads));
	assert_in_range(loads[0].got.wakeups, 480, 700);
}

/* Some of three are gone half of the time. */
static void test_cpus_go_and_come(void **state)
{
	struct load loads[] = {{.kind = HOG, .nr = 8}};

	(void)state;
	simulate_eevdf_faults(4, SECOND, SECONDS, 1U << FAULT_HOTPLUG, loads, NELEMS(loads));
	assert_in_range(permille(loads[0].got.exec_ns), 1500, 3500);
	assert_int_equal(simulate_reloads, 0);
}

/* They may use a CPU that goes, and no other one: from then on they may use every one. */
static void test_who_has_no_cpu_may_use_others(void **state)
{
	struct load loads[] = {
		{.kind = HOG, .cpus = 2},
		{.kind = SLEEPER, .run_ns = MS, .sleep_ns = 9 * MS, .cpus = 2},
	};

	(void)state;
	simulate_faults(2, SECOND, SECONDS, 1U << FAULT_HOTPLUG, loads, NELEMS(loads));
	assert_in_range(simulate_reloads, 3, 15);
	assert_in_range(permille(loads[0].got.exec_ns), 650, 900);
	assert_in_range(permille(loads[1].got.exec_ns), 80, 100);
	assert_in_range(loads[0].got.waited_max_ns, 0, SECOND / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tasks_go_on_without_it),
		cmocka_unit_test(test_forks_go_on),
		cmocka_unit_test(test_boosts_outlive_it),
		cmocka_unit_test(test_cpus_go_and_come),
		cmocka_unit_test(test_who_has_no_cpu_may_use_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
