/* SPDX-License-Identifier: GPL-2.0-only */
/* See machine.h: the machine as a whole, and the order of events. */
#include "sim/kernel/machine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/kernel/backend.h"
#include "sim/kernel/helpers.h"
#include "sim/kernel/random.h"

struct machine machine;
uint32_t sim_run;

#define WATCHDOG_NS (2500 * MSEC) /* half of the scheduler's timeout, as the kernel has it */

static struct event watchdog;

int machine_init(const struct sim_settings *settings)
{
	const struct sim_topology *topology = &settings->topology;
	struct machine *m = &machine;
	u32 n = topology->nr_cpus;
	u64 seed = settings->seed;
	int err;

	*m = (struct machine){
		.topology = *topology,
		.kernel = settings->kernel,
		.hz = settings->hz,
		.timer_slack_ns = settings->timer_slack_ns,
		.seed = seed,
		.random = random_start(seed, 0),
		.interleave = settings->interleave,
		.take_turns = settings->take_turns,
		.costs = settings->costs,
		/*
		 * Far from zero, and every run passes the end of 32 bits of it soon. Ticks are on a grid, so what
		 * begins with the machine begins anywhere between two of them.
		 */
		.now_ns = (1ULL << 40) + (seed * 0x9e3779b97f4a7c15ULL >> 32) % (10 * MSEC),
		.hash = 0xcbf29ce484222325ULL,
	};
	sim_run++;
	m->cpus = calloc(n, sizeof(*m->cpus));
	m->by_pid = calloc(SIM_PID_MAX, sizeof(*m->by_pid));
	if (!m->cpus || !m->by_pid)
		return -ENOMEM;
	for (u32 i = 0; i < n; i++) {
		struct cpu *cpu = &m->cpus[i];

		cpu->id = (int)i;
		cpu->m = m;
		cpu->core = (int)(topology->smt ? i / 2 : i);
		cpu->sibling = topology->smt ? (int)(i ^ 1) : -1;
		if (cpu->sibling >= (int)n)
			cpu->sibling = -1;
		cpu->llc = (int)(i * topology->nr_llcs / n);
		cpu->node = (int)(i * topology->nr_nodes / n);
		/* A slow core does two thirds of the work. */
		cpu->priority = topology->hybrid && i >= n / 2 ? 1 : 2;
		cpu->speed = cpu->priority == 1 ? 683 : 1024;
		cpu->random = random_start(seed, i + 1);
		err = cpu_init(cpu);
		if (err)
			return err;
	}
	return 0;
}

void machine_observe(const struct sim_observer *observer)
{
	if (machine.nr_observers < SIM_OBSERVERS)
		machine.observers[machine.nr_observers++] = observer;
}

void machine_hash(u64 a, u64 b)
{
	machine.hash = (machine.hash ^ a) * 0x100000001b3ULL;
	machine.hash = (machine.hash ^ b ^ machine.hash >> 29) * 0x9e3779b97f4a7c15ULL;
}

void machine_fail(const char *format, ...)
{
	va_list args;

	if (machine.failed)
		return;
	machine.failed = true;
	va_start(args, format);
	vsnprintf(machine.failure, sizeof(machine.failure), format, args);
	va_end(args);
}

static void look_for_stalls(struct event *event)
{
	struct machine *m = &machine;
	u64 timeout_ns = m->ops->timeout_ms * MSEC;

	for (struct task *t = m->all; t; t = t->next_all)
		if (t->state == TASK_RUNNABLE && !t->on_cpu &&
		    (s64)(m->now_ns - t->runnable_at_ns) > (s64)timeout_ns)
			machine_fail("runnable task stall (%s[%d] failed to run for %llu.%03llus)",
				     t->p.comm, t->p.pid,
				     (unsigned long long)((m->now_ns - t->runnable_at_ns) / SEC_NS),
				     (unsigned long long)((m->now_ns - t->runnable_at_ns) / MSEC %
							  1000));
	event_at(&m->events, event, m->now_ns + WATCHDOG_NS);
}

int machine_load(struct sched_ext_ops *ops)
{
	struct machine *m = &machine;
	int err;

	m->ops = ops;
	m->ops_flags = ops->flags;
	m->this_cpu = &m->cpus[0];
	err = ops->init();
	for (struct task *t = m->all; t && !err; t = t->next_all) {
		struct scx_init_task_args args = {.fork = false};

		err = ops->init_task(&t->p, &args);
		if (!err)
			ops->enable(&t->p);
	}
	m->cpus[0].ahead_ns = 0;
	m->this_cpu = NULL;
	if (err)
		return err;
	m->loaded = true;
	watchdog.fire = look_for_stalls;
	event_at(&m->events, &watchdog, m->now_ns + WATCHDOG_NS);
	return 0;
}

void machine_bury(struct machine *m)
{
	struct task *t;

	while ((t = m->dead)) {
		m->dead = t->next_free;
		task_put(t);
	}
}

void machine_run(u64 end_ns)
{
	struct machine *m = &machine;
	struct event *event;

	m->end_ns = end_ns;
	if (m->take_turns) {
		turns_run(m, end_ns);
		return;
	}
	while (!m->failed && (event = event_take(&m->events, end_ns, &m->now_ns))) {
		m->counters.events++;
		event->fire(event);
		if (m->dead)
			machine_bury(m);
	}
	if (!m->failed)
		m->now_ns = end_ns;
}
