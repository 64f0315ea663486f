/* SPDX-License-Identifier: GPL-2.0-only */
/* See invariants.h. */
#include "sim/invariants.h"

#include <stdarg.h>
#include <stdio.h>

#include "sim/faults.h"
#include "sim/kernel/flags.h"
#include "sim/kernel/machine.h"

/* All tasks are looked at so often. */
#define SCAN_NS (10 * MSEC)

/*
 * No CPU idles for longer beside a task that could run there: as long as the scheduler thread may take to
 * answer before it counts as late, and some more until that is noticed.
 */
#define IDLE_MAX_NS (35 * MSEC)
/* Where a policy does not answer for a task it waits for PARKED_MAX_NS. */
/* ... and where all CPUs are idle, nobody looks before the next heartbeat. */
#define IDLE_MAX_UNANSWERED_NS (1550 * MSEC)

/* No task waits for longer without running, the scheduler thread aside. */
#define WAIT_LIMIT_NS (4500 * MSEC)

static struct {
	uint64_t violated;
	char first[256];
	struct event scan;
	uint64_t idle_max_ns;
} the;

static void __attribute__((format(printf, 1, 2))) violate(const char *format, ...)
{
	va_list args;
	int n;

	if (the.violated++)
		return;
	n = snprintf(the.first, sizeof(the.first),
		     "at %llu.%06llu s: ", (unsigned long long)(machine.now_ns / SEC_NS),
		     (unsigned long long)(machine.now_ns / 1000 % 1000000));
	va_start(args, format);
	vsnprintf(the.first + n, sizeof(the.first) - (size_t)n, format, args);
	va_end(args);
}

/* ---- At each step --------------------------------------------------------------------------- */

void invariants_switched(const struct cpu *cpu, const struct task *next)
{
	if (!next)
		return;
	if (!mask_has(&next->allowed, cpu->id))
		violate("%s[%d] runs on CPU %d, which it may not use", next->p.comm, next->p.pid,
			cpu->id);
	if (next->cpu != cpu->id)
		violate("%s[%d] runs on CPU %d and is said to be on %d", next->p.comm, next->p.pid,
			cpu->id, next->cpu);
	if (next->dsq)
		violate("%s[%d] runs and is queued", next->p.comm, next->p.pid);
	if (!cpu->online)
		violate("%s[%d] runs on CPU %d, which is offline", next->p.comm, next->p.pid,
			cpu->id);
}

/* ---- Now and then --------------------------------------------------------------------------- */

/* A runnable task is on a CPU or on exactly one queue; any other is on none. */
static void check_places(void)
{
	uint64_t queued = 0, on_queues = 0;

	for (const struct task *t = machine.all; t; t = t->next_all) {
		bool is_runnable = t->p.scx.flags & TASK_QUEUED;

		queued += t->dsq != NULL;
		if (is_runnable && !t->on_cpu && !t->dsq && !t->in_transit)
			violate("%s[%d] is runnable and is nowhere", t->p.comm, t->p.pid);
		if (!is_runnable && t->dsq)
			violate("%s[%d] sleeps and is queued", t->p.comm, t->p.pid);
		if (t->dsq && t != machine.policy &&
		    (s64)(machine.now_ns - t->runnable_at_ns) > (s64)WAIT_LIMIT_NS)
			violate("%s[%d], of weight %u, has waited for %llu ms", t->p.comm, t->p.pid,
				t->p.scx.weight,
				(unsigned long long)((machine.now_ns - t->runnable_at_ns) / MSEC));
		if (t->on_cpu && t->dsq)
			violate("%s[%d] runs and is queued", t->p.comm, t->p.pid);
	}
	for (uint32_t i = 0; i < machine.nr_dsqs; i++)
		on_queues += machine.dsqs[i].id == i ? machine.dsqs[i].nr : 0;
	for (uint32_t i = 0; i < machine.topology.nr_cpus; i++)
		on_queues += machine.cpus[i].local.nr;
	if (queued != on_queues)
		violate("%llu tasks are queued, and the queues hold %llu",
			(unsigned long long)queued, (unsigned long long)on_queues);
}

/* A CPU that has nothing to do while somebody waits who may use it. */
static void check_idle(void)
{
	const struct task *waiting = NULL;
	int cpu = -1;

	for (uint32_t i = 0; i < machine.topology.nr_cpus && !waiting; i++) {
		if (machine.cpus[i].curr || machine.cpus[i].wait != CPU_RUNS ||
		    machine.cpus[i].irqs)
			continue;
		for (const struct task *t = machine.all; t && !waiting; t = t->next_all)
			/* The scheduler thread waits until it is needed. */
			if (t->dsq && t != machine.policy && mask_has(&t->allowed, (int)i) &&
			    (s64)(machine.now_ns - t->queued_at_ns) > (s64)the.idle_max_ns) {
				waiting = t;
				cpu = (int)i;
			}
	}
	if (waiting)
		violate("CPU %d is idle, and %s[%d] waits for %llu ms on DSQ 0x%llx (CPU %d, %d "
			"allowed)",
			cpu, waiting->p.comm, waiting->p.pid,
			(unsigned long long)((machine.now_ns - waiting->queued_at_ns) / MSEC),
			(unsigned long long)waiting->dsq->id, waiting->cpu,
			waiting->p.nr_cpus_allowed);
}

static void scan(struct event *event)
{
	check_places();
	check_idle();
	event_at(&machine.events, event, machine.now_ns + SCAN_NS);
}

void invariants_watch(uint32_t faults)
{
	const uint32_t unanswered = 1U << FAULT_SLOW | 1U << FAULT_FORGET | 1U << FAULT_WRONG |
				    1U << FAULT_STOP | 1U << FAULT_FULL;

	the.idle_max_ns = faults & unanswered ? IDLE_MAX_UNANSWERED_NS : IDLE_MAX_NS;
	the.violated = 0;
	the.first[0] = 0;
	the.scan.fire = scan;
	event_at(&machine.events, &the.scan, machine.now_ns + SCAN_NS);
}

uint64_t invariants_violated(void)
{
	return the.violated;
}

const char *invariants_first(void)
{
	return the.first;
}
