/* SPDX-License-Identifier: GPL-2.0-only */
/* See gamemode.h. */

#include <string.h>

#include "session/bus-peer.h"
#include "session/gamemode.h"

#define BUS_NAME "com.feralinteractive.GameMode"
#define BUS_PATH "/com/feralinteractive/GameMode"
#define REASON	 "game (GameMode)"
/* So often at most, when it does not say which games there are. */
#define ASK_MAX 6

struct gamemode {
	GDBusConnection *bus;
	struct service *service;
	GCancellable *end;
	guint subscription;
	struct bus_peer *peer; /* GameMode itself */
	guint asked;	       /* it was, since it appeared or last said so */
	guint again;	       /* when it is asked again; 0: it is not */
};

static void ask(struct gamemode *gamemode);

static gboolean on_again(gpointer userdata)
{
	struct gamemode *gamemode = userdata;

	gamemode->again = 0;
	ask(gamemode);
	return G_SOURCE_REMOVE;
}

static void ask_again(struct gamemode *gamemode)
{
	if (gamemode->asked < ASK_MAX && !gamemode->again)
		gamemode->again = g_timeout_add_seconds(BUS_ASK_AGAIN_S, on_again, gamemode);
}

/* Which process a number is, only GameMode knows later. */
static void boost(struct gamemode *gamemode, pid_t pid)
{
	if (!service_boost(gamemode->service, pid, REASON))
		ask_again(gamemode);
}

static void on_signal(GDBusConnection *bus, const char *sender, const char *path,
		      const char *interface, const char *signal, GVariant *arguments,
		      gpointer userdata)
{
	struct gamemode *gamemode = userdata;
	gint32 pid;

	(void)bus, (void)path, (void)interface;
	if (!bus_peer_sent(gamemode->peer, sender) ||
	    !g_variant_is_of_type(arguments, G_VARIANT_TYPE("(io)")))
		return;
	g_variant_get(arguments, "(i&o)", &pid, NULL);
	if (strcmp(signal, "GameRegistered") == 0)
		boost(gamemode, pid);
	else if (strcmp(signal, "GameUnregistered") == 0)
		service_release(gamemode->service, pid);
}

/* Signals of games that came or went meanwhile are handled before or after this, in their order. */
static void on_listed(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) reply =
		g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
	struct gamemode *gamemode = userdata;
	g_autoptr(GVariantIter) iter = NULL;
	gint32 pid;

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return;
	if (!reply) {
		g_message("GameMode does not say which games there are: %s", error->message);
		ask_again(gamemode);
		return;
	}
	g_variant_get(reply, "(a(io))", &iter);
	gamemode->asked = 0;
	while (g_variant_iter_next(iter, "(i&o)", &pid, NULL))
		boost(gamemode, pid);
}

static void ask(struct gamemode *gamemode)
{
	const char *owner = bus_peer_owner(gamemode->peer);

	if (!owner)
		return;
	gamemode->asked++;
	g_dbus_connection_call(gamemode->bus, owner, BUS_PATH, BUS_NAME, "ListGames", NULL,
			       G_VARIANT_TYPE("(a(io))"), G_DBUS_CALL_FLAGS_NO_AUTO_START,
			       BUS_CALL_MS, gamemode->end, on_listed, gamemode);
}

static void on_appeared(gpointer userdata, const char *owner)
{
	struct gamemode *gamemode = userdata;

	(void)owner;
	gamemode->asked = 0;
	ask(gamemode);
}

/* GameMode forgets its games when it ends, so nobody would tell us when they are unregistered. */
static void on_vanished(gpointer userdata)
{
	struct gamemode *gamemode = userdata;

	g_clear_handle_id(&gamemode->again, g_source_remove);
	service_release_all(gamemode->service);
}

struct gamemode *gamemode_new(GDBusConnection *bus, struct service *service)
{
	static const struct bus_peer_handler handler = {on_appeared, on_vanished};
	struct gamemode *gamemode = g_new0(struct gamemode, 1);

	gamemode->bus = bus;
	gamemode->service = service;
	gamemode->end = g_cancellable_new();
	/* Before the list is asked for: no game is lost between the two. */
	gamemode->subscription = g_dbus_connection_signal_subscribe(
		bus, BUS_NAME, BUS_NAME, NULL, BUS_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_signal,
		gamemode, NULL);
	gamemode->peer = bus_peer_watch(bus, BUS_NAME, NULL, &handler, gamemode);
	return gamemode;
}

void gamemode_free(struct gamemode *gamemode)
{
	if (!gamemode)
		return;
	g_cancellable_cancel(gamemode->end);
	g_clear_handle_id(&gamemode->again, g_source_remove);
	g_dbus_connection_signal_unsubscribe(gamemode->bus, gamemode->subscription);
	bus_peer_free(gamemode->peer);
	g_object_unref(gamemode->end);
	g_free(gamemode);
}
