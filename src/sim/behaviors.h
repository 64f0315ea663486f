/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What simulated tasks do. Each function makes a task that is not started yet; times are nanoseconds of CPU
 * time at full speed, or of the machine's clock where it sleeps.
 *
 * A behavior may decide by its task's own random numbers and by time, and by nothing else.
 */
#ifndef RUSTLAND_SIM_BEHAVIORS_H
#define RUSTLAND_SIM_BEHAVIORS_H

#include "sim/task-stats.h"

/* Never sleeps. */
struct task *hog_new(struct task_stats *stats);

/* Works for work_ns, more or less by jitter_percent, each period; measured as bench/frame-loop does. */
struct task *frames_new(struct task_stats *stats, uint64_t period_ns, uint64_t work_ns,
			uint32_t jitter_percent);

/* Works and sleeps, both more or less by jitter_percent. */
struct task *sleeper_new(struct task_stats *stats, uint64_t work_ns, uint64_t sleep_ns,
			 uint32_t jitter_percent);

/* Two that wake each other in turn. */
void pair_new(struct task_stats *stats, uint64_t work_ns, struct task *ret[2]);

/* Forks a child of work_ns and waits for its end, again and again. */
struct task *forker_new(struct task_stats *stats, uint64_t work_ns);

/* Forks a child of work_ns each period, whatever becomes of the children; each exits when it is done. */
struct task *spawner_new(struct task_stats *stats, struct task_stats *child_stats,
			 uint64_t period_ns, uint64_t work_ns);

/* A chain: each forks the next one and exits. */
struct task *chain_new(struct task_stats *stats, uint64_t work_ns);

/*
 * A job slot of a parallel build: compilers one after the other, each with a shell before it, and between 10
 * and 300 ms of work with a few short sleeps for files.
 */
struct task *build_slot_new(struct task_stats *stats);

/* A game's main thread: each frame it wakes its workers, works itself and waits for all of them. */
struct task *game_new(struct task_stats *stats, struct task_stats *worker_stats, uint64_t period_ns,
		      uint64_t work_ns, uint32_t nr_workers, struct task **ret_workers);

/* Stages of an audio graph: each period the first one is woken by a timer and the others by the one before. */
struct task *graph_new(struct task_stats *stats, uint64_t period_ns, const uint64_t *work_ns,
		       uint32_t nr_stages, struct task **ret_stages);

#endif /* RUSTLAND_SIM_BEHAVIORS_H */
