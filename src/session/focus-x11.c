/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The focus of an X11 desktop: what its window manager says in _NET_ACTIVE_WINDOW, and the X server
 * about who made that window (XRes 1.2, from the credentials of the client's connection). _NET_WM_PID
 * is asked only of servers without it: a client writes it itself, and in a container or on another
 * machine it means something else.
 *
 * In a Wayland session the X server is Xwayland, whose compositor knows better; most start it when the
 * first client connects, and that must not be us. Connecting is done in a thread, which a server that
 * hangs may keep for good; after that nothing here waits.
 */
#include <config.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib-unix.h>
#include <xcb/res.h>
#include <xcb/xcb.h>
#include <xcb/xcbext.h>

#include "focus.h"
#include "socket-finder.h"
#include "unix-socket.h"
#include "x11-server.h"

#define SOCKET_DIR "/tmp/.X11-unix"
/* A compositor may make the socket for X clients before its own. */
#define SETTLE_S 1

enum question {
	QUESTION_NONE,
	QUESTION_WINDOW,  /* which one is active */
	QUESTION_PROCESS, /* whose it is */
};

struct x11 {
	focus_report report;
	gpointer userdata;
	GDBusConnection *session_bus;
	struct socket_finder *finder;
	GCancellable *end;
	GQueue candidates; /* paths that are to be tried */
	guint timer;	   /* when the next one is due; 0: none is */
	bool connecting;
	GHashTable *not_ours;	   /* what identify() says of servers that are not to be followed */
	struct x11_server *server; /* NULL: none is followed */
	guint watch;
	enum question question;
	unsigned int sequence; /* of the question that is open */
	bool changed;	       /* the answer to come is out of date */
};

/* ---- Following ------------------------------------------------------------------------------ */

static void ask_for_window(struct x11 *x11)
{
	struct x11_server *server = x11->server;

	x11->changed = x11->question != QUESTION_NONE;
	if (x11->changed)
		return;
	x11->question = QUESTION_WINDOW;
	x11->sequence = xcb_get_property(server->connection, 0, server->root, server->active_window,
					 XCB_ATOM_WINDOW, 0, 1)
				.sequence;
}

static void ask_for_process(struct x11 *x11, xcb_window_t window)
{
	struct x11_server *server = x11->server;
	const xcb_res_client_id_spec_t spec = {
		.client = window,
		.mask = XCB_RES_CLIENT_ID_MASK_LOCAL_CLIENT_PID,
	};

	x11->question = QUESTION_PROCESS;
	if (server->has_res)
		x11->sequence = xcb_res_query_client_ids(server->connection, 1, &spec).sequence;
	else
		x11->sequence = xcb_get_property(server->connection, 0, window, server->wm_pid,
						 XCB_ATOM_CARDINAL, 0, 1)
					.sequence;
}

/* The first number of a property that has one. */
static bool get_number(const xcb_get_property_reply_t *reply, uint32_t *ret_number)
{
	if (!reply || reply->format != 32 || xcb_get_property_value_length(reply) < 4)
		return false;
	memcpy(ret_number, xcb_get_property_value(reply), sizeof(*ret_number));
	return true;
}

static pid_t get_client_pid(const xcb_res_query_client_ids_reply_t *reply)
{
	xcb_res_client_id_value_iterator_t ids = xcb_res_query_client_ids_ids_iterator(reply);

	for (; ids.rem; xcb_res_client_id_value_next(&ids))
		if (ids.data->spec.mask & XCB_RES_CLIENT_ID_MASK_LOCAL_CLIENT_PID &&
		    xcb_res_client_id_value_value_length(ids.data) >= 1)
			return (pid_t)*xcb_res_client_id_value_value(ids.data);
	return 0;
}

static void say(struct x11 *x11, pid_t pid)
{
	const struct focus_target target = {.pid = MAX(pid, 0)};

	x11->report(x11->userdata, &target);
}

/* reply NULL: the window is gone already, and another answer follows. */
static void handle_reply(struct x11 *x11, void *reply)
{
	enum question question = x11->question;
	uint32_t number;

	x11->question = QUESTION_NONE;
	if (x11->changed)
		ask_for_window(x11);
	else if (question == QUESTION_PROCESS && reply && x11->server->has_res)
		say(x11, get_client_pid(reply));
	else if (question == QUESTION_PROCESS)
		say(x11, get_number(reply, &number) ? (pid_t)number : 0);
	else if (!get_number(reply, &number))
		x11->report(x11->userdata, NULL); /* no window manager tells */
	else if (number == XCB_WINDOW_NONE)
		say(x11, 0);
	else
		ask_for_process(x11, number);
}

/*
 * False when nothing more has come. Only a look for events reads from the socket, so replies are looked
 * for after it: one that was read and not taken would not make the socket readable again.
 */
static bool handle_next(struct x11 *x11)
{
	xcb_connection_t *connection = x11->server->connection;
	xcb_generic_event_t *event = xcb_poll_for_event(connection);
	xcb_generic_error_t *error = NULL;
	void *reply = NULL;

	if (event) {
		if ((event->response_type & 0x7f) == XCB_PROPERTY_NOTIFY &&
		    ((xcb_property_notify_event_t *)event)->atom == x11->server->active_window)
			ask_for_window(x11);
		free(event);
		return true;
	}
	if (x11->question == QUESTION_NONE ||
	    !xcb_poll_for_reply(connection, x11->sequence, &reply, &error))
		return false;
	handle_reply(x11, reply);
	free(reply);
	free(error);
	return true;
}

static void leave_server(struct x11 *x11)
{
	g_clear_handle_id(&x11->watch, g_source_remove);
	g_clear_pointer(&x11->server, x11_server_free);
	x11->question = QUESTION_NONE;
	x11->changed = false;
}

/* What is sent makes the library read as well, so what came is looked at again after that. */
static bool handle_all(struct x11 *x11)
{
	do {
		while (handle_next(x11))
			;
		xcb_flush(x11->server->connection);
	} while (handle_next(x11));
	return !xcb_connection_has_error(x11->server->connection);
}

static void look(struct x11 *x11)
{
	if (handle_all(x11))
		return;
	g_debug("%s: the X server is gone", x11->server->path);
	leave_server(x11);
	x11->report(x11->userdata, NULL);
	socket_finder_scan(x11->finder);
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer userdata)
{
	(void)fd, (void)condition;
	look(userdata);
	return G_SOURCE_CONTINUE;
}

static void follow(struct x11 *x11, struct x11_server *server)
{
	const uint32_t events = XCB_EVENT_MASK_PROPERTY_CHANGE;

	g_debug("%s: connected%s", server->path,
		server->has_res ? "" : "; it has no XRes 1.2, so _NET_WM_PID is believed");
	x11->server = server;
	xcb_change_window_attributes(server->connection, server->root, XCB_CW_EVENT_MASK, &events);
	ask_for_window(x11);
	xcb_flush(server->connection);
	x11->watch = g_unix_fd_add(xcb_get_file_descriptor(server->connection), G_IO_IN | G_IO_HUP,
				   on_readable, x11);
	/* What has come meanwhile does not make it readable again. */
	look(x11);
}

/* ---- Finding -------------------------------------------------------------------------------- */

/* Another server may have the same path later. NULL: it is gone. */
static char *identify(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return NULL;
	return g_strdup_printf("%s %lld.%09ld", path, (long long)st.st_ctim.tv_sec,
			       st.st_ctim.tv_nsec);
}

static void ignore(struct x11 *x11, const char *path)
{
	char *identity = identify(path);

	if (identity)
		g_hash_table_add(x11->not_ours, identity);
}

static void try_next(struct x11 *x11);

static void on_connected(GObject *source, GAsyncResult *result, gpointer userdata)
{
	struct x11_server *server = g_task_get_task_data(G_TASK(result));
	struct x11 *x11 = userdata;

	(void)source;
	if (!g_task_propagate_boolean(G_TASK(result), NULL))
		return; /* this is the end */
	x11->connecting = false;
	switch (server->kind) {
	case X11_USABLE: {
		struct x11_server *copy = g_memdup2(server, sizeof(*server));

		*server = (struct x11_server){0};
		g_queue_clear_full(&x11->candidates, g_free);
		follow(x11, copy);
		return;
	}
	case X11_NOT_YET:
		g_debug("%s: it does not let us in, or does not listen yet", server->path);
		socket_finder_retry(x11->finder, server->path);
		break;
	case X11_XWAYLAND:
		ignore(x11, server->path);
		break;
	}
	try_next(x11);
}

static void connect_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *end)
{
	(void)source, (void)end;
	x11_server_connect(data);
	g_task_return_boolean(task, TRUE);
}

