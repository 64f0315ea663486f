/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the boosts of one user can take from another user under the policy "rustland": on a simulated
 * machine (simulate.h) whatever their form, and in the budgets that bound it. No test depends on how
 * fast this machine is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/budget.h"
#include "tests/unit/policy-limits.h"
#include "tests/unit/simulate.h"

enum {
	ALICE = 1000, /* has the boosts */
	BOB,	      /* has none */
};

/*
 * What Bob has left of what the same load leaves him when nothing is boosted, at least. A twelfth may go as a discount
 * and another one as priority; the rest is what a run of some seconds leaves to chance.
 */
#define LEFT_MIN 0.8

#define FRAME (16667 * US)

/* With the slack of the kernel's timers it is 51 us. */
#define MOMENT (1 * US)

/* ---- On a machine --------------------------------------------------------------------------- */

struct form {
	const char *name;
	struct load load;  /* of Alice */
	uint32_t seconds;  /* 0: the usual */
	double frames_min; /* 0: LEFT_MIN */
};

static const struct form heavy_loops = {
	.name = "heavy frame loops",
	.load = {.kind = FRAMES, .nr = 8, .run_ns = 4400 * US, .period_ns = FRAME},
};

/* Hogs by any other name. */
static const struct form moments[] = {
	{.name = "hogs that sleep for a moment",
	 .load = {.kind = SLEEPER, .nr = 32, .run_ns = 18 * MS, .sleep_ns = MOMENT}},
	{.name = "few hogs that sleep for a moment",
	 .load = {.kind = SLEEPER, .nr = 4, .run_ns = 18 * MS, .sleep_ns = MOMENT}},
	{.name = "hogs that sleep often for a moment",
	 .load = {.kind = SLEEPER, .nr = 4, .run_ns = 1 * MS, .sleep_ns = MOMENT}},
};

static const struct form others[] = {
	{.name = "hogs", .load = {.kind = HOG, .nr = 32}},
	{.name = "hogs that sleep just enough",
	 .load = {.kind = SLEEPER, .nr = 4, .run_ns = 12 * MS, .sleep_ns = 4 * MS}},
	{.name = "frame loops",
	 .load = {.kind = FRAMES, .nr = 32, .run_ns = 2200 * US, .period_ns = FRAME}},
	{.name = "a group of a hundred threads",
	 .load = {.kind = FRAMES,
		  .nr = 100,
		  .run_ns = 2 * MS,
		  .period_ns = 2 * FRAME,
		  .together = true}},
	{.name = "short loops at 250 Hz",
	 .load = {.kind = FRAMES, .nr = 32, .run_ns = 500 * US, .period_ns = 4 * MS},
	 .seconds = 5},
	/*
	 * So many overtake each of Bob's frames that his loop is behind for longer than its credit reaches, and
	 * it loses the rest of what it is owed.
	 */
	{.name = "sleepers that wake up together",
	 .load = {.kind = FRAMES,
		  .nr = 32,
		  .run_ns = 19 * MS,
		  .period_ns = 100 * MS,
		  .together = true},
	 .frames_min = 0.7},
	{.name = "pairs that wake each other",
	 .load = {.kind = PAIR, .nr = 16, .run_ns = 50 * US},
	 .seconds = 3},
	{.name = "pairs that hand a slice over",
	 .load = {.kind = PAIR, .nr = 2, .run_ns = 19 * MS}},
	{.name = "wakers with helpers",
	 .load = {.kind = PAIR, .nr = 16, .run_ns = 5 * MS, .only_first = true}},
	/* More and more of them. Where nothing keeps sessions apart all others have next to nothing, boost or not. */
	{.name = "children that exit",
	 .load = {.kind = SPAWNER, .run_ns = 5 * MS, .period_ns = 2500 * US, .group = "/alice"}},
	{.name = "chains of children", .load = {.kind = CHAIN, .nr = 8, .run_ns = 5 * MS}},
};

/* What Bob's hogs and his frame loop got. */
struct outcome {
	double hogs, frames;
};

