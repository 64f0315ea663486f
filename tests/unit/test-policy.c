/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the policy "rustland" decides about single tasks. Who gets what on a whole machine is
 * test-policy-machine.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bpf/estimate.h"
#include "bpf/weight.h"
#include "tests/unit/policy-limits.h"

#define DEFAULT ((uint64_t)RL_WEIGHT_DEFAULT)

/* The documented limits. Virtual time gets to every deadline within a second. */
#define DEBT_MAX    (3 * SLICE)
#define OWED_MAX    (SLICE / 2)
#define LIGHT_TURNS 6
#define WAIT_MAX    SECOND
/* Credit, and the largest band. */
#define BEHIND_MAX (3 * SLICE / 2)

/* Of every kind of task, and what groups make of them. */
static const uint32_t all_weights[] = {
	1,
	1000,
	WEIGHT_IDLE,
	15U << WEIGHT_SHIFT,
	RL_WEIGHT_DEFAULT / 2,
	RL_WEIGHT_DEFAULT,
	2 * RL_WEIGHT_DEFAULT,
	88761U << WEIGHT_SHIFT,
	UINT32_MAX,
};

#define NR_WEIGHTS (sizeof(all_weights) / sizeof(all_weights[0]))

/* ---- The kernel ------------------------------------------------------------------------------ */

/* Each policy that is started gets a new one. */
static struct {
	uint32_t nr_cpus;
	uint64_t now_ns;
	uint64_t clock; /* rl_task.clock */
} kernel;

/* Time goes on to at_ns. All CPUs are in use, by tasks that weigh so much together. */
static void all_run_until(uint64_t at_ns, uint64_t weight_of_all)
{
	if (at_ns <= kernel.now_ns)
		return;
	for (uint32_t cpu = 0; cpu < kernel.nr_cpus; cpu++)
		kernel.clock += clock_step(at_ns - kernel.now_ns, weight_of_all);
	kernel.now_ns = at_ns;
}

/* One task runs until then, and nobody else wants to. */
static void one_runs_until(uint64_t at_ns, uint64_t weight)
{
	kernel.clock += clock_step(at_ns - kernel.now_ns, weight);
	kernel.now_ns = at_ns;
}

/* So many wait, and a task runs on each CPU. All are of nice 0 but this one, which has a weight. */
static void set_load(struct rl_task *task, uint32_t weight, uint32_t nr_waiting)
{
	task->weight = weight;
	task->nr_waiting = nr_waiting;
	task->weight_of_all = ((uint64_t)kernel.nr_cpus + nr_waiting) * DEFAULT + weight;
}

/* ---- The policy ------------------------------------------------------------------------------ */

static void *start_policy_with(const struct rl_policy_config *config)
{
	void *p = calloc(1, policy->state_size);

	assert_non_null(p);
	assert_int_equal(policy->init(p, config), 0);
	kernel.nr_cpus = config->nr_cpus;
	kernel.now_ns = 1;
	kernel.clock = 0;
	return p;
}

static void *start_policy(uint32_t nr_cpus)
{
	const struct rl_policy_config config = config_for(nr_cpus);

	return start_policy_with(&config);
}

static void stop_policy(void *p)
{
	policy->fini(p);
	free(p);
}

static struct rl_task task_at(int32_t pid, uint64_t at_ns)
{
	struct rl_task task = {
		.pid = pid,
		.tgid = pid,
		.cpu = 1,
		.flags = RL_TASK_NEW,
		.nr_cpus_allowed = 64,
		.enqueued_at_ns = at_ns,
		.request = 1000 + pid,
		.generation = 2000 + pid,
	};

	set_load(&task, RL_WEIGHT_DEFAULT, 3);
	all_run_until(at_ns, task.weight_of_all);
	task.clock = kernel.clock;
	return task;
}

/* The decision about a task, when no other is held. */
static struct rl_decision decide(void *p, const struct rl_task *task)
{
	struct rl_decision d = {0}, none;

	policy->enqueue(p, task);
	assert_true(policy->next(p, &d));
	assert_false(policy->next(p, &none));
	assert_int_equal(d.pid, task->pid);
	assert_int_equal(d.request, task->request);
	assert_int_equal(d.generation, task->generation);
	assert_in_range(d.slice_ns, SLICE_MIN, SLICE);
	return d;
}

/* What has become of the task until it is asked about again: the decision took effect, and it ran. */
static void used(struct rl_task *task, const struct rl_decision *d, uint64_t run_ns)
{
	for (int i = 0; i < RL_STATE_WORDS; i++)
		task->state[i] = d->state[i];
	task->flags = 0;
	task->runtime_ns += run_ns;
	task->burst_ns += run_ns;
	task->enqueued_at_ns = kernel.now_ns;
	task->clock = kernel.clock;
}

