/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lets the policy "rustland" schedule a simulated machine (machine.h) and looks at who got what. No
 * test depends on how fast this machine is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/policy-limits.h"

static size_t add_hog(struct machine *m, uint32_t weight, uint64_t cpus)
{
	return machine_add(
		m, &(struct machine_spec){.kind = MACHINE_HOG, .weight = weight, .cpus = cpus});
}

static size_t add_hogs(struct machine *m, int nr)
{
	size_t first = add_hog(m, 0, 0);

	for (int i = 1; i < nr; i++)
		add_hog(m, 0, 0);
	return first;
}

static size_t add_frames(struct machine *m, uint64_t run_ns, uint64_t period_ns)
{
	return machine_add(m, &(struct machine_spec){.kind = MACHINE_PERIODIC,
						     .run_ns = run_ns,
						     .period_ns = period_ns});
}

static double runtime(const struct machine *m, size_t task)
{
	return machine_result(m, task).runtime_ns;
}

/* Hogs of these weights, all on CPUs of the mask, share by weight within 5 %. */
static void check_weights(uint32_t nr_cpus, uint64_t cpus, const uint32_t *weights, int nr)
{
	struct machine *m = start_machine(nr_cpus);
	double all = 0, all_weights = 0;

	for (int i = 0; i < nr; i++) {
		add_hog(m, weights[i], cpus);
		all_weights += weights[i];
	}
	machine_run(m, 2 * SECOND);
	machine_reset_results(m);
	machine_run(m, 30 * SECOND);
	for (int i = 0; i < nr; i++)
		all += runtime(m, i);
	for (int i = 0; i < nr; i++) {
		double share = runtime(m, i) / all, ideal = weights[i] / all_weights;

		if (share < 0.95 * ideal || share > 1.05 * ideal)
			fail_msg("weight %u on %u CPUs: share %.4f, not %.4f", weights[i], nr_cpus,
				 share, ideal);
	}
	machine_free(m);
}

static void shares_follow_weights(void **state)
{
	static const uint32_t others[] = {10, 20, 50, 100, 200, 500, 1000};

	(void)state;
	for (size_t i = 0; i < 7; i++)
		check_weights(1, 0, (uint32_t[]){100, others[i]}, 2);
	check_weights(1, 0, (uint32_t[]){10, 100, 1000}, 3);
	check_weights(1, 0, (uint32_t[]){100, 100, 100, 100, 1000}, 5);
	check_weights(2, 0, (uint32_t[]){100, 50, 100, 200, 100}, 5);
	/* All light: the clock has to keep up with vruntimes that go ten times as fast. */
	check_weights(1, 0, (uint32_t[]){10, 10, 10, 20, 10}, 5);
	/* On one CPU of 64: the number of rivals is not what it seems. */
	check_weights(64, 1, (uint32_t[]){100, 200, 50, 10, 300}, 5);
}

/* Jain's index of fairness (Jain, Chiu, Hawe 1984): 1 when all got the same. */
static double jain(const struct machine *m, size_t first, int nr)
{
	double sum = 0, squares = 0;

	for (int i = 0; i < nr; i++) {
		double x = runtime(m, first + i);

		sum += x;
		squares += x * x;
	}
	return sum * sum / (nr * squares);
}

static void equal_hogs_get_equal_shares(void **state)
{
	static const struct {
		uint32_t cpus;
		int hogs;
	} cases[] = {
		{1, 2}, {1, 7}, {2, 3}, {2, 4}, {4, 5}, {8, 20}, {16, 100},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct machine *m = start_machine(cases[i].cpus);
		size_t first = add_hogs(m, cases[i].hogs);

		machine_run(m, 5 * SECOND);
		assert_true(jain(m, first, cases[i].hogs) >= 0.999);
		machine_free(m);
	}
}

/*
 * With full sleeper credit a pair takes two shares. Hogs get at least this much of what they would
 * get if it took one; a pair may get less than a hog, since part of its share is what its many
 * switches cost.
 */
