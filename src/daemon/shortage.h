/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What runs out on a busy machine: descriptors, memory, processes. That something could not be looked
 * at for such a reason says nothing about it, so it must never be taken for its end, its absence or its
 * being something else; whoever asked is told, and can ask again.
 */
#ifndef RUSTLANDD_SHORTAGE_H
#define RUSTLANDD_SHORTAGE_H

#include <stdint.h>
#include <sys/types.h>

#include <glib.h>

gboolean is_shortage(int err);
/* G_DBUS_ERROR_LIMITS_EXCEEDED */
void set_shortage(int err, GError **error);

/* A file of /proc/PID, or NULL and errno: ESRCH, unless it could not be read for another reason. */
char *read_proc(pid_t pid, const char *file);

/*
 * As many descriptors as the hard limit allows; doc/hardening.md counts how many that has to be. Returns
 * how many there are.
 */
uint64_t raise_descriptor_limit(void);

/*
 * A few descriptors are kept for the service itself: what has to be sent or written is tried once more
 * without them when there is no other. Main loop only.
 */
void keep_spare_descriptors(void);
void give_spare_descriptors(void);

#endif /* RUSTLANDD_SHORTAGE_H */
