/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * com.system76.Scheduler on the session bus: scripts of a desktop that cannot reach the system bus
 * (KWin's) tell the foreground process here. Numbers come as scripting languages have them, as u, i
 * or d. It must never answer with an error where the call can be understood.
 */
#ifndef RUSTLAND_SESSION_SCHEDULER_NAME_H
#define RUSTLAND_SESSION_SCHEDULER_NAME_H

#include <gio/gio.h>

struct scheduler_name;

/*
 * Called for each SetForegroundProcess(); pid 0: none.
 */
typedef void (*scheduler_name_set)(gpointer userdata, pid_t pid);

/* bus: the session bus. Another program that has the name keeps it. NULL, and a message, if the
 * object cannot be exported. */
struct scheduler_name *scheduler_name_new(GDBusConnection *bus, scheduler_name_set set,
					  gpointer userdata);
void scheduler_name_free(struct scheduler_name *name);

#endif /* RUSTLAND_SESSION_SCHEDULER_NAME_H */
