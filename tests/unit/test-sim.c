/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parts of the simulator by themselves: queues, events, rings, histograms, CPU masks, coroutines and locks. The
 * machine as a whole is tested by tests/sim.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/coroutine.h"
#include "sim/histogram.h"
#include "sim/kernel/costs.h"
#include "sim/kernel/machine.h"
#include "sim/kernel/maps.h"
#include "sim/kernel/random.h"

/* ---- DSQs ----------------------------------------------------------------------------------- */

enum {
	TASKS = 300
};

static struct task *some_tasks(void)
{
	size_t size = TASKS * sizeof(struct task);
	struct task *tasks = aligned_alloc(64, (size + 63) / 64 * 64);

	assert_non_null(tasks);
	memset(tasks, 0, size);
	for (int i = 0; i < TASKS; i++)
		tasks[i].p.pid = i + 1;
	return tasks;
}

/* Each is at or before the next one, and of equal ones the first inserted comes first. */
static void assert_ordered(const struct dsq *dsq, uint32_t n)
{
	const struct task *t = dsq_first(dsq), *next;
	uint32_t count = 0;

	for (; t; t = next) {
		next = dsq_next(t);
		count++;
		if (!next)
			break;
		assert_true((int64_t)(t->node.vtime - next->node.vtime) <= 0);
		if (t->node.vtime == next->node.vtime)
			assert_true(t->node.seq < next->node.seq);
	}
	assert_int_equal(count, n);
	assert_int_equal(dsq->nr, n);
}

/* Also where vtime wraps. */
static void test_dsq_by_vtime(void **state)
{
	struct task *tasks = some_tasks();
	struct dsq dsq = {.id = 1};
	uint64_t random = 1;
	uint32_t n = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct task *t = &tasks[random_below(&random, TASKS)];

		if (t->dsq) {
			assert_ptr_equal(t->dsq, &dsq);
			dsq_remove(&dsq, t);
			n--;
		} else {
			t->p.scx.dsq_vtime = random_below(&random, 40) - 20;
			dsq_insert_task(&dsq, t, true, false);
			n++;
		}
		if (round % 97 == 0)
			assert_ordered(&dsq, n);
	}
	while (n--) {
		assert_non_null(dsq_first(&dsq));
		dsq_remove(&dsq, dsq_first(&dsq));
	}
	assert_null(dsq_first(&dsq));
	assert_null(dsq.root);
	free(tasks);
}

static void test_dsq_first_in_first_out(void **state)
{
	struct task *tasks = some_tasks();
	struct dsq dsq = {.id = 1};

	(void)state;
	dsq_insert_task(&dsq, &tasks[0], false, false);
	dsq_insert_task(&dsq, &tasks[1], false, false);
	dsq_insert_task(&dsq, &tasks[2], false, true);
	dsq_insert_task(&dsq, &tasks[3], false, false);
	dsq_insert_task(&dsq, &tasks[4], false, true);
	for (int i = 0; i < 5; i++) {
		static const int pids[] = {5, 3, 1, 2, 4};
		struct task *t = dsq_first(&dsq);

		assert_int_equal(t->p.pid, pids[i]);
		dsq_remove(&dsq, t);
	}
	free(tasks);
}

static void test_nobody_is_queued_twice(void **state)
{
	struct task *tasks = some_tasks();
	struct dsq one = {.id = 1}, two = {.id = 2};

	(void)state;
	machine.failed = false;
	dsq_insert_task(&one, &tasks[0], false, false);
	dsq_insert_task(&two, &tasks[0], false, false);
	assert_true(machine.failed);
	assert_int_equal(two.nr, 0);
	machine.failed = false;
	free(tasks);
}

/* ---- Events --------------------------------------------------------------------------------- */

static void test_events(void **state)
{
	struct event events[200] = {0}, *event;
	struct events heap = {0};
	uint64_t random = 2, last = 0, n = 0, at_ns = 0;

	(void)state;
	for (int round = 0; round < 5000; round++) {
		event = &events[random_below(&random, 200)];
		if (random_below(&random, 3))
			event_at(&heap, event, random_below(&random, 50));
		else
			event_cancel(&heap, event);
	}
	for (int i = 0; i < 200; i++)
		n += event_is_pending(&events[i]);
	assert_int_equal(heap.len, n);
	/* Of two at the same time the one that was said first is first. */
	event_cancel(&heap, &events[0]);
	event_cancel(&heap, &events[1]);
	event_at(&heap, &events[1], 60);
	event_at(&heap, &events[0], 60);
	assert_null(event_take(&heap, 0, &at_ns));
	while ((event = event_take(&heap, 60, &at_ns))) {
		assert_true(at_ns >= last);
		assert_false(event_is_pending(event));
		last = at_ns;
	}
	assert_ptr_equal(event_take(&heap, 61, &at_ns), &events[1]);
	assert_ptr_equal(event_take(&heap, 61, &at_ns), &events[0]);
	assert_int_equal(heap.len, 0);
	free(heap.heap);
}

