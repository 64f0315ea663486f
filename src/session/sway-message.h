/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What sway says over its IPC, see sway-ipc(7), as far as the focus is concerned. It takes whatever
 * comes from the socket and must never trust it.
 */
#ifndef RUSTLAND_SESSION_SWAY_MESSAGE_H
#define RUSTLAND_SESSION_SWAY_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <glib.h>

/* "i3-ipc", the length of what follows, the type; both in the machine's byte order. */
#define SWAY_HEADER_SIZE 14
/* A tree of a thousand windows is below that. */
#define SWAY_PAYLOAD_MAX (2u * 1024 * 1024 - SWAY_HEADER_SIZE)

enum sway_type {
	SWAY_SUBSCRIBE = 2,
	SWAY_GET_TREE = 4,
	SWAY_EVENT_WORKSPACE = (int)0x80000000,
	SWAY_EVENT_WINDOW = (int)0x80000003,
};

/* payload may be NULL. Free with g_bytes_unref(). */
GBytes *sway_message_new(enum sway_type type, const char *payload);

/* False if it is no header, or the payload is out of all proportion. */
bool sway_message_parse_header(const uint8_t header[SWAY_HEADER_SIZE], enum sway_type *ret_type,
			       uint32_t *ret_size);

/*
 * The process that has the focus (0: none) according to a message. False if the message does not
 * say anything about it. payload need not be JSON.
 */
bool sway_message_focus(enum sway_type type, const char *payload, size_t size, pid_t *ret_pid);

#endif /* RUSTLAND_SESSION_SWAY_MESSAGE_H */