static void check_pairs(uint32_t nr_cpus, int hogs, int pairs, uint64_t run_ns, double least)
{
	struct machine *m = start_machine(nr_cpus);
	size_t hog = add_hogs(m, hogs), pair = 0;
	double of_hogs = 0, of_pairs = 0, ideal = 10.0 * SECOND * nr_cpus / (hogs + pairs);

	for (int i = 0; i < pairs; i++) {
		size_t added = machine_add(
			m, &(struct machine_spec){.kind = MACHINE_PAIR, .run_ns = run_ns});

		pair = i == 0 ? added : pair;
	}
	machine_run(m, 2 * SECOND);
	machine_reset_results(m);
	machine_run(m, 10 * SECOND);
	for (int i = 0; i < hogs; i++) {
		of_hogs += runtime(m, hog + i) / hogs;
		/* No hog waits much longer than a round of all of them takes. */
		assert_in_range(machine_result(m, hog + i).waited_max_ns, 0, 2 * SLICE);
	}
	for (int i = 0; i < 2 * pairs; i++)
		of_pairs += runtime(m, pair + i) / pairs;
	if (of_hogs < least * ideal || of_pairs < 0.6 * of_hogs || of_pairs > 1.7 * of_hogs)
		fail_msg("%d hogs, %d pairs of %lu us: hogs %.2f of ideal, a pair %.2f of a hog",
			 hogs, pairs, (unsigned long)(run_ns / US), of_hogs / ideal,
			 of_pairs / of_hogs);
	machine_free(m);
}

static void a_pair_is_not_two(void **state)
{
	(void)state;
	check_pairs(2, 4, 4, 50 * US, 0.8);
	check_pairs(2, 4, 2, 50 * US, 0.8);
	check_pairs(2, 4, 2, 5 * US, 0.8);
	check_pairs(2, 4, 2, 500 * US, 0.8);
	check_pairs(2, 4, 2, 3 * MS, 0.8);
	check_pairs(1, 2, 1, 50 * US, 0.8);
	check_pairs(8, 16, 8, 50 * US, 0.8);
	/* Five times as many pairs as hogs, which together could use ten times the CPUs. */
	check_pairs(2, 4, 20, 50 * US, 0.75);
}

static void frames_start_at_once(void **state)
{
	(void)state;
	for (uint32_t cpus = 1; cpus <= 8; cpus *= 2) {
		for (int per_cpu = 1; per_cpu <= 3; per_cpu++) {
			struct machine *m = start_machine(cpus);
			size_t frames;

			add_hogs(m, per_cpu * cpus);
			frames = add_frames(m, 2200 * US, 16 * MS);
			machine_run(m, SECOND);
			machine_reset_results(m);
			machine_run(m, 20 * SECOND);
			assert_true(machine_result(m, frames).nr_wakeups >= 1200);
			/* The model's policy takes no time: anything but "at once" is its will. */
			assert_int_equal(machine_latency(m, frames, 99), 0);
			assert_in_range(machine_latency(m, frames, 100), 0, SLICE / 2);
			machine_free(m);
		}
	}
}

/* For a regular sleeper nobody has to be asked, but for who only sleeps a little. */
static void frames_are_not_asked_about(void **state)
{
	struct machine *m = start_machine(2);
	struct machine_result result;
	size_t frames, greedy;

	(void)state;
	add_hogs(m, 4);
	frames = add_frames(m, 4400 * US, 16667 * US);
	greedy = machine_add(
		m, &(struct machine_spec){.kind = MACHINE_PERIODIC, .run_ns = MS, .sleep_ns = MS});
	machine_run(m, SECOND);
	machine_reset_results(m);
	machine_run(m, 20 * SECOND);
	result = machine_result(m, frames);
	assert_true(result.nr_asked < result.nr_wakeups / 20);
	result = machine_result(m, greedy);
	assert_true(result.nr_asked > result.nr_wakeups / 2);
	machine_free(m);
}

