/* SPDX-License-Identifier: GPL-2.0-only */
/* See caller.h. */
#include <config.h>

#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include <gio/gunixfdlist.h>

#include "caller.h"
#include "process.h"

/* The bus answers in microseconds; if it does not, nothing works anyway. */
#define BUS_TIMEOUT_MS 10000

static void on_credentials(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autoptr(GTask) task = userdata;
	g_autoptr(GUnixFDList) fds = NULL;
	g_autoptr(GVariant) reply = NULL, credentials = NULL;
	GError *error = NULL;
	struct caller *caller;
	guint32 uid, pid;
	gint32 index;

	reply = g_dbus_connection_call_with_unix_fd_list_finish(G_DBUS_CONNECTION(source), &fds,
								result, &error);
	if (!reply) {
		g_task_return_error(task, error);
		return;
	}
	credentials = g_variant_get_child_value(reply, 0);
	if (!g_variant_lookup(credentials, "UnixUserID", "u", &uid)) {
		g_task_return_new_error(task, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED,
					"The bus does not know which user you are");
		return;
	}
	caller = g_new0(struct caller, 1);
	caller->name = g_strdup(g_task_get_task_data(task));
	caller->uid = uid;
	if (g_variant_lookup(credentials, "ProcessID", "u", &pid))
		caller->pid = (pid_t)pid;
	caller->pidfd = -1;
	if (fds && g_variant_lookup(credentials, "ProcessFD", "h", &index) &&
	    index < g_unix_fd_list_get_length(fds))
		caller->pidfd = g_unix_fd_list_get(fds, index, NULL);
	g_task_return_pointer(task, caller, NULL);
}

void caller_resolve(GDBusConnection *connection, const char *name, GAsyncReadyCallback callback,
		    gpointer userdata)
{
	GTask *task = g_task_new(connection, NULL, callback, userdata);

	g_task_set_task_data(task, g_strdup(name), g_free);
	g_dbus_connection_call_with_unix_fd_list(
		connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
		"GetConnectionCredentials", g_variant_new("(s)", name), G_VARIANT_TYPE("(a{sv})"),
		G_DBUS_CALL_FLAGS_NONE, BUS_TIMEOUT_MS, NULL, NULL, on_credentials, task);
}

struct caller *caller_resolve_finish(GAsyncResult *result, GError **error)
{
	return g_task_propagate_pointer(G_TASK(result), error);
}

/*
 * flatpak and firejail let a sandbox talk to the bus through this program, which is outside of it, in
 * the namespace of the bus.
 */
#define PROXY "xdg-dbus-proxy"

static gboolean shares_numbers(int pidfd)
{
	char name[64];

	if (!process_shares_numbers(pidfd))
		return FALSE;
	process_name_of_fd(pidfd, name, sizeof(name));
	return strcmp(name, PROXY) != 0;
}

gboolean caller_shares_numbers(const struct caller *caller)
{
	gboolean result;
	int pidfd;

	if (caller->pidfd >= 0)
		return shares_numbers(caller->pidfd);
	/*
	 * A bus without pidfds. The number may belong to another process by now; whoever arranges that
	 * gets a process of the own user mistaken for another one, and nothing else.
	 */
	pidfd = caller->pid > 0 ? pidfd_open(caller->pid, 0) : -1;
	if (pidfd < 0)
		return FALSE;
	result = shares_numbers(pidfd);
	close(pidfd);
	return result;
}

void caller_free(struct caller *caller)
{
	if (!caller)
		return;
	if (caller->pidfd >= 0)
		close(caller->pidfd);
	g_free(caller->name);
	g_free(caller);
}
