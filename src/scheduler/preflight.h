/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What has to be true before the backend is loaded, so that the usual mistakes end in one line that
 * names the remedy instead of in a verifier log.
 *
 * It must never change anything: not the kernel's state, and not another scheduler's.
 */
#ifndef SCX_RUSTLAND_PREFLIGHT_H
#define SCX_RUSTLAND_PREFLIGHT_H

#include <stdbool.h>
#include <stdint.h>

/* Whether a process with these effective capabilities may load a scheduler. */
bool preflight_may_load(uint64_t capabilities);

/*
 * 0; -EOPNOTSUPP without sched_ext in the kernel, -EPERM without the privileges, -EBUSY when
 * another scheduler is loaded, starting or stopping. Failures have been logged as one line. May
 * wait for two seconds, for a scheduler that is just going.
 */
int preflight_check(void);

#endif /* SCX_RUSTLAND_PREFLIGHT_H */
