/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The capabilities of the calling thread.
 *
 * Loading a scheduler takes capabilities. Afterwards none is in effect, while policies decide and D-Bus
 * clients are answered. They stay permitted, for they are needed again when a CPU comes or goes, or
 * when a scheduler is started. Nothing here may ever gain any.
 */
#ifndef RUSTLAND_COMMON_CAPABILITIES_H
#define RUSTLAND_COMMON_CAPABILITIES_H

#include <stdint.h>

/* Those in effect. Returns 0 or a negative errno. */
int capabilities_effective(uint64_t *ret);

/*
 * Have none in effect in this thread and in the threads that it starts. A program that is executed later has
 * the ambient ones in effect again. Root keeps all of them: without capabilities root may do less to a file
 * than the file's owner. Returns 0, or a negative errno when nothing has changed.
 */
int capabilities_drop_effective(void);

#endif /* RUSTLAND_COMMON_CAPABILITIES_H */
