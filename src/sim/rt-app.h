/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Workloads in the format of rt-app (https://github.com/scheduler-tools/rt-app, doc/tutorial.txt), so that one file
 * is run by the simulator and by rt-app itself. Understood: tasks with instance, loop, delay, policy, priority
 * (nice), cpus, taskgroup and phases; the events run, runtime, sleep, timer, lock, unlock, wait, signal, broad, barrier,
 * suspend, resume, yield and fork; of "global" the duration. An object "cgroups", which rt-app passes over, says what the
 * taskgroups are worth. What else a file says is refused, unless it only matters to a real machine (calibration, logs,
 * locked pages).
 *
 * Nothing must ever be guessed: what is not understood is an error that says where it stands, and what a task does that
 * POSIX leaves open, such as to unlock a mutex of another, ends the run.
 */
#ifndef RUSTLAND_SIM_RT_APP_H
#define RUSTLAND_SIM_RT_APP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Read the file for a machine with so many CPUs; false and one line on standard error when it is not understood.
 * *ret_seconds: its duration, or 0 where it has none.
 */
bool rt_app_read(const char *path, uint32_t cpus, uint64_t *ret_seconds);

/* Make and start the tasks of the file that was read. */
void rt_app_start(void);

#endif /* RUSTLAND_SIM_RT_APP_H */
