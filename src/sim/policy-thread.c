/* SPDX-License-Identifier: GPL-2.0-only */
/* See policy-thread.h. */
#include "sim/policy-thread.h"

#include <errno.h>

#include "lib/internal.h"
#include "sim/coroutine.h"
#include "sim/faults.h"
#include "sim/guard.h"
#include "sim/kernel/backend.h"
#include "sim/kernel/flags.h"
#include "sim/kernel/maps.h"

enum {
	STACK_SIZE = 1 << 20, /* the policy's code runs on it */
};
#define SLEEP_MAX_NS SEC_NS /* as lib/rings.c has it */

/*
 * CPU time of the program until the scheduler is loaded, most of it the verifier's, as schedstat has it in tools/vm
 * --icount --shift 0 (Linux 7.3.4). Meanwhile it has the nice value of lib/priority.c.
 */
#define LOADING_NS   (975 * MSEC)
#define LOADING_LOAD (9548 << 10)

static struct {
	struct rl rl;
	const struct rl_policy *policy;
	struct rl_policy_config config;
	struct coroutine *co;
	struct action wants; /* what the thread does next */
	bool polls;	     /* it sleeps until something is in the ring */
	bool woken;	     /* which the kernel has ended */
	bool stopped;	     /* by a signal */
	bool finishing, done;
	int result;
	uint64_t rounds; /* of the times before */
	struct irq reload;
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
	the.polls = true;
	do_next(ACT_SLEEP, SLEEP_MAX_NS);
	the.polls = false;
	return the.woken;
}

static void sim_wake(struct rl *rl)
{
	(void)rl;
	policy_thread_wake();
}

static bool sim_exited(const struct rl *rl)
{
	return the.finishing || machine.failed || rl_exit_is_recorded(rl);
}

static const struct rl_backend_ops backend_sim = {
	.consume = sim_consume,
	.decide = sim_decide,
	.yield = sim_yield,
	.sleep = sim_sleep,
	.wake = sim_wake,
	.exited = sim_exited,
};

static void connect(void)
{
	the.rl.backend = &backend_sim;
	the.rl.shared = backend_shared();
	the.rl.exit_record = backend_exit();
}

_Noreturn void policy_thread_abandon(void)
{
	the.done = true;
	for (;;) {
		the.wants = (struct action){.kind = ACT_BLOCK};
		coroutine_yield();
	}
}

/* ---- It starts again ------------------------------------------------------------------------ */

static void behave(struct task *t, struct action *ret);

static void new_process(void)
{
	struct task *t = task_new("scx_rustland", behave, NULL);

	machine.policy = t;
	the.wants = (struct action){.kind = ACT_FORK, .target = t};
	coroutine_yield();
}

static void await(enum load_state state)
{
	while (machine.loading.state == state && !the.finishing) {
		load_await(machine.policy);
		do_next(ACT_BLOCK, 0);
	}
}

/* As rl_detach() and rl_free() do it, which wait until the kernel is through with it. */
static void detach(void)
{
	load_end(EXIT_UNREG, 0);
	await(LOAD_DISABLING);
	if (!the.finishing)
		backend_forget();
}

/* As rl_open() and rl_attach(). */
static void attach(void)
{
	uint64_t hotplug_seq = machine.hotplug_seq;

	the.config.nr_cpus = (uint32_t)mask_count(&machine.online);
	fair_set_load(machine.policy, LOADING_LOAD);
	do_next(ACT_RUN, LOADING_NS);
	fair_set_load(machine.policy, fair_load(machine.policy));
	if (the.finishing)
		return;
	backend_enlist();
	load_again(backend_ops(), hotplug_seq);
	await(LOAD_ENABLING);
}

/* As scx_rustland(8): where the kernel asks for it the program executes itself, else the service starts another one. */
static void start_again(void)
{
	struct rl_exit info = {.sz = sizeof(info)};

	rl_exit_info(&the.rl, &info);
	detach();
	if (!info.restart && !the.finishing)
		new_process();
	the.rounds += the.rl.rounds;
	memset(&the.rl, 0, sizeof(the.rl));
	connect();
	attach();
}

static void run(void *argument)
{
	(void)argument;
	for (;;) {
		the.result = rl_run(&the.rl, the.policy, &the.config);
		if (!the.rl.stop && !rl_exit_is_recorded(&the.rl))
			break;
		start_again();
		if (the.finishing)
			break;
	}
	if (!the.finishing)
		machine_fail("the policy ended: rl_run() returned %d", the.result);
	policy_thread_abandon();
}

/* ---- On the machine's ----------------------------------------------------------------------- */

static void behave(struct task *t, struct action *ret)
{
	/* A process before this one. */
	if (t != machine.policy) {
		*ret = (struct action){.kind = ACT_EXIT};
		return;
	}
	coroutine_enter(the.co);
	*ret = the.wants;
}

void policy_thread_wake(void)
{
	struct task *t = machine.policy;

	if (t->state != TASK_SLEEPING || the.stopped || !the.polls)
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
	connect();
	the.co = coroutine_new(run, NULL, STACK_SIZE);
	if (!the.co)
		return -ENOMEM;
	machine.policy = task_new("scx_rustland", behave, NULL);
	backend_enlist();
	task_start(machine.policy, 0);
	return 0;
}

/* In an interrupt, as the signal comes. */
static void handle_reload(struct cpu *cpu, struct irq *irq)
{
	(void)cpu;
	(void)irq;
	if (machine.loading.state == LOAD_ENABLED)
		rl_stop(&the.rl);
}

void policy_thread_reload(void)
{
	the.reload.handle = handle_reload;
	irq_raise(&the.reload, &machine.cpus[0], 1);
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
	return the.rounds + the.rl.rounds;
}