/* A machine that Alice shares with Bob. */
struct shared {
	uint32_t nr_cpus, hogs; /* these are Bob's */
	uint64_t cpus;		/* that both may use; 0: all */
};

static struct outcome run(const struct shared *shared, const struct form *form, uint32_t class,
			  uint32_t bob)
{
	struct load loads[] = {
		form->load,
		{.kind = FRAMES, .run_ns = 4400 * US, .period_ns = FRAME},
		{.kind = HOG, .nr = shared->hogs},
	};
	uint32_t seconds = form->seconds ? form->seconds : 20;

	for (size_t i = 0; i < 3; i++) {
		loads[i].user = i == 0 ? ALICE : bob;
		loads[i].cpus = shared->cpus;
		if (i && form->load.group)
			loads[i].group = "/bob";
	}
	loads[0].class = class;
	/* Longer where only frames are counted: under some loads one in twenty is met. */
	simulate(shared->nr_cpus, 2 * SECOND, shared->hogs ? seconds : 3 * seconds, loads,
		 shared->hogs ? 3 : 2);
	return (struct outcome){.hogs = (double)loads[2].got.exec_ns,
				.frames = (double)loads[1].got.frames};
}

/* Bob keeps his part when Alice's load is boosted. */
static bool keeps_part(const struct shared *shared, const struct form *form)
{
	struct outcome before = run(shared, form, RL_CLASS_NORMAL, BOB);
	struct outcome after = run(shared, form, RL_CLASS_FOREGROUND, BOB);
	double frames_min = form->frames_min != 0 ? form->frames_min : LEFT_MIN;

	if (after.hogs >= LEFT_MIN * before.hogs && after.frames >= frames_min * before.frames)
		return true;
	print_error("%u CPUs, %u hogs, Alice boosts %s: Bob's hogs have %.2f, his loop %.2f\n",
		    shared->nr_cpus, shared->hogs, form->name, after.hogs / before.hogs,
		    after.frames / before.frames);
	return false;
}

static void others_keep_their_part(void **state)
{
	static const struct shared machines[] = {{2, 4, 0}, {2, 0, 0}, {1, 2, 0}, {4, 8, 0}};
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < NELEMS(machines); i++) {
		failures += !keeps_part(&machines[i], &heavy_loops);
		for (size_t j = 0; j < NELEMS(moments); j++)
			failures += !keeps_part(&machines[i], &moments[j]);
		for (size_t j = 0; j < NELEMS(others); j++)
			failures += !keeps_part(&machines[i], &others[j]);
	}
	assert_int_equal(failures, 0);
}

/* Who is confined to one CPU of eight, and meets all boosts there, loses no more of that one. */
static void a_cpu_is_not_taken_for_all(void **state)
{
	static const struct shared one = {8, 2, 1 << 5};
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < NELEMS(others); i++) {
		struct form form = others[i];

		/* As many as the others have on a CPU, or what is left for Bob is next to nothing. */
		form.load.nr = (form.load.nr + 3) / 4;
		failures += !keeps_part(&one, &form);
	}
	assert_int_equal(failures, 0);
}

/* What nobody else has to pay for has no bound: a person's own work gives way as ever. */
static void own_tasks_have_no_bound(void **state)
{
	static const struct shared two = {2, 4, 0};
	struct form form = heavy_loops;
	double of_others, of_own;

	(void)state;
	/* So few that the hogs still have the part of a fair share which every run has to leave them. */
	form.load.nr = 5;
	of_others = run(&two, &form, RL_CLASS_FOREGROUND, BOB).hogs;
	of_own = run(&two, &form, RL_CLASS_FOREGROUND, ALICE).hogs;
	if (of_own >= 0.7 * of_others)
		fail_msg("of her own hogs %.2f is left", of_own / of_others);
}

