/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What polkit says about a caller. Root is always allowed, as polkit itself has it, so that an
 * administrator does not depend on polkitd; without polkitd nobody else is. Nothing waits: a polkitd
 * that hangs holds up the call that asked, and that one not for ever.
 */
#ifndef RUSTLANDD_AUTHORITY_H
#define RUSTLANDD_AUTHORITY_H

#include <gio/gio.h>

#include "daemon/bus/caller.h"
#include "daemon/boost/process.h"

#define AUTHORITY_NAME	    "org.freedesktop.PolicyKit1"
#define AUTHORITY_PATH	    "/org/freedesktop/PolicyKit1/Authority"
#define AUTHORITY_INTERFACE "org.freedesktop.PolicyKit1.Authority"

/* interactive: polkit may show a dialogue, because the caller said so in the message. */
void authority_check(GDBusConnection *connection, const struct caller *caller, const char *action,
		     gboolean interactive, GAsyncReadyCallback callback, gpointer userdata);

/*
 * The same of a process, as this user's: what it may do in the session in which it is now. Nobody is shown
 * a dialogue.
 */
void authority_check_process(GDBusConnection *connection, const struct process *process, uid_t uid,
			     const char *action, GAsyncReadyCallback callback, gpointer userdata);

enum authority_answer {
	AUTHORITY_NO,
	AUTHORITY_YES,
	AUTHORITY_UNKNOWN, /* polkit did not say, or does not know the process */
};

enum authority_answer authority_check_process_finish(GAsyncResult *result);

/* TRUE: allowed. Else G_DBUS_ERROR_ACCESS_DENIED, whose message says what would help. */
gboolean authority_check_finish(GAsyncResult *result, GError **error);

#endif /* RUSTLANDD_AUTHORITY_H */
