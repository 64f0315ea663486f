/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A connection to a compositor's Unix socket: bytes come in and are handed over as long as whole
 * messages can be made of them. It must never make anybody wait, neither us nor the compositor, and
 * what comes is bounded.
 */
#ifndef RUSTLAND_SESSION_IPC_STREAM_H
#define RUSTLAND_SESSION_IPC_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/* A description of a thousand windows is below 2 MB; nothing but "{}" takes 230 MB as objects. */
#define IPC_INPUT_MAX (2u * 1024 * 1024)

struct ipc_stream;

struct ipc_stream_handler {
	/*
	 * Takes one message from the front: how many bytes it had, 0 if it is not complete yet, -1 if
	 * this is not what was expected, which ends the connection. Must not free the stream.
	 */
	gssize (*received)(gpointer userdata, const uint8_t *data, size_t size);
	/* The other side hung up, with these bytes left, or what it said was not expected. It is for
	 * the stream's owner to free it, here or later. */
	void (*closed)(gpointer userdata, const uint8_t *rest, size_t size);
};

/* NULL, and a message for those who look for one, if nobody listens there, or another user does. */
struct ipc_stream *ipc_stream_open(const char *path, const struct ipc_stream_handler *handler,
				   gpointer userdata);

/* Without a last word. */
void ipc_stream_free(struct ipc_stream *stream);

/* A few bytes, which a new socket always has room for; false if it does not take them. */
bool ipc_stream_send(struct ipc_stream *stream, const void *data, size_t size);

#endif /* RUSTLAND_SESSION_IPC_STREAM_H */
