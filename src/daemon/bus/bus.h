/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * org.scx.Rustland on the bus: the object with its properties and signals, and the name. Its method
 * calls come in through bus-request.h to bus-methods.h.
 *
 * It must never wait for anybody.
 */
#ifndef RUSTLANDD_BUS_H
#define RUSTLANDD_BUS_H

#include <gio/gio.h>

#include "daemon/boost/boosts.h"
#include "daemon/bus/rights.h"

struct bus;
struct config;
struct supervisor;

/* What the bus cannot do itself. done is called once, when it is known what came of it. */
struct bus_host {
	/* Load the configuration again. error: the one before stays in force, or is again. */
	void (*reload)(gpointer userdata, void (*done)(const GError *error, gpointer call),
		       gpointer call);
	void (*set_profile)(gpointer userdata, const char *profile,
			    void (*done)(const GError *error, gpointer call), gpointer call);
	/* Boosts came or went; may be NULL. */
	void (*boosts_changed)(gpointer userdata);
};

/* All pointers stay the caller's and in use. */
struct bus *bus_new(GDBusConnection *connection, struct supervisor *supervisor,
		    struct boosts *boosts, struct rights *rights, const struct bus_host *host,
		    gpointer userdata);
/* Calls that still wait for an answer get one: the service is stopping. */
void bus_free(struct bus *bus);

/* To be called after bus_config_changed() and bus_status_changed(), for complete properties. */
gboolean bus_export(struct bus *bus, GError **error);

/*
 * Ask for the name. on_owned comes once it is there, after which the boosts are watched as well;
 * on_lost when another process has it or the bus is gone. Both from the main loop.
 */
void bus_own_name(struct bus *bus, void (*on_owned)(gpointer userdata),
		  void (*on_lost)(gpointer userdata), gpointer userdata);

/*
 * SetForegroundProcess() of another interface, which always succeeds for its caller. Takes over
 * invocation, whose answer has no arguments.
 */
void bus_set_foreground_silently(struct bus *bus, GDBusMethodInvocation *invocation, uint32_t pid);

/* Profile, SliceUSec, SliceMinUSec, MaxBoostsPerUser. */
void bus_config_changed(struct bus *bus, const struct config *config);

/* State, Scheduler, ExitReason, Policy. */
void bus_status_changed(struct bus *bus);

#endif /* RUSTLANDD_BUS_H */