/* Beside tasks of the same user, too, boosted ones that hardly sleep get no more than a hog does. */
static void a_moment_of_sleep_is_no_sleep(void **state)
{
	static const struct shared two = {2, 4, 0};

	(void)state;
	for (size_t i = 0; i < NELEMS(moments); i++) {
		const struct form hogs = {.load = {.kind = HOG, .nr = moments[i].load.nr}};
		double before = run(&two, &hogs, RL_CLASS_NORMAL, ALICE).hogs;
		double after = run(&two, &moments[i], RL_CLASS_FOREGROUND, ALICE).hogs;

		if (after < 0.9 * before)
			fail_msg("%s: the hogs beside them have %.2f", moments[i].name,
				 after / before);
	}
}

/* ---- Single decisions ----------------------------------------------------------------------- */

static void *start_policy(void)
{
	const struct rl_policy_config config = config_for(2);
	void *p = calloc(1, policy->state_size);

	assert_non_null(p);
	assert_int_equal(policy->init(p, &config), 0);
	return p;
}

static void stop_policy(void *p)
{
	policy->fini(p);
	free(p);
}

static struct rl_decision decide(void *p, const struct rl_task *task)
{
	struct rl_decision d = {0};

	policy->enqueue(p, task);
	assert_true(policy->next(p, &d));
	return d;
}

/* A frame loop that wakes up, with all credit that it can have. */
static struct rl_task loop_at(uint64_t now_ns, uint32_t user)
{
	return (struct rl_task){
		.pid = 1,
		.flags = RL_TASK_WAKEUP,
		.weight = RL_WEIGHT_DEFAULT,
		.nr_cpus_allowed = 2,
		.nr_waiting = 3,
		.enqueued_at_ns = now_ns,
		.last_burst_ns = 4 * MS,
		.slept_ns = 100 * MS,
		.state = {UINT64_MAX - SECOND},
		.user = user,
	};
}

/* How much earlier the deadline is for the boost. */
static int64_t band_of(void *p, struct rl_task task)
{
	uint64_t normal;

	task.boost_class = RL_CLASS_NORMAL;
	normal = decide(p, &task).deadline;
	task.boost_class = RL_CLASS_FOREGROUND;
	return (int64_t)(normal - decide(p, &task).deadline);
}

/* Budgets are filled after a second, whatever happened before. */
static uint64_t with_full_budgets(void *p)
{
	struct rl_task task = loop_at(1 * SECOND, ALICE);

	task.boost_class = RL_CLASS_FOREGROUND;
	decide(p, &task);
	return 10 * SECOND;
}

static void priority_is_used_up(void **state)
{
	void *p = start_policy();
	uint64_t now = with_full_budgets(p), given_ns = 0;
	struct rl_task bob = loop_at(now, BOB), alice = loop_at(now, ALICE);
	struct rl_decision d;

	(void)state;
	alice.user = BOB; /* as a normal task it is nobody else's */
	assert_int_equal(band_of(p, alice), SLICE / 2);
	decide(p, &bob);
	alice.user = ALICE;
	alice.boost_class = RL_CLASS_FOREGROUND;
	for (int i = 0; i < 100; i++) {
		uint64_t normal = decide(p, &bob).deadline;

		d = decide(p, &alice);
		if ((int64_t)(d.deadline - normal) >= 0)
			break;
		/* For one time, for as long as it ran the last time and an eighth. */
		assert_int_equal(d.standing, 0);
		assert_int_equal(d.slice_ns, 4500 * US);
		given_ns += d.slice_ns;
	}
	assert_in_range(given_ns, 2 * PRIORITY_SAVED_NS - 5 * MS, 2 * PRIORITY_SAVED_NS);
	/* The boost of another task, and of one that was woken by one, is no more. */
	alice.pid = 2;
	assert_int_equal(band_of(p, alice), 0);
	alice.flags |= RL_TASK_INHERITED;
	assert_int_equal(band_of(p, alice), 0);
	/* Somebody else's is. */
	alice.user = BOB;
	alice.flags &= ~RL_TASK_INHERITED;
	assert_int_equal(band_of(p, alice), 0); /* a slot that is new is empty */
	stop_policy(p);
}

