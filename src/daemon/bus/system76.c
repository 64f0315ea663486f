/* SPDX-License-Identifier: GPL-2.0-only */
/* See system76.h. */

#include "dbus/rustland-dbus.h"
#include "daemon/bus/system76.h"

#define NAME "com.system76.Scheduler"
#define PATH "/com/system76/Scheduler"

struct system76 {
	GDBusConnection *connection;
	struct bus *bus;
	ComSystem76Scheduler *skeleton;
	guint name_id;
};

static gboolean on_set_foreground_process(ComSystem76Scheduler *object,
					  GDBusMethodInvocation *invocation, guint pid,
					  struct system76 *system76)
{
	(void)object;
	bus_set_foreground_silently(system76->bus, invocation, pid);
	return TRUE;
}

static gboolean on_set_cpu_mode(ComSystem76Scheduler *object, GDBusMethodInvocation *invocation,
				guchar mode, struct system76 *system76)
{
	(void)mode, (void)system76;
	com_system76_scheduler_complete_set_cpu_mode(object, invocation);
	return TRUE;
}

static gboolean on_set_cpu_profile(ComSystem76Scheduler *object, GDBusMethodInvocation *invocation,
				   const char *profile, struct system76 *system76)
{
	(void)profile, (void)system76;
	com_system76_scheduler_complete_set_cpu_profile(object, invocation);
	return TRUE;
}

static gboolean on_reload(ComSystem76Scheduler *object, GDBusMethodInvocation *invocation,
			  struct system76 *system76)
{
	(void)system76;
	com_system76_scheduler_complete_reload_configuration(object, invocation);
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
	system76->skeleton = com_system76_scheduler_skeleton_new();
	com_system76_scheduler_set_cpu_profile(system76->skeleton, "auto");
	g_object_connect(system76->skeleton, "signal::handle-set-foreground-process",
			 G_CALLBACK(on_set_foreground_process), system76,
			 "signal::handle-set-cpu-mode", G_CALLBACK(on_set_cpu_mode), system76,
			 "signal::handle-set-cpu-profile", G_CALLBACK(on_set_cpu_profile), system76,
			 "signal::handle-reload-configuration", G_CALLBACK(on_reload), system76,
			 NULL);
	if (!g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(system76->skeleton),
					      connection, PATH, &error))
		g_debug("%s is not offered: %s", NAME, error->message);
	else
		system76->name_id = g_bus_own_name_on_connection(
			connection, NAME, G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE, NULL, on_name_lost,
			NULL, NULL);
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
