/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program with a well-known name on a bus: whether it is there, and that it is one to believe. Whose it
 * is, the bus is asked first; a program of another user is as good as none.
 */
#ifndef RUSTLAND_SESSION_BUS_PEER_H
#define RUSTLAND_SESSION_BUS_PEER_H

#include <stdbool.h>

#include <gio/gio.h>

/* A bus or a program that has not answered a call by then will not. */
#define BUS_CALL_MS 5000
/* Until a peer, or a bus, that did not answer is asked again. */
#define BUS_ASK_AGAIN_S 5

struct bus_peer;

struct bus_peer_handler {
	/* owner: its unique name; send to that, not to the well-known one. */
	void (*appeared)(gpointer userdata, const char *owner);
	/* It, or whoever was there before it. Also called if nobody is there at first. */
	void (*vanished)(gpointer userdata);
};

/* Believed are this user, root, and that user (NULL: none). It never starts the program. */
struct bus_peer *bus_peer_watch(GDBusConnection *bus, const char *name, const char *user,
				const struct bus_peer_handler *handler, gpointer userdata);
void bus_peer_free(struct bus_peer *peer);

/* Whether a message is from it: a signal may be sent to anybody, by anybody, from any path. */
bool bus_peer_sent(const struct bus_peer *peer, const char *sender);

/* NULL: nobody is there who is to be believed. */
const char *bus_peer_owner(const struct bus_peer *peer);

#endif /* RUSTLAND_SESSION_BUS_PEER_H */
