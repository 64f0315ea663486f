/* SPDX-License-Identifier: GPL-2.0-only */
/* See stats-fields.h. */

#include <string.h>

#include <rustland.h>

#include "common/stats-fields.h"

#define FIELD(name, ...) {#name, offsetof(struct rl_stats, name), __VA_ARGS__}

/* Descriptions go into JSON as they are: no quotes, no backslashes. */
const struct stats_field stats_fields[] = {
	FIELD(nr_cpus, false, true, "CPUs online"),
	FIELD(nr_running, false, true, "Tasks running now"),
	FIELD(nr_queued, false, true, "Tasks waiting for the policy to be told about them now"),
	FIELD(nr_scheduled, false, true, "Tasks the policy holds back now"),
	FIELD(nr_page_faults, false, true,
	      "Page faults of the scheduler since it began to schedule (has to be 0)"),
	FIELD(nr_user_dispatches, true, true, "Decisions of the policy that were carried out"),
	FIELD(nr_kernel_dispatches, true, true,
	      "Tasks run without asking: a CPU was idle, or exempt"),
	FIELD(nr_cancel_dispatches, true, true, "Decisions that came too late and were dropped"),
	FIELD(nr_bounce_dispatches, true, true, "Decisions for a CPU that the task may not use"),
	FIELD(nr_failed_dispatches, true, true, "Decisions about a task that waited no more"),
	FIELD(nr_sched_congested, true, true, "Requests that found the ring full"),
	FIELD(nr_standing, true, false,
	      "Wakeups that the policy had granted before, not asked about"),
	FIELD(nr_late, true, false, "Tasks queued without asking because the policy was late"),
	FIELD(nr_flushed, true, false, "Waiting tasks that ran before their decision came"),
	FIELD(nr_asked, true, false, "Requests sent to the policy"),
	FIELD(nr_preempt_kicks, true, false, "Running tasks stopped for a more urgent one"),
	FIELD(policy_runtime_ns, true, false, "CPU time of the scheduler thread in nanoseconds"),
	FIELD(nr_rounds, true, false, "Rounds of the scheduler thread; at least one a second"),
	FIELD(nr_resumed, true, false,
	      "Tasks queued again for the rest of their slice, not asked about"),
	FIELD(nr_hurried, true, false,
	      "Tasks that had waited for more than 2.5 s and were put first"),
	FIELD(nr_throttled, true, false, "Tasks held back because a group had used up its cpu.max"),
	FIELD(throttled_ns, true, false, "For how long, all of them together, in nanoseconds"),
	FIELD(nr_groups_refused, true, false,
	      "Control groups that found no place and share as a part of the group above"),
};

const struct stats_field *stats_field_find(const char *name)
{
	for (size_t i = 0; i < NR_STATS_FIELDS; i++)
		if (strcmp(stats_fields[i].name, name) == 0)
			return &stats_fields[i];
	return NULL;
}
