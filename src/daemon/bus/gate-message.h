/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * D-Bus messages as the gate sees them: the header alone, in both byte orders, and the few small ones
 * that it writes itself. It must never look into a body, or believe a length.
 */
#ifndef RUSTLANDD_GATE_MESSAGE_H
#define RUSTLANDD_GATE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#define GATE_FIXED_LEN 16  /* bytes that every message begins with */
#define GATE_NAME_MAX  255 /* bytes of a bus name */

enum gate_message_type {
	GATE_CALL = 1,
	GATE_RETURN,
	GATE_ERROR,
	GATE_SIGNAL,
};

struct gate_message {
	bool big_endian;
	uint8_t type;
	bool no_reply; /* the sender wants none */
	uint32_t serial;
	size_t header_len, len; /* of the header with its padding, and of all */
	/* From the header's fields. */
	uint32_t reply_serial, nr_fds;
	char sender[GATE_NAME_MAX + 1], destination[GATE_NAME_MAX + 1];
};

/* From the first bytes of a message. False: that is no message. */
bool gate_message_begin(struct gate_message *ret, const uint8_t bytes[GATE_FIXED_LEN]);

/*
 * Read the fields. bytes: the message from its beginning, len of them, which may be less than all.
 * False: some are not there or not readable; what could be read is set.
 */
bool gate_message_read_fields(struct gate_message *message, const uint8_t *bytes, size_t len);

/* In the message itself: ask for a reply. */
void gate_message_want_reply(uint8_t bytes[GATE_FIXED_LEN]);

/* An error as the answer to a call of that sender; with "" as the sender it has no destination. */
uint8_t *gate_message_new_error(const char *sender, uint32_t call_serial, uint32_t serial,
				const char *name, const char *text, size_t *ret_len);

/* A call of the bus itself: which user is behind that name? Its answer has a body of one "u". */
uint8_t *gate_message_new_lookup(const char *name, uint32_t serial, size_t *ret_len);
/* From the whole answer; false if it does not say. */
bool gate_message_read_lookup(const struct gate_message *message, const uint8_t *bytes,
			      uint32_t *ret_uid);

#endif /* RUSTLANDD_GATE_MESSAGE_H */
