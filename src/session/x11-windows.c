/* SPDX-License-Identifier: GPL-2.0-only */
/* See x11-windows.h. */

#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>

#include <glib-unix.h>
#include <xcb/res.h>
#include <xcb/xcb.h>
#include <xcb/xcbext.h>

#include "session/x11-message.h"
#include "session/x11-windows.h"

/* Then it is somebody else's turn, however fast the server talks. */
#define MESSAGES_AT_ONCE 64

enum question {
	QUESTION_NONE,
	QUESTION_WINDOW,  /* which one is active */
	QUESTION_PROCESS, /* whose it is */
};

struct x11_windows {
	struct x11_server *server;
	focus_report report;
	void (*gone)(gpointer userdata);
	gpointer userdata;
	guint watch, more; /* more: 0, or what is here already is looked at soon */
	enum question question;
	unsigned int sequence; /* of the question that is open */
	bool changed;	       /* the answer to come is out of date */
};

static void ask_for_window(struct x11_windows *windows)
{
	struct x11_server *server = windows->server;

	windows->changed = windows->question != QUESTION_NONE;
	if (windows->changed)
		return;
	windows->question = QUESTION_WINDOW;
	windows->sequence = xcb_get_property(server->connection, 0, server->root,
					     server->active_window, XCB_ATOM_WINDOW, 0, 1)
				    .sequence;
}

static void ask_for_process(struct x11_windows *windows, xcb_window_t window)
{
	struct x11_server *server = windows->server;
	const xcb_res_client_id_spec_t spec = {
		.client = window,
		.mask = XCB_RES_CLIENT_ID_MASK_LOCAL_CLIENT_PID,
	};

	windows->question = QUESTION_PROCESS;
	if (server->has_res)
		windows->sequence = xcb_res_query_client_ids(server->connection, 1, &spec).sequence;
	else
		windows->sequence = xcb_get_property(server->connection, 0, window, server->wm_pid,
						     XCB_ATOM_CARDINAL, 0, 1)
					    .sequence;
}

static void say(struct x11_windows *windows, pid_t pid)
{
	const struct focus_target target = {.pid = MAX(pid, 0)};

	windows->report(windows->userdata, &target);
}

/* reply NULL: the window is gone already, and another answer follows. */
static void handle_reply(struct x11_windows *windows, const void *reply)
{
	size_t size = reply ? x11_message_reply_size(reply) : 0;
	enum question question = windows->question;
	uint32_t number = 0;

	windows->question = QUESTION_NONE;
	if (windows->changed)
		ask_for_window(windows);
	else if (question == QUESTION_PROCESS && windows->server->has_res)
		say(windows, x11_message_client(reply, size));
	else if (question == QUESTION_PROCESS)
		say(windows, x11_message_number(reply, size, &number) ? (pid_t)number : 0);
	else if (!x11_message_number(reply, size, &number))
		windows->report(windows->userdata, NULL); /* no window manager tells */
	else if (number == XCB_WINDOW_NONE)
		say(windows, 0);
	else
		ask_for_process(windows, number);
}

/*
 * False when nothing more has come. Only a look for events reads from the socket, so replies are looked
 * for after it: one that was read and not taken would not make the socket readable again.
 */
static bool handle_next(struct x11_windows *windows)
{
	xcb_connection_t *connection = windows->server->connection;
	xcb_generic_event_t *event = xcb_poll_for_event(connection);
	xcb_generic_error_t *error = NULL;
	void *reply = NULL;

	if (event) {
		if ((event->response_type & 0x7f) == XCB_PROPERTY_NOTIFY &&
		    ((xcb_property_notify_event_t *)event)->atom == windows->server->active_window)
			ask_for_window(windows);
		free(event);
		return true;
	}
	if (windows->question == QUESTION_NONE ||
	    !xcb_poll_for_reply(connection, windows->sequence, &reply, &error))
		return false;
	handle_reply(windows, reply);
	free(reply);
	free(error);
	return true;
}

/*
 * False if it is gone. The library waits where the socket has no room; this much of what was asked is
 * only unread by a server that answers without reading.
 */
static bool flush(struct x11_windows *windows)
{
	xcb_connection_t *connection = windows->server->connection;
	struct pollfd p = {.fd = xcb_get_file_descriptor(connection), .events = POLLOUT};

	if (xcb_connection_has_error(connection) || poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return false;
	return xcb_flush(connection) > 0 && !xcb_connection_has_error(connection);
}

static void look(struct x11_windows *windows);

static gboolean on_more(gpointer userdata)
{
	struct x11_windows *windows = userdata;

	windows->more = 0;
	look(windows);
	return G_SOURCE_REMOVE;
}

/* In turn with everything else, not when nothing else is left to do. */
static void look_soon(struct x11_windows *windows)
{
	windows->more = g_idle_add_full(G_PRIORITY_DEFAULT, on_more, windows, NULL);
}

/* What is sent makes the library read as well, so what came is looked at again after that. */
static void look(struct x11_windows *windows)
{
	for (int n = 0; n < MESSAGES_AT_ONCE; n++) {
		if (handle_next(windows))
			continue;
		if (!flush(windows)) {
			windows->gone(windows->userdata);
			return;
		}
		if (!handle_next(windows))
			return;
	}
	/* Not left in the library's buffer, where no change of the socket would bring it up. */
	if (!windows->more)
		look_soon(windows);
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer userdata)
{
	(void)fd, (void)condition;
	look(userdata);
	return G_SOURCE_CONTINUE;
}

struct x11_windows *x11_windows_new(struct x11_server *server, focus_report report,
				    void (*gone)(gpointer userdata), gpointer userdata)
{
	const uint32_t events = XCB_EVENT_MASK_PROPERTY_CHANGE;
	struct x11_windows *windows = g_new0(struct x11_windows, 1);

	windows->server = server;
	windows->report = report;
	windows->gone = gone;
	windows->userdata = userdata;
	xcb_change_window_attributes(server->connection, server->root, XCB_CW_EVENT_MASK, &events);
	ask_for_window(windows);
	windows->watch = g_unix_fd_add(xcb_get_file_descriptor(server->connection),
				       G_IO_IN | G_IO_HUP, on_readable, windows);
	/* It also sends what was asked. */
	look_soon(windows);
	return windows;
}

void x11_windows_free(struct x11_windows *windows)
{
	if (!windows)
		return;
	g_clear_handle_id(&windows->watch, g_source_remove);
	g_clear_handle_id(&windows->more, g_source_remove);
	x11_server_free(windows->server);
	g_free(windows);
}