/* Where the cookies are, of all that systemd would tell a program that it starts now. */
static char *get_authority(GVariant *environment)
{
	static const char prefix[] = "XAUTHORITY=";
	g_autoptr(GVariantIter) iter = NULL;
	g_autoptr(GVariant) value = NULL;
	const char *one;

	if (environment) {
		g_variant_get(environment, "(v)", &value);
		if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING_ARRAY))
			g_variant_get(value, "as", &iter);
	}
	while (iter && g_variant_iter_next(iter, "&s", &one))
		if (g_str_has_prefix(one, prefix))
			return g_strdup(one + strlen(prefix));
	if (g_getenv("XAUTHORITY"))
		return g_strdup(g_getenv("XAUTHORITY"));
	return g_build_filename(g_get_home_dir(), ".Xauthority", NULL);
}

struct candidate {
	struct x11 *x11;
	char *path;
};

static void on_environment(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autofree struct candidate *candidate = userdata;
	g_autofree char *path = candidate->path;
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) environment =
		g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
	struct x11 *x11 = candidate->x11;
	struct x11_server *server;
	GTask *task;

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return;
	server = g_new0(struct x11_server, 1);
	server->kind = X11_NOT_YET;
	server->path = g_steal_pointer(&path);
	server->authority = get_authority(environment);
	task = g_task_new(NULL, x11->end, on_connected, x11);
	g_task_set_task_data(task, server, x11_server_free);
	/* Then the end need not wait for a server that does not answer. */
	g_task_set_return_on_cancel(task, TRUE);
	g_task_run_in_thread(task, connect_in_thread);
	g_object_unref(task);
}

