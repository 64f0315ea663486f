/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control groups in the simulator's model of EEVDF: shares by weight, idle groups, limits; both kernels. That the model is
 * like a kernel, tests/sim/beside says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/simulate.h"

#define MSEC 1000000ULL
#define SEC  1000000000ULL

enum {
	SECONDS = 4,
};

#define GROUPS(nr_cpus, is_7_3, groups, loads)                                                     \
	simulate_eevdf_groups(nr_cpus, is_7_3, SECONDS, groups, NELEMS(groups), loads,             \
			      NELEMS(loads))

/* The number of tasks in a group is nothing to the others. */
static void test_groups_share_by_weight(void **state)
{
	const struct group groups[] = {{.path = "/a", .weight = 300}, {.path = "/b"}};

	for (int kernel = 0; kernel < 2; kernel++) {
		struct load loads[] = {
			{.kind = HOG, .group = "/a"},
			{.kind = HOG, .nr = 5, .group = "/b"},
		};

		GROUPS(1, kernel, groups, loads);
		assert_near(permille_of(SECONDS, &loads[0]), 750, 10);
		assert_near(permille_of(SECONDS, &loads[1]), 250, 10);
	}
	(void)state;
}

/* A task in the root is beside the groups, with the weight of its nice value. */
static void test_a_group_is_like_a_task(void **state)
{
	const struct group groups[] = {{.path = "/a"}};

	for (int kernel = 0; kernel < 2; kernel++) {
		struct load loads[] = {
			{.kind = HOG, .nr = 3, .group = "/a"},
			{.kind = HOG},
		};

		GROUPS(1, kernel, groups, loads);
		assert_near(permille_of(SECONDS, &loads[1]), 500, 10);
		assert_near(loads[0].got.least_ns, loads[0].got.most_ns, 20 * MSEC);
	}
	(void)state;
}

static void test_groups_in_groups(void **state)
{
	const struct group groups[] = {
		{.path = "/a"},
		{.path = "/a/x", .weight = 200},
		{.path = "/a/y", .weight = 100},
	};

	for (int kernel = 0; kernel < 2; kernel++) {
		struct load loads[] = {
			{.kind = HOG, .nr = 2, .group = "/a/x"},
			{.kind = HOG, .group = "/a/y"},
			{.kind = HOG, .nr = 2, .group = "/b"},
		};

		GROUPS(1, kernel, groups, loads);
		assert_near(permille_of(SECONDS, &loads[0]), 333, 10);
		assert_near(permille_of(SECONDS, &loads[1]), 167, 10);
		assert_near(permille_of(SECONDS, &loads[2]), 500, 10);
	}
	(void)state;
}

static void test_groups_share_all_cpus(void **state)
{
	const struct group groups[] = {{.path = "/a", .weight = 300}, {.path = "/b"}};

	for (int kernel = 0; kernel < 2; kernel++) {
		struct load loads[] = {
			{.kind = HOG, .nr = 4, .group = "/a"},
			{.kind = HOG, .nr = 12, .group = "/b"},
		};

		GROUPS(4, kernel, groups, loads);
		assert_near(permille_of(SECONDS, &loads[0]), 3000, 200);
	}
	(void)state;
}

/*
 * One task of a group beside another group with one for each CPU. Up to 6.12 the other group's weight is divided among
 * the CPUs, and the lone task has most of one. In 7.3 it is multiplied by them first, and the task has half.
 */
static void test_a_lone_task(void **state)
{
	const struct group groups[] = {{.path = "/a"}, {.path = "/b"}};
	struct load old[] = {
		{.kind = HOG, .group = "/a", .cpus = 1}, {.kind = HOG, .group = "/b", .cpus = 1},
		{.kind = HOG, .group = "/b", .cpus = 2}, {.kind = HOG, .group = "/b", .cpus = 4},
		{.kind = HOG, .group = "/b", .cpus = 8},
	};
	struct load new[NELEMS(old)];

	(void)state;
	memcpy(new, old, sizeof(old));
	GROUPS(4, false, groups, old);
	assert_near(permille_of(SECONDS, &old[0]), 800, 30);
	GROUPS(4, true, groups, new);
	assert_near(permille_of(SECONDS, &new[0]), 500, 30);
}

