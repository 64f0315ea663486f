/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who gets what of a whole machine under the policy "rustland": on the simulator (simulate.h), with the backend of
 * bpf/. No test depends on how fast this machine is.
 *
 * Each bound is what the policy promises (the head of src/policy/rustland.c), and beside it why it is not exact.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bpf/weight.h"
#include "sim/kernel/costs.h"
#include "tests/unit/policy-limits.h"
#include "tests/unit/simulate.h"

/* The longest debt, and the most that a task which never sleeps can be owed. */
#define DEBT_MAX (3 * SLICE)
#define OWED_MAX (SLICE / 2)

/* A slice ends at a tick. */
#define TICK (4 * MS)

/* A wakeup that interrupts somebody, and has to be decided about before: nobody's slice is waited for. */
#define AT_ONCE (100 * US)

/* One CPU for so many seconds. */
#define CPU_SECONDS(seconds) ((double)(seconds) * SECOND)

/* What each of the tasks used. */
static double each(const struct load *load)
{
	return (double)load->got.exec_ns / (load->nr ? load->nr : 1);
}

/* ---- Hogs ----------------------------------------------------------------------------------- */

struct nices {
	uint32_t nr_cpus;
	uint64_t cpus; /* that they may use; 0: all */
	uint32_t nr;
	int of[8];
};

static double weight_of(int nice)
{
	return nice_to_weight[nice - NICE_MIN];
}

/* Hogs of these nice values: each gets at least such a part of its share, and at most such a one. */
static void check_nices(const struct nices *nices, double least, double most)
{
	struct load hogs[NELEMS(nices->of)] = {0};
	double all = 0, all_weights = 0;

	for (uint32_t i = 0; i < nices->nr; i++) {
		hogs[i] = (struct load){.kind = HOG, .nice = nices->of[i], .cpus = nices->cpus};
		all_weights += weight_of(nices->of[i]);
	}
	simulate(nices->nr_cpus, 2 * SECOND, 30, hogs, nices->nr);
	for (uint32_t i = 0; i < nices->nr; i++)
		all += each(&hogs[i]);
	for (uint32_t i = 0; i < nices->nr; i++) {
		double fair = all * weight_of(nices->of[i]) / all_weights;

		/* Whatever its weight, each has a turn in a second. */
		if (each(&hogs[i]) < least * fair - SLICE_MIN ||
		    (each(&hogs[i]) > most * fair && each(&hogs[i]) > 40 * TICK))
			fail_msg("nice %d beside %u others on %u CPUs: %.0f ms, of %.0f",
				 nices->of[i], nices->nr - 1, nices->nr_cpus, each(&hogs[i]) / MS,
				 fair / MS);
	}
}

/* As long as none of them is worth more than a CPU. */
static void shares_follow_weights(void **state)
{
	static const struct nices all[] = {
		{1, 0, 2, {0, 3}},
		{1, 0, 2, {0, 0}},
		{1, 0, 2, {0, -3}},
		{2, 0, 5, {0, 3, 0, -3, 0}},
		{1, 0, 5, {10, 10, 10, 7, 10}},
		/* On one CPU of 64 the number of rivals is not what it seems. */
		{64, 1, 5, {0, -3, 3, 10, -5}},
		/* The whole range. */
		{1, 0, 2, {-5, 5}},
		{1, 0, 2, {0, 10}},
		{1, 0, 2, {0, 19}},
		{1, 0, 2, {0, -10}},
		{1, 0, 2, {0, -20}},
		{1, 0, 2, {-20, 19}},
		{1, 0, 3, {10, 0, -10}},
		{2, 1, 3, {-20, -10, 0}},
		{2, 2, 4, {0, -5, 10, 5}},
		{1, 0, 5, {0, 0, 0, 0, -10}},
		{2, 0, 8, {0, 0, 0, 19, 19, 19, 19, 19}},
		{2, 0, 4, {0, 0, 10, 10}},
		{4, 0, 8, {-20, -20, -20, -20, 19, 19, 19, 19}},
	};

	(void)state;
	for (size_t i = 0; i < NELEMS(all); i++)
		check_nices(&all[i], 0.95, 1.05);
}

/* Between what two of them used there is never more than from the longest debt to the most that one is owed. */
static void assert_equal_shares(const struct load *hogs)
{
	assert_in_range(hogs->got.most_ns - hogs->got.least_ns, 0, DEBT_MAX + OWED_MAX);
}

