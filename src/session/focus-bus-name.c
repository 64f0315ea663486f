/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * com.system76.Scheduler on the session bus: what desktops that can only call there say about the
 * focus, as KWin's scripts. Whatever they send is answered with success, for they give up for good at
 * the first error; a number may come as any type that JavaScript makes of it. To have lost the name
 * to another program does no harm.
 *
 * A number is that of a process only if the caller is in our pid namespace; one from a sandbox must never
 * bring another process to the front.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include <gio/gunixfdlist.h>

#include "common/names.h"
#include "dbus/system76-stub.h"
#include "session/bus-peer.h"
#include "session/focus.h"

struct bus_name {
	GDBusConnection *bus;
	ComSystem76Scheduler *skeleton;
	focus_report report;
	gpointer userdata;
	guint filter, name_id;
	GCancellable *end;
};

/* A call whose caller the bus is asked about. */
struct call {
	struct bus_name *name;
	pid_t pid;
};

/* The pid in a call's arguments; 0, which is nobody's, for what cannot be one. */
static guint32 to_pid(GVariant *arguments)
{
	gint64 pid = 0;
	double number;
	gint32 whole;

	if (g_variant_is_of_type(arguments, G_VARIANT_TYPE("(i)"))) {
		g_variant_get(arguments, "(i)", &whole);
		pid = whole;
	} else if (g_variant_is_of_type(arguments, G_VARIANT_TYPE("(d)"))) {
		g_variant_get(arguments, "(d)", &number);
		if (number > 0 && number <= INT32_MAX)
			pid = (gint64)number;
	}
	return pid > 0 ? (guint32)pid : 0;
}

/*
 * GDBus compares the signature before the call gets anywhere, so it is put right before that. This
 * runs in GDBus's own thread and looks at nothing but the message.
 */
static GDBusMessage *on_message(GDBusConnection *bus, GDBusMessage *message, gboolean incoming,
				gpointer userdata)
{
	GVariant *body = g_dbus_message_get_body(message);
	GDBusMessage *copy;

	(void)bus, (void)userdata;
	if (!incoming || !body ||
	    g_dbus_message_get_message_type(message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL ||
	    g_strcmp0(g_dbus_message_get_path(message), SYSTEM76_PATH) != 0 ||
	    g_strcmp0(g_dbus_message_get_member(message), "SetForegroundProcess") != 0 ||
	    !(g_variant_is_of_type(body, G_VARIANT_TYPE("(i)")) ||
	      g_variant_is_of_type(body, G_VARIANT_TYPE("(d)"))))
		return message;
	copy = g_dbus_message_copy(message, NULL);
	if (!copy)
		return message;
	g_dbus_message_set_body(copy, g_variant_new("(u)", to_pid(body)));
	g_object_unref(message);
	return copy;
}

/* flatpak's and firejail's: it is out here, those whose calls it passes on are not. */
#define PROXY "xdg-dbus-proxy\n"

static bool is_proxy(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/comm", (int)pid);
	g_autofree char *comm = NULL;

	return g_file_get_contents(path, &comm, NULL, NULL) && strcmp(comm, PROXY) == 0;
}

/* Our own fdinfo has the numbers of a pidfd's process, from our namespace down to its own. */
static bool shares_numbers(int pidfd)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fdinfo/%d", pidfd);
	g_autofree char *text = NULL;
	const char *line;
	int pid, inner;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return false;
	line = strstr(text, "\nPid:");
	if (!line || sscanf(line, "\nPid:\t%d", &pid) != 1 || pid <= 0)
		return false;
	line = strstr(text, "\nNSpid:");
	/* Not " ", which would go on to the next line. */
	return !(line && sscanf(line, "\nNSpid:\t%d%*[\t]%d", &pid, &inner) == 2) && !is_proxy(pid);
}