/* Its slice ended at at_ns, while all CPUs were in use. */
static void ran(struct rl_task *task, const struct rl_decision *d, uint64_t run_ns, uint64_t at_ns)
{
	all_run_until(at_ns, task->weight_of_all);
	used(task, d, run_ns);
}

static void woke(struct rl_task *task, uint64_t slept_ns)
{
	task->flags = RL_TASK_WAKEUP;
	task->slept_ns = slept_ns;
	task->last_burst_ns = task->burst_ns;
	task->burst_ns = 0;
}

/* New tasks start at the clock, so one of them tells what it is. */
static uint64_t clock_of(void *p, uint64_t at_ns)
{
	const struct rl_task task = task_at(9999, at_ns);

	return decide(p, &task).state[0];
}

/* The clock from which the next decision about this task is made. */
static uint64_t clock_seen_by(void *p, const struct rl_task *task)
{
	struct rl_task fresh = *task;

	fresh.flags = RL_TASK_NEW;
	return decide(p, &fresh).state[0];
}

/* How far ahead of the clock the decision sees the task. */
static int64_t decide_lag(void *p, const struct rl_task *task, struct rl_decision *d)
{
	uint64_t clock = clock_seen_by(p, task);

	*d = decide(p, task);
	return (int64_t)(d->state[0] - clock);
}

static int64_t lag_of(void *p, const struct rl_task *task)
{
	struct rl_decision d;

	return decide_lag(p, task, &d);
}

static uint64_t in_virtual_time(uint64_t time_ns, uint64_t weight)
{
	return time_ns * DEFAULT / weight;
}

/* The longest debt: a light task owes more for its shortest slices than others for their longest. */
static uint64_t debt_max_of(uint32_t weight)
{
	uint64_t turns = in_virtual_time(LIGHT_TURNS * SLICE_MIN, weight ? weight : 1);

	return turns > DEBT_MAX ? turns : DEBT_MAX;
}

static bool preempts(const struct rl_decision *d)
{
	return d->flags & RL_DECISION_PREEMPT;
}

static bool goes_on(const struct rl_decision *d)
{
	return d->flags & RL_DECISION_GO_ON;
}

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

/* Nobody is owed more than this time, neither on the clock nor of a CPU. */
static uint64_t owed_at_most(uint64_t time_ns, uint32_t weight)
{
	return weight > RL_WEIGHT_DEFAULT ? in_virtual_time(time_ns, weight) : time_ns;
}

static void credit_is_bounded(void **state)
{
	const uint64_t hour = 3600 * SECOND;

	(void)state;
	for (size_t i = 0; i < NR_WEIGHTS; i++) {
		int64_t most = (int64_t)owed_at_most(SLICE, all_weights[i]);
		void *p = start_policy(2);
		struct rl_task sleeper = task_at(1, 1);
		struct rl_decision d;
		int64_t lag;

		/* A long sleep gives one slice and no more. */
		set_load(&sleeper, all_weights[i], 3);
		d = decide(p, &sleeper);
		ran(&sleeper, &d, 0, hour);
		woke(&sleeper, hour);
		lag = decide_lag(p, &sleeper, &d);
		assert_in_range(-lag, most * 9 / 10, most);

		/* One of a tenth of a millisecond next to nothing, although the clock went on. */
		ran(&sleeper, &d, 100 * US, hour + 10000 * SECOND);
		woke(&sleeper, 100 * US);
		lag = decide_lag(p, &sleeper, &d);
		assert_in_range(-lag, 0, most / 20);

		/* Who did not sleep is owed half a slice, however long it waited. */
		ran(&sleeper, &d, 100 * US, hour + 20000 * SECOND);
		lag = decide_lag(p, &sleeper, &d);
		assert_int_equal(-lag, owed_at_most(OWED_MAX, all_weights[i]));
		stop_policy(p);
	}
}

/* The task used slice after slice, and others had the other CPU. */
static struct rl_decision owes_most(void *p, struct rl_task *task, const struct rl_decision *first,
				    uint64_t slice_ns)
{
	struct rl_decision d = *first;

	for (int i = 0; i < 10; i++) {
		ran(task, &d, slice_ns, kernel.now_ns + slice_ns);
		d = decide(p, task);
	}
	return d;
}

