/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who made a call: asked of the bus itself, which knows it from the kernel, and never of the caller.
 * Unique names are not used twice, so the answer stays right after the caller has left, and is kept for
 * the next calls of the same connection. The bus is asked few things at a time: its answers carry
 * descriptors, and beyond a few dozen of those dbus-daemon drops answers without a word.
 */
#ifndef RUSTLANDD_CALLER_H
#define RUSTLANDD_CALLER_H

#include <sys/types.h>

#include <gio/gio.h>

struct caller {
	char *name; /* its unique name on the bus */
	uid_t uid;
	pid_t pid; /* its process as the bus numbers it; 0 where the bus cannot tell */
	int pidfd; /* its process, where the bus has a pidfd of it; else -1; owned */
	guint refs;
};

void caller_resolve(GDBusConnection *connection, const char *name, GAsyncReadyCallback callback,
		    gpointer userdata);
struct caller *caller_resolve_finish(GAsyncResult *result, GError **error);
/* For each caller that caller_resolve_finish() gave. */
void caller_unref(struct caller *caller);

/*
 * Numbers of processes mean the same to the caller as to us. FALSE in another pid namespace, behind a
 * proxy that passes on what others say in a sandbox, and where nothing can be told.
 */
gboolean caller_shares_numbers(const struct caller *caller);

#endif /* RUSTLANDD_CALLER_H */
