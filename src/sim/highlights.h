/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a picture of a run needs beyond the figures: frame times in the order in which the frames were due, and all
 * that happened around the worst moment. That is the frame which took the longest, measured in its periods, or, where
 * no task has frames, the longest wait of a task that was woken. If the kernel ended the scheduler it is the end.
 *
 * The memory is bounded however long the run is: frames are merged when there are too many, keeping the worst, and
 * what happened is kept in a ring, of which a window is copied when a moment was worse than all before.
 *
 * It must never change how the run goes on; it only watches.
 */
#ifndef RUSTLAND_SIM_HIGHLIGHTS_H
#define RUSTLAND_SIM_HIGHLIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct task;

enum {
	HIGHLIGHTS_BARS = 1024,
	HIGHLIGHTS_GROUPS = 64, /* whose frames are kept */
	/* In place of a group's index. */
	HIGHLIGHTS_NO_GROUP = UINT16_MAX, /* none, or the idle thread */
	HIGHLIGHTS_POLICY = UINT16_MAX - 1,
};

/* Frames of one group that were done one after the other: as many as the others have, or fewer at the end. */
struct frame_bar {
	uint64_t from_ns;  /* the first was due */
	uint64_t worst_ns; /* from due to done */
	uint32_t frames;
	uint32_t late; /* of these, the frames that missed at least one other */
};

struct frame_series {
	struct frame_bar bars[HIGHLIGHTS_BARS];
	uint32_t nr_bars, frames_per_bar;
	uint64_t period_min_ns, period_max_ns; /* tasks of one group may differ */
};

enum worst_kind {
	WORST_NONE,
	WORST_FRAME,
	WORST_WAKEUP,
	WORST_END, /* it is about no task; from_ns and to_ns are the end */
};

enum moment_kind {
	MOMENT_SWITCH,	 /* cpu: from prev_pid to pid */
	MOMENT_WOKEN,	 /* pid is runnable now */
	MOMENT_REQUEST,	 /* about pid */
	MOMENT_DECISION, /* about pid, is carried out */
};

struct moment {
	uint64_t at_ns;
	int32_t pid, prev_pid; /* 0: the idle thread */
	uint16_t group, prev_group;
	uint16_t cpu;
	uint8_t kind;
	bool waits; /* MOMENT_SWITCH: prev_pid is still runnable */
};

/* Times are those since the run began, as in a trace. */
struct highlights {
	uint64_t began_ns; /* on the machine's clock */
	struct frame_series
		*series[HIGHLIGHTS_GROUPS]; /* by the group's index; NULL: it has no frames */

	/* The worst moment, and what happened from window_from_ns to window_to_ns. */
	enum worst_kind worst;
	uint16_t group;
	int32_t pid;
	char comm[16];
	uint64_t from_ns, to_ns,
		period_ns; /* due and done, or woken and running (without a period) */
	uint64_t window_from_ns, window_to_ns;
	bool is_cut; /* more happened than the ring has room for, so that the window begins later */
	struct moment *moments; /* in the order of time on each CPU */
	uint32_t nr_moments;
	/* What runs on each CPU when the window ends: all the time if it has no switch. */
	struct moment *last;
};

/* After machine_init(): keep them; what happens before time settle_ns of the run is never the worst. 0 or -ENOMEM. */
int highlights_start(uint64_t settle_ns);

/* A frame of t was due then and is done now. Nothing without highlights_start(). */
void highlights_frame(const struct task *t, uint64_t due_ns, uint64_t period_ns);

/* After the run. NULL without highlights_start(). */
const struct highlights *highlights_finish(void);

#endif /* RUSTLAND_SIM_HIGHLIGHTS_H */
