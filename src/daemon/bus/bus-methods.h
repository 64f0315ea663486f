/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The methods of org.scx.Rustland: what each wants for arguments, which permission it takes, and what
 * it does to the registry of boosts or the service.
 *
 * They must never believe anything that a caller says about itself. How a call comes to them is in
 * bus-request.h.
 */
#ifndef RUSTLANDD_BUS_METHODS_H
#define RUSTLANDD_BUS_METHODS_H

#include <gio/gio.h>

struct bus;

/* The skeleton's method calls arrive here from now on. */
void bus_methods_connect(struct bus *bus);
/* Calls that wait for statistics will be told that the service is stopping. */
void bus_methods_disconnect(struct bus *bus);

/* Properties.Set; GDBus has looked at the interface, the name, the type, and that it can be written. */
void bus_methods_set_property(struct bus *bus, GDBusMethodInvocation *invocation,
			      GVariant *parameters);

#endif /* RUSTLANDD_BUS_METHODS_H */
