/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A connection to an X server, and what is to be known of the server before its windows are looked at.
 * Connecting waits for the server's answers: never from the main loop.
 */
#ifndef RUSTLAND_SESSION_X11_SERVER_H
#define RUSTLAND_SESSION_X11_SERVER_H

#include <stdbool.h>

#include <glib.h>
#include <xcb/xcb.h>

enum x11_kind {
	X11_NOT_YET, /* nobody listens, or we are not let in; that may change */
	X11_USABLE,
	X11_XWAYLAND,
};

struct x11_server {
	/* Given: the socket, and the file that may have a cookie for it. */
	char *path, *authority;
	/* Learned. */
	enum x11_kind kind;
	xcb_connection_t *connection;
	xcb_window_t root;
	xcb_atom_t active_window, wm_pid;
	bool has_res; /* it can say which process a window belongs to */
};

void x11_server_connect(struct x11_server *server);
void x11_server_free(gpointer server);

#endif /* RUSTLAND_SESSION_X11_SERVER_H */
