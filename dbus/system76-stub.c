/* SPDX-License-Identifier: GPL-2.0-only */
/* See system76-stub.h. */

#include "dbus/system76-stub.h"

static gboolean on_set_cpu_mode(ComSystem76Scheduler *object, GDBusMethodInvocation *invocation,
				guchar mode, gpointer userdata)
{
	(void)mode, (void)userdata;
	com_system76_scheduler_complete_set_cpu_mode(object, invocation);
	return TRUE;
}

static gboolean on_set_cpu_profile(ComSystem76Scheduler *object, GDBusMethodInvocation *invocation,
				   const char *profile, gpointer userdata)
{
	(void)profile, (void)userdata;
	com_system76_scheduler_complete_set_cpu_profile(object, invocation);
	return TRUE;
}

static gboolean on_reload(ComSystem76Scheduler *object, GDBusMethodInvocation *invocation,
			  gpointer userdata)
{
	(void)userdata;
	com_system76_scheduler_complete_reload_configuration(object, invocation);
	return TRUE;
}

ComSystem76Scheduler *
system76_stub_new(gboolean (*on_set_foreground)(ComSystem76Scheduler *object,
						GDBusMethodInvocation *invocation, guint pid,
						gpointer userdata),
		  gpointer userdata)
{
	ComSystem76Scheduler *stub = com_system76_scheduler_skeleton_new();

	com_system76_scheduler_set_cpu_profile(stub, "auto");
	g_signal_connect(stub, "handle-set-foreground-process", G_CALLBACK(on_set_foreground),
			 userdata);
	g_signal_connect(stub, "handle-set-cpu-mode", G_CALLBACK(on_set_cpu_mode), NULL);
	g_signal_connect(stub, "handle-set-cpu-profile", G_CALLBACK(on_set_cpu_profile), NULL);
	g_signal_connect(stub, "handle-reload-configuration", G_CALLBACK(on_reload), NULL);
	return stub;
}
