/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control groups under the backend and the policy "rustland": shares by weight, idle groups, limits; on both kernels, which
 * are asked in the same way. Each promise is the kernel's own (Documentation/admin-guide/cgroup-v2.rst).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/policy-limits.h"
#include "tests/unit/simulate.h"

enum {
	SECONDS = 10,
};

#define GROUPS(nr_cpus, is_7_3, groups, loads)                                                     \
	simulate_groups(nr_cpus, is_7_3, SECONDS, groups, NELEMS(groups), loads, NELEMS(loads))

/* The number of tasks in a group is nothing to the others. */
static void groups_share_by_weight(void **state)
{
	const struct group groups[] = {{.path = "/a", .weight = 900}, {.path = "/b"}};

	(void)state;
	for (int kernel = 0; kernel < 2; kernel++)
		for (uint32_t cpus = 1; cpus <= 4; cpus *= 2) {
			struct load loads[] = {
				{.kind = HOG, .nr = cpus, .group = "/a"},
				{.kind = HOG, .nr = 5 * cpus, .group = "/b"},
			};

			GROUPS(cpus, kernel, groups, loads);
			assert_near(permille_of(SECONDS, &loads[0]), 900 * cpus, 15 * cpus);
			assert_near(permille_of(SECONDS, &loads[1]), 100 * cpus, 15 * cpus);
		}
}

/* One task cannot use more than a CPU: a group competes with its weight on each CPU that it uses. */
static void a_lone_task_beside_a_crowd(void **state)
{
	const struct group groups[] = {{.path = "/a"}, {.path = "/b"}};
	struct load loads[] = {
		{.kind = HOG, .nr = 8, .group = "/a"},
		{.kind = HOG, .group = "/b"},
	};

	(void)state;
	GROUPS(2, true, groups, loads);
	assert_near(permille_of(SECONDS, &loads[0]), 1333, 30);
	assert_near(permille_of(SECONDS, &loads[1]), 667, 30);
}

static void groups_in_groups(void **state)
{
	const struct group groups[] = {
		{.path = "/a"},
		{.path = "/a/x", .weight = 200},
		{.path = "/a/y", .weight = 100},
	};

	(void)state;
	for (int kernel = 0; kernel < 2; kernel++) {
		struct load loads[] = {
			{.kind = HOG, .nr = 4, .group = "/a/x"},
			{.kind = HOG, .nr = 4, .group = "/a/y"},
			{.kind = HOG, .nr = 4, .group = "/b"},
		};

		GROUPS(2, kernel, groups, loads);
		assert_near(permille_of(SECONDS, &loads[0]), 667, 30);
		assert_near(permille_of(SECONDS, &loads[1]), 333, 30);
		assert_near(permille_of(SECONDS, &loads[2]), 1000, 30);
	}
}

/* Nice values say who has what of a group's share. */
static void nice_within_a_group(void **state)
{
	const struct group groups[] = {{.path = "/a"}, {.path = "/b"}};
	struct load loads[] = {
		{.kind = HOG, .nice = -5, .group = "/a"},
		{.kind = HOG, .nice = 5, .group = "/a"},
		{.kind = HOG, .nr = 2, .group = "/b"},
	};

	(void)state;
	GROUPS(1, true, groups, loads);
	assert_near(permille_of(SECONDS, &loads[0]), 500 * 3121 / 3456, 25);
	assert_near(permille_of(SECONDS, &loads[1]), 500 * 335 / 3456, 15);
	assert_near(permille_of(SECONDS, &loads[2]), 500, 25);
}

/* The whole range, in one group and on one of two CPUs: each has its part of a CPU, whatever the group weighs. */
static void nice_within_a_pinned_group(void **state)
{
	const struct group groups[] = {{.path = "/a"}};
	struct load loads[] = {
		{.kind = HOG, .nice = -20, .group = "/a", .cpus = 1},
		{.kind = HOG, .nice = -10, .group = "/a", .cpus = 1},
		{.kind = HOG, .group = "/a", .cpus = 1},
	};

	(void)state;
	GROUPS(2, true, groups, loads);
	assert_near(permille_of(SECONDS, &loads[0]), 894, 20);
	assert_near(permille_of(SECONDS, &loads[1]), 96, 15);
	assert_near(permille_of(SECONDS, &loads[2]), 10, 5);
}

static void an_idle_group_gets_what_is_left(void **state)
{
	const struct group groups[] = {{.path = "/idle", .idle = true}, {.path = "/a"}};

	(void)state;
	for (int kernel = 0; kernel < 2; kernel++) {
		struct load loads[] = {
			{.kind = HOG, .nr = 2, .group = "/idle"},
			{.kind = HOG, .group = "/a"},
		};
		struct load sleeps[] = {
			{.kind = HOG, .nr = 2, .group = "/idle"},
			{.kind = SLEEPER, .run_ns = 10 * MS, .sleep_ns = 10 * MS, .group = "/a"},
		};

		GROUPS(1, kernel, groups, loads);
		assert_in_range(permille_of(SECONDS, &loads[0]), 0, 10);
		GROUPS(1, kernel, groups, sleeps);
		assert_near(permille_of(SECONDS, &sleeps[1]), 500, 25);
		assert_near(permille_of(SECONDS, &sleeps[0]) + permille_of(SECONDS, &sleeps[1]),
			    1000, 10);
	}
}

