/* SPDX-License-Identifier: GPL-2.0-only */
/* See task-stats.h. */
#include "sim/task-stats.h"

#include <stdlib.h>

#include "sim/highlights.h"
#include "sim/trace.h"

struct task_stats *task_stats_first;
static struct task_stats **end = &task_stats_first;
static uint32_t nr_groups;
static uint64_t count_from_ns;

struct task_stats *task_stats_new(const char *name)
{
	struct task_stats *stats = calloc(1, sizeof(*stats));

	if (!stats)
		abort();
	stats->name = name;
	stats->index = nr_groups++;
	*end = stats;
	end = &stats->next;
	return stats;
}

static bool counts(const struct task *t)
{
	return t->stats && machine_now(&machine) >= count_from_ns;
}

static void on_switch(const struct cpu *cpu, const struct task *prev, const struct task *next)
{
	(void)cpu;
	if (prev && counts(prev)) {
		if (prev->state == TASK_RUNNABLE)
			prev->stats->preempted++;
		else
			prev->stats->slept++;
	}
	if (next && next->wakeup_at_ns && counts(next))
		histogram_add(&next->stats->wakeup, machine_now(&machine) - next->wakeup_at_ns);
}

static void on_run(const struct task *t, u64 ns)
{
	if (counts(t))
		t->stats->exec_ns += ns;
}

static const struct sim_observer observer = {
	.switched = on_switch,
	.ran = on_run,
};

void task_stats_watch(uint64_t from_ns)
{
	count_from_ns = from_ns;
	machine_observe(&observer);
}

void task_stats_frame(struct task *t, uint64_t due_ns, uint64_t period_ns)
{
	uint64_t took_ns = machine_now(&machine) - due_ns;

	trace_frame(t, due_ns);
	if (!counts(t) || due_ns < count_from_ns)
		return;
	t->stats->has_frames = true;
	t->stats->frames++;
	t->stats->missed += took_ns / period_ns;
	histogram_add(&t->stats->frame, took_ns);
	highlights_frame(t, due_ns, period_ns);
}

void task_stats_trip(struct task *t)
{
	if (counts(t))
		t->stats->trips++;
}

void task_stats_timer(struct task *t, uint64_t due_ns)
{
	if (counts(t) && due_ns >= count_from_ns)
		histogram_add(&t->stats->timer, machine_now(&machine) - due_ns);
}
