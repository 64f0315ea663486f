/* SPDX-License-Identifier: GPL-2.0-only */
/* See stopping.h. */

#include <string.h>
#include <unistd.h>

#include "daemon/boost/stopping.h"

#define SYSTEMD_NAME	"org.freedesktop.systemd1"
#define CALL_TIMEOUT_MS 5000

/* Takes over parameters. */
static GVariant *call(GDBusConnection *connection, const char *path, const char *interface,
		      const char *method, GVariant *parameters, const char *reply_type)
{
	return g_dbus_connection_call_sync(connection, SYSTEMD_NAME, path, interface, method,
					   parameters, G_VARIANT_TYPE(reply_type),
					   G_DBUS_CALL_FLAGS_NO_AUTO_START, CALL_TIMEOUT_MS, NULL,
					   NULL);
}

static GVariant *get_property(GDBusConnection *connection, const char *path, const char *interface,
			      const char *property)
{
	g_autoptr(GVariant) reply = call(connection, path, "org.freedesktop.DBus.Properties", "Get",
					 g_variant_new("(ss)", interface, property), "(v)");
	GVariant *value = NULL;

	if (reply)
		g_variant_get(reply, "(v)", &value);
	return value;
}

gboolean stopping_for_good(GDBusConnection *connection)
{
	g_autoptr(GVariant) unit = NULL, job = NULL, type = NULL;
	const char *path;
	guint32 id;

	if (!g_getenv("NOTIFY_SOCKET"))
		return TRUE; /* not a service: nobody keeps anything for us */
	unit = call(connection, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
		    "GetUnitByPID", g_variant_new("(u)", (guint32)getpid()), "(o)");
	if (!unit)
		return FALSE;
	g_variant_get(unit, "(&o)", &path);
	job = get_property(connection, path, "org.freedesktop.systemd1.Unit", "Job");
	if (!job || !g_variant_is_of_type(job, G_VARIANT_TYPE("(uo)")))
		return FALSE;
	g_variant_get(job, "(u&o)", &id, &path);
	if (id == 0)
		return FALSE; /* a signal that somebody sent */
	type = get_property(connection, path, "org.freedesktop.systemd1.Job", "JobType");
	return type && g_variant_is_of_type(type, G_VARIANT_TYPE_STRING) &&
	       strcmp(g_variant_get_string(type, NULL), "stop") == 0;
}
