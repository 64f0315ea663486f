/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The capabilities of the calling thread; rustlandd uses this too.
 *
 * After the kernel has been given what takes capabilities, none is in effect while policies decide and
 * D-Bus clients are answered. They stay permitted: they are needed again when a CPU comes or goes, or
 * when a scheduler is started. Nothing here ever gains any.
 */
#ifndef SCX_RUSTLAND_CAPABILITIES_H
#define SCX_RUSTLAND_CAPABILITIES_H

#include <stdint.h>

/* Those in effect. Returns 0 or a negative errno. */
int capabilities_effective(uint64_t *ret);

/*
 * Have none in effect in this thread and in those that it starts. What execve() starts has the ambient
 * ones in effect again. Root keeps them: without, it may less than the user that owns a file. Returns 0
 * or a negative errno; nothing has changed then.
 */
int capabilities_rest(void);

#endif /* SCX_RUSTLAND_CAPABILITIES_H */
