/* SPDX-License-Identifier: GPL-2.0-only */
/* See machine.h: the machine as a whole, and the order of events. */
#include "sim/kernel/sched.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/kernel/backend.h"
#include "sim/kernel/cgroup.h"
#include "sim/kernel/helpers.h"
#include "sim/kernel/random.h"

struct machine machine;
uint32_t sim_run;

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
	cgroups_init();
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
	sched_set_classes(m, false, false);
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
