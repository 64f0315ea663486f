/* SPDX-License-Identifier: GPL-2.0-only */
/* See xauthority.h. */

#include <string.h>

#include "session/xauthority.h"

#define COOKIE "MIT-MAGIC-COOKIE-1"

/* Of an entry's address; numbers of X.h and Xauth.h. */
enum {
	FAMILY_LOCAL = 256,
	FAMILY_WILD = 65535
};

struct field {
	const uint8_t *data;
	uint16_t size;
};

struct entry {
	uint16_t family;
	struct field address, number, name, data;
};

struct reader {
	const uint8_t *at, *end;
};

static bool take_number(struct reader *reader, uint16_t *ret)
{
	if (reader->end - reader->at < 2)
		return false;
	*ret = (uint16_t)(reader->at[0] << 8 | reader->at[1]);
	reader->at += 2;
	return true;
}

static bool take_field(struct reader *reader, struct field *ret)
{
	if (!take_number(reader, &ret->size) || reader->end - reader->at < ret->size)
		return false;
	ret->data = reader->at;
	reader->at += ret->size;
	return true;
}

static bool take_entry(struct reader *reader, struct entry *ret)
{
	return take_number(reader, &ret->family) && take_field(reader, &ret->address) &&
	       take_field(reader, &ret->number) && take_field(reader, &ret->name) &&
	       take_field(reader, &ret->data);
}

static bool is_text(const struct field *field, const char *text)
{
	return field->size == strlen(text) && memcmp(field->data, text, field->size) == 0;
}

static bool is_for(const struct entry *entry, const char *number, const char *host)
{
	bool right_host = entry->family == FAMILY_WILD ||
			  (entry->family == FAMILY_LOCAL && is_text(&entry->address, host));

	return right_host && (entry->number.size == 0 || is_text(&entry->number, number)) &&
	       is_text(&entry->name, COOKIE);
}

bool xauthority_find(const uint8_t *file, size_t size, const char *number, const char *host,
		     struct xauthority_cookie *ret)
{
	struct reader reader = {file, size ? file + size : file}; /* NULL + 0 is not defined */
	struct entry entry;

	while (take_entry(&reader, &entry)) {
		if (!is_for(&entry, number, host))
			continue;
		*ret = (struct xauthority_cookie){
			.name = (const char *)entry.name.data,
			.name_size = entry.name.size,
			.data = entry.data.data,
			.data_size = entry.data.size,
			.names_number = entry.number.size != 0,
		};
		return true;
	}
	return false;
}