/* Pipes and hogs and two frame loops, of 60 and of 240 Hz. */
static void frames_start_at_once_beside_pairs(void **state)
{
	struct machine *m = start_machine(4);
	size_t slow, fast;

	(void)state;
	add_hogs(m, 8);
	for (int i = 0; i < 4; i++)
		machine_add(m, &(struct machine_spec){.kind = MACHINE_PAIR, .run_ns = 50 * US});
	slow = add_frames(m, 2200 * US, 16 * MS);
	fast = add_frames(m, 500 * US, 4167 * US);
	machine_run(m, SECOND);
	machine_reset_results(m);
	machine_run(m, 20 * SECOND);
	assert_in_range(machine_latency(m, slow, 99), 0, 100 * US);
	assert_in_range(machine_latency(m, fast, 99), 0, 100 * US);
	machine_free(m);
}

/*
 * A task that sleeps a little after every burst cannot get more than its share out of it; a boosted
 * one no more than four shares.
 */
static void sleeping_does_not_pay(void **state)
{
	static const uint64_t sleeps[] = {100 * US, 1 * MS, 3 * MS, 10 * MS};

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		struct machine *m = start_machine(2);
		size_t hogs = add_hogs(m, 4), greedy;
		bool boosted = i >= 4;

		greedy =
			machine_add(m, &(struct machine_spec){.kind = MACHINE_PERIODIC,
							      .run_ns = 12 * MS,
							      .sleep_ns = sleeps[i % 4],
							      .class = boosted ? RL_CLASS_FOREGROUND
									       : RL_CLASS_NORMAL});
		machine_run(m, 2 * SECOND);
		machine_reset_results(m);
		machine_run(m, 20 * SECOND);
		assert_true(runtime(m, greedy) <= 1.05 * (boosted ? 4 : 1) * runtime(m, hogs));
		machine_free(m);
	}
}

/* A game that needs more than an equal share gets it when it is boosted, and only then. */
static void a_boosted_game_gets_what_it_needs(void **state)
{
	double got[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct machine *m = start_machine(2);
		size_t game;

		add_hogs(m, 8);
		game = machine_add(
			m, &(struct machine_spec){.kind = MACHINE_PERIODIC,
						  .run_ns = 8 * MS,
						  .period_ns = 16667 * US,
						  .class = i ? RL_CLASS_BOOSTED : RL_CLASS_NORMAL});
		machine_run(m, 2 * SECOND);
		machine_reset_results(m);
		machine_run(m, 10 * SECOND);
		got[i] = runtime(m, game) / (10.0 * SECOND * 8 / 16.667);
		machine_free(m);
	}
	assert_true(got[0] < 0.8);
	assert_true(got[1] >= 0.98);
}

/* However many are boosted, who is not keeps the share of one where they have four. */
static void boosts_leave_everybody_a_share(void **state)
{
	struct machine *m = start_machine(2);
	size_t hogs = add_hogs(m, 2);

	(void)state;
	for (int i = 0; i < 6; i++)
		machine_add(m, &(struct machine_spec){.kind = MACHINE_PERIODIC,
						      .run_ns = 12 * MS,
						      .sleep_ns = 2 * MS,
						      .class = RL_CLASS_FOREGROUND});
	machine_run(m, 2 * SECOND);
	machine_reset_results(m);
	machine_run(m, 20 * SECOND);
	for (int i = 0; i < 2; i++)
		assert_true(runtime(m, hogs + i) >= 0.9 * 2 * 20 * SECOND / (6 * 4 + 2));
	machine_free(m);
}

static void a_boosted_hog_is_a_hog(void **state)
{
	struct machine *m = start_machine(2);
	size_t hogs = add_hogs(m, 4), boosted;

	(void)state;
	boosted = machine_add(
		m, &(struct machine_spec){.kind = MACHINE_HOG, .class = RL_CLASS_FOREGROUND});
	machine_run(m, 100 * MS);
	machine_reset_results(m);
	machine_run(m, 2 * SECOND);
	for (int i = 0; i < 4; i++)
		assert_true(runtime(m, hogs + i) >= 0.9 * 2 * 2 * SECOND / 5);
	assert_true(runtime(m, boosted) >= 0.9 * 2 * 2 * SECOND / 5);
	machine_free(m);
}

/*
 * New tasks that exit before they are ever charged. load is what they need, in all CPUs. Beyond 1
 * their number has no limit; the bound holds nevertheless. Before a hog there can be those that
 * were queued when it was: at most what piled up in the bound itself.
 */
