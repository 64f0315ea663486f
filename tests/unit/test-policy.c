/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the policy "rustland" decides about single tasks: who runs first, for how long, and who may interrupt. What a task
 * pays is test-policy-charge.c's, the clock is test-policy-clock.c's, and who gets what on a whole machine is
 * test-policy-machine.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/policy-task.h"

static void registry(void **state)
{
	(void)state;
	assert_ptr_equal(rl_policy_find("rustland"), &rl_policy_rustland);
	assert_null(rl_policy_find("rustlan"));
	assert_ptr_equal(rl_policy_at(0), &rl_policy_rustland);
	assert_null(rl_policy_at(1));
	assert_int_equal(policy->version, RL_POLICY_VERSION);
}

static void least_used_runs_first(void **state)
{
	void *p = start_policy(2);
	struct rl_task tasks[3];
	struct rl_decision d, first[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		tasks[i] = task_at(i, 1);
		first[i] = decide(p, &tasks[i]);
	}
	for (int i = 0; i < 3; i++) {
		/* Task 0 uses the most. It also ran since it slept, as the others did. */
		ran(&tasks[i], &first[i], (10 - i) * MS, 30 * MS);
		tasks[i].burst_ns = 10 * MS;
	}
	for (int i = 0; i < 3; i++)
		policy->enqueue(p, &tasks[i]);
	for (int i = 2; i >= 0; i--) {
		assert_true(policy->next(p, &d));
		assert_int_equal(d.pid, i);
	}
	stop_policy(p);
}

/* Same use, but one slept just now: it goes first. And its deadline is not what is remembered. */
static void sleeper_runs_first(void **state)
{
	void *p = start_policy(2);
	struct rl_task hog = task_at(1, 1), sleeper = task_at(2, 1);
	struct rl_decision d, e;

	(void)state;
	d = decide(p, &hog);
	e = decide(p, &sleeper);
	ran(&hog, &d, 10 * MS, SECOND);
	ran(&sleeper, &e, 10 * MS, SECOND);
	woke(&sleeper, SECOND - 10 * MS);
	e = decide(p, &sleeper);
	d = decide(p, &hog);
	assert_true((int64_t)(e.deadline - d.deadline) < 0);
	assert_true((int64_t)(d.state[0] - d.deadline) < 0);
	assert_true(e.state[0] == e.deadline);
	stop_policy(p);
}

static void percpu_local_keeps_the_cpu(void **state)
{
	struct rl_policy_config config = config_for(4);
	struct rl_task task = task_at(1, 1);
	void *p = start_policy_with(&config);

	(void)state;
	task.cpu = 3;
	assert_int_equal(decide(p, &task).cpu, RL_CPU_ANY);
	stop_policy(p);

	config.percpu_local = true;
	p = start_policy_with(&config);
	assert_int_equal(decide(p, &task).cpu, 3);
	stop_policy(p);
}

static uint64_t slice_for(void *p, struct rl_task *task, uint32_t weight, uint32_t nr_waiting)
{
	set_load(task, weight, nr_waiting);
	return decide(p, task).slice_ns;
}

/* Four run and three wait beside this one. */
static void slices(void **state)
{
	static const uint32_t weights[] = {
		RL_WEIGHT_DEFAULT / 2,
		RL_WEIGHT_DEFAULT,
		2 * RL_WEIGHT_DEFAULT,
		3 * RL_WEIGHT_DEFAULT,
	};
	void *p = start_policy(4);
	struct rl_task task = task_at(1, 1), other = task;

	(void)state;
	/* A slice is as long as its task is heavy, and everybody has a turn in one long slice. */
	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
		uint64_t its = slice_for(p, &task, weights[i], 3), normal;

		other.weight_of_all = task.weight_of_all;
		normal = decide(p, &other).slice_ns;
		assert_in_range(its * 100, normal * 85 * weights[i] / DEFAULT,
				normal * 115 * weights[i] / DEFAULT);
		assert_in_range(its + 7 * normal, 4 * SLICE * 9 / 10, 4 * SLICE);
	}
	assert_int_equal(slice_for(p, &task, 1, 3), SLICE_MIN);
	assert_int_equal(slice_for(p, &task, WEIGHT_IDLE, 3), SLICE_MIN);
	assert_int_equal(slice_for(p, &task, 88761U << WEIGHT_SHIFT, 3), SLICE);
	assert_int_equal(slice_for(p, &task, UINT32_MAX, 3), SLICE);
	assert_int_equal(slice_for(p, &task, RL_WEIGHT_DEFAULT, 1000), SLICE_MIN);
	assert_int_equal(slice_for(p, &task, RL_WEIGHT_DEFAULT, UINT32_MAX), SLICE_MIN);
	/* Alone, whatever its weight. */
	for (size_t i = 0; i < NR_WEIGHTS; i++) {
		slice_for(p, &task, all_weights[i], 0);
		task.weight_of_all = task.weight;
		assert_int_equal(decide(p, &task).slice_ns, SLICE);
	}
	stop_policy(p);
}

