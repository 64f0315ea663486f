/* SPDX-License-Identifier: GPL-2.0-only */
/* See bus-peer.h. */

#include <pwd.h>
#include <unistd.h>

#include "session/bus-peer.h"

struct bus_peer {
	GDBusConnection *bus;
	char *name;
	uid_t user; /* believed besides root and ourselves; ours if there is no such user */
	const struct bus_peer_handler *handler;
	gpointer userdata;
	guint watch;
	char *owner;	     /* believed; NULL: none */
	char *unproven;	     /* about whom the bus is being asked; NULL: nobody */
	GCancellable *asked; /* that question */
	guint again;	     /* when it is asked again */
	bool explained;	     /* why it is has been said */
};

static void ask(struct bus_peer *peer);

static void forget(struct bus_peer *peer)
{
	if (peer->asked)
		g_cancellable_cancel(peer->asked);
	g_clear_object(&peer->asked);
	g_clear_handle_id(&peer->again, g_source_remove);
	g_clear_pointer(&peer->unproven, g_free);
	g_clear_pointer(&peer->owner, g_free);
	peer->explained = false;
}

static gboolean on_again(gpointer userdata)
{
	struct bus_peer *peer = userdata;

	peer->again = 0;
	ask(peer);
	return G_SOURCE_REMOVE;
}

static void on_user(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) reply =
		g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
	struct bus_peer *peer = userdata;
	guint32 uid;

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return; /* somebody else has the name, or this is gone */
	g_clear_object(&peer->asked);
	if (!reply) {
		/* If it is gone, on_vanished() comes. */
		if (!peer->explained)
			g_message("%s: the bus does not say whose it is, and is asked again: %s",
				  peer->name, error->message);
		peer->explained = true;
		peer->again = g_timeout_add_seconds(BUS_ASK_AGAIN_S, on_again, peer);
		return;
	}
	g_variant_get(reply, "(u)", &uid);
	/* The numbers are the bus's, whatever namespace this is in. */
	if (uid != 0 && uid != getuid() && uid != peer->user) {
		g_message("%s belongs to user %u, so nothing is sent to it", peer->name, uid);
		return;
	}
	peer->owner = g_steal_pointer(&peer->unproven);
	g_debug("%s is there: %s", peer->name, peer->owner);
	peer->handler->appeared(peer->userdata, peer->owner);
}

static void ask(struct bus_peer *peer)
{
	peer->asked = g_cancellable_new();
	g_dbus_connection_call(peer->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
			       "org.freedesktop.DBus", "GetConnectionUnixUser",
			       g_variant_new("(s)", peer->unproven), G_VARIANT_TYPE("(u)"),
			       G_DBUS_CALL_FLAGS_NONE, BUS_CALL_MS, peer->asked, on_user, peer);
}

static void on_appeared(GDBusConnection *bus, const char *name, const char *owner,
			gpointer userdata)
{
	struct bus_peer *peer = userdata;

	(void)bus, (void)name;
	forget(peer);
	peer->unproven = g_strdup(owner);
	ask(peer);
}

static void on_vanished(GDBusConnection *bus, const char *name, gpointer userdata)
{
	struct bus_peer *peer = userdata;

	(void)bus, (void)name;
	forget(peer);
	peer->handler->vanished(peer->userdata);
}

struct bus_peer *bus_peer_watch(GDBusConnection *bus, const char *name, const char *user,
				const struct bus_peer_handler *handler, gpointer userdata)
{
	const struct passwd *entry = user ? getpwnam(user) : NULL;
	struct bus_peer *peer = g_new0(struct bus_peer, 1);

	peer->bus = g_object_ref(bus);
	peer->name = g_strdup(name);
	peer->user = entry ? entry->pw_uid : getuid();
	peer->handler = handler;
	peer->userdata = userdata;
	peer->watch = g_bus_watch_name_on_connection(bus, name, G_BUS_NAME_WATCHER_FLAGS_NONE,
						     on_appeared, on_vanished, peer, NULL);
	return peer;
}

void bus_peer_free(struct bus_peer *peer)
{
	if (!peer)
		return;
	g_bus_unwatch_name(peer->watch);
	forget(peer);
	g_object_unref(peer->bus);
	g_free(peer->name);
	g_free(peer);
}

bool bus_peer_sent(const struct bus_peer *peer, const char *sender)
{
	return peer->owner && g_strcmp0(sender, peer->owner) == 0;
}

const char *bus_peer_owner(const struct bus_peer *peer)
{
	return peer->owner;
}
