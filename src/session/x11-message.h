/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an X server says, as far as the bridge is concerned, from the bytes as they came: the library
 * believes the lengths that are in them. All in the machine's byte order, which the client chooses.
 */
#ifndef RUSTLAND_SESSION_X11_MESSAGE_H
#define RUSTLAND_SESSION_X11_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The first screen's root window in the answer to the connection's setup; 0: there is none. */
uint32_t x11_message_root(const void *setup, size_t size);

/* The first number of a property, in the reply to GetProperty; false if it has none. */
bool x11_message_number(const void *reply, size_t size, uint32_t *ret_number);

/* The first process in the reply to XRes's QueryClientIds; 0: there is none. */
pid_t x11_message_client(const void *reply, size_t size);

/* How large a reply is, by its own word: this much of it the library has read. */
size_t x11_message_reply_size(const void *reply);

#endif /* RUSTLAND_SESSION_X11_MESSAGE_H */
