/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connecting to an X server, and learning what is to be known of it before its windows are looked at.
 * The library waits for the server's answers, so each attempt has a thread of its own; after a time
 * limit, or when the attempt is given up, the connection is shut down and the thread ends. Nobody waits.
 */
#ifndef RUSTLAND_SESSION_X11_SERVER_H
#define RUSTLAND_SESSION_X11_SERVER_H

#include <stdbool.h>

#include <glib.h>
#include <xcb/xcb.h>

#include "session/xauthority.h"

/* For all that is asked. */
#define X11_ANSWER_MS 5000

enum x11_kind {
	X11_NOT_YET, /* it does not answer, or we are not let in; that may change */
	X11_USABLE,
	X11_XWAYLAND,
};

struct x11_server {
	xcb_connection_t *connection;
	xcb_window_t root;
	xcb_atom_t active_window, wm_pid;
	bool has_res; /* it can say which process a window belongs to */
};

void x11_server_free(struct x11_server *server);

struct x11_attempt;

/* Called once, unless the attempt is freed before; it may be freed in there. server is the caller's if it
 * is usable, else NULL. */
typedef void (*x11_attempted)(struct x11_attempt *attempt, enum x11_kind kind,
			      struct x11_server *server, gpointer userdata);

/*
 * fd: a connection, which is taken over, to a listener that is trusted. cookie: copied; may be NULL.
 * path: for messages. NULL if there is no thread or descriptor left for it.
 */
struct x11_attempt *x11_attempt_new(const char *path, int fd,
				    const struct xauthority_cookie *cookie, x11_attempted attempted,
				    gpointer userdata);
void x11_attempt_free(struct x11_attempt *attempt);
const char *x11_attempt_path(const struct x11_attempt *attempt);

#endif /* RUSTLAND_SESSION_X11_SERVER_H */
