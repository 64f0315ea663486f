/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which process the active window of an X server belongs to, from one change to the next: what its
 * window manager says in _NET_ACTIVE_WINDOW, and the X server about who made that window (XRes 1.2,
 * from the credentials of the client's connection). _NET_WM_PID is asked only of servers without it: a
 * client writes it itself, and in a container or on another machine it means something else.
 *
 * One question is open at a time, and nothing here waits, neither for an answer nor for a server that
 * does not read.
 */
#ifndef RUSTLAND_SESSION_X11_WINDOWS_H
#define RUSTLAND_SESSION_X11_WINDOWS_H

#include "session/focus.h"
#include "session/x11-server.h"

struct x11_windows;

/* Takes the server over. report: target NULL if no window manager tells. gone: the server is, or it does
 * not read any more; this may be freed in there. */
struct x11_windows *x11_windows_new(struct x11_server *server, focus_report report,
				    void (*gone)(gpointer userdata), gpointer userdata);
void x11_windows_free(struct x11_windows *windows);

#endif /* RUSTLAND_SESSION_X11_WINDOWS_H */
