/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * com.system76.Scheduler on the system bus, for desktops that tell system76-scheduler what has the
 * focus. It is here and not in a program of its own because a foreground belongs to a user, and the
 * bus names the caller only to whom it calls. Where the bus policy for the name is not installed, or
 * another program has it, this does nothing, and nobody else must notice.
 */
#ifndef RUSTLANDD_SYSTEM76_H
#define RUSTLANDD_SYSTEM76_H

#include <gio/gio.h>

#include "daemon/bus/bus.h"

struct system76;

/* Both stay the caller's, and in use until system76_free(), which accepts NULL. */
struct system76 *system76_new(GDBusConnection *connection, struct bus *bus);
void system76_free(struct system76 *system76);

#endif /* RUSTLANDD_SYSTEM76_H */
