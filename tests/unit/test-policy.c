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

#include "tests/unit/policy-limits.h"

/* The documented limits: no deadline is farther from the clock. */
#define DEADLINE_AHEAD_MAX  ((int64_t)(4 * SLICE))
#define DEADLINE_BEHIND_MAX ((int64_t)(3 * SLICE / 2))

static void *start_policy_with(const struct rl_policy_config *config)
{
	void *p = calloc(1, policy->state_size);

	assert_non_null(p);
	assert_int_equal(policy->init(p, config), 0);
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
	return (struct rl_task){
		.pid = pid,
		.tgid = pid,
		.cpu = 1,
		.flags = RL_TASK_NEW,
		.weight = RL_WEIGHT_DEFAULT,
		.nr_cpus_allowed = 64,
		.nr_waiting = 3,
		.enqueued_at_ns = at_ns,
		.request = 1000 + pid,
		.generation = 2000 + pid,
	};
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

/* The decision took effect; the task ran and is asked about again when its slice ended. */
static void ran(struct rl_task *task, const struct rl_decision *d, uint64_t run_ns, uint64_t at_ns)
{
	for (int i = 0; i < RL_STATE_WORDS; i++)
		task->state[i] = d->state[i];
	task->flags = 0;
	task->runtime_ns += run_ns;
	task->burst_ns += run_ns;
	task->enqueued_at_ns = at_ns;
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
	struct rl_decision d;

	(void)state;
	for (int i = 0; i < 3; i++) {
		tasks[i] = task_at(i, 1);
		d = decide(p, &tasks[i]);
		/* Task 0 uses the most. It also ran since it slept, as the others did. */
		ran(&tasks[i], &d, (10 - i) * MS, 30 * MS);
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
	ran(&hog, &d, 10 * MS, 10 * MS);
	e = decide(p, &sleeper);
	ran(&sleeper, &e, 10 * MS, 10 * MS);
	woke(&sleeper, SECOND);
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

static void slices(void **state)
{
	void *p = start_policy(4);
	struct rl_task task = task_at(1, 1);
	uint64_t normal;

	(void)state;
	task.nr_waiting = 3;
	normal = decide(p, &task).slice_ns;
	task.weight = 200;
	assert_in_range(decide(p, &task).slice_ns, normal + 1, SLICE);
	task.weight = 50;
	assert_in_range(decide(p, &task).slice_ns, normal / 2 - 1, normal / 2 + 1);
	task.weight = 1;
	assert_int_equal(decide(p, &task).slice_ns, SLICE_MIN);
	task.weight = 10000;
	assert_int_equal(decide(p, &task).slice_ns, SLICE);
	task.weight = 100;
	task.nr_waiting = 1000;
	assert_int_equal(decide(p, &task).slice_ns, SLICE_MIN);
	task.nr_waiting = UINT32_MAX;
	assert_int_equal(decide(p, &task).slice_ns, SLICE_MIN);
	stop_policy(p);
}

static void only_wakeups_without_debt_preempt(void **state)
{
	void *p = start_policy(1);
	struct rl_task task = task_at(1, 1);
	struct rl_decision d = decide(p, &task);

	(void)state;
	assert_int_equal(d.flags, 0); /* new */
	ran(&task, &d, 10 * MS, 10 * MS);
	d = decide(p, &task);
	assert_int_equal(d.flags, 0); /* its slice ended */
	ran(&task, &d, 10 * MS, 20 * MS);
	woke(&task, 50 * US);
	d = decide(p, &task);
	assert_int_equal(d.flags, 0); /* woke up in debt */
	ran(&task, &d, 1 * MS, 1000 * MS);
	woke(&task, 980 * MS);
	d = decide(p, &task);
	assert_int_equal(d.flags, RL_DECISION_PREEMPT); /* the clock has passed it meanwhile */
	stop_policy(p);
}

static void credit_is_bounded(void **state)
{
	const uint64_t hour = 3600 * SECOND;
	void *p = start_policy(2);
	struct rl_task sleeper = task_at(1, 1);
	struct rl_decision d = decide(p, &sleeper);
	uint64_t clock;
	int64_t lag;

	(void)state;
	/* A long sleep gives one slice and no more. */
	ran(&sleeper, &d, 1 * MS, hour);
	woke(&sleeper, hour);
	d = decide(p, &sleeper);
	clock = clock_of(p, hour);
	lag = d.state[0] - clock;
	assert_true(lag >= -(int64_t)SLICE);
	assert_true(lag <= -(int64_t)SLICE * 9 / 10);

	/* A sleep of a tenth of a millisecond gives next to nothing, although the clock went on. */
	ran(&sleeper, &d, 100 * US, hour + SECOND);
	woke(&sleeper, 100 * US);
	d = decide(p, &sleeper);
	lag = d.state[0] - clock_of(p, hour + SECOND);
	assert_true(lag >= -(int64_t)SLICE / 20);
	assert_true(lag <= 0);

	/* Who did not sleep is owed half a slice at most. */
	ran(&sleeper, &d, 100 * US, hour + 2 * SECOND);
	d = decide(p, &sleeper);
	lag = d.state[0] - clock_of(p, hour + 2 * SECOND);
	assert_true(lag >= -(int64_t)SLICE / 2);
	stop_policy(p);
}

/* The task used slice after slice while the clock stood still. */
static struct rl_decision owes_most(void *p, struct rl_task *task, const struct rl_decision *first)
{
	struct rl_decision d = *first;

	for (int i = 0; i < 10; i++) {
		ran(task, &d, SLICE, 2);
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

		d = owes_most(p, &task, &d);
		ran(&task, &d, 0, 2);
		woke(&task, sleeps[i]);
		d = decide(p, &task);
		lags[i] = d.state[0] - clock_of(p, 2);
		assert_int_equal(d.flags, i == 0 ? 0 : RL_DECISION_PREEMPT);
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
	int64_t lag;

	(void)state;
	d = owes_most(p, &task, &d);
	lag = d.state[0] - clock_of(p, 2);
	assert_true(lag <= (int64_t)(3 * SLICE));
	assert_true(lag > (int64_t)SLICE);
	stop_policy(p);
}

/*
 * What the kernel gave without asking, on idle CPUs or while the policy was stopped, costs a slice:
 * after a stop of five seconds a frame loop would otherwise come last of all.
 */
static void only_what_was_decided_is_charged(void **state)
{
	static const uint64_t times[] = {5 * SECOND, 600 * SECOND, UINT64_C(1) << 63};

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		void *p = start_policy(2);
		struct rl_task task = task_at(1, 1);
		struct rl_decision d = decide(p, &task);
		int64_t lag;

		ran(&task, &d, times[i], 2);
		d = decide(p, &task);
		lag = d.state[0] - clock_of(p, 2);
		assert_true(lag > (int64_t)(SLICE / 2));
		assert_true(lag <= (int64_t)SLICE);
		assert_int_equal(d.state[1], times[i]);
		stop_policy(p);
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
	uint64_t now = 1;

	(void)state;
	for (int pid = 2; pid < 2000; pid++) {
		struct rl_task hog = task_at(pid, now += 2 * MS);

		hog.nr_waiting = 2000;
		hog.frontier = d.deadline; /* nobody else has started to run */
		e = decide(p, &hog);
	}
	assert_true((int64_t)(e.deadline - d.deadline) <= (int64_t)(2 * SLICE));
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
	assert_true(d.flags & RL_DECISION_PREEMPT);

	/* But not one that does not sleep. */
	kthread.flags &= ~RL_TASK_WAKEUP;
	assert_true((int64_t)(decide(p, &kthread).deadline - kthread.frontier) > 0);
	stop_policy(p);
}

/* The bound of the whole: see PASSED_MAX. The latest deadline, and the earliest that can come. */
static void nobody_is_passed_for_ever(void **state)
{
	void *p = start_policy(2);
	struct rl_task hog = task_at(1, 1), sleeper = task_at(2, 1);
	struct rl_decision d = decide(p, &hog), e = decide(p, &sleeper);
	uint64_t now = 1, frontier = e.deadline;

	(void)state;
	ran(&hog, &d, 600 * SECOND, now);
	d = decide(p, &hog);
	/* Meanwhile new tasks come in any number and run, and none of them is ever charged. */
	while (now < PASSED_MAX) {
		struct rl_task once = task_at(3, now += MS);

		once.nr_waiting = 100000;
		once.frontier = frontier;
		frontier = decide(p, &once).deadline;
	}
	ran(&sleeper, &e, 0, now);
	woke(&sleeper, now);
	sleeper.nr_waiting = 100000;
	sleeper.frontier = frontier;
	sleeper.boost_class = RL_CLASS_FOREGROUND;
	assert_true((int64_t)(decide(p, &sleeper).deadline - d.deadline) >= 0);
	stop_policy(p);
}

/* The kernel went on alone for a while: the clock must not stay behind what it queued meanwhile. */
static void the_clock_follows_the_kernel(void **state)
{
	void *p = start_policy(2);
	struct rl_task task = task_at(1, 1);

	(void)state;
	decide(p, &task);
	task.frontier = 10 * SECOND;
	decide(p, &task);
	assert_int_equal(clock_of(p, 1), 10 * SECOND - DEADLINE_AHEAD_MAX);
	task.frontier = 5 * SECOND;
	decide(p, &task);
	assert_int_equal(clock_of(p, 1), 10 * SECOND - DEADLINE_AHEAD_MAX);
	stop_policy(p);
}

/* While nobody waits, the clock is real time, and what is charged does not move it once more. */
static void the_clock_is_real_time_while_nobody_waits(void **state)
{
	void *p = start_policy(2);
	struct rl_task task = task_at(1, 1);
	struct rl_decision d = decide(p, &task);
	uint64_t before = clock_of(p, 1);

	(void)state;
	ran(&task, &d, 8 * MS, 1 + 10 * MS);
	woke(&task, 2 * MS);
	task.nr_waiting = 0;
	decide(p, &task);
	assert_int_equal(clock_of(p, 1 + 10 * MS) - before, 10 * MS);
	stop_policy(p);
}

static void lone_run_is_no_debt(void **state)
{
	void *p = start_policy(2);
	struct rl_task hog = task_at(1, 1), other = task_at(2, 1);
	struct rl_decision d = decide(p, &hog);
	int64_t lag;

	(void)state;
	ran(&hog, &d, 600 * SECOND, 600 * SECOND);
	/* After ten minutes somebody wakes up; no CPU is idle, and nobody else waits. */
	other.enqueued_at_ns = 600 * SECOND;
	other.nr_waiting = 0;
	woke(&other, 600 * SECOND);
	decide(p, &other);
	d = decide(p, &hog);
	lag = d.state[0] - clock_of(p, 600 * SECOND);
	assert_in_range(lag + SLICE, SLICE / 2, SLICE * 3 / 2);
	stop_policy(p);
}

static void boost_is_a_bounded_band(void **state)
{
	void *p = start_policy(2);
	struct rl_task task = task_at(1, 1);
	uint64_t normal, boosted, foreground;

	(void)state;
	/* It slept for long; without that, and for new tasks, there is none. */
	task.flags = 0;
	task.slept_ns = SECOND;
	task.state[0] = clock_of(p, 1);
	for (uint64_t burst = 0; burst <= 2 * SLICE; burst += MS) {
		task.burst_ns = burst;
		task.boost_class = RL_CLASS_NORMAL;
		normal = decide(p, &task).deadline;
		task.boost_class = RL_CLASS_BOOSTED;
		boosted = decide(p, &task).deadline;
		task.boost_class = RL_CLASS_FOREGROUND;
		foreground = decide(p, &task).deadline;

		assert_in_range(normal - boosted, 0, SLICE / 4);
		assert_in_range(normal - foreground, 0, SLICE / 2);
		if (burst < SLICE) {
			assert_in_range(normal - boosted, 1, SLICE);
			assert_in_range(boosted - foreground, 1, SLICE);
		} else {
			assert_int_equal(normal, boosted);
			assert_int_equal(normal, foreground);
		}
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
	static const uint32_t weights[] = {10, 50, 100, 200, 1000};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		void *p = start_policy(2);
		struct rl_task task = task_at(1, 1);
		struct rl_decision d;
		uint64_t before;

		task.weight = weights[i];
		d = decide(p, &task);
		before = d.state[0];
		ran(&task, &d, 3 * MS, 3 * MS);
		d = decide(p, &task);
		assert_int_equal(d.state[0] - before, 3 * MS * 100 / weights[i]);
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
	struct rl_task before = task_at(1, 1), after = task_at(2, 5 * MS),
		       other = task_at(3, 5 * MS);
	struct rl_decision d;

	(void)state;
	policy->enqueue(p, &before);
	/* Nobody waits: the clock goes 5 ms on. */
	other.nr_waiting = 0;
	woke(&other, MS);
	other.flags |= RL_TASK_NEW;
	policy->enqueue(p, &other);
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

/* Whatever a record says: all stays in its bounds, and the clock never goes back. */
static void huge_values(void **state)
{
	void *p = start_policy(64);
	uint64_t seed = 88172645463325252ULL, clock = clock_of(p, 0), now = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct rl_task task = {
			.pid = i,
			.cpu = random64(&seed) % 64,
			.flags = random64(&seed) & ~RL_TASK_NEW,
			.weight = random64(&seed),
			.boost_class = random64(&seed) % 3,
			.nr_cpus_allowed = random64(&seed),
			.nr_waiting = random64(&seed),
			.enqueued_at_ns = now - random64(&seed) % 1000,
			.runtime_ns = random64(&seed),
			.burst_ns = random64(&seed),
			.slept_ns = random64(&seed),
			.frontier = clock + random64(&seed) % SECOND,
			.state = {clock + random64(&seed), random64(&seed)},
		};
		struct rl_decision d = decide(p, &task);
		uint64_t next = clock_of(p, task.enqueued_at_ns);

		assert_true((int64_t)(next - clock) >= 0);
		clock = next;
		now += random64(&seed) % (UINT64_C(1) << (i % 62));
		assert_true((int64_t)(d.deadline - clock) <= DEADLINE_AHEAD_MAX);
		/* Kernel threads go by what is being served, not by the clock. */
		if (!(task.flags & RL_TASK_KTHREAD))
			assert_true((int64_t)(d.deadline - clock) >= -DEADLINE_BEHIND_MAX);
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
		cmocka_unit_test(only_wakeups_without_debt_preempt),
		cmocka_unit_test(credit_is_bounded),
		cmocka_unit_test(a_real_sleep_makes_debt_less),
		cmocka_unit_test(debt_is_bounded),
		cmocka_unit_test(only_what_was_decided_is_charged),
		cmocka_unit_test(the_clock_stays_near_what_runs),
		cmocka_unit_test(woken_kernel_threads_go_first),
		cmocka_unit_test(nobody_is_passed_for_ever),
		cmocka_unit_test(the_clock_follows_the_kernel),
		cmocka_unit_test(the_clock_is_real_time_while_nobody_waits),
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
