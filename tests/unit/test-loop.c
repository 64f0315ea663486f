/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler loop of librustland on a fake backend: what it does when the ring to the kernel is full,
 * when a policy holds tasks back, forgets them, does not return or is told to stop, and which policies it
 * takes. No kernel, no clock; one test uses a second thread, because there is one when a real machine
 * stops the scheduler.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/internal.h"

#define SECOND UINT64_C(1000000000)

enum {
	TASKS_MAX = 2048,
	BATCH_MAX = 256 /* what the loop takes at a time, see rl_run() */
};

/* ---- The fake ------------------------------------------------------------------------------- */

/* A backend whose ring of decisions is refused by a rule, and which says when the loop shall end. */
struct fake {
	struct rl rl; /* first: the calls get a pointer to it */
	struct rl_shared shared;

	/* To the policy: requests 1 to nr_asked, of which nr_taken have been taken. */
	uint64_t nr_asked, nr_taken;
	uint64_t step_ns;    /* between two requests */
	uint32_t most_taken; /* at a time */

	/* From it. */
	uint32_t refuse_every; /* each so-manieth decision finds the ring full; 0: none */
	uint64_t nr_offered, nr_decided, nr_refused;
	uint32_t answers[TASKS_MAX + 1];
	uint64_t first_decided; /* the first request that was decided after a refusal */
	bool was_refused;

	uint32_t nr_yields, nr_sleeps, nr_wakes;
	bool ask_before_sleep; /* a request comes between the flag and the sleep */
	uint32_t beat_every;   /* yields for one heartbeat */
	uint32_t rounds_left;  /* until the kernel ends the scheduler */
	void (*on_yield)(struct fake *fake);
};

static struct fake *fake_of(const struct rl *rl)
{
	return (struct fake *)rl;
}

static int fake_consume(struct rl *rl, uint32_t max)
{
	struct fake *fake = fake_of(rl);
	uint32_t n = 0;

	for (; n < max && fake->nr_taken < fake->nr_asked; n++) {
		struct rl_task task = {
			.pid = (int32_t)++fake->nr_taken,
			.request = fake->nr_taken,
			.generation = (uint32_t)fake->nr_taken * 3,
			.enqueued_at_ns = fake->nr_taken * fake->step_ns,
		};

		rl_taken(rl, &task);
	}
	if (n > fake->most_taken)
		fake->most_taken = n;
	return (int)n;
}

static int fake_decide(struct rl *rl, const struct rl_decision *d)
{
	struct fake *fake = fake_of(rl);

	fake->nr_offered++;
	if (fake->refuse_every && fake->nr_offered % fake->refuse_every == 0) {
		fake->nr_refused++;
		fake->was_refused = true;
		return -EAGAIN;
	}
	assert_in_range(d->request, 1, fake->nr_taken);
	assert_int_equal(d->pid, d->request);
	assert_int_equal(d->generation, d->request * 3);
	if (fake->was_refused)
		fake->first_decided = d->request;
	fake->was_refused = false;
	fake->answers[d->request]++;
	fake->nr_decided++;
	return 0;
}

static void fake_yield(struct rl *rl)
{
	struct fake *fake = fake_of(rl);

	fake->nr_yields++;
	if (fake->beat_every && fake->nr_yields % fake->beat_every == 0)
		fake->shared.beats++;
	if (fake->on_yield)
		fake->on_yield(fake);
}

static bool fake_sleep(struct rl *rl)
{
	struct fake *fake = fake_of(rl);

	/* The kernel sees that it has to wake the thread. */
	assert_int_equal(fake->shared.asleep, 1);
	fake->nr_sleeps++;
	return false;
}

static void fake_wake(struct rl *rl)
{
	fake_of(rl)->nr_wakes++;
}

static bool fake_exited(const struct rl *rl)
{
	struct fake *fake = fake_of(rl);

	/* A round ends with rl_complete(): it has been counted once more since. */
	return fake->rounds_left <= fake->rl.rounds;
}

static const struct rl_backend_ops fake_ops = {
	.consume = fake_consume,
	.decide = fake_decide,
	.yield = fake_yield,
	.sleep = fake_sleep,
	.wake = fake_wake,
	.exited = fake_exited,
};

