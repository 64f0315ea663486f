/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rustland-session: one for each user who is logged in. What GameMode says about games and the
 * desktop about the focused window, it passes on to org.scx.Rustland. It needs no privileges, and the
 * desktop must never have to wait for it, nor fail because of it.
 *
 * This file reads the command line and puts the parts together.
 */

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gio/gio.h>
#include <glib-unix.h>

#include "session/focus.h"
#include "session/gamemode.h"
#include "session/service-client.h"
#include "session/settings.h"
#include "session/unix-socket.h"

/* Documented in rustland-session(8). */
enum {
	STATUS_STOPPED = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
};

struct options {
	char **config_dirs;
	gboolean version;
};

struct session {
	GMainLoop *loop;
	GDBusConnection *system_bus, *session_bus;
	struct service *service;
	struct gamemode *gamemode;
	struct focus *focus;
	int status; /* to exit with */
};

static gboolean on_stop_signal(gpointer userdata)
{
	struct session *session = userdata;

	g_main_loop_quit(session->loop);
	return G_SOURCE_CONTINUE;
}

/* The session is over, or the machine's bus was restarted: then systemd starts us again. */
static void on_closed(GDBusConnection *bus, gboolean by_us, GError *error, gpointer userdata)
{
	struct session *session = userdata;

	(void)by_us;
	g_message("the %s bus is gone: %s", bus == session->system_bus ? "system" : "session",
		  error ? error->message : "it hung up");
	session->status = bus == session->system_bus ? STATUS_FAILED : STATUS_STOPPED;
	g_main_loop_quit(session->loop);
}

static void on_focus(gpointer userdata, const struct focus_target *target)
{
	struct session *session = userdata;

	service_set_foreground(session->service, target->pid, target->cgroup);
}

/*
 * Who made the bus's socket, before anything is said on it. The system's is root's, which the
 * sandbox does not let us see; it is in a directory of root's.
 */
static bool is_trusted(GIOStream *stream, GBusType type, GError **error)
{
	enum owner owner = OWNER_FOREIGN;

	if (G_IS_SOCKET_CONNECTION(stream))
		owner = unix_socket_listener(g_socket_get_fd(
			g_socket_connection_get_socket(G_SOCKET_CONNECTION(stream))));
	if (owner == OWNER_OURS || owner == OWNER_ROOT ||
	    (owner == OWNER_HIDDEN && type == G_BUS_TYPE_SYSTEM))
		return true;
	g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
			    "its socket is another user's, or none of this machine");
	return false;
}

static GDBusConnection *connect_to_bus(GBusType type, GError **error)
{
	g_autofree char *address = g_dbus_address_get_for_bus_sync(type, NULL, error);
	g_autoptr(GIOStream) stream = NULL;

	if (address)
		stream = g_dbus_address_get_stream_sync(address, NULL, NULL, error);
	if (!stream || !is_trusted(stream, type, error))
		return NULL;
	return g_dbus_connection_new_sync(stream, NULL,
					  G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
						  G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
					  NULL, NULL, error);
}

static GDBusConnection *open_bus(struct session *session, GBusType type)
{
	g_autoptr(GError) error = NULL;
	GDBusConnection *bus = connect_to_bus(type, &error);

	if (!bus) {
		g_printerr("rustland-session: no %s bus: %s\n",
			   type == G_BUS_TYPE_SYSTEM ? "system" : "session", error->message);
		return NULL;
	}
	g_signal_connect(bus, "closed", G_CALLBACK(on_closed), session);
	return bus;
}

static void session_run(struct session *session, const struct options *options)
{
	g_autofree char *own_dir = g_build_filename(g_get_user_config_dir(), "scx-rustland", NULL);
	const char *const dirs[] = {VENDOR_DIR, CONFIG_DIR, own_dir, NULL};
	struct focus_buses buses;
	struct settings settings;

	settings_load(&settings,
		      options->config_dirs ? (const char *const *)options->config_dirs : dirs);
	session->loop = g_main_loop_new(NULL, FALSE);
	session->system_bus = open_bus(session, G_BUS_TYPE_SYSTEM);
	session->session_bus = session->system_bus ? open_bus(session, G_BUS_TYPE_SESSION) : NULL;
	if (!session->session_bus) {
		session->status = STATUS_FAILED;
		return;
	}
	buses = (struct focus_buses){session->session_bus, session->system_bus};
	/* They stay: a signal that comes while it ends already changes nothing. */
	g_unix_signal_add(SIGTERM, on_stop_signal, session);
	g_unix_signal_add(SIGINT, on_stop_signal, session);
	session->service = service_new(session->system_bus);
	if (settings.gamemode)
		session->gamemode = gamemode_new(session->session_bus, session->service);
	if (settings.focus)
		session->focus = focus_new(&buses, on_focus, session);
	g_main_loop_run(session->loop);
}

static void close_bus(struct session *session, GDBusConnection *bus)
{
	if (!bus)
		return;
	/* Not flushed: that may wait for ever for a thread, and whatever matters was waited for. */
	g_signal_handlers_disconnect_by_data(bus, session);
	g_object_unref(bus);
}

static void session_close(struct session *session)
{
	focus_free(session->focus);
	gamemode_free(session->gamemode);
	service_free(session->service);
	close_bus(session, session->session_bus);
	close_bus(session, session->system_bus);
	g_clear_pointer(&session->loop, g_main_loop_unref);
}

static gboolean parse_options(struct options *ret, int *argc, char ***argv, GError **error)
{
	const GOptionEntry entries[] = {
		{"config-dir", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &ret->config_dirs,
		 "where session.conf is; of several the last one counts", "DIR"},
		{"version", 0, 0, G_OPTION_ARG_NONE, &ret->version, "show the version and exit",
		 NULL},
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_set_summary(context, "Boosts games and the focused window of a session. "
					      "More in rustland-session(8).");
	g_option_context_set_description(context, "Without --config-dir: " VENDOR_DIR
						  ",\n" CONFIG_DIR " and ~/.config/scx-rustland.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, argc, argv, error))
		return FALSE;
	if (*argc > 1)
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "unexpected argument '%s'", (*argv)[1]);
	return *argc <= 1;
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	struct session session = {0};
	struct options options = {0};

	setlocale(LC_ALL, "");
	if (!parse_options(&options, &argc, &argv, &error)) {
		g_printerr("rustland-session: %s; see rustland-session --help\n", error->message);
		session.status = STATUS_USAGE;
	} else if (options.version) {
		printf("rustland-session %s\n", PACKAGE_VERSION);
	} else {
		session_run(&session, &options);
		session_close(&session);
	}
	g_strfreev(options.config_dirs);
	return session.status;
}
