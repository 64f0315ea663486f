/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The clock of the policy "rustland": where it is beside the kernel's, who moves it, and that no task is passed for ever
 * by those that start at it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/policy-task.h"

/*
 * With thousands of tasks in the queue the clock stays near what is being served, so that a
 * sleeper's credit brings it before them.
 */
static void the_clock_stays_near_what_runs(void **state)
{
	void *p = start_policy(2);
	struct rl_task sleeper = task_at(1, 1);
	struct rl_decision d = decide(p, &sleeper), e = d;

	(void)state;
	set_load(&sleeper, RL_WEIGHT_DEFAULT, 2000);
	for (int pid = 2; pid < 2000; pid++) {
		struct rl_task hog;

		all_run_until(kernel.now_ns + 2 * MS, sleeper.weight_of_all);
		hog = task_at(pid, kernel.now_ns);
		set_load(&hog, RL_WEIGHT_DEFAULT, 2000);
		hog.frontier = d.deadline; /* nobody else has started to run */
		e = decide(p, &hog);
	}
	assert_true((int64_t)(e.deadline - d.deadline) <= (int64_t)(2 * SLICE));
	ran(&sleeper, &d, 0, kernel.now_ns);
	woke(&sleeper, SECOND);
	assert_true((int64_t)(decide(p, &sleeper).deadline - d.deadline) <= 0);
	stop_policy(p);
}

/*
 * The bound of the whole: a hog that owes the most, beside so many others. In a second all that is
 * new comes after it, and when virtual time has moved by the largest credit and band besides, so
 * does who has these.
 */
static void check_passing(uint32_t nr_waiting)
{
	void *p = start_policy(2);
	struct rl_task hog = task_at(1, 1), sleeper = task_at(2, 1);
	struct rl_decision d, e;
	uint64_t frontier, asked_at_ns;

	set_load(&hog, RL_WEIGHT_DEFAULT, nr_waiting);
	set_load(&sleeper, RL_WEIGHT_DEFAULT, nr_waiting);
	d = decide(p, &hog);
	e = decide(p, &sleeper);
	hog.frontier = e.deadline;
	ran(&hog, &d, 600 * SECOND, kernel.now_ns + SECOND);
	hog.frontier = clock_seen_by(p, &hog);
	d = decide(p, &hog);
	assert_true((int64_t)(d.deadline - hog.frontier) > 0);
	asked_at_ns = kernel.now_ns;
	frontier = hog.frontier;
	/* Meanwhile new tasks come in any number and run, and none of them is ever charged. */
	/* The kernel's clock is rounded down at every step. */
	while (kernel.now_ns < asked_at_ns + WAIT_MAX * 102 / 100) {
		struct rl_task once;

		all_run_until(kernel.now_ns + 10 * MS, hog.weight_of_all);
		once = task_at(3, kernel.now_ns);
		set_load(&once, RL_WEIGHT_DEFAULT, nr_waiting);
		once.frontier = frontier;
		frontier = decide(p, &once).deadline;
	}
	assert_true((int64_t)(frontier - d.deadline) >= 0);
	ran(&sleeper, &e, 0, kernel.now_ns + BEHIND_MAX * (nr_waiting + 3) / 2);
	woke(&sleeper, kernel.now_ns);
	sleeper.frontier = frontier;
	sleeper.boost_class = RL_CLASS_FOREGROUND;
	assert_true((int64_t)(decide(p, &sleeper).deadline - d.deadline) >= 0);
	stop_policy(p);
}

static void nobody_is_passed_for_ever(void **state)
{
	(void)state;
	check_passing(3);
	check_passing(100);
	check_passing(100000);
}

/* The kernel went on alone for a while: the clock must not stay behind what it queued meanwhile. */
static void the_clock_follows_what_the_kernel_runs(void **state)
{
	const uint64_t ahead_max = DEBT_MAX + SLICE;
	void *p = start_policy(2);
	struct rl_task task = task_at(1, 1);
	uint64_t before, after;

	(void)state;
	decide(p, &task);
	task.frontier = 10 * SECOND;
	decide(p, &task);
	assert_int_equal(clock_of(p, 1), 10 * SECOND - ahead_max);
	task.frontier = 5 * SECOND;
	decide(p, &task);
	assert_int_equal(clock_of(p, 1), 10 * SECOND - ahead_max);
	/* From there it goes on as the kernel's does. */
	before = kernel.clock;
	after = clock_of(p, SECOND);
	assert_true(kernel.clock > before);
	assert_int_equal(after, 10 * SECOND - ahead_max + kernel.clock - before);
	stop_policy(p);
}

/*
 * By how much the policy's clock has moved beside the kernel's, when the task is asked about that was
 * so far ahead of it, and has used run_ns since.
 */
