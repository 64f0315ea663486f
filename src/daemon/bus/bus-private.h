/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the bus share: bus.c has the object, its properties and signals, bus-request.c a
 * call's way, bus-methods.c what each method does, bus-describe.c what is told about a boost. Nobody
 * else includes this.
 */
#ifndef RUSTLANDD_BUS_PRIVATE_H
#define RUSTLANDD_BUS_PRIVATE_H

#include "dbus/rustland-dbus.h"

#include "daemon/bus/bus.h"

struct requests;
struct statistics_wait;

struct bus {
	GDBusConnection *connection;
	RustlandSkeleton *skeleton;
	struct supervisor *supervisor;
	struct boosts *boosts;
	struct rights *rights;
	const struct bus_host *host;
	gpointer host_userdata;
	guint name_id;
	void (*on_owned)(gpointer userdata);
	void (*on_lost)(gpointer userdata);
	gpointer owner_userdata;
	GHashTable *clients; /* unique names that boosts depend on, to the id of the watch */
	struct requests *requests;
	struct statistics_wait *statistics; /* NULL: nobody waits */
};

#endif /* RUSTLANDD_BUS_PRIVATE_H */