/* ---- Histograms ----------------------------------------------------------------------------- */

static void test_histogram(void **state)
{
	struct histogram *h = calloc(1, sizeof(*h));

	(void)state;
	assert_non_null(h);
	assert_int_equal(histogram_permille(h, 500), 0);
	for (uint64_t i = 1; i <= 1000; i++)
		histogram_add(h, i);
	assert_int_equal(histogram_permille(h, 500), 500);
	assert_int_equal(histogram_permille(h, 990), 990);
	assert_int_equal(histogram_permille(h, 1000), 1000);
	/* Three digits, from microseconds to hours. */
	for (uint64_t value = 2000; value < UINT64_C(1) << 43; value = value * 3 / 2) {
		uint64_t found;

		memset(h, 0, sizeof(*h));
		histogram_add(h, value);
		histogram_add(h, value * 100);
		found = histogram_permille(h, 500);
		assert_true(found >= value && found - value <= value / 500);
		assert_int_equal(histogram_permille(h, 1000), value * 100);
	}
	memset(h, 0, sizeof(*h));
	histogram_add(h, UINT64_MAX);
	assert_int_equal(h->max, UINT64_MAX);
	assert_true(histogram_permille(h, 500) > 0);
	free(h);
}

/* ---- Masks ---------------------------------------------------------------------------------- */

static void test_masks(void **state)
{
	struct mask a = {0}, b = {0};

	(void)state;
	assert_true(mask_is_empty(&a, 1024));
	mask_add(&a, 0);
	mask_add(&a, 63);
	mask_add(&a, 64);
	mask_add(&a, 1023);
	assert_int_equal(mask_count(&a), 4);
	assert_int_equal(mask_next(&a, NULL, 0, 1024), 0);
	assert_int_equal(mask_next(&a, NULL, 1, 1024), 63);
	assert_int_equal(mask_next(&a, NULL, 64, 1024), 64);
	assert_int_equal(mask_next(&a, NULL, 65, 1024), 1023);
	assert_int_equal(mask_next(&a, NULL, 65, 1023), -1);
	mask_add(&b, 64);
	mask_add(&b, 65);
	assert_int_equal(mask_next(&a, &b, 0, 1024), 64);
	assert_int_equal(mask_next(&a, &b, 65, 1024), -1);
	mask_remove(&a, 64);
	assert_false(mask_has(&a, 64));
}

/* ---- Coroutines ----------------------------------------------------------------------------- */

struct counter {
	struct coroutine *inner;
	int n;
};

static void count(void *argument)
{
	struct counter *counter = argument;

	for (;;) {
		counter->n++;
		if (counter->inner)
			coroutine_enter(counter->inner);
		coroutine_yield();
	}
}

static void test_coroutines(void **state)
{
	struct counter inner = {0}, outer = {0}, other = {0};
	struct coroutine *a, *b;

	(void)state;
	outer.inner = coroutine_new(count, &inner, 65536);
	a = coroutine_new(count, &outer, 65536);
	b = coroutine_new(count, &other, 65536);
	assert_non_null(outer.inner);
	assert_non_null(a);
	assert_non_null(b);
	assert_int_equal(outer.n, 0);
	for (int i = 1; i <= 1000; i++) {
		coroutine_enter(a);
		assert_int_equal(outer.n, i);
		/* Whoever entered it last is where it goes back to. */
		assert_int_equal(inner.n, 2 * i - 1);
		coroutine_enter(b);
		coroutine_enter(outer.inner);
		assert_int_equal(inner.n, 2 * i);
	}
	assert_int_equal(other.n, 1000);
	coroutine_free(outer.inner);
	coroutine_free(a);
	coroutine_free(b);
	coroutine_free(NULL);
}

/* ---- Rings ---------------------------------------------------------------------------------- */

static struct sim_map *small_ring(void **slot)
{
	*slot = NULL;
	return sim_map(slot, BPF_MAP_TYPE_RINGBUF, 0, 0, 4096);
}

static void free_ring(struct sim_map *ring)
{
	free(ring->ring);
	free(ring);
}

static void test_ring_order(void **state)
{
	void *slot, *first, *second, *third;
	struct sim_map *ring = small_ring(&slot);
	size_t size;

	(void)state;
	first = sim_ringbuf_reserve(ring, 100);
	second = sim_ringbuf_reserve(ring, 200);
	third = sim_ringbuf_reserve(ring, 8);
	assert_non_null(first);
	/* Nothing is seen before what was reserved earlier. */
	sim_ringbuf_commit(second, false, 0);
	assert_null(ring_next(ring, &size));
	sim_ringbuf_commit(first, false, 0);
	assert_ptr_equal(ring_next(ring, &size), first);
	assert_int_equal(size, 100);
	assert_ptr_equal(ring_next(ring, &size), first);
	ring_taken(ring);
	assert_ptr_equal(ring_next(ring, &size), second);
	assert_int_equal(size, 200);
	ring_taken(ring);
	/* What was discarded is passed over. */
	sim_ringbuf_commit(third, true, 0);
	assert_null(ring_next(ring, &size));
	assert_int_equal(ring->produced, ring->consumed);
	free_ring(ring);
}

