/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the boosts of one user can take from another user under the policy "rustland": on a simulated
 * machine (machine.h) whatever their form, and in the budgets that bound it. No test depends on how
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

enum {
	ALICE = 1000, /* has the boosts */
	BOB,	      /* has none */
};

/* What Bob has left of what the same load leaves him when nothing is boosted, at least. */
#define LEFT_MIN 0.8

#define FRAME 16667 * US

/* ---- On a machine --------------------------------------------------------------------------- */

struct form {
	const char *name;
	int tasks;
	struct machine_spec spec;
	uint64_t storm_interval_ns; /* tasks like that which exit and come anew */
	uint64_t cpus;		    /* the CPUs that both may use; 0: all */
};

static const struct form forms[] = {
	{.name = "hogs", .tasks = 32, .spec = {.kind = MACHINE_HOG}},
	{.name = "hogs that sleep for a moment",
	 .tasks = 32,
	 .spec = {.kind = MACHINE_PERIODIC, .run_ns = 18 * MS, .sleep_ns = 50 * US}},
	{.name = "few hogs that sleep for a moment",
	 .tasks = 4,
	 .spec = {.kind = MACHINE_PERIODIC, .run_ns = 18 * MS, .sleep_ns = 50 * US}},
	{.name = "hogs that sleep often for a moment",
	 .tasks = 4,
	 .spec = {.kind = MACHINE_PERIODIC, .run_ns = 1 * MS, .sleep_ns = 50 * US}},
	{.name = "hogs that sleep just enough",
	 .tasks = 4,
	 .spec = {.kind = MACHINE_PERIODIC, .run_ns = 12 * MS, .sleep_ns = 4 * MS}},
	{.name = "frame loops",
	 .tasks = 32,
	 .spec = {.kind = MACHINE_PERIODIC, .run_ns = 2200 * US, .period_ns = FRAME}},
	{.name = "heavy frame loops",
	 .tasks = 8,
	 .spec = {.kind = MACHINE_PERIODIC, .run_ns = 4400 * US, .period_ns = FRAME}},
	{.name = "a group of a hundred threads",
	 .tasks = 100,
	 .spec = {.kind = MACHINE_PERIODIC, .run_ns = 2 * MS, .period_ns = 2 * FRAME}},
	{.name = "short loops at 250 Hz",
	 .tasks = 32,
	 .spec = {.kind = MACHINE_PERIODIC, .run_ns = 500 * US, .period_ns = 4 * MS}},
	{.name = "sleepers that wake up together",
	 .tasks = 32,
	 .spec = {.kind = MACHINE_PERIODIC, .run_ns = 19 * MS, .period_ns = 100 * MS}},
	{.name = "pairs that wake each other",
	 .tasks = 16,
	 .spec = {.kind = MACHINE_PAIR, .run_ns = 50 * US}},
	{.name = "pairs that hand a slice over",
	 .tasks = 2,
	 .spec = {.kind = MACHINE_PAIR, .run_ns = 19 * MS}},
	{.name = "wakers with helpers",
	 .tasks = 16,
	 .spec = {.kind = MACHINE_PAIR, .run_ns = 5 * MS, .with_help = true}},
	{.name = "children that exit",
	 .spec = {.kind = MACHINE_ONCE, .run_ns = 5 * MS},
	 .storm_interval_ns = 2500 * US},
};

struct outcome {
	double hogs, frames; /* of Bob */
};

