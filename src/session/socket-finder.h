/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a desktop listens. A user service is started before the desktop, so it does not get the
 * variables that name its sockets; they are found by their names in a directory, when they are there
 * already and when they are made.
 *
 * It never polls: a directory in which nothing can be connected to yet is looked at a bounded number
 * of times, ever more slowly. However many files others put there, a bounded number of them counts.
 */
#ifndef RUSTLAND_SESSION_SOCKET_FINDER_H
#define RUSTLAND_SESSION_SOCKET_FINDER_H

#include <stdbool.h>

#include <glib.h>

/* Of the files in a directory, so many are looked at, and so many of those with a right name told. */
#define SOCKET_FINDER_NAMES 16384
#define SOCKET_FINDER_TOLD  64

struct socket_finder;

/* path: of a socket or a directory with the right name. May call socket_finder_retry(), nothing else of
 * this. */
typedef void (*socket_found)(struct socket_finder *finder, const char *path, gpointer userdata);

/* Files in dir whose name begins and ends so. Those that are there are told before this returns, this
 * user's own first, and of those the newest. */
struct socket_finder *socket_finder_new(const char *dir, const char *prefix, const char *suffix,
					socket_found found, gpointer userdata);
void socket_finder_free(struct socket_finder *finder);

/* It does not work yet: look again after a while. */
void socket_finder_retry(struct socket_finder *finder);

/* What was followed has gone, and there may be another one: look again after a moment, a longer one
 * each time if that happens again and again. */
void socket_finder_lost(struct socket_finder *finder);

/* Of a path: whether it is worth to be told; ours: it is this user's own. */
typedef bool (*socket_wanted)(const char *path, bool ours, gpointer userdata);

/* Paths as socket_finder_new() tells them, of those that are wanted (NULL: all); free the array. */
GPtrArray *socket_finder_list(const char *dir, const char *prefix, const char *suffix,
			      socket_wanted wanted, gpointer userdata);

#endif /* RUSTLAND_SESSION_SOCKET_FINDER_H */
