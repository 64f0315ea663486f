/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How clients call the service: rustland_call_*() of "dbus/rustland-dbus.h", which knows what the arguments
 * and answers of every method are.
 *
 * A proxy here is for one process that owns the name, and never for the name: of that GDBus would ask the bus
 * to start a service, and which process an answer is from would depend on when the main loop ran last. Whoever
 * has learnt of a new owner makes a new proxy.
 */
#ifndef RUSTLAND_DBUS_SERVICE_PROXY_H
#define RUSTLAND_DBUS_SERVICE_PROXY_H

#include "dbus/rustland-dbus.h"

/*
 * Before the bus is used, in a program that has to end in every state it may be in: the first use of a type
 * takes a lock of GLib's, and GLib waits for itself for ever when there is no memory meanwhile.
 */
void service_proxy_prepare(void);

/*
 * owner: the unique name of the service. Sends nothing: no properties are loaded, no signals are listened to.
 * It does not end calls when the owner vanishes; the bus does. Its errors are in RUSTLAND_ERROR, see errors.h.
 *
 * For programs that wait for their answers: GLib takes a descriptor for the moment, as it does for each call
 * that waits, and ends the program where there is none.
 */
Rustland *service_proxy_new(GDBusConnection *bus, const char *owner);

/* The same for those that must not end for that: the proxy comes from the main loop. */
void service_proxy_start(GDBusConnection *bus, const char *owner, GCancellable *cancel,
			 GAsyncReadyCallback callback, gpointer userdata);
/* NULL: cancelled. */
Rustland *service_proxy_finish(GAsyncResult *result);

#endif /* RUSTLAND_DBUS_SERVICE_PROXY_H */