/* Of those who share one CPU with it only the number is known. */
static void slices_of_confined_tasks(void **state)
{
	void *p = start_policy(4);
	struct rl_task task = task_at(1, 1);

	(void)state;
	task.nr_cpus_allowed = 1;
	for (size_t i = 0; i < NR_WEIGHTS; i++) {
		assert_in_range(slice_for(p, &task, all_weights[i], 3) * 4, SLICE * 8 / 10, SLICE);
		assert_int_equal(slice_for(p, &task, all_weights[i], 1000), SLICE_MIN);
		assert_int_equal(slice_for(p, &task, all_weights[i], UINT32_MAX), SLICE_MIN);
	}
	stop_policy(p);
}

/* Three hogs on two CPUs: the third has the next turn, whatever it owes. */
static void debt_makes_slices_shorter(void **state)
{
	static const uint32_t weights[] = {RL_WEIGHT_DEFAULT, 3 * RL_WEIGHT_DEFAULT};

	(void)state;
	for (int i = 0; i < 2; i++) {
		void *p = start_policy(2);
		struct rl_task task = task_at(1, 1);
		uint64_t normal = slice_for(p, &task, weights[i], 0), debt_ns = 3 * MS;

		task.flags = 0;
		task.state[0] = clock_of(p, 1) + in_virtual_time(2 * debt_ns, weights[i]);
		assert_in_range(decide(p, &task).slice_ns, normal - debt_ns, normal - debt_ns + US);
		task.flags = RL_TASK_WAKEUP;
		assert_int_equal(decide(p, &task).slice_ns, normal);
		task.flags = 0;
		task.nr_waiting = 1;
		assert_int_equal(decide(p, &task).slice_ns, normal);
		stop_policy(p);
	}
}

static void only_wakeups_without_debt_preempt(void **state)
{
	void *p = start_policy(1);
	struct rl_task task = task_at(1, 1);
	struct rl_decision d = decide(p, &task);

	(void)state;
	assert_false(preempts(&d)); /* new */
	ran(&task, &d, 10 * MS, 10 * MS);
	d = decide(p, &task);
	assert_false(preempts(&d)); /* its slice ended */
	ran(&task, &d, 10 * MS, 20 * MS);
	woke(&task, 50 * US);
	assert_true(decide_lag(p, &task, &d) > 0);
	assert_false(preempts(&d)); /* woke up in debt */
	ran(&task, &d, 1 * MS, 1000 * MS);
	woke(&task, 979 * MS);
	assert_true(decide_lag(p, &task, &d) < 0);
	assert_true(preempts(&d)); /* the clock has passed it meanwhile */
	stop_policy(p);
}

/* A wakeup that would interrupt others and be granted without a question does neither. */
static void batch_tasks_interrupt_nobody(void **state)
{
	void *p = start_policy(2);
	struct rl_task task = task_at(1, 1);
	struct rl_decision d = decide(p, &task);

	(void)state;
	ran(&task, &d, 1 * MS, SECOND);
	woke(&task, SECOND - 1 * MS);
	d = decide(p, &task);
	assert_true(preempts(&d));
	assert_in_range(d.standing, 1, RL_STANDING_MAX);
	task.flags |= RL_TASK_BATCH;
	d = decide(p, &task);
	assert_false(preempts(&d));
	assert_int_equal(d.standing, 0);
	assert_true(goes_on(&d));
	stop_policy(p);
}

