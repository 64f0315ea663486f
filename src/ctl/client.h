/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The service's interface as a client sees it. It never starts the service: whether a machine runs
 * another scheduler than the kernel's is for its administrator to say.
 *
 * All calls wait for their answer. Errors say what to do about them, in the state in which the
 * service, the machine and the caller are. A process is never sent as a number, which the service would
 * not understand in a container.
 */
#ifndef RUSTLANDCTL_CLIENT_H
#define RUSTLANDCTL_CLIENT_H

#include <sys/types.h>

#include <gio/gio.h>

#include "ctl/arguments.h"
#include "ctl/error.h"

/* "run" must not keep a game from its start for longer. */
#define RUN_TIMEOUT_MS 3000

/* The system bus; the process does not end when the bus does. */
GDBusConnection *client_connect(GError **error);

/*
 * With a terminal, polkit may ask for a password for each of these, and there is no time limit.
 *
 * The service may be another process with every call: one that was replaced is not missed.
 */

/* All properties, a{sv}. */
GVariant *client_properties(GDBusConnection *bus, GError **error);
gboolean client_set_profile(GDBusConnection *bus, const char *profile, GError **error);
gboolean client_reload(GDBusConnection *bus, GError **error);

/* Counters and gauges, a{st}. */
GVariant *client_statistics(GDBusConnection *bus, GError **error);

/* aa{sv} */
GVariant *client_boosts(GDBusConnection *bus, GError **error);
gboolean client_release(GDBusConnection *bus, guint32 cookie, GError **error);

/*
 * Boost process pid as args say; scope is that of args, or the given one. timeout_ms: to wait for
 * the answer, -1 for as long as the others wait; otherwise no password is asked for either.
 * Returns the cookie, or 0 and an error.
 */
guint32 client_boost(GDBusConnection *bus, pid_t pid, const char *scope,
		     const struct arguments *args, int timeout_ms, GError **error);

/* Put process pid into the foreground. */
gboolean client_foreground(GDBusConnection *bus, pid_t pid, GError **error);
gboolean client_foreground_cgroup(GDBusConnection *bus, const char *path, GError **error);
/* Nothing is in the foreground any more. */
gboolean client_foreground_clear(GDBusConnection *bus, GError **error);

#endif /* RUSTLANDCTL_CLIENT_H */
