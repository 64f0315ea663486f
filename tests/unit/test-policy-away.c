/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tasks get while the scheduler thread is stopped, for up to three seconds and again and again: the backend of
 * bpf/ decides by its estimates alone then. On the simulator, see simulate.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/faults.h"
#include "tests/unit/policy-limits.h"
#include "tests/unit/simulate.h"

#define CPUS 2
/* Estimates are moved on with it, see move_frontier_on() in bpf/rustland.bpf.c. */
#define HEARTBEAT SECOND

static void stop_policy_beside(struct load *loads, size_t nr_loads)
{
	simulate_faults(CPUS, SECOND, 30, 1U << FAULT_STOP, loads, nr_loads);
}

/*
 * Sleepers that want more than there is always come back with an early deadline, and keep the frontier still. Whoever
 * is ahead of it has his turn when it was moved on, by as much as the fair share moves: three heartbeats have done it. Before the policy is stopped
 * it may have waited for one.
 */
static void light_hogs_beside_heavy_sleepers(void **state)
{
	struct load loads[] = {
		{.kind = HOG, .nr = 2, .nice = 10},
		{.kind = SLEEPER, .nr = 12, .nice = -20, .run_ns = 3 * MS, .sleep_ns = 3 * MS},
	};

	(void)state;
	stop_policy_beside(loads, NELEMS(loads));
	assert_in_range(loads[0].got.waited_max_ns, 0, 4 * HEARTBEAT + 2 * SLICE);
}

/*
 * A task is two slices ahead of the others at most. They catch up with it a third as fast as they run, however heavy
 * they are; so long may a task wait when the policy is stopped, and once more if that has put it back before.
 */
static void light_hogs_beside_heavy_hogs(void **state)
{
	struct load loads[] = {
		{.kind = HOG, .nr = 2, .nice = 10},
		{.kind = HOG, .nr = 12, .nice = -20},
	};
	const uint64_t catching_up_ns = 2 * SLICE * 3 * loads[1].nr / CPUS;

	(void)state;
	stop_policy_beside(loads, NELEMS(loads));
	assert_in_range(loads[0].got.waited_max_ns, 0, 2 * catching_up_ns + 2 * SLICE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(light_hogs_beside_heavy_sleepers),
		cmocka_unit_test(light_hogs_beside_heavy_hogs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
