/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether root listens at the other end of a connection, asked of org.scx.Rustland: the sandbox of this
 * program does not let it see, see owner.h. The service answers from what the kernel remembers of that
 * very connection.
 */
#ifndef RUSTLAND_SESSION_PEER_WITNESS_H
#define RUSTLAND_SESSION_PEER_WITNESS_H

#include <gio/gio.h>

enum peer_answer {
	PEER_ROOT,
	PEER_NOT_ROOT,
	PEER_UNKNOWN, /* there is no service, or it does not say */
};

struct peer_witness;
struct peer_question;

/* appeared: whenever a service is there that can be asked. */
struct peer_witness *peer_witness_new(GDBusConnection *system_bus,
				      void (*appeared)(gpointer userdata), gpointer userdata);
void peer_witness_free(struct peer_witness *witness);

/* Calls back once, later, unless the question is freed before; it may be freed in there. path: for
 * messages. fd stays the caller's. */
struct peer_question *peer_witness_ask(struct peer_witness *witness, const char *path, int fd,
				       void (*answered)(enum peer_answer answer, gpointer userdata),
				       gpointer userdata);
void peer_question_free(struct peer_question *question);

#endif /* RUSTLAND_SESSION_PEER_WITNESS_H */
