/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the decisions about the scheduler's process share: a clock and a child that are
 * variables, and words for what happens to them.
 */
#ifndef LIFECYCLE_FIXTURE_H
#define LIFECYCLE_FIXTURE_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <glib.h>

#include "common/protocol.h"
#include "common/sched-ext.h"
#include "daemon/supervise/lifecycle.h"

struct fixture {
	struct lifecycle lc;
	uint64_t now;
	bool alive; /* the fake child */
	unsigned int starts, reverts;
};

static const struct lifecycle_limits limits = {
	.restarts = 3,
	.window_ms = 60000,
	.delay_ms = 100,
	.delay_max_ms = 1000,
};

static inline unsigned int feed(struct fixture *f, struct lifecycle_event event)
{
	unsigned int actions = lifecycle_handle(&f->lc, &event, f->now);

	if (actions & LIFECYCLE_START) {
		assert_false(f->alive);
		f->alive = true;
		f->starts++;
	}
	if (actions & (LIFECYCLE_TERM | LIFECYCLE_KILL))
		assert_true(f->alive);
	if (actions & LIFECYCLE_REVERT)
		f->reverts++;
	return actions;
}

static inline unsigned int simple(struct fixture *f, enum lifecycle_event_type type)
{
	return feed(f, (struct lifecycle_event){.type = type});
}

static inline unsigned int kernel(struct fixture *f, enum rl_kernel_state state, const char *ops)
{
	return feed(f, (struct lifecycle_event){.type = LIFECYCLE_KERNEL, .kernel = {state, ops}});
}

static inline unsigned int end(struct fixture *f, int sig, int status, const char *error)
{
	assert_true(f->alive);
	f->alive = false;
	return feed(f,
		    (struct lifecycle_event){.type = LIFECYCLE_END, .end = {sig, status, error}});
}

static inline unsigned int configure(struct fixture *f, bool restart)
{
	return feed(
		f, (struct lifecycle_event){.type = LIFECYCLE_CONFIG, .config = {limits, restart}});
}

/* New arguments, with the old ones to go back to. */
static inline unsigned int try(struct fixture *f)
{
	return feed(f, (struct lifecycle_event){.type = LIFECYCLE_CONFIG,
						.config = {limits, true, true, limits}});
}

/* The old child makes way, the new one is being started. */
static inline void try_anew(struct fixture *f)
{
	assert_int_equal(try(f), LIFECYCLE_TERM);
	assert_true(lifecycle_trying(&f->lc));
	kernel(f, RL_KERNEL_DISABLED, "");
	assert_int_equal(end(f, 0, SCHEDULER_EXIT_STOPPED, ""), LIFECYCLE_START);
}

static inline void live(struct fixture *f, uint64_t ms)
{
	f->now += ms;
	simple(f, LIFECYCLE_HEARTBEAT);
}

/* Goes to the time that the machine asked for. */
static inline unsigned int wait_for_due(struct fixture *f)
{
	uint64_t due = lifecycle_due_ms(&f->lc);

	assert_true(due != UINT64_MAX);
	if (due > f->now)
		f->now = due;
	return simple(f, LIFECYCLE_TICK);
}

static inline void assert_state(const struct fixture *f, const char *name)
{
	assert_string_equal(lifecycle_state_name(lifecycle_state(&f->lc)), name);
}

static inline void assert_reason(const struct fixture *f, const char *part)
{
	const char *reason = lifecycle_reason(&f->lc);

	if (!strstr(reason, part))
		fail_msg("the reason is '%s', without '%s'", reason, part);
}

static inline void start(struct fixture *f)
{
	lifecycle_init(&f->lc, &limits, f->now);
	assert_state(f, "starting");
	assert_int_equal(kernel(f, RL_KERNEL_DISABLED, ""), LIFECYCLE_START);
}

static inline void run(struct fixture *f)
{
	kernel(f, RL_KERNEL_ENABLED, "rustland_1");
	simple(f, LIFECYCLE_READY);
	assert_state(f, "active");
}

/* It dies, and the kernel goes back to its own scheduler. */
static inline void crash(struct fixture *f)
{
	kernel(f, RL_KERNEL_DISABLED, "");
	end(f, SIGKILL, 0, "");
}

static inline int setup(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);

	f->now = 1000000;
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	lifecycle_clear(&f->lc);
	g_free(f);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif /* LIFECYCLE_FIXTURE_H */