static void test_an_idle_group_gets_what_is_left(void **state)
{
	const struct group groups[] = {{.path = "/idle", .idle = true}};

	for (int kernel = 0; kernel < 2; kernel++) {
		struct load loads[] = {
			{.kind = HOG, .nr = 2, .group = "/idle"},
			{.kind = SLEEPER, .run_ns = 10 * MSEC, .sleep_ns = 10 * MSEC},
		};

		GROUPS(1, kernel, groups, loads);
		assert_near(permille_of(SECONDS, &loads[0]) + permille_of(SECONDS, &loads[1]), 1000,
			    10);
		assert_near(permille_of(SECONDS, &loads[1]), 500, 25);
		/* It preempts them, or takes over at the end of a slice. */
		assert_true(loads[1].got.wakeup_max_ns < 5 * MSEC);
	}
	(void)state;
}

static void test_a_limit(void **state)
{
	const struct group groups[] = {{.path = "/a", .quota_ns = 30 * MSEC}};

	for (int kernel = 0; kernel < 2; kernel++)
		for (uint32_t cpus = 1; cpus <= 4; cpus *= 2) {
			struct load loads[] = {
				{.kind = HOG, .nr = 4, .group = "/a"},
				{.kind = HOG},
			};

			GROUPS(cpus, kernel, groups, loads);
			assert_near(permille_of(SECONDS, &loads[0]), 300, 20);
		}
	(void)state;
}

/* A group has no more than the one above it, and they have it together. */
static void test_limits_in_limits(void **state)
{
	const struct group groups[] = {
		{.path = "/a", .quota_ns = 40 * MSEC},
		{.path = "/a/x", .quota_ns = 5 * MSEC, .period_ns = 50 * MSEC},
	};

	for (int kernel = 0; kernel < 2; kernel++) {
		struct load loads[] = {
			{.kind = HOG, .nr = 2, .group = "/a/x"},
			{.kind = HOG, .group = "/a"},
		};

		GROUPS(2, kernel, groups, loads);
		assert_near(permille_of(SECONDS, &loads[0]), 100, 15);
		assert_near(permille_of(SECONDS, &loads[0]) + permille_of(SECONDS, &loads[1]), 400,
			    20);
	}
	(void)state;
}

/* It works for 6 ms in each 41 ms, and may do so for 4 ms in each 20 ms: with what it has kept it need not wait. */
static void test_a_burst(void **state)
{
	const struct group limited[] = {
		{.path = "/a", .quota_ns = 4 * MSEC, .period_ns = 20 * MSEC}};
	const struct group burst[] = {
		{.path = "/a", .quota_ns = 4 * MSEC, .period_ns = 20 * MSEC, .burst_ns = 4 * MSEC}};

	for (int kernel = 0; kernel < 2; kernel++) {
		struct load waits[] = {{.kind = FRAMES,
					.run_ns = 6 * MSEC,
					.period_ns = 41 * MSEC,
					.group = "/a"}};
		struct load goes_on[] = {{.kind = FRAMES,
					  .run_ns = 6 * MSEC,
					  .period_ns = 41 * MSEC,
					  .group = "/a"}};

		GROUPS(1, kernel, limited, waits);
		assert_true(waits[0].got.waited_max_ns > 5 * MSEC);
		GROUPS(1, kernel, burst, goes_on);
		assert_true(goes_on[0].got.waited_max_ns < MSEC);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups_share_by_weight),
		cmocka_unit_test(test_a_group_is_like_a_task),
		cmocka_unit_test(test_groups_in_groups),
		cmocka_unit_test(test_groups_share_all_cpus),
		cmocka_unit_test(test_a_lone_task),
		cmocka_unit_test(test_an_idle_group_gets_what_is_left),
		cmocka_unit_test(test_a_limit),
		cmocka_unit_test(test_limits_in_limits),
		cmocka_unit_test(test_a_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