static int64_t clock_moves(void *p, struct rl_task *task, int64_t lag, uint64_t run_ns)
{
	uint64_t clock = clock_of(p, kernel.now_ns), kernels = kernel.clock;

	task->clock = kernel.clock;
	task->enqueued_at_ns = kernel.now_ns;
	task->state[0] = clock + (uint64_t)lag;
	task->state[1] = task->runtime_ns;
	task->runtime_ns += run_ns;
	decide(p, task);
	/* Long enough that it need not go back. */
	clock = clock_of(p, kernel.now_ns + SECOND) - clock;
	return (int64_t)(clock - (kernel.clock - kernels));
}

static void assert_near(int64_t a, int64_t b)
{
	assert_in_range(a - b + (int64_t)(2 * US), 0, 4 * US);
}

/* As long as everybody is charged for what was used, and is as often ahead of it as behind. */
static void the_clock_is_the_kernels(void **state)
{
	void *p = start_policy(2);
	struct rl_task task = task_at(1, 1);
	uint64_t before = clock_of(p, 1), after;

	(void)state;
	/* New tasks move nothing. */
	assert_int_equal(before, -(UINT64_C(1) << 20));
	after = clock_of(p, SECOND);
	assert_true(kernel.clock > 0);
	assert_int_equal(after - before, kernel.clock);

	task.flags = 0;
	assert_int_equal(clock_moves(p, &task, -(int64_t)(5 * MS), 10 * MS), 0);
	assert_int_equal(clock_moves(p, &task, -(int64_t)(SLICE / 2), SLICE), 0);

	/* And whatever is charged while nobody has to wait for that. */
	woke(&task, 10 * US);
	task.nr_waiting = 0;
	assert_int_equal(clock_moves(p, &task, 0, 10 * MS), 0);
	assert_int_equal(clock_moves(p, &task, DEBT_MAX, 10 * MS), 0);
	task.boost_class = RL_CLASS_BOOSTED;
	woke(&task, 50 * MS);
	assert_int_equal(clock_moves(p, &task, 0, 10 * MS), 0);
	stop_policy(p);
}

/* Who is far behind the clock holds it back, who is far ahead moves it on: by a part of its step. */
static void the_clock_stays_where_the_tasks_are(void **state)
{
	void *p = start_policy(2);
	struct rl_task task = task_at(1, 1);
	int64_t step = 10 * MS / 6; /* six tasks weigh the same, and one runs for 10 ms */

	(void)state;
	task.flags = 0;
	assert_near(clock_moves(p, &task, -(int64_t)(2 * SLICE), 10 * MS), -step);
	assert_near(clock_moves(p, &task, (int64_t)DEBT_MAX / 2 - (int64_t)(5 * MS), 10 * MS),
		    step / 2);
	/* What is forgotten because it owes the most is not charged, and moves nothing. */
	assert_near(clock_moves(p, &task, DEBT_MAX, 10 * MS), 0);
	stop_policy(p);
}

/* Who pays twice, or has a discount, moves the clock by that, divided among all. */
static void the_clock_knows_what_is_charged(void **state)
{
	void *p = start_policy(2);
	struct rl_task task = task_at(1, 1);

	(void)state;
	woke(&task, 0);
	assert_near(clock_moves(p, &task, -(int64_t)(6 * MS), 6 * MS), 6 * MS / 6);
	woke(&task, SECOND);
	task.boost_class = RL_CLASS_BOOSTED;
	assert_near(clock_moves(p, &task, -(int64_t)(1 * MS), 8 * MS), -(int64_t)(6 * MS / 6));
	stop_policy(p);
}

/*
 * A hog that had its CPU for itself for minutes sleeps for a moment, and somebody else is on that
 * CPU then. What it ran is not paid twice, nor at a discount: the clock would move by minutes, and
 * others run for so long before the next turn of whoever is queued from there on.
 */
static void a_lone_run_moves_the_clock_by_a_slice(void **state)
{
	static const uint64_t sleeps[] = {10 * US, 3600 * SECOND};

	(void)state;
	for (size_t i = 0; i < NR_WEIGHTS; i++) {
		for (int boosted = 0; boosted < 2; boosted++) {
			void *p = start_policy(2);
			struct rl_task task = task_at(1, 1);
			int64_t moved, most;

			set_load(&task, all_weights[i], 1);
			most = (int64_t)(SLICE + in_virtual_time(2 * SLICE, task.weight_of_all));
			woke(&task, sleeps[boosted]);
			task.boost_class = boosted ? RL_CLASS_BOOSTED : RL_CLASS_NORMAL;
			moved = clock_moves(p, &task, -(int64_t)(600 * SECOND), 600 * SECOND);
			assert_in_range(moved + most, 0, 2 * most);
			stop_policy(p);
		}
	}
}