static void equal_hogs_get_equal_shares(void **state)
{
	static const struct {
		uint32_t cpus, hogs;
	} cases[] = {
		{1, 2}, {1, 7}, {2, 4}, {3, 4}, {4, 5}, {8, 20}, {16, 100},
	};

	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		struct load hogs[] = {{.kind = HOG, .nr = cases[i].hogs}};

		SIMULATE(cases[i].cpus, 10, hogs);
		assert_equal_shares(hogs);
	}
}

/*
 * Of three hogs on two CPUs one waits, and that one has the next turn whatever the deadlines. Only the length of the
 * slices keeps them from a pattern that repeats for ever, with one hog an eighth ahead; how they begin decides on it.
 */
static void three_hogs_share_two_cpus(void **state)
{
	(void)state;
	for (uint64_t late_ns = 0; late_ns <= SLICE; late_ns += SLICE / 8) {
		struct load hogs[] = {{.kind = HOG, .nr = 2}, {.kind = HOG, .from_ns = late_ns}};
		double fair;

		SIMULATE(2, 10, hogs);
		fair = (2 * each(&hogs[0]) + each(&hogs[1])) / 3;
		assert_equal_shares(&hogs[0]);
		assert_true(each(&hogs[1]) >= 0.99 * fair);
		assert_true(each(&hogs[1]) <= 1.01 * fair);
	}
}

/* One CPU has one hog and another has four; nobody may move. The clock serves both. */
static void pinned_hogs_share_their_cpu(void **state)
{
	struct load hogs[] = {{.kind = HOG, .cpus = 1}, {.kind = HOG, .nr = 4, .cpus = 2}};

	(void)state;
	SIMULATE(2, 10, hogs);
	assert_equal_shares(&hogs[1]);
}

static void a_lone_run_is_not_punished(void **state)
{
	struct load hogs[] = {{.kind = HOG}, {.kind = HOG, .nr = 4, .from_ns = 60 * SECOND}};
	const struct load *old = &hogs[0], *new = &hogs[1];

	(void)state;
	simulate(2, 60 * SECOND, 1, hogs, NELEMS(hogs));
	assert_in_range(old->got.waited_max_ns, 0, 3 * SLICE);
	assert_true(each(old) >= 0.8 * each(new));
	assert_true(each(old) <= 1.25 * each(new));
}

/*
 * Where a round takes seconds, because each of thousands has the shortest slice, nobody is left out of one: not the
 * light, and not who used a long slice before the crowd came.
 */
static void nobody_waits_for_two_rounds_of_a_crowd(void **state)
{
	struct load loads[] = {
		{.kind = HOG},
		{.kind = HOG, .nice = 10, .from_ns = 15 * MS},
		{.kind = HOG, .nr = 3000, .from_ns = 15 * MS},
	};
	const uint64_t round_ns = loads[2].nr / 2 * SLICE_MIN;

	(void)state;
	simulate(2, 15 * MS, 9, loads, NELEMS(loads));
	for (size_t i = 0; i < NELEMS(loads); i++)
		assert_in_range(loads[i].got.waited_max_ns, 0, 2 * round_ns);
}

/* ---- Sleepers beside hogs -------------------------------------------------------------------- */

static void frames_start_at_once(void **state)
{
	(void)state;
	for (uint32_t cpus = 1; cpus <= 8; cpus *= 2) {
		for (uint32_t per_cpu = 1; per_cpu <= 3; per_cpu++) {
			struct load loads[] = {
				{.kind = HOG, .nr = per_cpu * cpus},
				{.kind = FRAMES, .run_ns = 2200 * US, .period_ns = 16 * MS},
			};

			SIMULATE(cpus, 20, loads);
			assert_true(loads[1].got.wakeups >= 1200);
			assert_in_range(loads[1].got.wakeup_p99_ns, 0, AT_ONCE);
			assert_in_range(loads[1].got.wakeup_max_ns, 0, SLICE / 2);
		}
	}
}

/* Pipes and hogs and two frame loops, of 60 and of 240 Hz. */
static void frames_start_at_once_beside_pairs(void **state)
{
	struct load loads[] = {
		{.kind = HOG, .nr = 8},
		{.kind = PAIR, .nr = 4, .run_ns = 50 * US},
		{.kind = FRAMES, .run_ns = 2200 * US, .period_ns = 16 * MS},
		{.kind = FRAMES, .run_ns = 500 * US, .period_ns = 4167 * US},
	};

	(void)state;
	SIMULATE(4, 10, loads);
	for (int i = 2; i < 4; i++)
		assert_in_range(loads[i].got.wakeup_p99_ns, 0, AT_ONCE);
}