static void ask(struct fake *fake, uint32_t n)
{
	fake->nr_asked += n;
	assert_in_range(fake->nr_asked, 0, TASKS_MAX);
	__atomic_store_n(&fake->shared.asked, fake->nr_asked, __ATOMIC_SEQ_CST);
}

static struct fake *fake_new(uint32_t nr_asked, uint32_t rounds)
{
	struct fake *fake = aligned_alloc(RL_CACHE_LINE, sizeof(*fake)); /* for rl_shared */

	assert_non_null(fake);
	memset(fake, 0, sizeof(*fake));
	fake->rl.backend = &fake_ops;
	fake->rl.shared = &fake->shared;
	fake->step_ns = 1000;
	fake->rounds_left = rounds;
	ask(fake, nr_asked);
	return fake;
}

static const struct rl_policy_config config = {
	.sz = sizeof(config),
	.slice_ns = 20000000,
	.slice_min_ns = 1000000,
	.nr_cpus = 2,
};

/* ---- Policies ------------------------------------------------------------------------------- */

/* First come, first served, in memory that is not the library's. */
struct queue {
	struct rl_decision decisions[TASKS_MAX + 1];
	uint32_t head, tail;
};

static struct queue queue;
static uint32_t nr_ticks, nr_inits, nr_finis, hold_from;
static uint64_t ticked_at_ns;

static int queue_init(void *state, const struct rl_policy_config *c)
{
	assert_int_equal(c->nr_cpus, 2);
	(void)state;
	memset(&queue, 0, sizeof(queue));
	nr_ticks = nr_finis = 0;
	hold_from = 0;
	nr_inits++;
	return 0;
}

static void queue_fini(void *state)
{
	(void)state;
	nr_finis++;
}

static void queue_enqueue(void *state, const struct rl_task *task)
{
	(void)state;
	assert_in_range(queue.tail, 0, TASKS_MAX);
	queue.decisions[queue.tail++] = rl_decide_for(task);
}

static bool queue_next(void *state, struct rl_decision *ret)
{
	static const struct rl_decision zero;

	(void)state;
	assert_memory_equal(ret, &zero, sizeof(zero));
	if (queue.head == queue.tail || (hold_from && queue.head + 1 >= hold_from))
		return false;
	*ret = queue.decisions[queue.head++];
	return true;
}

static void queue_undo(void *state, const struct rl_decision *d)
{
	(void)state;
	assert_in_range(queue.head, 1, queue.tail);
	queue.decisions[--queue.head] = *d;
}

static void queue_tick(void *state, uint64_t now_ns)
{
	(void)state;
	nr_ticks++;
	ticked_at_ns = now_ns;
}

static const struct rl_policy with_undo = {
	.version = RL_POLICY_VERSION,
	.sz = sizeof(with_undo),
	.name = "queue",
	.init = queue_init,
	.fini = queue_fini,
	.enqueue = queue_enqueue,
	.next = queue_next,
	.undo = queue_undo,
	.tick = queue_tick,
};

static void run(struct fake *fake, const struct rl_policy *policy)
{
	nr_inits = 0;
	assert_int_equal(rl_run(&fake->rl, policy, &config), 0);
	assert_int_equal(nr_inits, 1);
	assert_int_equal(nr_finis, 1);
}

static void assert_each_decided_once(struct fake *fake, uint64_t n)
{
	assert_int_equal(fake->nr_decided, n);
	for (uint64_t i = 1; i <= n; i++)
		assert_int_equal(fake->answers[i], 1);
	assert_int_equal(fake->shared.submitted, n);
	assert_int_equal(fake->shared.answered, fake->nr_asked);
}

/* ---- The ring is full ----------------------------------------------------------------------- */

/* Fail at the n-th, for every n: nobody is lost, nobody is decided about twice, none comes first. */
static void test_ring_full_at_every_nth(void **state)
{
	enum {
		TASKS = 40
	};
	struct rl_policy without_undo = with_undo;

	(void)state;
	without_undo.undo = NULL;
	for (uint32_t n = 2; n <= TASKS + 1; n++) {
		for (int i = 0; i < 2; i++) {
			struct fake *fake = fake_new(TASKS, 3 * TASKS);

			fake->refuse_every = n;
			run(fake, i ? &without_undo : &with_undo);
			assert_each_decided_once(fake, TASKS);
			assert_int_equal(fake->nr_refused, fake->nr_offered / n);
			assert_int_equal(fake->shared.held, 0);
			free(fake);
		}
	}
}