/* As many records as in a ring of the kernel: each takes its size and 8 bytes, rounded up to 8. */
static void test_ring_is_full(void **state)
{
	void *slot, *record;
	struct sim_map *ring = small_ring(&slot);
	size_t size;
	int n = 0;

	(void)state;
	for (int round = 0; round < 10; round++) {
		for (n = 0; (record = sim_ringbuf_reserve(ring, 168)); n++) {
			memset(record, round, 168);
			sim_ringbuf_commit(record, false, 0);
		}
		assert_int_equal(n, 4095 / 176);
		while (n--) {
			char *bytes = ring_next(ring, &size);

			assert_int_equal(size, 168);
			assert_int_equal(bytes[0], round);
			assert_int_equal(bytes[167], round);
			ring_taken(ring);
		}
	}
	assert_null(ring_next(ring, &size));
	free_ring(ring);
}

static int taken;

static long take_two(struct bpf_dynptr *record, void *context)
{
	uint64_t number;

	assert_ptr_equal(context, &taken);
	assert_int_equal(sim_dynptr_read(&number, sizeof(number), record, 0), 0);
	assert_int_equal(number, taken);
	assert_true(sim_dynptr_read(&number, sizeof(number), record, 4) < 0);
	return ++taken % 2 == 0;
}

static void test_user_ring(void **state)
{
	struct sim_settings settings = {
		.topology = {.nr_cpus = 1, .nr_llcs = 1, .nr_nodes = 1},
		.hz = 250,
		.costs = &costs_measured,
	};
	void *slot;
	struct sim_map *ring = small_ring(&slot);
	uint64_t n = 0;

	(void)state;
	assert_int_equal(machine_init(&settings), 0);
	machine.this_cpu = &machine.cpus[0];
	while (user_ring_put(ring, &n, sizeof(n)))
		n++;
	assert_int_equal(n, 4095 / 16);
	/* The callback says when it is enough. */
	for (taken = 0; taken < (int)n / 2 * 2;)
		assert_int_equal(sim_user_ringbuf_drain(ring, take_two, &taken), 2);
	assert_int_equal(sim_user_ringbuf_drain(ring, take_two, &taken), n % 2);
	assert_int_equal(sim_user_ringbuf_drain(ring, take_two, &taken), 0);
	machine.this_cpu = NULL;
	free_ring(ring);
}

/* ---- Locks ---------------------------------------------------------------------------------- */

static uint64_t now_of(struct cpu *cpu)
{
	machine.this_cpu = cpu;
	return machine_now(&machine);
}

/* Whoever comes while the lock is held waits until all that came before are through. */
static void test_brief_locks(void **state)
{
	struct cpu cpus[4] = {{.m = &machine}, {.m = &machine}, {.m = &machine}, {.m = &machine}};
	struct brief_lock lock = {0};

	(void)state;
	machine.now_ns = 1000;
	now_of(&cpus[0]);
	lock_briefly(&lock, 100);
	assert_int_equal(now_of(&cpus[0]), 1000);
	now_of(&cpus[1]);
	lock_briefly(&lock, 100);
	assert_int_equal(now_of(&cpus[1]), 1100);
	machine.now_ns = 1050;
	now_of(&cpus[2]);
	lock_briefly(&lock, 100);
	assert_int_equal(now_of(&cpus[2]), 1200);
	/* The same CPU does not wait for itself. */
	lock_briefly(&lock, 100);
	assert_int_equal(now_of(&cpus[2]), 1200);
	assert_int_equal(machine.counters.lock_wait_ns, 250);
	/* Free again, and taken from far ahead, which is no matter before that time. */
	machine.now_ns = 2000;
	cpus[3].ahead_ns = 500;
	now_of(&cpus[3]);
	lock_briefly(&lock, 100);
	assert_int_equal(now_of(&cpus[3]), 2500);
	cpus[0].ahead_ns = 0;
	now_of(&cpus[0]);
	lock_briefly(&lock, 100);
	assert_int_equal(now_of(&cpus[0]), 2000);
	/* CPUs that take turns are not at work at the same time. */
	machine.take_turns = true;
	cpus[1].ahead_ns = 0;
	now_of(&cpus[1]);
	lock_briefly(&lock, 100);
	assert_int_equal(now_of(&cpus[1]), 2000);
	machine.take_turns = false;
	machine.this_cpu = NULL;
	machine.now_ns = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dsq_by_vtime),
		cmocka_unit_test(test_dsq_first_in_first_out),
		cmocka_unit_test(test_nobody_is_queued_twice),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_coroutines),
		cmocka_unit_test(test_ring_order),
		cmocka_unit_test(test_ring_is_full),
		cmocka_unit_test(test_user_ring),
		cmocka_unit_test(test_brief_locks),
	};

	machine.costs = &costs_measured;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