/* Takes the path over. */
static void try_server(struct x11 *x11, char *path)
{
	struct candidate *candidate = g_new0(struct candidate, 1);

	x11->connecting = true;
	candidate->x11 = x11;
	candidate->path = path;
	g_dbus_connection_call(
		x11->session_bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
		"org.freedesktop.DBus.Properties", "Get",
		g_variant_new("(ss)", "org.freedesktop.systemd1.Manager", "Environment"),
		G_VARIANT_TYPE("(v)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, x11->end,
		on_environment, candidate);
}

/* Somebody listens on a socket wayland-N of this user. */
static bool has_wayland(void)
{
	const char *run = g_get_user_runtime_dir();
	g_autoptr(GDir) dir = g_dir_open(run, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = g_build_filename(run, name, NULL);
		int fd;

		if (!g_str_has_prefix(name, "wayland-") || g_str_has_suffix(name, ".lock"))
			continue;
		fd = unix_socket_connect(path, SOCK_NONBLOCK);
		if (fd < 0)
			continue;
		close(fd);
		return true;
	}
	return false;
}

static gboolean on_timer(gpointer userdata)
{
	struct x11 *x11 = userdata;

	x11->timer = 0;
	if (has_wayland()) {
		g_debug("there is a Wayland session, so no X server is followed");
		g_queue_clear_full(&x11->candidates, g_free);
	} else {
		try_server(x11, g_queue_pop_head(&x11->candidates));
	}
	return G_SOURCE_REMOVE;
}

static void try_next(struct x11 *x11)
{
	if (!x11->server && !x11->connecting && !x11->timer && x11->candidates.length)
		x11->timer = g_timeout_add_seconds(SETTLE_S, on_timer, x11);
}

static void on_found(struct socket_finder *finder, const char *path, gpointer userdata)
{
	g_autofree char *identity = identify(path);
	struct x11 *x11 = userdata;

	(void)finder;
	if (!identity || g_hash_table_contains(x11->not_ours, identity))
		return;
	g_queue_push_tail(&x11->candidates, g_strdup(path));
	try_next(x11);
}

static gpointer x11_start(GDBusConnection *session_bus, focus_report report, gpointer userdata)
{
	struct x11 *x11 = g_new0(struct x11, 1);

	x11->report = report;
	x11->userdata = userdata;
	x11->session_bus = session_bus;
	g_queue_init(&x11->candidates);
	x11->end = g_cancellable_new();
	x11->not_ours = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	x11->finder = socket_finder_new(SOCKET_DIR, "X", "", on_found, x11);
	return x11;
}

static void x11_stop(gpointer data)
{
	struct x11 *x11 = data;

	g_cancellable_cancel(x11->end);
	socket_finder_free(x11->finder);
	g_clear_handle_id(&x11->timer, g_source_remove);
	g_queue_clear_full(&x11->candidates, g_free);
	leave_server(x11);
	g_hash_table_unref(x11->not_ours);
	g_object_unref(x11->end);
	g_free(x11);
}

const struct focus_source focus_x11 = {"X11", x11_start, x11_stop};
