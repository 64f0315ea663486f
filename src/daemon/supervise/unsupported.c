/* SPDX-License-Identifier: GPL-2.0-only */
/* See unsupported.h. */

#include <gio/gio.h>
#include <systemd/sd-daemon.h>

#include "common/sched-ext.h"
#include "daemon/supervise/unsupported.h"

#define ASK_TIMEOUT_MS 5000
#define REASON	       SCHED_EXT_MISSING "; it takes " SCHED_EXT_NEEDS

/* systemd's jobs of the boot are not through yet. If it does not say, a person may be waiting. */
static bool is_booting(void)
{
	g_autoptr(GDBusConnection) bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, NULL);
	g_autoptr(GVariant) reply = NULL, value = NULL;
	const char *state;

	if (!bus)
		return false;
	g_dbus_connection_set_exit_on_close(bus, FALSE);
	reply = g_dbus_connection_call_sync(
		bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
		"org.freedesktop.DBus.Properties", "Get",
		g_variant_new("(ss)", "org.freedesktop.systemd1.Manager", "SystemState"),
		G_VARIANT_TYPE("(v)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, ASK_TIMEOUT_MS, NULL, NULL);
	if (!reply)
		return false;
	g_variant_get(reply, "(v)", &value);
	if (!g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
		return false;
	state = g_variant_get_string(value, NULL);
	return g_str_equal(state, "initializing") || g_str_equal(state, "starting");
}

bool kernel_is_unsupported(const char *fake_kernel)
{
	return rl_kernel_state_at(fake_kernel, NULL, 0) == RL_KERNEL_UNSUPPORTED;
}

int unsupported_run(int failed)
{
	if (is_booting()) {
		g_message("not scheduling: " REASON);
		/* Ready first: who ends before that has failed. */
		sd_notify(0, "READY=1\nSTATUS=not scheduling: " REASON);
		return 0;
	}
	g_critical("cannot schedule: " REASON);
	sd_notify(0, "STATUS=cannot schedule: " REASON);
	return failed;
}
