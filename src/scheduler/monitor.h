/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scx_rustland --monitor: prints the statistics of the scheduler that runs, ours or the Rust one.
 * When there is none, or it goes away, waits for the next. Needs no privileges; it must never load
 * anything or change anything.
 */
#ifndef SCX_RUSTLAND_MONITOR_H
#define SCX_RUSTLAND_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

/*
 * socket_paths: NULL-terminated; the first at which a scheduler listens is followed. Runs until a
 * signal ends the process; returns a negative errno, logged as one line, when going on is
 * pointless: the socket is forbidden, or nobody reads the output any more.
 */
int monitor_run(const char *const *socket_paths, uint64_t interval_ms, bool json);

#endif /* SCX_RUSTLAND_MONITOR_H */