/* What found no place is the first to be offered in the next round, also without undo(). */
static void test_what_was_refused_goes_first(void **state)
{
	struct rl_policy without_undo = with_undo;

	(void)state;
	without_undo.undo = NULL;
	for (int i = 0; i < 2; i++) {
		struct fake *fake = fake_new(10, 2);

		fake->refuse_every = 4;
		run(fake, i ? &without_undo : &with_undo);
		assert_int_equal(fake->first_decided, 4);
		free(fake);
	}
}

/* Refused until the end: all are held back, and the loop stays awake for them. */
static void test_ring_stays_full(void **state)
{
	struct fake *fake = fake_new(7, 5);

	(void)state;
	fake->refuse_every = 1;
	run(fake, &with_undo);
	assert_int_equal(fake->nr_decided, 0);
	assert_int_equal(fake->nr_offered, 5);
	assert_int_equal(fake->shared.held, 7);
	assert_int_equal(fake->shared.submitted, 0);
	assert_int_equal(fake->nr_sleeps, 0);
	free(fake);
}

/* ---- Batches -------------------------------------------------------------------------------- */

static uint64_t decided_after_first_round;

static void note_first_round(struct fake *fake)
{
	if (fake->rl.rounds == 1)
		decided_after_first_round = fake->nr_decided;
}

static void test_batch_limit(void **state)
{
	struct fake *fake = fake_new(3 * BATCH_MAX + 10, 8);

	(void)state;
	fake->on_yield = note_first_round;
	run(fake, &with_undo);
	assert_int_equal(fake->most_taken, BATCH_MAX);
	/* The first ones have their decision before the others are looked at. */
	assert_int_equal(decided_after_first_round, BATCH_MAX);
	assert_each_decided_once(fake, 3 * BATCH_MAX + 10);
	free(fake);
}

/* ---- Waiting -------------------------------------------------------------------------------- */

static void hold_third(struct fake *fake)
{
	(void)fake;
	hold_from = 3;
}

/* A policy that holds tasks back says so for as long as they can still be waiting, and then sleeps. */
static void test_held_tasks(void **state)
{
	struct fake *fake = fake_new(5, 60);

	(void)state;
	fake->beat_every = 10;
	fake->on_yield = hold_third;
	/* The first round ends at the third task, and from then on the policy gives none. */
	fake->refuse_every = 3;
	run(fake, &with_undo);
	assert_int_equal(fake->shared.held, 3);
	assert_int_equal(fake->nr_decided, 2);
	/* A claim that is two heartbeats old is void. */
	assert_in_range(fake->nr_yields, 11, 30);
	assert_in_range(fake->nr_sleeps, 25, 49);
	free(fake);
}

static bool sleep_is_forbidden(struct rl *rl)
{
	(void)rl;
	fail_msg("it sleeps although it was asked");
	return false;
}

/*
 * A request that comes after the ring was found empty and before the thread sleeps: the number of
 * requests is looked at after the flag was set.
 */
static void test_no_wakeup_is_lost(void **state)
{
	struct rl_backend_ops ops = fake_ops;
	struct fake *fake = fake_new(1, 2);
	struct rl_task task;

	(void)state;
	ops.sleep = sleep_is_forbidden;
	fake->rl.backend = &ops;
	assert_int_equal(rl_take(&fake->rl, &task), 1);
	rl_complete(&fake->rl, 0);
	rl_wait(&fake->rl);
	assert_int_equal(fake->nr_yields, 1);
	/* Nothing is new, so the next one would sleep. */
	ask(fake, 1);
	rl_wait(&fake->rl);
	assert_int_equal(fake->shared.asleep, 0);
	free(fake);
}

static void test_sleeps_when_idle(void **state)
{
	struct fake *fake = fake_new(1, 3);

	(void)state;
	run(fake, &with_undo);
	assert_int_equal(fake->nr_yields, 1);
	assert_int_equal(fake->nr_sleeps, 2);
	assert_int_equal(fake->shared.asleep, 0);
	free(fake);
}