/* Only a real sleep makes debt less, and lets a task that is still in debt interrupt others. */
static void a_real_sleep_makes_debt_less(void **state)
{
	static const uint64_t sleeps[] = {50 * US, 30 * MS};
	int64_t lags[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		void *p = start_policy(2);
		struct rl_task task = task_at(1, 1);
		struct rl_decision d = decide(p, &task);

		d = owes_most(p, &task, &d, SLICE);
		ran(&task, &d, 0, kernel.now_ns + sleeps[i]);
		woke(&task, sleeps[i]);
		lags[i] = decide_lag(p, &task, &d);
		assert_int_equal(preempts(&d), i == 1);
		stop_policy(p);
	}
	assert_true(lags[0] > (int64_t)(2 * SLICE));
	assert_true(lags[1] > 0);
	assert_true(lags[1] < lags[0] / 2);
}

static void debt_is_bounded(void **state)
{
	void *p = start_policy(2);
	struct rl_task task = task_at(1, 1);
	struct rl_decision d = decide(p, &task);

	(void)state;
	d = owes_most(p, &task, &d, SLICE);
	ran(&task, &d, SLICE, kernel.now_ns + SLICE);
	assert_int_equal(lag_of(p, &task), DEBT_MAX);
	stop_policy(p);
}

/*
 * Slices cannot be as short as its weight asks for. It owes what it got too much, up to six of them;
 * but it does not wait longer than others for its turn.
 */
static void a_light_task_owes_its_shortest_slices(void **state)
{
	static const uint32_t weights[] = {1000, WEIGHT_IDLE, 15U << WEIGHT_SHIFT};

	(void)state;
	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
		void *p = start_policy(2);
		struct rl_task task = task_at(1, 1);
		struct rl_decision d;
		uint64_t clock, most = in_virtual_time(LIGHT_TURNS * SLICE_MIN, weights[i]);

		assert_true(most > DEBT_MAX);
		set_load(&task, weights[i], 3);
		d = decide(p, &task);
		for (uint64_t turn = 1; turn <= LIGHT_TURNS; turn++) {
			assert_int_equal(d.slice_ns, SLICE_MIN);
			ran(&task, &d, SLICE_MIN, kernel.now_ns + SLICE_MIN);
			clock = clock_seen_by(p, &task);
			task.frontier = clock;
			d = decide(p, &task);
			assert_in_range(d.state[0] - clock, most * turn / LIGHT_TURNS * 98 / 100,
					most * turn / LIGHT_TURNS);
			assert_true((int64_t)(d.deadline - clock) <=
				    (int64_t)in_virtual_time(2 * WAIT_MAX, task.weight_of_all));
		}
		/* No more than that. */
		d = owes_most(p, &task, &d, SLICE_MIN);
		ran(&task, &d, SLICE_MIN, kernel.now_ns + SLICE_MIN);
		assert_int_equal(lag_of(p, &task), most);
		stop_policy(p);
	}
}

/*
 * Whatever the kernel gave without asking is charged, up to the longest debt; so after a stop of
 * five seconds a frame loop does not come last of all for long.
 */
static void all_that_ran_is_charged(void **state)
{
	static const uint64_t times[] = {6 * MS,     SLICE,	   SLICE + MS,	 60 * MS,
					 5 * SECOND, 600 * SECOND, 8000 * SECOND};

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		void *p = start_policy(2);
		struct rl_task task = task_at(1, 1);
		struct rl_decision d = decide(p, &task);
		uint64_t owes;
		int64_t lag;

		/* It had one of the CPUs, and its share was a third of that. */
		ran(&task, &d, times[i], kernel.now_ns + times[i]);
		owes = times[i] - kernel.clock;
		lag = decide_lag(p, &task, &d);
		assert_int_equal(lag, owes < DEBT_MAX ? owes : DEBT_MAX);
		assert_int_equal(d.state[1], times[i]);

		/* Once: it is one of six that move the clock, and no more changes. */
		ran(&task, &d, 0, kernel.now_ns);
		assert_in_range(lag - lag_of(p, &task), 0, SLICE / 6);
		stop_policy(p);
	}
}

/* Beyond an hour or so what a task ran is forgotten, and nothing overflows. */
static void check_long_run(uint32_t weight, uint64_t run_ns, bool wakes_up)
{
	void *p = start_policy(2);
	struct rl_task task = task_at(1, 1);
	struct rl_decision d;

	/* Others like it are all that wait. */
	task.weight = weight;
	task.weight_of_all = 2 * (uint64_t)weight;
	d = decide(p, &task);
	ran(&task, &d, run_ns, SECOND);
	if (wakes_up)
		woke(&task, 0);
	assert_int_equal(decide_lag(p, &task, &d), debt_max_of(weight));
	assert_int_equal(d.state[1], run_ns);
	stop_policy(p);
}