/* -1: the bus does not know. */
static int caller_pidfd(GVariant *credentials, GUnixFDList *fds)
{
	gint32 index;
	guint32 pid;

	if (fds && g_variant_lookup(credentials, "ProcessFD", "h", &index) &&
	    index < g_unix_fd_list_get_length(fds))
		return g_unix_fd_list_get(fds, index, NULL);
	if (g_variant_lookup(credentials, "ProcessID", "u", &pid))
		return pidfd_open((pid_t)pid, 0);
	return -1;
}

static void on_credentials(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autofree struct call *call = userdata;
	const struct focus_target target = {.pid = call->pid};
	g_autoptr(GVariant) reply = NULL, credentials = NULL;
	g_autoptr(GUnixFDList) fds = NULL;
	g_autoptr(GError) error = NULL;
	int pidfd;

	reply = g_dbus_connection_call_with_unix_fd_list_finish(G_DBUS_CONNECTION(source), &fds,
								result, &error);
	if (!reply) {
		g_debug("a caller is not known: %s", error->message);
		return; /* or we are at the end */
	}
	credentials = g_variant_get_child_value(reply, 0);
	pidfd = caller_pidfd(credentials, fds);
	if (pidfd >= 0 && shares_numbers(pidfd))
		call->name->report(call->name->userdata, &target);
	else
		g_debug("process %d is a number of another pid namespace", (int)call->pid);
	if (pidfd >= 0)
		close(pidfd);
}

/* Answers of the bus come in the order of the questions, so the last call counts. */
static gboolean on_set_foreground(ComSystem76Scheduler *object, GDBusMethodInvocation *invocation,
				  guint pid, gpointer userdata)
{
	struct bus_name *name = userdata;
	const char *sender = g_dbus_method_invocation_get_sender(invocation);
	struct call *call;

	if (pid <= INT32_MAX) {
		call = g_new0(struct call, 1);
		call->name = name;
		call->pid = (pid_t)pid;
		g_dbus_connection_call_with_unix_fd_list(
			name->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
			"org.freedesktop.DBus", "GetConnectionCredentials",
			g_variant_new("(s)", sender), G_VARIANT_TYPE("(a{sv})"),
			G_DBUS_CALL_FLAGS_NONE, BUS_CALL_MS, NULL, name->end, on_credentials, call);
	}
	com_system76_scheduler_complete_set_foreground_process(object, invocation);
	return TRUE;
}

static void on_name_lost(GDBusConnection *bus, const char *bus_name, gpointer userdata)
{
	(void)userdata;
	if (bus && !g_dbus_connection_is_closed(bus))
		g_debug("another program has %s on the session bus", bus_name);
}

static gpointer bus_name_start(const struct focus_buses *buses, focus_report report,
			       gpointer userdata)
{
	struct bus_name *name = g_new0(struct bus_name, 1);
	g_autoptr(GError) error = NULL;

	name->bus = buses->session;
	name->end = g_cancellable_new();
	name->report = report;
	name->userdata = userdata;
	name->skeleton = system76_stub_new(on_set_foreground, name);
	if (!g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(name->skeleton), name->bus,
					      SYSTEM76_PATH, &error)) {
		g_warning("%s cannot be offered: %s", SYSTEM76_NAME, error->message);
		g_object_unref(name->end);
		g_object_unref(name->skeleton);
		g_free(name);
		return NULL;
	}
	name->filter = g_dbus_connection_add_filter(name->bus, on_message, NULL, NULL);
	name->name_id = g_bus_own_name_on_connection(name->bus, SYSTEM76_NAME,
						     G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE, NULL,
						     on_name_lost, NULL, NULL);
	return name;
}

static void bus_name_stop(gpointer data)
{
	struct bus_name *name = data;

	g_cancellable_cancel(name->end);
	g_object_unref(name->end);
	g_bus_unown_name(name->name_id);
	g_dbus_connection_remove_filter(name->bus, name->filter);
	g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(name->skeleton));
	g_object_unref(name->skeleton);
	g_free(name);
}

const struct focus_source focus_bus_name = {SYSTEM76_NAME, bus_name_start, bus_name_stop};