static void nobody_there_no_budget(void **state)
{
	void *p = start_policy();
	uint64_t now = with_full_budgets(p);
	struct rl_task alice = loop_at(now, ALICE), other = loop_at(now, BOB);

	(void)state;
	for (int i = 0; i < 1000; i++) {
		alice.enqueued_at_ns = now + i;
		assert_int_equal(band_of(p, alice), SLICE / 2);
	}
	/* What the kernel does is nobody's. */
	other.flags |= RL_TASK_KTHREAD;
	decide(p, &other);
	alice.boost_class = RL_CLASS_FOREGROUND;
	assert_true(decide(p, &alice).standing > 0);
	/* Bob is gone after a while. */
	other.flags &= ~RL_TASK_KTHREAD;
	decide(p, &other);
	assert_int_equal(decide(p, &alice).standing, 0);
	alice.enqueued_at_ns = now + SECOND;
	assert_true(decide(p, &alice).standing > 0);
	stop_policy(p);
}

/* State that comes anew, by fork or by another scheduling class, brings nothing. */
static void new_tasks_have_no_priority(void **state)
{
	void *p = start_policy();
	struct rl_task task = loop_at(with_full_budgets(p), ALICE);

	(void)state;
	assert_int_equal(band_of(p, task), SLICE / 2);
	task.flags |= RL_TASK_NEW;
	assert_int_equal(band_of(p, task), 0);
	task.flags = RL_TASK_NEW;
	assert_int_equal(band_of(p, task), 0);
	stop_policy(p);
}

static void short_sleeps_bring_little(void **state)
{
	static const struct {
		uint64_t ran_ns, slept_ns;
		int64_t most_ns;
	} cases[] = {
		{18 * MS, 50 * US, SLICE / 80},
		{1 * MS, 50 * US, SLICE / 4},
		{18 * MS, 1 * MS, SLICE / 4},
		{9 * MS, 7667 * US, SLICE / 2},
		{18 * MS, 0, 0},
	};
	void *p = start_policy();
	uint64_t now = with_full_budgets(p);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rl_task task = loop_at(now, ALICE);
		int64_t band;

		task.last_burst_ns = cases[i].ran_ns;
		task.slept_ns = cases[i].slept_ns;
		band = band_of(p, task);
		assert_true(band <= cases[i].most_ns);
		if (i == 3)
			assert_int_equal(band, cases[i].most_ns);
		/* The same in the middle of the run, for what is left of it. */
		task.flags = 0;
		task.burst_ns = cases[i].ran_ns;
		task.state[0] = UINT64_MAX;
		assert_true(band_of(p, task) <= cases[i].most_ns);
	}
	stop_policy(p);
}

/* ---- Budgets -------------------------------------------------------------------------------- */

static struct rl_task task_of(uint32_t user)
{
	return (struct rl_task){.user = user};
}

/* More than any budget has. */
#define MOST ((int64_t)SECOND)

static int64_t take(struct budgets *b, uint32_t user, uint64_t now_ns)
{
	return budgets_take_discount(b, user, MOST, b->nr_cpus, now_ns);
}

static void budgets_fill(void **state)
{
	struct rl_task bob = task_of(BOB);
	struct budgets b;
	uint64_t now = 1000 * SECOND;

	(void)state;
	budgets_init(&b, 3);
	budgets_see(&b, &bob, true, now);
	assert_int_equal(take(&b, ALICE, now), 0);
	budgets_see(&b, &bob, true, now += 12 * MS);
	assert_int_equal(take(&b, ALICE, now), 3 * MS);
	assert_int_equal(take(&b, ALICE, now), 0);
	/* Requests may be a little out of order; that brings nothing. */
	assert_int_equal(take(&b, ALICE, now - MS), 0);
	assert_int_equal(take(&b, ALICE, now), 0);
	budgets_see(&b, &bob, true, now += 3600 * SECOND);
	assert_int_equal(take(&b, ALICE, now), 3 * DISCOUNT_SAVED_NS);
	budgets_see(&b, &bob, true, now += UINT64_MAX / 4);
	assert_int_equal(take(&b, ALICE, now), 3 * DISCOUNT_SAVED_NS);
	assert_true(budgets_take_priority(&b, ALICE, 3 * PRIORITY_SAVED_NS, 3, now));
	assert_false(budgets_take_priority(&b, ALICE, 1, 3, now));
}

