/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A run as a file that https://ui.perfetto.dev opens (the JSON format of Chrome's traces): a track for each CPU
 * with the tasks that run there, one for the scheduler thread's requests and decisions, one for each task that
 * has frames, and one for each target that is boosted.
 *
 * It must never change how the run goes on; it only watches.
 */
#ifndef RUSTLAND_SIM_TRACE_H
#define RUSTLAND_SIM_TRACE_H

#include <stdint.h>

struct task;

/* After machine_init(): 0, or a negative errno when the file cannot be written. */
int trace_start(const char *path);

/* A frame of t was due then, and is done now. Nothing without a trace. */
void trace_frame(const struct task *t, uint64_t due_ns);

/* What still runs, and the end of the file: 0, or a negative errno when it could not be written. */
int trace_finish(void);

#endif /* RUSTLAND_SIM_TRACE_H */