static struct outcome run(uint32_t nr_cpus, int hogs, const struct form *form, uint32_t class,
			  uint32_t bob)
{
	struct machine *m = start_machine(nr_cpus);
	struct machine_spec spec = form->spec;
	struct outcome outcome = {0};
	size_t frames;

	frames = machine_add(m, &(struct machine_spec){.kind = MACHINE_PERIODIC,
						       .run_ns = 4400 * US,
						       .period_ns = FRAME,
						       .cpus = form->cpus,
						       .user = bob});
	for (int i = 0; i < hogs; i++)
		machine_add(m, &(struct machine_spec){
				       .kind = MACHINE_HOG, .cpus = form->cpus, .user = bob});
	spec.class = class;
	spec.user = ALICE;
	spec.cpus = form->cpus;
	for (int i = 0; i < form->tasks; i++)
		machine_add(m, &spec);
	machine_run(m, 2 * SECOND);
	machine_reset_results(m);
	if (form->storm_interval_ns)
		machine_storm(m, &spec, form->storm_interval_ns);
	/* Longer where only frames are counted: under some loads one in twenty is met. */
	machine_run(m, (hogs ? 20 : 60) * SECOND);
	outcome.frames = machine_result(m, frames).nr_wakeups;
	for (int i = 0; i < hogs; i++)
		outcome.hogs += machine_result(m, frames + 1 + i).runtime_ns;
	machine_free(m);
	return outcome;
}

static void others_keep_their_part(void **state)
{
	static const struct {
		uint32_t cpus;
		int hogs;
	} machines[] = {{2, 4}, {2, 0}, {1, 2}, {4, 8}};
	int failures = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		for (size_t j = 0; j < sizeof(forms) / sizeof(forms[0]); j++) {
			const uint32_t cpus = machines[i].cpus;
			const int hogs = machines[i].hogs;
			struct outcome before = run(cpus, hogs, &forms[j], RL_CLASS_NORMAL, BOB);
			struct outcome after = run(cpus, hogs, &forms[j], RL_CLASS_FOREGROUND, BOB);
			double of_hogs = hogs ? after.hogs / before.hogs : 1;
			double of_frames = after.frames / before.frames;

			if (of_hogs >= LEFT_MIN && of_frames >= LEFT_MIN)
				continue;
			failures++;
			print_error("%u CPUs, %d hogs, Alice boosts %s: Bob's hogs have %.2f, "
				    "his loop %.2f\n",
				    cpus, hogs, forms[j].name, of_hogs, of_frames);
		}
	}
	assert_int_equal(failures, 0);
}

/* Who is confined to one CPU of eight, and meets all boosts there, loses no more of that one. */
static void a_cpu_is_not_taken_for_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct form form = forms[i];
		struct outcome before, after;

		form.cpus = 1 << 5;
		/* As many as the others have on a CPU, or what is left for Bob is next to nothing. */
		form.tasks = (form.tasks + 3) / 4;
		if (form.storm_interval_ns)
			continue;
		before = run(8, 2, &form, RL_CLASS_NORMAL, BOB);
		after = run(8, 2, &form, RL_CLASS_FOREGROUND, BOB);
		if (after.hogs < LEFT_MIN * before.hogs || after.frames < LEFT_MIN * before.frames)
			fail_msg("%s: Bob's hogs have %.2f, his loop %.2f", form.name,
				 after.hogs / before.hogs, after.frames / before.frames);
	}
}

/* What nobody else has to pay for has no bound: a person's own work gives way as ever. */
static void own_tasks_have_no_bound(void **state)
{
	const struct form *form = &forms[6];
	double of_others, of_own;

	(void)state;
	assert_string_equal(form->name, "heavy frame loops");
	of_others = run(2, 4, form, RL_CLASS_FOREGROUND, BOB).hogs;
	of_own = run(2, 4, form, RL_CLASS_FOREGROUND, ALICE).hogs;
	assert_true(of_own < 0.7 * of_others);
}

/* Beside tasks of the same user, too, boosted ones that hardly sleep get no more than a hog does. */
static void a_moment_of_sleep_is_no_sleep(void **state)
{
	(void)state;
	for (int i = 1; i <= 3; i++) {
		const struct form hogs = {.tasks = forms[i].tasks, .spec = {.kind = MACHINE_HOG}};
		double before = run(2, 4, &hogs, RL_CLASS_NORMAL, ALICE).hogs;
		double after = run(2, 4, &forms[i], RL_CLASS_FOREGROUND, ALICE).hogs;

		if (after < 0.9 * before)
			fail_msg("%s: the hogs beside them have %.2f", forms[i].name,
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