static void check_storm(uint64_t run_ns, double load)
{
	struct machine *m = start_machine(2);
	size_t hogs = add_hogs(m, 4);
	double of_hogs = 0;

	machine_run(m, SECOND);
	machine_reset_results(m);
	machine_storm(m, &(struct machine_spec){.run_ns = run_ns}, run_ns / load / 2);
	machine_run(m, 5 * SECOND);
	for (int i = 0; i < 4; i++) {
		assert_in_range(machine_result(m, hogs + i).waited_max_ns, 0, PASSED_MAX);
		of_hogs += runtime(m, hogs + i);
	}
	/* What the storm leaves is theirs. */
	if (load < 1)
		assert_true(of_hogs >= 0.95 * (1 - load) * 2 * 5 * SECOND);
	assert_true(of_hogs > 0);
	machine_free(m);
}

static void a_storm_does_not_starve_hogs(void **state)
{
	static const uint64_t runs[] = {300 * US, 1 * MS, 5 * MS, 20 * MS};
	static const double loads[] = {0.6, 1.0, 1.5};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 3; j++)
			check_storm(runs[i], loads[j]);
}

/*
 * Where a round takes seconds, because each of thousands has the shortest slice, nobody is left out
 * of one: not the light, and not who used a long slice before the crowd came.
 */
static void nobody_waits_for_two_rounds_of_a_crowd(void **state)
{
	const int crowd = 3000;
	struct machine *m = start_machine(2);
	size_t lone = add_hog(m, 0, 0), light, hogs;

	(void)state;
	machine_run(m, 15 * MS);
	light = add_hog(m, 10, 0);
	hogs = add_hogs(m, crowd);
	for (int i = 0; i < 3; i++) {
		const uint64_t round = crowd / 2 * SLICE_MIN, longest = round + round / 2;

		machine_reset_results(m);
		machine_run(m, 2 * round);
		assert_in_range(machine_result(m, lone).waited_max_ns, 0, longest);
		assert_in_range(machine_result(m, light).waited_max_ns, 0, longest);
		for (int j = 0; j < crowd; j++)
			assert_in_range(machine_result(m, hogs + j).waited_max_ns, 0, longest);
	}
	machine_free(m);
}

static void a_lone_run_is_not_punished(void **state)
{
	struct machine *m = start_machine(2);
	size_t old = add_hogs(m, 1), hogs;

	(void)state;
	machine_run(m, 60 * SECOND);
	hogs = add_hogs(m, 4);
	machine_reset_results(m);
	machine_run(m, 500 * MS);
	assert_in_range(machine_result(m, old).waited_max_ns, 0, 3 * SLICE);
	assert_true(runtime(m, old) >= 0.8 * runtime(m, hogs));
	assert_true(runtime(m, old) <= 1.25 * runtime(m, hogs));
	machine_free(m);
}

/* One CPU has one hog and another has four; nobody may move. The clock serves both. */
static void pinned_hogs_share_their_cpu(void **state)
{
	struct machine *m = start_machine(2);
	size_t hogs;

	(void)state;
	add_hog(m, 0, 1);
	hogs = add_hog(m, 0, 2);
	for (int i = 1; i < 4; i++)
		add_hog(m, 0, 2);
	machine_run(m, 10 * SECOND);
	assert_true(jain(m, hogs, 4) >= 0.999);
	machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_follow_weights),
		cmocka_unit_test(equal_hogs_get_equal_shares),
		cmocka_unit_test(a_pair_is_not_two),
		cmocka_unit_test(frames_start_at_once),
		cmocka_unit_test(frames_are_not_asked_about),
		cmocka_unit_test(frames_start_at_once_beside_pairs),
		cmocka_unit_test(sleeping_does_not_pay),
		cmocka_unit_test(a_boosted_game_gets_what_it_needs),
		cmocka_unit_test(boosts_leave_everybody_a_share),
		cmocka_unit_test(a_boosted_hog_is_a_hog),
		cmocka_unit_test(a_storm_does_not_starve_hogs),
		cmocka_unit_test(nobody_waits_for_two_rounds_of_a_crowd),
		cmocka_unit_test(a_lone_run_is_not_punished),
		cmocka_unit_test(pinned_hogs_share_their_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
