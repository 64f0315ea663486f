/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a desktop listens. A user service is started before the desktop, so it does not get the
 * variables that name its sockets; they are found by their names in a directory, when they are there
 * already and when they are made. It never polls: a file that cannot be connected to yet is tried a
 * bounded number of times, ever more slowly.
 */
#ifndef RUSTLAND_SESSION_SOCKET_FINDER_H
#define RUSTLAND_SESSION_SOCKET_FINDER_H

#include <glib.h>

struct socket_finder;

/* path: of a file with the right name. May call socket_finder_retry(), nothing else of this. */
typedef void (*socket_found)(struct socket_finder *finder, const char *path, gpointer userdata);

/* Files in dir whose name begins and ends so. Those that are there are told before this returns. */
struct socket_finder *socket_finder_new(const char *dir, const char *prefix, const char *suffix,
					socket_found found, gpointer userdata);
void socket_finder_free(struct socket_finder *finder);

/* Tells all that are there again, after a moment: what was followed has gone, and there may be
 * another one. */
void socket_finder_scan(struct socket_finder *finder);

/* It does not work yet: tell it again after a while, if it is there then. */
void socket_finder_retry(struct socket_finder *finder, const char *path);

#endif /* RUSTLAND_SESSION_SOCKET_FINDER_H */
