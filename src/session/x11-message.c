/* SPDX-License-Identifier: GPL-2.0-only */
/* See x11-message.h. */

#include <string.h>

#include "session/x11-message.h"

/* Sizes and places of the protocol. */
enum {
	SETUP_FIXED = 40,
	SETUP_VENDOR = 24,  /* its length, 2 bytes */
	SETUP_SCREENS = 28, /* how many, 1 byte */
	SETUP_FORMATS = 29, /* how many, 1 byte */
	FORMAT_SIZE = 8,
	SCREEN_FIXED = 40,

	REPLY_FIXED = 32,
	REPLY_LENGTH = 4,    /* of what follows, 4 bytes, in words */
	PROPERTY_FORMAT = 1, /* bits of a value, 1 byte */
	PROPERTY_VALUES = 16,
	CLIENT_IDS = 8, /* how many, 4 bytes */

	/* One of those: client, mask, size of the value in bytes, value. */
	CLIENT_ID_MASK = 4,
	CLIENT_ID_SIZE = 8,
	CLIENT_ID_FIXED = 12,
	MASK_LOCAL_PID = 2,
};

static uint32_t get32(const uint8_t *at)
{
	uint32_t number;

	memcpy(&number, at, sizeof(number));
	return number;
}

uint32_t x11_message_root(const void *setup, size_t size)
{
	const uint8_t *bytes = setup;
	uint16_t vendor;
	size_t screen;

	if (size < SETUP_FIXED || bytes[SETUP_SCREENS] == 0)
		return 0;
	memcpy(&vendor, bytes + SETUP_VENDOR, sizeof(vendor));
	screen = SETUP_FIXED + (((size_t)vendor + 3) & ~(size_t)3) +
		 (size_t)bytes[SETUP_FORMATS] * FORMAT_SIZE;
	return screen + SCREEN_FIXED <= size ? get32(bytes + screen) : 0;
}

size_t x11_message_reply_size(const void *reply)
{
	return REPLY_FIXED + (size_t)get32((const uint8_t *)reply + REPLY_LENGTH) * 4;
}

bool x11_message_number(const void *reply, size_t size, uint32_t *ret_number)
{
	const uint8_t *bytes = reply;

	if (size < REPLY_FIXED + sizeof(*ret_number) || bytes[PROPERTY_FORMAT] != 32 ||
	    get32(bytes + PROPERTY_VALUES) == 0)
		return false;
	*ret_number = get32(bytes + REPLY_FIXED);
	return true;
}

pid_t x11_message_client(const void *reply, size_t size)
{
	const uint8_t *bytes = reply;
	size_t at = REPLY_FIXED;
	uint32_t left;

	if (size < REPLY_FIXED)
		return 0;
	for (left = get32(bytes + CLIENT_IDS); left; left--) {
		uint32_t value_size;

		if (size - at < CLIENT_ID_FIXED)
			return 0;
		value_size = get32(bytes + at + CLIENT_ID_SIZE);
		if (size - at - CLIENT_ID_FIXED < value_size)
			return 0;
		if (get32(bytes + at + CLIENT_ID_MASK) & MASK_LOCAL_PID && value_size >= 4) {
			uint32_t pid = get32(bytes + at + CLIENT_ID_FIXED);

			return pid <= INT32_MAX ? (pid_t)pid : 0;
		}
		at += CLIENT_ID_FIXED + value_size;
	}
	return 0;
}
