/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * com.system76.Scheduler, for whoever offers it in system76-scheduler's place. Of its methods only
 * SetForegroundProcess means anything here; the others are answered with success and do nothing, since
 * desktops give up at the first error.
 */
#ifndef RUSTLAND_DBUS_SYSTEM76_STUB_H
#define RUSTLAND_DBUS_SYSTEM76_STUB_H

#include "dbus/rustland-dbus.h"

/* on_set_foreground: the handler of SetForegroundProcess, with userdata. Not exported yet. */
ComSystem76Scheduler *
system76_stub_new(gboolean (*on_set_foreground)(ComSystem76Scheduler *object,
						GDBusMethodInvocation *invocation, guint pid,
						gpointer userdata),
		  gpointer userdata);

#endif /* RUSTLAND_DBUS_SYSTEM76_STUB_H */
