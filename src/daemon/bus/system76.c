/* SPDX-License-Identifier: GPL-2.0-only */
/* See system76.h. */

#include "common/names.h"
#include "daemon/bus/system76.h"
#include "dbus/system76-stub.h"

struct system76 {
	GDBusConnection *connection;
	struct bus *bus;
	ComSystem76Scheduler *skeleton;
	guint name_id;
};

static gboolean on_set_foreground_process(ComSystem76Scheduler *object,
					  GDBusMethodInvocation *invocation, guint pid,
					  gpointer userdata)
{
	struct system76 *system76 = userdata;

	(void)object;
	bus_set_foreground_silently(system76->bus, invocation, pid);
	return TRUE;
}

static void on_name_lost(GDBusConnection *connection, const char *name, gpointer userdata)
{
	(void)connection, (void)userdata;
	g_debug("%s is not ours, which does no harm", name);
}

struct system76 *system76_new(GDBusConnection *connection, struct bus *bus)
{
	struct system76 *system76 = g_new0(struct system76, 1);
	g_autoptr(GError) error = NULL;

	system76->connection = connection;
	system76->bus = bus;
	system76->skeleton = system76_stub_new(on_set_foreground_process, system76);
	if (!g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(system76->skeleton),
					      connection, SYSTEM76_PATH, &error))
		g_debug("%s is not offered: %s", SYSTEM76_NAME, error->message);
	else
		system76->name_id = g_bus_own_name_on_connection(
			connection, SYSTEM76_NAME, G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE, NULL,
			on_name_lost, NULL, NULL);
	return system76;
}

void system76_free(struct system76 *system76)
{
	if (!system76)
		return;
	g_clear_handle_id(&system76->name_id, g_bus_unown_name);
	g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(system76->skeleton));
	g_object_unref(system76->skeleton);
	g_free(system76);
}
