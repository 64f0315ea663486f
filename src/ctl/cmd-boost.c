/* SPDX-License-Identifier: GPL-2.0-only */
/* rustlandctl boost: a boost for a process that runs already; with --lifetime client, holding it. */

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <glib-unix.h>

#include "common/bus-words.h"
#include "common/names.h"
#include "ctl/client.h"
#include "ctl/convert.h"
#include "ctl/screen.h"

/* A service that crashed keeps its boosts and is back within this time; one that is not stays away. */
#define RETURN_S 10

/* What a boost that is held waits for. */
struct hold {
	GDBusConnection *bus;
	guint32 cookie;
	GMainLoop *loop;
	char *why;	  /* the service ended it */
	gboolean is_lost; /* the service is gone, or back without it */
	guint patience;	  /* with a service that is away; 0: it is there */
};

static gboolean on_signal(gpointer userdata)
{
	struct hold *hold = userdata;

	g_main_loop_quit(hold->loop);
	return G_SOURCE_CONTINUE;
}

static void on_removed(GDBusConnection *bus, const char *sender, const char *path,
		       const char *interface, const char *signal, GVariant *arguments,
		       gpointer userdata)
{
	struct hold *hold = userdata;
	guint32 cookie, pid;
	const char *why;

	(void)bus, (void)sender, (void)path, (void)interface, (void)signal;
	if (!g_variant_is_of_type(arguments, G_VARIANT_TYPE("(uus)")))
		return;
	g_variant_get(arguments, "(uu&s)", &cookie, &pid, &why);
	if (cookie != hold->cookie)
		return;
	hold->why = g_strdup(why);
	g_main_loop_quit(hold->loop);
}

static gboolean on_impatient(gpointer userdata)
{
	struct hold *hold = userdata;

	hold->patience = 0;
	hold->is_lost = TRUE;
	g_main_loop_quit(hold->loop);
	return G_SOURCE_REMOVE;
}

static void on_vanished(GDBusConnection *bus, const char *name, gpointer userdata)
{
	struct hold *hold = userdata;

	(void)bus, (void)name;
	if (!hold->patience)
		hold->patience = g_timeout_add_seconds(RETURN_S, on_impatient, hold);
}

static gboolean lists(GVariant *boosts, guint32 cookie)
{
	gboolean found = FALSE;
	guint32 one;

	for (gsize i = 0; i < g_variant_n_children(boosts) && !found; i++) {
		g_autoptr(GVariant) boost = g_variant_get_child_value(boosts, i);

		found = g_variant_lookup(boost, BOOST_KEY_COOKIE, "u", &one) && one == cookie;
	}
	return found;
}

static void on_appeared(GDBusConnection *bus, const char *name, const char *owner,
			gpointer userdata)
{
	struct hold *hold = userdata;
	g_autoptr(GVariant) boosts = NULL;

	(void)name, (void)owner;
	if (!hold->patience)
		return;
	boosts = client_boosts(bus, NULL);
	if (!boosts)
		return; /* it is away again */
	g_clear_handle_id(&hold->patience, g_source_remove);
	hold->is_lost = !lists(boosts, hold->cookie);
	if (hold->is_lost)
		g_main_loop_quit(hold->loop);
}

static gboolean print_cookie(const struct arguments *args, guint32 cookie, GError **error)
{
	g_autoptr(JsonObject) result = json_object_new();

	if (args->json) {
		json_object_set_int_member(result, "cookie", cookie);
		json_object_set_int_member(result, "pid", args->pid);
		print_object(result, TRUE);
	} else {
		printf("%u\n", cookie);
	}
	return screen_flush(error);
}

static int boost_and_wait(struct hold *hold, const struct arguments *args, GError **error)
{
	hold->cookie = client_boost(hold->bus, args->pid, SCOPE_WORD_PROCESS, args, -1, error);
	if (!hold->cookie)
		return EXIT_FAILED;
	g_unix_signal_add(SIGINT, on_signal, hold);
	g_unix_signal_add(SIGTERM, on_signal, hold);
	g_unix_signal_add(SIGHUP, on_signal, hold);
	if (!print_cookie(args, hold->cookie, error))
		return EXIT_FAILED;
	g_main_loop_run(hold->loop);
	/* It may have said why before it was asked for its boosts. */
	while (hold->is_lost && !hold->why && g_main_context_iteration(NULL, FALSE))
		;
	if (hold->why ? strcmp(hold->why, END_WORD_SHUTDOWN) == 0 : hold->is_lost)
		g_set_error(error, CTL_ERROR, EXIT_NOT_RUNNING,
			    "the service has gone away, and the boost with it");
	else if (hold->why && !args->json)
		printf("ended: %s\n", hold->why);
	return EXIT_DONE;
}

/*
 * What happens to the boost, and to the service, is listened for before there is a boost: a service that
 * is replaced right after its answer is not missed. It is told when the main loop runs.
 */
static int hold_boost(GDBusConnection *bus, const struct arguments *args, GError **error)
{
	g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
	struct hold hold = {.bus = bus, .loop = loop};
	guint watch;
	int status;

	g_dbus_connection_signal_subscribe(bus, SERVICE_NAME, SERVICE_INTERFACE, "BoostRemoved",
					   SERVICE_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_removed,
					   &hold, NULL);
	watch = g_bus_watch_name_on_connection(bus, SERVICE_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE,
					       on_appeared, on_vanished, &hold, NULL);
	status = boost_and_wait(&hold, args, error);
	g_bus_unwatch_name(watch);
	g_clear_handle_id(&hold.patience, g_source_remove);
	g_free(hold.why);
	return status;
}

int cmd_boost(const struct arguments *args, GError **error)
{
	g_autoptr(GDBusConnection) bus = client_connect(error);
	guint32 cookie;

	if (!bus)
		return EXIT_FAILED;
	if (g_strcmp0(args->lifetime, LIFETIME_WORD_CLIENT) == 0)
		return hold_boost(bus, args, error);
	cookie = client_boost(bus, args->pid, SCOPE_WORD_PROCESS, args, -1, error);
	/* Nobody knows the cookie of a boost that could not be told of; so it is not kept. */
	if (cookie && !print_cookie(args, cookie, error))
		client_release(bus, cookie, NULL);
	return EXIT_DONE;
}
