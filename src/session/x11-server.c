/* SPDX-License-Identifier: GPL-2.0-only */
/* See x11-server.h. */

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>
#include <xcb/res.h>

#include "session/x11-message.h"
#include "session/x11-server.h"

struct x11_attempt {
	char *path;
	GByteArray *name, *data; /* of the cookie; name NULL: there is none */
	x11_attempted attempted;
	gpointer userdata;

	int fd;	      /* the thread's, and then the library's */
	int shut_fd;  /* the same connection, to shut it down whoever uses it */
	int ended_fd; /* readable when the thread has ended */
	guint watch, limit;
	GThread *thread;

	/* The thread's until it has ended. */
	struct x11_server *server;
	enum x11_kind kind;
};

void x11_server_free(struct x11_server *server)
{
	if (!server)
		return;
	if (server->connection)
		xcb_disconnect(server->connection);
	g_free(server);
}

/* ---- In the thread -------------------------------------------------------------------------- */

static xcb_atom_t get_atom(xcb_connection_t *connection, const char *name)
{
	xcb_intern_atom_cookie_t cookie =
		xcb_intern_atom(connection, 0, (uint16_t)strlen(name), name);
	xcb_intern_atom_reply_t *reply = xcb_intern_atom_reply(connection, cookie, NULL);
	xcb_atom_t atom = reply ? reply->atom : XCB_ATOM_NONE;

	free(reply);
	return atom;
}

static bool has_extension(xcb_connection_t *connection, const char *name)
{
	xcb_query_extension_cookie_t cookie =
		xcb_query_extension(connection, (uint16_t)strlen(name), name);
	xcb_query_extension_reply_t *reply = xcb_query_extension_reply(connection, cookie, NULL);
	bool present = reply && reply->present;

	free(reply);
	return present;
}

static bool has_client_ids(xcb_connection_t *connection)
{
	const xcb_query_extension_reply_t *extension =
		xcb_get_extension_data(connection, &xcb_res_id);
	xcb_res_query_version_reply_t *version;
	bool new_enough;

	if (!extension || !extension->present)
		return false;
	version = xcb_res_query_version_reply(connection, xcb_res_query_version(connection, 1, 2),
					      NULL);
	new_enough = version && (version->server_major > 1 || version->server_minor >= 2);
	free(version);
	return new_enough;
}

static enum x11_kind ask(struct x11_server *server)
{
	const xcb_setup_t *setup;

	if (xcb_connection_has_error(server->connection))
		return X11_NOT_YET;
	if (has_extension(server->connection, "XWAYLAND"))
		return X11_XWAYLAND;
	setup = xcb_get_setup(server->connection);
	/* Its length is in words, after these eight bytes. */
	server->root = x11_message_root(setup, 8 + (size_t)setup->length * 4);
	server->active_window = get_atom(server->connection, "_NET_ACTIVE_WINDOW");
	server->wm_pid = get_atom(server->connection, "_NET_WM_PID");
	server->has_res = has_client_ids(server->connection);
	return server->root && !xcb_connection_has_error(server->connection) ? X11_USABLE
									     : X11_NOT_YET;
}

static gpointer connect_in_thread(gpointer data)
{
	struct x11_attempt *attempt = data;
	xcb_auth_info_t auth = {0};
	const uint64_t one = 1;

	if (attempt->name)
		auth = (xcb_auth_info_t){.namelen = (int)attempt->name->len,
					 .name = (char *)attempt->name->data,
					 .datalen = (int)attempt->data->len,
					 .data = (char *)attempt->data->data};
	/* It owns the descriptor from here on, also if it fails. */
	attempt->server->connection = xcb_connect_to_fd(attempt->fd, attempt->name ? &auth : NULL);
	attempt->kind = ask(attempt->server);
	if (write(attempt->ended_fd, &one, sizeof(one)) < 0)
		g_error("an eventfd has no room for one event");
	return NULL;
}

/* ---- From outside --------------------------------------------------------------------------- */

/* Then the thread's wait ends, and whatever it still asks fails at once. */
static void shut_down(struct x11_attempt *attempt)
{
	shutdown(attempt->shut_fd, SHUT_RDWR);
}

static void join(struct x11_attempt *attempt)
{
	g_clear_pointer(&attempt->thread, g_thread_join);
	g_clear_handle_id(&attempt->limit, g_source_remove);
	g_clear_handle_id(&attempt->watch, g_source_remove);
}

static gboolean on_ended(int fd, GIOCondition condition, gpointer userdata)
{
	struct x11_attempt *attempt = userdata;
	struct x11_server *server;

	(void)fd, (void)condition;
	attempt->watch = 0;
	join(attempt);
	server = g_steal_pointer(&attempt->server);
	if (attempt->kind != X11_USABLE)
		g_clear_pointer(&server, x11_server_free);
	attempt->attempted(attempt, attempt->kind, server, attempt->userdata);
	return G_SOURCE_REMOVE;
}

static gboolean on_limit(gpointer userdata)
{
	struct x11_attempt *attempt = userdata;

	attempt->limit = 0;
	g_message("%s: it does not answer; not waited for", attempt->path);
	shut_down(attempt);
	return G_SOURCE_REMOVE;
}

struct x11_attempt *x11_attempt_new(const char *path, int fd,
				    const struct xauthority_cookie *cookie, x11_attempted attempted,
				    gpointer userdata)
{
	int shut_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	int ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct x11_attempt *attempt;

	attempt = g_new0(struct x11_attempt, 1);
	attempt->path = g_strdup(path);
	attempt->attempted = attempted;
	attempt->userdata = userdata;
	attempt->fd = fd;
	attempt->shut_fd = shut_fd;
	attempt->ended_fd = ended_fd;
	attempt->server = g_new0(struct x11_server, 1);
	if (cookie) {
		attempt->name = g_byte_array_new();
		attempt->data = g_byte_array_new();
		g_byte_array_append(attempt->name, (const guint8 *)cookie->name, cookie->name_size);
		g_byte_array_append(attempt->data, cookie->data, cookie->data_size);
	}
	if (shut_fd >= 0 && ended_fd >= 0)
		attempt->thread = g_thread_try_new("x11", connect_in_thread, attempt, NULL);
	if (!attempt->thread) {
		close(fd);
		x11_attempt_free(attempt);
		return NULL;
	}
	attempt->watch = g_unix_fd_add(ended_fd, G_IO_IN, on_ended, attempt);
	attempt->limit = g_timeout_add(X11_ANSWER_MS, on_limit, attempt);
	return attempt;
}

void x11_attempt_free(struct x11_attempt *attempt)
{
	if (attempt->thread)
		shut_down(attempt);
	join(attempt);
	x11_server_free(attempt->server);
	if (attempt->shut_fd >= 0)
		close(attempt->shut_fd);
	if (attempt->ended_fd >= 0)
		close(attempt->ended_fd);
	if (attempt->name) {
		g_byte_array_unref(attempt->name);
		g_byte_array_unref(attempt->data);
	}
	g_free(attempt->path);
	g_free(attempt);
}

const char *x11_attempt_path(const struct x11_attempt *attempt)
{
	return attempt->path;
}
