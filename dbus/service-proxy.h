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
 * owner: the unique name of the service. Sends nothing: no properties are loaded, no signals are listened to.
 * It does not end calls when the owner vanishes; the bus does. Its errors are in RUSTLAND_ERROR, see errors.h.
 */
Rustland *service_proxy_new(GDBusConnection *bus, const char *owner);

#endif /* RUSTLAND_DBUS_SERVICE_PROXY_H */
