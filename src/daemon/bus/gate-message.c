/* SPDX-License-Identifier: GPL-2.0-only */
/* See gate-message.h. */

#include <string.h>

#include <gio/gio.h>

#include "daemon/bus/gate-message.h"

#define PROTOCOL      1
#define FLAG_NO_REPLY 0x1
#define FLAGS_AT      2
/* The protocol's own. */
#define FIELDS_MAX  (UINT32_C(1) << 26)
#define MESSAGE_MAX (UINT32_C(1) << 27)

enum {
	FIELD_REPLY_SERIAL = 5,
	FIELD_DESTINATION = 6,
	FIELD_SENDER = 7,
	FIELD_UNIX_FDS = 9,
};

static size_t align(size_t at, size_t to)
{
	return (at + to - 1) & ~(to - 1);
}

static uint32_t get_u32(const uint8_t *bytes, bool big_endian)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return big_endian ? GUINT32_FROM_BE(value) : GUINT32_FROM_LE(value);
}

bool gate_message_begin(struct gate_message *ret, const uint8_t bytes[GATE_FIXED_LEN])
{
	uint32_t body_len, fields_len;

	*ret = (struct gate_message){.big_endian = bytes[0] == 'B'};
	if ((bytes[0] != 'l' && bytes[0] != 'B') || bytes[3] != PROTOCOL)
		return false;
	ret->type = bytes[1];
	ret->no_reply = bytes[FLAGS_AT] & FLAG_NO_REPLY;
	body_len = get_u32(bytes + 4, ret->big_endian);
	ret->serial = get_u32(bytes + 8, ret->big_endian);
	fields_len = get_u32(bytes + 12, ret->big_endian);
	if (fields_len > FIELDS_MAX || body_len > MESSAGE_MAX)
		return false;
	ret->header_len = align(GATE_FIXED_LEN + (size_t)fields_len, 8);
	ret->len = ret->header_len + body_len;
	return ret->type != 0 && ret->len <= MESSAGE_MAX;
}

void gate_message_want_reply(uint8_t bytes[GATE_FIXED_LEN])
{
	bytes[FLAGS_AT] &= (uint8_t)~FLAG_NO_REPLY;
}

/* ---- Fields --------------------------------------------------------------------------------- */

struct reader {
	const uint8_t *bytes;
	size_t at, end;
	bool big_endian;
};

/* Bytes from an aligned place on, or NULL when there are not as many. */
static const uint8_t *take(struct reader *r, size_t alignment, size_t len)
{
	size_t at = align(r->at, alignment);

	if (at > r->end || len > r->end - at)
		return NULL;
	r->at = at + len;
	return r->bytes + at;
}

static bool take_u32(struct reader *r, uint32_t *ret)
{
	const uint8_t *bytes = take(r, 4, 4);

	if (bytes)
		*ret = get_u32(bytes, r->big_endian);
	return bytes != NULL;
}

/* A string or a path; into ret, if there is one, a name. */
static bool take_string(struct reader *r, char *ret)
{
	const uint8_t *bytes;
	uint32_t len;

	if (!take_u32(r, &len))
		return false;
	bytes = take(r, 1, (size_t)len + 1);
	if (!bytes)
		return false;
	if (!ret)
		return true;
	/* What is no name may be read as another one by somebody else. */
	if (len > GATE_NAME_MAX || memchr(bytes, 0, len) || bytes[len])
		return false;
	memcpy(ret, bytes, (size_t)len + 1);
	return true;
}

static bool take_signature(struct reader *r)
{
	const uint8_t *len = take(r, 1, 1);

	return len && take(r, 1, (size_t)*len + 1);
}

/* What a field holds, by its one letter. Containers are not to be found here. */
static bool skip_value(struct reader *r, char type)
{
	switch (type) {
	case 's':
	case 'o':
		return take_string(r, NULL);
	case 'g':
		return take_signature(r);
	case 'y':
		return take(r, 1, 1);
	case 'n':
	case 'q':
		return take(r, 2, 2);
	case 'b':
	case 'i':
	case 'u':
	case 'h':
		return take(r, 4, 4);
	case 'x':
	case 't':
	case 'd':
		return take(r, 8, 8);
	default:
		return false;
	}
}

static bool take_field(struct reader *r, struct gate_message *message)
{
	const uint8_t *start = take(r, 8, 4); /* code, length of the type, the type, NUL */

	if (!start || start[1] != 1 || start[3])
		return false;
	if (start[0] == FIELD_REPLY_SERIAL && start[2] == 'u')
		return take_u32(r, &message->reply_serial);
	if (start[0] == FIELD_UNIX_FDS && start[2] == 'u')
		return take_u32(r, &message->nr_fds);
	if (start[0] == FIELD_DESTINATION && start[2] == 's')
		return take_string(r, message->destination);
	if (start[0] == FIELD_SENDER && start[2] == 's')
		return take_string(r, message->sender);
	return skip_value(r, (char)start[2]);
}

bool gate_message_read_fields(struct gate_message *message, const uint8_t *bytes, size_t len)
{
	struct reader r = {
		.bytes = bytes,
		.at = GATE_FIXED_LEN,
		.end = GATE_FIXED_LEN + get_u32(bytes + 12, message->big_endian),
		.big_endian = message->big_endian,
	};
	bool whole = r.end <= len;

	if (!whole)
		r.end = len;
	while (r.at < r.end)
		if (!take_field(&r, message))
			return false;
	return whole;
}

/* ---- Those that the gate writes -------------------------------------------------------------- */

static uint8_t *to_bytes(GDBusMessage *message, uint32_t serial, size_t *ret_len)
{
	uint8_t *bytes;

	g_dbus_message_set_serial(message, serial);
	/* All in it is ours and well-formed. */
	bytes = g_dbus_message_to_blob(message, ret_len, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
	g_object_unref(message);
	return bytes;
}

uint8_t *gate_message_new_error(const char *sender, uint32_t call_serial, uint32_t serial,
				const char *name, const char *text, size_t *ret_len)
{
	GDBusMessage *message = g_dbus_message_new();

	g_dbus_message_set_message_type(message, G_DBUS_MESSAGE_TYPE_ERROR);
	g_dbus_message_set_flags(message, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
	g_dbus_message_set_reply_serial(message, call_serial);
	if (*sender)
		g_dbus_message_set_destination(message, sender);
	g_dbus_message_set_error_name(message, name);
	g_dbus_message_set_body(message, g_variant_new("(s)", text));
	return to_bytes(message, serial, ret_len);
}

uint8_t *gate_message_new_lookup(const char *name, uint32_t serial, size_t *ret_len)
{
	GDBusMessage *message =
		g_dbus_message_new_method_call("org.freedesktop.DBus", "/org/freedesktop/DBus",
					       "org.freedesktop.DBus", "GetConnectionUnixUser");

	g_dbus_message_set_body(message, g_variant_new("(s)", name));
	return to_bytes(message, serial, ret_len);
}

bool gate_message_read_lookup(const struct gate_message *message, const uint8_t *bytes,
			      uint32_t *ret_uid)
{
	if (message->type != GATE_RETURN || message->len - message->header_len != sizeof(*ret_uid))
		return false;
	*ret_uid = get_u32(bytes + message->header_len, message->big_endian);
	return true;
}