static bool woken_once(struct rl *rl)
{
	struct fake *fake = fake_of(rl);

	return ++fake->nr_sleeps == 1;
}

/* The kernel has woken it for tasks that it will ask about now: it does not sleep again at once. */
static void test_stays_awake_when_woken(void **state)
{
	struct rl_backend_ops ops = fake_ops;
	struct fake *fake = fake_new(0, 3);

	(void)state;
	ops.sleep = woken_once;
	fake->rl.backend = &ops;
	run(fake, &with_undo);
	assert_int_equal(fake->nr_sleeps, 2);
	assert_int_equal(fake->nr_yields, 1);
	free(fake);
}

/* ---- Being stopped -------------------------------------------------------------------------- */

static void stop(struct fake *fake)
{
	rl_stop(&fake->rl);
}

static void test_stop_between_rounds(void **state)
{
	struct fake *fake = fake_new(3, UINT32_MAX);

	(void)state;
	fake->on_yield = stop;
	run(fake, &with_undo);
	assert_int_equal(fake->nr_wakes, 1);
	assert_int_equal(fake->shared.heartbeat_due, 1);
	assert_each_decided_once(fake, 3);

	/* For good. */
	run(fake, &with_undo);
	assert_int_equal(fake->nr_decided, 3);
	free(fake);
}

static uint32_t nr_endless;

static bool endless_next(void *state, struct rl_decision *ret)
{
	(void)state;
	*ret = queue.decisions[0];
	nr_endless++;
	return true;
}

static int stop_in_decide(struct rl *rl, const struct rl_decision *d)
{
	struct fake *fake = fake_of(rl);

	(void)d;
	if (++fake->nr_offered == 1000)
		rl_stop(rl);
	return 0;
}

/* A policy that always has one more decision does not keep the loop from being stopped. */
static void test_policy_without_end(void **state)
{
	struct rl_backend_ops ops = fake_ops;
	struct rl_policy endless = with_undo;
	struct fake *fake = fake_new(1, UINT32_MAX);

	(void)state;
	endless.next = endless_next;
	ops.decide = stop_in_decide;
	fake->rl.backend = &ops;
	run(fake, &endless);
	assert_int_equal(fake->nr_offered, 1000);
	free(fake);
}

static _Atomic int stuck; /* 1: in next(); 2: told to go on */

static bool stuck_next(void *state, struct rl_decision *ret)
{
	if (stuck == 0) {
		stuck = 1;
		while (stuck != 2)
			sched_yield();
	}
	return queue_next(state, ret);
}

static void *stop_when_stuck(void *argument)
{
	while (stuck != 1)
		sched_yield();
	rl_stop(argument);
	stuck = 2;
	return NULL;
}

/* One that does not return for long is not interrupted, but the loop ends when it does return. */
static void test_policy_that_does_not_return(void **state)
{
	struct rl_policy policy = with_undo;
	struct fake *fake = fake_new(9, UINT32_MAX);
	pthread_t thread;

	(void)state;
	policy.next = stuck_next;
	assert_int_equal(pthread_create(&thread, NULL, stop_when_stuck, &fake->rl), 0);
	run(fake, &policy);
	pthread_join(thread, NULL);
	assert_int_equal(fake->nr_wakes, 1);
	/* What it gave as it returned has been sent; the kernel takes care of the others. */
	assert_int_equal(fake->nr_decided, 1);
	assert_int_equal(fake->rl.rounds, 1);
	assert_int_equal(fake->shared.held, 8);
	free(fake);
}

/* ---- Ticks ---------------------------------------------------------------------------------- */

static void ask_again(struct fake *fake)
{
	ask(fake, 1);
}

static void test_ticks(void **state)
{
	struct fake *fake = fake_new(1, 10);

	(void)state;
	fake->step_ns = SECOND / 2;
	fake->on_yield = ask_again;
	run(fake, &with_undo);
	assert_int_equal(fake->nr_taken, 10);
	/* At 1.0, 2.0, 3.0, 4.0 and 5.0 s. */
	assert_int_equal(nr_ticks, 5);
	assert_int_equal(ticked_at_ns, 5 * SECOND);
	free(fake);

	/* No tasks, no time. */
	fake = fake_new(0, 10);
	run(fake, &with_undo);
	assert_int_equal(nr_ticks, 0);
	free(fake);
}