static void deadlines_wrap(void **state)
{
	void *p = start_policy(2);
	struct rl_task before = task_at(1, 1), after;
	struct rl_decision d;

	(void)state;
	policy->enqueue(p, &before);
	one_runs_until(5 * MS, DEFAULT);
	after = task_at(2, 5 * MS);
	policy->enqueue(p, &after);

	assert_true(policy->next(p, &d));
	assert_int_equal(d.pid, 1);
	assert_true(d.deadline > UINT64_MAX / 2);
	assert_true(policy->next(p, &d));
	assert_true(d.deadline < UINT64_MAX / 2);
	stop_policy(p);
}

static uint64_t random64(uint64_t *seed)
{
	uint64_t r;

	/* xorshift64 (Marsaglia 2003); shifted, so that all magnitudes are equally likely */
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	r = *seed;
	return r >> ((r * 0x9e3779b97f4a7c15ULL) >> 58);
}

/* What a decision about any record may be, when the clock was there. */
static void check_bounds(const struct rl_task *task, const struct rl_decision *d, uint64_t clock)
{
	uint32_t nr_cpus = task->nr_cpus_allowed < 64 ? task->nr_cpus_allowed : 64;
	uint64_t all = task->weight_of_all > task->weight ? task->weight_of_all : task->weight;
	uint64_t debt_max = debt_max_of(task->weight);
	int64_t served = (int64_t)(task->frontier - clock), ahead = (int64_t)(d->deadline - clock);
	int64_t lag = (int64_t)(d->state[0] - clock);

	assert_true(lag >= -(int64_t)SLICE);
	assert_true(lag <= (int64_t)debt_max);
	assert_true(ahead <= (int64_t)(debt_max + SLICE));
	/* Virtual time is there in a second. */
	assert_true(ahead <=
		    (served > 0 ? served : 0) + (int64_t)in_virtual_time(WAIT_MAX, all ? all : 1) *
							(nr_cpus ? nr_cpus : 1));
	/* Kernel threads go by what is being served, not by the clock. */
	if (task->flags & RL_TASK_KTHREAD && task->flags & RL_TASK_WAKEUP)
		assert_true(ahead <= (served < 0 ? served : 0) - (int64_t)(2 * SLICE));
	else
		assert_true(ahead >= -(int64_t)BEHIND_MAX);
}

/* By how much a decision may move the clock: a slice, and what is paid twice, divided among all. */
static uint64_t move_max(const struct rl_task *task)
{
	uint64_t all = task->weight_of_all > task->weight ? task->weight_of_all : task->weight;

	return SLICE + in_virtual_time(SLICE, all ? all : 1);
}

/* Whatever a record says: all stays in its bounds, and the clock never goes back. */
static void huge_values(void **state)
{
	void *p = start_policy(64);
	uint64_t seed = 88172645463325252ULL, clock = clock_of(p, 0), now = 0, kernels = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint64_t range = UINT64_C(1) << (i % 62);
		struct rl_task task = {
			.pid = i,
			.cpu = random64(&seed) % 64,
			.flags = random64(&seed) & ~RL_TASK_NEW,
			.weight = random64(&seed),
			.weight_of_all = random64(&seed),
			.nr_of_all = random64(&seed),
			.boost_class = random64(&seed) % 3,
			.nr_cpus_allowed = random64(&seed),
			.nr_waiting = random64(&seed),
			.enqueued_at_ns = now - random64(&seed) % 1000,
			.runtime_ns = random64(&seed),
			.burst_ns = random64(&seed),
			.last_burst_ns = random64(&seed),
			.slept_ns = random64(&seed),
			.user = random64(&seed) % 100,
			.clock = kernels += random64(&seed) % range,
			.frontier = clock + random64(&seed) % range - random64(&seed) % range,
			.state = {clock + random64(&seed), random64(&seed)},
		};
		uint64_t next = clock_seen_by(p, &task);
		struct rl_decision d = decide(p, &task);

		assert_true((int64_t)(next - clock) >= 0);
		check_bounds(&task, &d, next);
		clock = clock_seen_by(p, &task);
		assert_in_range(clock - next, 0, move_max(&task));
		now += random64(&seed) % range;
	}
	stop_policy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clock_stays_near_what_runs),
		cmocka_unit_test(nobody_is_passed_for_ever),
		cmocka_unit_test(the_clock_follows_what_the_kernel_runs),
		cmocka_unit_test(the_clock_is_the_kernels),
		cmocka_unit_test(the_clock_stays_where_the_tasks_are),
		cmocka_unit_test(the_clock_knows_what_is_charged),
		cmocka_unit_test(a_lone_run_moves_the_clock_by_a_slice),
		cmocka_unit_test(deadlines_wrap),
		cmocka_unit_test(huge_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
