/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the user's systemd would tell a program that it starts now about the X server: which one is the
 * session's, and what is in the file of cookies. The service itself was started before they were known.
 */
#ifndef RUSTLAND_SESSION_SESSION_ENVIRONMENT_H
#define RUSTLAND_SESSION_SESSION_ENVIRONMENT_H

#include <gio/gio.h>

struct session_environment {
	char *display; /* the server's number, of this machine; NULL: not known */
	GByteArray
		*cookies; /* for xauthority_find(); empty if there is no such file of this user's */
};

void session_environment_free(struct session_environment *environment);

/*
 * Calls back soon, unless it is cancelled before; the environment is the callback's to free. A systemd
 * that hangs is waited for a second; a file system that hangs, in a thread and for good.
 */
typedef void (*session_environment_known)(struct session_environment *environment,
					  gpointer userdata);
void session_environment_get(GDBusConnection *session_bus, GCancellable *end,
			     session_environment_known known, gpointer userdata);

/* The number in a DISPLAY of this machine, as ":0" or "unix:0.0"; NULL if it is none. Free it. */
char *session_environment_number(const char *display);

#endif /* RUSTLAND_SESSION_SESSION_ENVIRONMENT_H */
