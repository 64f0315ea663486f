/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is measured of the tasks of a simulated machine, by groups of tasks that do the same. Nothing here
 * changes how the machine goes on.
 */
#ifndef RUSTLAND_SIM_TASK_STATS_H
#define RUSTLAND_SIM_TASK_STATS_H

#include "sim/histogram.h"
#include "sim/kernel/machine.h"

struct task_stats {
	const char *name;
	uint32_t index;	   /* in the order in which they were made, from 0 */
	uint32_t nr_tasks; /* that were ever in it */
	bool has_frames;
	struct histogram wakeup;   /* from being woken until it runs */
	struct histogram timer;	   /* from when a sleep was to end until it runs */
	struct histogram frame;	   /* from when a frame was due until it was done */
	uint64_t preempted, slept; /* it left a CPU, and would have gone on; or would not */
	uint64_t frames, missed;
	uint64_t trips; /* of pairs and the like: how often it did what it does */
	uint64_t exec_ns;
	struct task_stats *next;
};

/* The groups in the order in which they were made. */
extern struct task_stats *task_stats_first;

/* A group of that name; the name has to stay. */
struct task_stats *task_stats_new(const char *name);

/* Watch the machine. Only what happens from time from_ns on counts. */
void task_stats_watch(uint64_t from_ns);

/* A frame of t was due and is done now; every period_ns another one is due, and missed if that was before now. */
void task_stats_frame(struct task *t, uint64_t due_ns, uint64_t period_ns);
void task_stats_trip(struct task *t);
/* t was to sleep until then, and runs now. */
void task_stats_timer(struct task *t, uint64_t due_ns);

#endif /* RUSTLAND_SIM_TASK_STATS_H */