/* What is beside it has the rest; with a short period, too, and where all CPUs are free. */
static void a_limit(void **state)
{
	static const struct group limits[] = {
		{.path = "/a", .quota_ns = 30 * MS, .period_ns = 100 * MS},
		{.path = "/a", .quota_ns = 3 * MS, .period_ns = 10 * MS},
		{.path = "/a", .quota_ns = 150 * MS, .period_ns = 500 * MS},
	};

	(void)state;
	for (size_t i = 0; i < NELEMS(limits); i++)
		for (int kernel = 0; kernel < 2; kernel++)
			for (uint32_t cpus = 1; cpus <= 4; cpus *= 2) {
				struct load alone[] = {{.kind = HOG, .nr = 4, .group = "/a"}};
				struct load beside[] = {
					{.kind = HOG, .nr = 4, .group = "/a"},
					{.kind = HOG, .nr = cpus},
				};

				simulate_groups(cpus, kernel, SECONDS, &limits[i], 1, alone, 1);
				assert_near(permille_of(SECONDS, &alone[0]), 300, 9);
				simulate_groups(cpus, kernel, SECONDS, &limits[i], 1, beside, 2);
				assert_near(permille_of(SECONDS, &beside[0]), 300, 9);
				assert_near(permille_of(SECONDS, &beside[1]), 1000 * cpus - 300,
					    20);
			}
}

/* Who wakes up and sleeps all the time is held to it as well. */
static void a_limit_of_sleepers(void **state)
{
	const struct group groups[] = {{.path = "/a", .quota_ns = 20 * MS, .period_ns = 100 * MS}};
	struct load loads[] = {
		{.kind = SLEEPER, .nr = 8, .run_ns = MS, .sleep_ns = 3 * MS, .group = "/a"},
		{.kind = HOG, .nr = 2},
	};

	(void)state;
	GROUPS(2, true, groups, loads);
	assert_in_range(permille_of(SECONDS, &loads[0]), 150, 206);
}

/*
 * A group has no more than the one above it, and they have it together. Where the one above has used up its quota there is
 * nothing left for the second period of the one below.
 */
static void limits_in_limits(void **state)
{
	const struct group groups[] = {
		{.path = "/a", .quota_ns = 40 * MS},
		{.path = "/a/x", .quota_ns = 5 * MS, .period_ns = 50 * MS},
	};

	(void)state;
	for (int kernel = 0; kernel < 2; kernel++) {
		struct load loads[] = {
			{.kind = HOG, .nr = 2, .group = "/a/x"},
			{.kind = HOG, .group = "/a"},
		};

		GROUPS(2, kernel, groups, loads);
		assert_in_range(permille_of(SECONDS, &loads[0]), 50, 103);
		assert_near(permille_of(SECONDS, &loads[0]) + permille_of(SECONDS, &loads[1]), 400,
			    12);
	}
}

/* It works for 6 ms in each 41 ms, and may do so for 4 ms in each 20 ms: with what it has kept it need not wait. */
static void a_burst(void **state)
{
	const struct group limited[] = {{.path = "/a", .quota_ns = 4 * MS, .period_ns = 20 * MS}};
	const struct group burst[] = {
		{.path = "/a", .quota_ns = 4 * MS, .period_ns = 20 * MS, .burst_ns = 4 * MS}};
	struct load waits[] = {
		{.kind = FRAMES, .run_ns = 6 * MS, .period_ns = 41 * MS, .group = "/a"}};
	struct load goes_on[] = {
		{.kind = FRAMES, .run_ns = 6 * MS, .period_ns = 41 * MS, .group = "/a"}};

	(void)state;
	GROUPS(1, true, limited, waits);
	assert_true(waits[0].got.waited_max_ns > 5 * MS);
	GROUPS(1, true, burst, goes_on);
	assert_true(goes_on[0].got.waited_max_ns < MS);
}

/* Members of a group that is held back most of the time have their turns, and others do not wait for them. */
static void a_limit_is_shared(void **state)
{
	const struct group groups[] = {{.path = "/a", .quota_ns = 10 * MS, .period_ns = 100 * MS}};
	struct load loads[] = {
		{.kind = HOG, .nr = 16, .group = "/a"},
		{.kind = FRAMES, .run_ns = 2 * MS, .period_ns = 16 * MS},
		{.kind = HOG, .nr = 2},
	};

	(void)state;
	GROUPS(2, true, groups, loads);
	assert_near(permille_of(SECONDS, &loads[0]), 100, 5);
	assert_true(3 * loads[0].got.least_ns > loads[0].got.most_ns);
	assert_in_range(loads[1].got.wakeup_p99_ns, 0, MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_share_by_weight),
		cmocka_unit_test(a_lone_task_beside_a_crowd),
		cmocka_unit_test(groups_in_groups),
		cmocka_unit_test(nice_within_a_group),
		cmocka_unit_test(nice_within_a_pinned_group),
		cmocka_unit_test(an_idle_group_gets_what_is_left),
		cmocka_unit_test(a_limit),
		cmocka_unit_test(a_limit_of_sleepers),
		cmocka_unit_test(limits_in_limits),
		cmocka_unit_test(a_burst),
		cmocka_unit_test(a_limit_is_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
