/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The service's interface as a client sees it. It never starts the service: whether a machine runs
 * another scheduler than the kernel's is for its administrator to say.
 *
 * All calls wait for their answer. Errors say what to do about them, in the state in which the
 * service, the machine and the caller are. subject: what a call is about, for the words of its
 * error, or NULL. A process is never sent as a number, which the service would not understand in a
 * container.
 */
#ifndef RUSTLANDCTL_CLIENT_H
#define RUSTLANDCTL_CLIENT_H

#include <sys/types.h>

#include <gio/gio.h>

#include "ctl/arguments.h"
#include "ctl/error.h"

#define SERVICE_NAME	  "org.scx.Rustland"
#define SERVICE_PATH	  "/org/scx/Rustland"
#define SERVICE_INTERFACE "org.scx.Rustland"
/* "run" must not keep a game from its start for longer. */
#define RUN_TIMEOUT_MS 3000

/* The system bus; the process does not end when the bus does. */
GDBusConnection *client_connect(GError **error);

/*
 * Call a method of the service. arguments: a floating tuple, or NULL. reply: its type. With a
 * terminal, polkit may ask for a password, and there is no time limit.
 */
GVariant *client_call(GDBusConnection *bus, const char *method, GVariant *arguments,
		      const char *reply, const char *subject, GError **error);

/* All properties, a{sv}. */
GVariant *client_properties(GDBusConnection *bus, GError **error);
gboolean client_set_profile(GDBusConnection *bus, const char *profile, GError **error);

/*
 * Boost process pid as args say; scope is that of args, or the given one. timeout_ms: to wait for
 * the answer, -1 for as long as client_call() waits; otherwise no password is asked for either.
 * Returns the cookie, or 0 and an error.
 */
guint32 client_boost(GDBusConnection *bus, pid_t pid, const char *scope,
		     const struct arguments *args, int timeout_ms, GError **error);

/* Put process pid into the foreground. */
gboolean client_foreground(GDBusConnection *bus, pid_t pid, GError **error);

#endif /* RUSTLANDCTL_CLIENT_H */