/* What is taken from one CPU alone is a twelfth of that one's time. */
static void budgets_count_cpus(void **state)
{
	struct rl_task bob = task_of(BOB);
	struct budgets b;
	uint64_t now = 1000 * SECOND;

	(void)state;
	budgets_init(&b, 8);
	budgets_see(&b, &bob, true, now);
	take(&b, ALICE, now);
	budgets_see(&b, &bob, true, now += 12 * MS);
	assert_int_equal(budgets_take_discount(&b, ALICE, MOST, 1, now), 1 * MS);
	assert_int_equal(budgets_take_discount(&b, ALICE, MOST, 8, now), 0);
	assert_false(budgets_take_priority(&b, ALICE, 2 * MS, 1, now));
	assert_true(budgets_take_priority(&b, ALICE, 1 * MS, 1, now));
	assert_false(budgets_take_priority(&b, ALICE, 1, 8, now));
}

static void budgets_know_who_is_there(void **state)
{
	struct rl_task alice = task_of(ALICE), bob = task_of(BOB);
	struct budgets b;
	uint64_t now = 1000 * SECOND;

	(void)state;
	budgets_init(&b, 1);
	assert_true(budgets_is_alone(&b, ALICE, now));
	budgets_see(&b, &alice, true, now);
	assert_true(budgets_is_alone(&b, ALICE, now));
	assert_int_equal(take(&b, ALICE, now), MOST);
	budgets_see(&b, &bob, false, now);
	budgets_see(&b, &alice, true, now);
	/* Bob is there, and has what he wants. */
	assert_false(budgets_is_alone(&b, ALICE, now));
	assert_int_equal(take(&b, ALICE, now), MOST);
	budgets_see(&b, &bob, true, now);
	for (int i = 0; i < 10; i++)
		budgets_see(&b, &alice, true, now);
	assert_int_equal(take(&b, ALICE, now), 0);
	/* For him it is Alice who is there. */
	assert_int_equal(take(&b, BOB, now), 0);
	now += 3 * SECOND;
	assert_true(budgets_is_alone(&b, ALICE, now));
	assert_int_equal(take(&b, ALICE, now), MOST);
}

/* However many users there are: who is forgotten has nothing for it. */
static void budgets_forget_nothing_that_pays(void **state)
{
	struct rl_task bob = task_of(BOB);
	struct budgets b;
	uint64_t now = 1000 * SECOND;
	int64_t taken = 0;

	(void)state;
	budgets_init(&b, 1);
	for (uint32_t round = 0; round < 10; round++) {
		for (uint32_t user = 0; user < 1000; user++) {
			budgets_see(&b, &bob, true, now);
			taken += take(&b, user, now += MS);
		}
	}
	assert_int_equal(taken, 0);
	/* As many as there are slots are remembered, if their numbers follow each other. */
	budgets_init(&b, 1);
	for (int round = 0; round < 2; round++) {
		for (uint32_t user = 0; user < BUDGETS_MAX; user++) {
			budgets_see(&b, &bob, true, now);
			taken = take(&b, 2000 + user, now);
			assert_int_equal(taken, round ? MS : 0);
		}
		now += BUDGET_DIVISOR * MS;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_keep_their_part),
		cmocka_unit_test(a_cpu_is_not_taken_for_all),
		cmocka_unit_test(own_tasks_have_no_bound),
		cmocka_unit_test(a_moment_of_sleep_is_no_sleep),
		cmocka_unit_test(priority_is_used_up),
		cmocka_unit_test(nobody_there_no_budget),
		cmocka_unit_test(new_tasks_have_no_priority),
		cmocka_unit_test(short_sleeps_bring_little),
		cmocka_unit_test(budgets_fill),
		cmocka_unit_test(budgets_count_cpus),
		cmocka_unit_test(budgets_know_who_is_there),
		cmocka_unit_test(budgets_forget_nothing_that_pays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
