/* SPDX-License-Identifier: GPL-2.0-only */
/* See policy-thread.h. */
#include "sim/policy-thread.h"

#include <errno.h>

#include "lib/internal.h"
#include "sim/coroutine.h"
#include "sim/faults.h"
#include "sim/guard.h"
#include "sim/kernel/backend.h"
#include "sim/kernel/maps.h"

enum {
	STACK_SIZE = 1 << 20, /* the policy's code runs on it */
};
#define SLEEP_MAX_NS SEC_NS /* as lib/rings.c has it */

static struct {
	struct rl rl;
	const struct rl_policy *policy;
	struct rl_policy_config config;
	struct coroutine *co;
	struct action wants; /* what the thread does next */
	bool woken;	     /* its sleep was ended by the kernel */
	bool stopped;	     /* by a signal */
	bool finishing, done;
	int result;
} the;

/* ---- On the thread's side of the seam -------------------------------------------------------- */

static void do_next(enum action_kind kind, uint64_t ns)
{
	if (the.finishing)
		return;
	the.wants = (struct action){.kind = kind, .ns = ns};
	coroutine_yield();
}

static int sim_consume(struct rl *rl, uint32_t max)
{
	struct sim_map *ring = backend_queued();
	uint64_t stopped_ns = fault_stop_ns();
	uint32_t n = 0;

	do_next(ACT_RUN, machine.costs->round);
	/* By a signal: it is not runnable then, and nothing but the end of it wakes it. */
	if (stopped_ns) {
		the.stopped = true;
		do_next(ACT_SLEEP, stopped_ns);
		the.stopped = false;
	}
	for (; n < max && !the.finishing; n++) {
		size_t size;
		const struct rl_task *task = ring_next(ring, &size);

		if (!task)
			break;
		do_next(ACT_RUN, machine.costs->take + fault_slow_ns());
		rl_taken(rl, task);
		ring_taken(ring);
	}
	return (int)n;
}

static int sim_decide(struct rl *rl, const struct rl_decision *decision)
{
	struct rl_decision sent = *decision;

	(void)rl;
	do_next(ACT_RUN, machine.costs->give);
	if (fault_forgets())
		return 0;
	fault_spoil(&sent);
	if (!user_ring_put(backend_dispatched(), &sent, sizeof(sent)))
		return -EAGAIN;
	if (fault_sends_twice())
		user_ring_put(backend_dispatched(), &sent, sizeof(sent));
	return 0;
}

static void sim_yield(struct rl *rl)
{
	(void)rl;
	do_next(ACT_YIELD, 0);
}

/* poll(2) returns at once where something is in the ring, also what was discarded. */
static bool sim_sleep(struct rl *rl)
{
	struct sim_map *ring = backend_queued();

	(void)rl;
	do_next(ACT_RUN, machine.costs->poll);
	if (ring->produced != ring->consumed)
		return true;
	the.woken = false;
	do_next(ACT_SLEEP, SLEEP_MAX_NS);
	return the.woken;
}

static void sim_wake(struct rl *rl)
{
	(void)rl;
}

static bool sim_exited(const struct rl *rl)
{
	(void)rl;
	return the.finishing || machine.failed;
}

static const struct rl_backend_ops backend_sim = {
	.consume = sim_consume,
	.decide = sim_decide,
	.yield = sim_yield,
	.sleep = sim_sleep,
	.wake = sim_wake,
	.exited = sim_exited,
};

_Noreturn void policy_thread_abandon(void)
{
	the.done = true;
	for (;;) {
		the.wants = (struct action){.kind = ACT_BLOCK};
		coroutine_yield();
	}
}

static void run(void *argument)
{
	(void)argument;
	the.result = rl_run(&the.rl, the.policy, &the.config);
	if (!the.finishing)
		machine_fail("the policy ended: rl_run() returned %d", the.result);
	policy_thread_abandon();
}

/* ---- On the machine's ----------------------------------------------------------------------- */

static void behave(struct task *t, struct action *ret)
{
	(void)t;
	coroutine_enter(the.co);
	*ret = the.wants;
}

void policy_thread_wake(void)
{
	struct task *t = machine.policy;

	if (t->state != TASK_SLEEPING || the.stopped)
		return;
	if (t->timer.pending) {
		irq_cancel(&t->timer);
		if (t->timer.pending)
			return; /* it ends just now */
		task_put(t);
	}
	the.woken = true;
	wake_up(t, false);
}

int policy_thread_start(const struct rl_policy *policy, const struct rl_policy_config *config)
{
	memset(&the, 0, sizeof(the));
	the.policy = guard_policy(policy);
	the.config = *config;
	the.rl.backend = &backend_sim;
	the.rl.shared = backend_shared();
	the.co = coroutine_new(run, NULL, STACK_SIZE);
	if (!the.co)
		return -ENOMEM;
	machine.policy = task_new("scx_rustland", behave, NULL);
	backend_enlist();
	task_start(machine.policy, 0);
	return 0;
}

int policy_thread_finish(void)
{
	the.finishing = true;
	while (!the.done)
		coroutine_enter(the.co);
	coroutine_free(the.co);
	the.co = NULL;
	return the.result;
}

uint64_t policy_thread_rounds(void)
{
	return the.rl.rounds;
}
