/* SPDX-License-Identifier: GPL-2.0-only */
/* See x11-server.h. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <X11/Xauth.h>
#include <xcb/res.h>

#include "unix-socket.h"
#include "x11-server.h"

#define COOKIE "MIT-MAGIC-COOKIE-1"

void x11_server_free(gpointer data)
{
	struct x11_server *server = data;

	if (server->connection)
		xcb_disconnect(server->connection);
	g_free(server->authority);
	g_free(server->path);
	g_free(server);
}

/* The file of cookies may have those of many servers. */
static Xauth *find_cookie(const struct x11_server *server)
{
	const char *number = strrchr(server->path, '/') + strlen("/X");
	FILE *file = fopen(server->authority, "re");
	Xauth *auth = NULL;

	while (file && (auth = XauReadAuth(file)) != NULL) {
		bool right_number = auth->number_length == 0 ||
				    (auth->number_length == strlen(number) &&
				     memcmp(auth->number, number, auth->number_length) == 0);

		if (right_number && auth->name_length == strlen(COOKIE) &&
		    memcmp(auth->name, COOKIE, auth->name_length) == 0)
			break;
		XauDisposeAuth(auth);
	}
	if (file)
		fclose(file);
	return auth;
}

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

void x11_server_connect(struct x11_server *server)
{
	Xauth *cookie = find_cookie(server);
	xcb_auth_info_t auth = {0};
	int fd = unix_socket_connect(server->path, 0);

	if (fd >= 0 && cookie) {
		auth = (xcb_auth_info_t){.namelen = cookie->name_length,
					 .name = cookie->name,
					 .datalen = cookie->data_length,
					 .data = cookie->data};
	}
	/* It owns the descriptor from here on, also if it fails. */
	if (fd >= 0)
		server->connection = xcb_connect_to_fd(fd, cookie ? &auth : NULL);
	if (cookie)
		XauDisposeAuth(cookie);
	if (fd < 0 || xcb_connection_has_error(server->connection))
		return;
	if (has_extension(server->connection, "XWAYLAND")) {
		server->kind = X11_XWAYLAND;
		return;
	}
	server->root = xcb_setup_roots_iterator(xcb_get_setup(server->connection)).data->root;
	server->active_window = get_atom(server->connection, "_NET_ACTIVE_WINDOW");
	server->wm_pid = get_atom(server->connection, "_NET_WM_PID");
	server->has_res = has_client_ids(server->connection);
	if (!xcb_connection_has_error(server->connection))
		server->kind = X11_USABLE;
}