/* For a regular sleeper that needs less than its share nobody has to be asked, but for who only sleeps a little. */
static void frames_are_not_asked_about(void **state)
{
	struct load loads[] = {
		{.kind = HOG, .nr = 4},
		{.kind = FRAMES, .run_ns = 2200 * US, .period_ns = 16667 * US},
		{.kind = SLEEPER, .run_ns = MS, .sleep_ns = MS},
	};

	(void)state;
	SIMULATE(2, 20, loads);
	assert_true(loads[1].got.asked < loads[1].got.wakeups / 20);
	assert_true(loads[2].got.asked > loads[2].got.wakeups / 2);
}

/*
 * With full sleeper credit a pair takes two shares. Hogs get at least this much of what they would get if it took one.
 * A pair may get less than a hog, since it pays for its many requests and switches: half as much is left where it does
 * nothing else.
 */
static void check_pairs(uint32_t nr_cpus, uint32_t nr_hogs, uint32_t nr_pairs, uint64_t run_ns)
{
	struct load loads[] = {
		{.kind = HOG, .nr = nr_hogs},
		{.kind = PAIR, .nr = nr_pairs, .run_ns = run_ns},
	};
	const struct load *hogs = &loads[0], *pairs = &loads[1];
	double fair = CPU_SECONDS(5) * nr_cpus / (nr_hogs + nr_pairs);

	SIMULATE(nr_cpus, 5, loads);
	if (each(hogs) < 0.8 * fair || each(pairs) < 0.5 * each(hogs) ||
	    each(pairs) > 1.7 * each(hogs))
		fail_msg("%u hogs, %u pairs of %lu us: a hog has %.2f of an equal share, a pair "
			 "%.2f of a hog",
			 nr_hogs, nr_pairs, (unsigned long)(run_ns / US), each(hogs) / fair,
			 each(pairs) / each(hogs));
	/*
	 * Two hogs for each CPU: none waits for more than two slices, each of which ends at a tick, and for what
	 * pairs take in between.
	 */
	assert_in_range(hogs->got.waited_max_ns, 0, 2 * (SLICE + TICK) + TICK);
}

static void a_pair_is_not_two(void **state)
{
	(void)state;
	check_pairs(2, 4, 4, 50 * US);
	check_pairs(2, 4, 2, 50 * US);
	check_pairs(2, 4, 2, 5 * US);
	check_pairs(2, 4, 2, 500 * US);
	check_pairs(2, 4, 2, 3 * MS);
	check_pairs(1, 2, 1, 50 * US);
	check_pairs(8, 16, 8, 50 * US);
	/* Five times as many pairs as hogs, which together could use ten times the CPUs. */
	check_pairs(2, 4, 20, 50 * US);
}

/*
 * A task that sleeps a little after every burst cannot get more than its share out of it; a boosted
 * one no more than four shares.
 */
static void sleeping_does_not_pay(void **state)
{
	static const uint64_t sleeps[] = {50 * US, 1 * MS, 3 * MS, 10 * MS};
	static const struct {
		uint32_t class, shares;
	} classes[] = {{RL_CLASS_NORMAL, 1}, {RL_CLASS_FOREGROUND, 4}};

	(void)state;
	for (size_t i = 0; i < NELEMS(sleeps); i++) {
		for (size_t j = 0; j < NELEMS(classes); j++) {
			struct load loads[] = {
				{.kind = HOG, .nr = 4},
				{.kind = SLEEPER,
				 .run_ns = 12 * MS,
				 .sleep_ns = sleeps[i],
				 .class = classes[j].class},
			};

			SIMULATE(2, 20, loads);
			assert_true(each(&loads[1]) <= 1.05 * classes[j].shares * each(&loads[0]));
		}
	}
}

/* ---- Boosts ---------------------------------------------------------------------------------- */

/* A game that needs more than an equal share gets it when it is boosted, and only then. */
static void a_boosted_game_gets_what_it_needs(void **state)
{
	static const uint32_t classes[] = {RL_CLASS_NORMAL, RL_CLASS_BOOSTED};
	double got[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct load loads[] = {
			{.kind = HOG, .nr = 8},
			{.kind = FRAMES,
			 .run_ns = 8 * MS,
			 .period_ns = 16667 * US,
			 .class = classes[i]},
		};

		SIMULATE(2, 10, loads);
		got[i] = each(&loads[1]) / (CPU_SECONDS(10) * 8 / 16.667);
	}
	assert_true(got[0] < 0.8);
	assert_true(got[1] >= 0.98);
}