static void woken_kernel_threads_go_first(void **state)
{
	void *p = start_policy(2);
	struct rl_task task = task_at(1, 1), kthread = task_at(2, 1);
	struct rl_decision d = decide(p, &kthread);

	(void)state;
	ran(&kthread, &d, 50 * MS, 2);
	woke(&kthread, 3);
	kthread.flags |= RL_TASK_KTHREAD;
	kthread.frontier = decide(p, &task).deadline;
	d = decide(p, &kthread);
	assert_int_equal((int64_t)(d.deadline - kthread.frontier), -2 * (int64_t)SLICE);
	assert_true(preempts(&d));

	/* But not one that does not sleep. */
	kthread.flags &= ~RL_TASK_WAKEUP;
	assert_true((int64_t)(decide(p, &kthread).deadline - kthread.frontier) > 0);
	stop_policy(p);
}

static void boost_is_a_bounded_band(void **state)
{
	void *p = start_policy(2);
	struct rl_task task = task_at(1, 1);
	struct rl_decision normal, boosted, foreground;

	(void)state;
	/* It slept for long; without that, and for new tasks, there is none. */
	task.flags = 0;
	task.slept_ns = SECOND;
	task.state[0] = clock_of(p, 1);
	for (uint64_t burst = 0; burst <= 2 * SLICE; burst += MS) {
		task.burst_ns = burst;
		task.boost_class = RL_CLASS_NORMAL;
		normal = decide(p, &task);
		task.boost_class = RL_CLASS_BOOSTED;
		boosted = decide(p, &task);
		task.boost_class = RL_CLASS_FOREGROUND;
		foreground = decide(p, &task);

		assert_in_range(normal.deadline - boosted.deadline, 0, SLICE / 4);
		assert_in_range(normal.deadline - foreground.deadline, 0, SLICE / 2);
		if (burst < SLICE) {
			assert_in_range(normal.deadline - boosted.deadline, 1, SLICE);
			assert_in_range(boosted.deadline - foreground.deadline, 1, SLICE);
		} else {
			assert_int_equal(normal.deadline, boosted.deadline);
			assert_int_equal(normal.deadline, foreground.deadline);
		}
		/* It is for one slice: then somebody has to ask. */
		assert_true(goes_on(&normal));
		assert_int_equal(goes_on(&boosted), burst >= SLICE);
		assert_int_equal(goes_on(&foreground), burst >= SLICE);
		/* The band is not remembered. */
		assert_int_equal(decide(p, &task).state[0], clock_of(p, 1));
	}
	stop_policy(p);
}

static void a_full_ring_loses_nothing(void **state)
{
	enum {
		NR = 5000
	};
	static bool sent[NR];
	void *p = start_policy(2);
	struct rl_decision d, again;
	uint64_t last = 0;
	uint32_t random = 1;

	(void)state;
	for (int i = 0; i < NR; i++) {
		struct rl_task task = task_at(i, 1);

		random = random * 1664525 + 1013904223;
		task.burst_ns = random % SLICE;
		policy->enqueue(p, &task);
	}
	for (int n = 0; n < NR; n++) {
		for (int full = n % 3; full > 0; full--) {
			assert_true(policy->next(p, &d));
			policy->undo(p, &d);
		}
		assert_true(policy->next(p, &again));
		if (n % 3 > 0)
			assert_memory_equal(&d, &again, sizeof(d));
		assert_true(n == 0 || (int64_t)(again.deadline - last) >= 0);
		last = again.deadline;
		assert_false(sent[again.pid]);
		sent[again.pid] = true;
	}
	assert_false(policy->next(p, &d));
	stop_policy(p);
}

static void a_full_pool_loses_only_the_newest(void **state)
{
	void *p = start_policy(2);
	struct rl_decision d;
	int nr = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct rl_task task = task_at(i, 1);

		policy->enqueue(p, &task);
	}
	for (; policy->next(p, &d); nr++)
		assert_int_equal(d.pid, nr);
	assert_true(nr > 2 * 7281); /* what the ring of requests holds */
	stop_policy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registry),
		cmocka_unit_test(least_used_runs_first),
		cmocka_unit_test(sleeper_runs_first),
		cmocka_unit_test(percpu_local_keeps_the_cpu),
		cmocka_unit_test(slices),
		cmocka_unit_test(slices_of_confined_tasks),
		cmocka_unit_test(debt_makes_slices_shorter),
		cmocka_unit_test(only_wakeups_without_debt_preempt),
		cmocka_unit_test(batch_tasks_interrupt_nobody),
		cmocka_unit_test(woken_kernel_threads_go_first),
		cmocka_unit_test(boost_is_a_bounded_band),
		cmocka_unit_test(a_full_ring_loses_nothing),
		cmocka_unit_test(a_full_pool_loses_only_the_newest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