static void no_run_is_too_long(void **state)
{
	static const uint64_t times[] = {UINT64_C(1) << 43, UINT64_C(1) << 63, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		for (size_t j = 0; j < NR_WEIGHTS; j++) {
			check_long_run(all_weights[j], times[i], false);
			check_long_run(all_weights[j], times[i], true);
		}
	}
}

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

/* While nobody waits the clock is as fast as a task that runs. */
static void lone_run_is_no_debt(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_WEIGHTS; i++) {
		void *p = start_policy(2);
		struct rl_task hog = task_at(1, 1), other = task_at(2, 1);
		struct rl_decision d;

		set_load(&hog, all_weights[i], 0);
		d = decide(p, &hog);
		one_runs_until(kernel.now_ns + 600 * SECOND, all_weights[i]);
		used(&hog, &d, 600 * SECOND);
		/* After ten minutes somebody wakes up; no CPU is idle, and nobody else waits. */
		other = task_at(2, kernel.now_ns);
		set_load(&other, RL_WEIGHT_DEFAULT, 0);
		woke(&other, 600 * SECOND);
		decide(p, &other);
		assert_int_equal(lag_of(p, &hog), 0);
		stop_policy(p);
	}
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

/* Whatever is dropped, what was used is charged, and charged once. */
static void dropped_decisions_charge_once(void **state)
{
	void *p = start_policy(2);
	struct rl_task task = task_at(1, 1);
	struct rl_decision first = decide(p, &task), d;
	uint64_t before = first.state[0];

	(void)state;
	ran(&task, &first, 6 * MS, 6 * MS);
	d = decide(p, &task);
	assert_int_equal(d.state[0] - before, 6 * MS);

	/* That one was stale: the next request carries the state of the first. */
	ran(&task, &first, 4 * MS, 10 * MS);
	d = decide(p, &task);
	assert_int_equal(d.state[0] - before, 10 * MS);

	/* Asked again without having run (its affinity changed): nothing is charged. */
	ran(&task, &d, 0, 11 * MS);
	d = decide(p, &task);
	assert_int_equal(d.state[0] - before, 10 * MS);
	stop_policy(p);
}

static void heavier_pays_less(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_WEIGHTS; i++) {
		void *p = start_policy(2);
		struct rl_task task = task_at(1, 1);
		struct rl_decision d;
		uint64_t before;

		set_load(&task, all_weights[i], 3);
		d = decide(p, &task);
		before = d.state[0];
		ran(&task, &d, 3 * MS, 3 * MS);
		d = decide(p, &task);
		assert_int_equal(d.state[0] - before, in_virtual_time(3 * MS, all_weights[i]));
		stop_policy(p);
	}
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
		cmocka_unit_test(registry),
		cmocka_unit_test(least_used_runs_first),
		cmocka_unit_test(sleeper_runs_first),
		cmocka_unit_test(percpu_local_keeps_the_cpu),
		cmocka_unit_test(slices),
		cmocka_unit_test(slices_of_confined_tasks),
		cmocka_unit_test(debt_makes_slices_shorter),
		cmocka_unit_test(only_wakeups_without_debt_preempt),
		cmocka_unit_test(batch_tasks_interrupt_nobody),
		cmocka_unit_test(credit_is_bounded),
		cmocka_unit_test(a_real_sleep_makes_debt_less),
		cmocka_unit_test(debt_is_bounded),
		cmocka_unit_test(a_light_task_owes_its_shortest_slices),
		cmocka_unit_test(all_that_ran_is_charged),
		cmocka_unit_test(no_run_is_too_long),
		cmocka_unit_test(the_clock_stays_near_what_runs),
		cmocka_unit_test(woken_kernel_threads_go_first),
		cmocka_unit_test(nobody_is_passed_for_ever),
		cmocka_unit_test(the_clock_follows_what_the_kernel_runs),
		cmocka_unit_test(the_clock_is_the_kernels),
		cmocka_unit_test(the_clock_stays_where_the_tasks_are),
		cmocka_unit_test(the_clock_knows_what_is_charged),
		cmocka_unit_test(a_lone_run_moves_the_clock_by_a_slice),
		cmocka_unit_test(lone_run_is_no_debt),
		cmocka_unit_test(boost_is_a_bounded_band),
		cmocka_unit_test(dropped_decisions_charge_once),
		cmocka_unit_test(heavier_pays_less),
		cmocka_unit_test(a_full_ring_loses_nothing),
		cmocka_unit_test(a_full_pool_loses_only_the_newest),
		cmocka_unit_test(deadlines_wrap),
		cmocka_unit_test(huge_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