/* However many are boosted, who is not keeps the share of one where they have four. */
static void boosts_leave_everybody_a_share(void **state)
{
	struct load loads[] = {
		{.kind = HOG, .nr = 2},
		{.kind = SLEEPER,
		 .nr = 6,
		 .run_ns = 12 * MS,
		 .sleep_ns = 2 * MS,
		 .class = RL_CLASS_FOREGROUND},
	};

	(void)state;
	SIMULATE(2, 20, loads);
	assert_true((double)loads[0].got.least_ns >= 0.9 * CPU_SECONDS(20) * 2 / (6 * 4 + 2));
}

static void a_boosted_hog_is_a_hog(void **state)
{
	struct load hogs[] = {{.kind = HOG, .nr = 4}, {.kind = HOG, .class = RL_CLASS_FOREGROUND}};

	(void)state;
	simulate(2, 100 * MS, 2, hogs, NELEMS(hogs));
	for (size_t i = 0; i < NELEMS(hogs); i++)
		assert_true((double)hogs[i].got.least_ns >= 0.9 * CPU_SECONDS(2) * 2 / 5);
}

/* ---- New tasks ------------------------------------------------------------------------------- */

/*
 * New tasks that exit before they are ever charged, so many in a second that they need `load` of all CPUs. Beyond 1
 * their number has no limit; the bound of the waiting holds nevertheless.
 */
static void check_storm(uint64_t run_ns, double load)
{
	const double needs_ns = (double)run_ns + costs_measured.fork + costs_measured.exit;
	struct load loads[] = {
		{.kind = HOG, .nr = 4},
		{.kind = SPAWNER,
		 .nr = 4,
		 .run_ns = run_ns,
		 .period_ns = (uint64_t)(4 * needs_ns / load / 2)},
	};
	const struct got *hogs = &loads[0].got;

	simulate(2, SECOND, 5, loads, NELEMS(loads));
	assert_in_range(hogs->waited_max_ns, 0, PASSED_MAX);
	assert_true(hogs->least_ns > 0);
	/* What the storm leaves is theirs, but for what it costs to schedule it. */
	if (load < 1)
		assert_true((double)hogs->exec_ns >= 0.9 * (1 - load) * 2 * CPU_SECONDS(5));
}

static void a_storm_does_not_starve_hogs(void **state)
{
	static const uint64_t runs[] = {1 * MS, 5 * MS, 20 * MS};
	static const double loads[] = {0.6, 1.0, 1.5};

	(void)state;
	for (size_t i = 0; i < NELEMS(runs); i++)
		for (size_t j = 0; j < NELEMS(loads); j++)
			check_storm(runs[i], loads[j]);
}

/*
 * Where there is always a task that has just been forked, hogs still get half of a fair share, because the clock
 * goes at half of the speed at least that the number of tasks gives; that number is too high by one, and a tenth
 * goes into deciding and switching. With any credit for new tasks that is worth the name the hogs would have
 * next to nothing.
 */
static void new_tasks_have_no_credit(void **state)
{
	static const uint64_t runs[] = {300 * US, 1 * MS, 5 * MS};

	(void)state;
	for (size_t i = 0; i < NELEMS(runs); i++) {
		struct load loads[] = {
			{.kind = HOG, .nr = 4},
			{.kind = CHAIN, .nr = 4, .run_ns = runs[i]},
		};

		simulate(2, SECOND, 5, loads, NELEMS(loads));
		assert_true((double)loads[0].got.least_ns >=
			    0.9 * 0.5 * 2 * CPU_SECONDS(5) / (4 + 4 + 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_follow_weights),
		cmocka_unit_test(equal_hogs_get_equal_shares),
		cmocka_unit_test(three_hogs_share_two_cpus),
		cmocka_unit_test(pinned_hogs_share_their_cpu),
		cmocka_unit_test(a_lone_run_is_not_punished),
		cmocka_unit_test(nobody_waits_for_two_rounds_of_a_crowd),
		cmocka_unit_test(frames_start_at_once),
		cmocka_unit_test(frames_start_at_once_beside_pairs),
		cmocka_unit_test(frames_are_not_asked_about),
		cmocka_unit_test(a_pair_is_not_two),
		cmocka_unit_test(sleeping_does_not_pay),
		cmocka_unit_test(a_boosted_game_gets_what_it_needs),
		cmocka_unit_test(boosts_leave_everybody_a_share),
		cmocka_unit_test(a_boosted_hog_is_a_hog),
		cmocka_unit_test(a_storm_does_not_starve_hogs),
		cmocka_unit_test(new_tasks_have_no_credit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