/* ---- Which policies it takes ---------------------------------------------------------------- */

struct longer {
	struct rl_policy policy;
	void (*unknown)(void);
};

static void test_faults(void **state)
{
	struct rl_policy policy = with_undo;
	struct longer longer = {.policy = with_undo};
	struct fake *fake = fake_new(0, 1);

	(void)state;
	assert_null(rl_policy_fault(&policy));
	policy.version++;
	assert_string_equal(rl_policy_fault(&policy),
			    "it was built for another version of librustland; build it again");
	assert_int_equal(rl_run(&fake->rl, &policy, &config), -EINVAL);
	policy.version = 0;
	assert_string_equal(rl_policy_fault(&policy), "its version is not RL_POLICY_VERSION");

	policy = with_undo;
	policy.next = NULL;
	assert_string_equal(rl_policy_fault(&policy), "it lacks enqueue() or next()");
	policy = with_undo;
	policy.enqueue = NULL;
	assert_string_equal(rl_policy_fault(&policy), "it lacks enqueue() or next()");

	policy = with_undo;
	policy.sz = 0;
	assert_string_equal(rl_policy_fault(&policy), "its sz is not sizeof(struct rl_policy)");
	policy.sz = offsetof(struct rl_policy, next);
	assert_string_equal(rl_policy_fault(&policy), "its sz is not sizeof(struct rl_policy)");

	/* A newer one, as long as it does not use what is new. */
	longer.policy.sz = sizeof(longer);
	assert_null(rl_policy_fault(&longer.policy));
	longer.unknown = abort;
	assert_non_null(strstr(rl_policy_fault(&longer.policy), "update librustland"));
	free(fake);
}

/* What a shorter struct rl_policy does not have is not read. */
static void test_shorter_policy(void **state)
{
	struct rl_policy shorter = with_undo;
	struct fake *fake = fake_new(6, 10);

	(void)state;
	shorter.sz = offsetof(struct rl_policy, undo);
	memset((char *)&shorter + shorter.sz, 0xff, sizeof(shorter) - shorter.sz);
	fake->refuse_every = 3;
	run(fake, &shorter);
	assert_each_decided_once(fake, 6);
	assert_int_equal(nr_ticks, 0);
	free(fake);
}

static void test_config(void **state)
{
	struct rl_policy_config c = config;
	struct fake *fake = fake_new(0, 1);

	(void)state;
	assert_int_equal(rl_run(&fake->rl, &with_undo, NULL), -EINVAL);
	c.sz = 1;
	assert_int_equal(rl_run(&fake->rl, &with_undo, &c), -EINVAL);
	c = config;
	c.nr_cpus = 0;
	assert_int_equal(rl_run(&fake->rl, &with_undo, &c), -EINVAL);
	c = config;
	c.slice_min_ns = c.slice_ns + 1;
	assert_int_equal(rl_run(&fake->rl, &with_undo, &c), -EINVAL);
	free(fake);
}

static int failing_init(void *state, const struct rl_policy_config *c)
{
	(void)state;
	(void)c;
	return -ENODEV;
}

static void test_init_fails(void **state)
{
	struct rl_policy policy = with_undo;
	struct fake *fake = fake_new(3, 5);

	(void)state;
	nr_finis = 0;
	policy.init = failing_init;
	assert_int_equal(rl_run(&fake->rl, &policy, &config), -ENODEV);
	assert_int_equal(nr_finis, 0);
	assert_int_equal(fake->nr_taken, 0);
	free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring_full_at_every_nth),
		cmocka_unit_test(test_what_was_refused_goes_first),
		cmocka_unit_test(test_ring_stays_full),
		cmocka_unit_test(test_batch_limit),
		cmocka_unit_test(test_held_tasks),
		cmocka_unit_test(test_no_wakeup_is_lost),
		cmocka_unit_test(test_sleeps_when_idle),
		cmocka_unit_test(test_stays_awake_when_woken),
		cmocka_unit_test(test_stop_between_rounds),
		cmocka_unit_test(test_policy_without_end),
		cmocka_unit_test(test_policy_that_does_not_return),
		cmocka_unit_test(test_ticks),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_shorter_policy),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_init_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
