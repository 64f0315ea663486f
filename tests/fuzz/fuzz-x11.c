/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Answers of an X server: its setup, a property, a client's process.
 *
 * Covers: src/session/x11-message.c
 */
#include "tests/fuzz/fuzz.h"

#include <sys/types.h>

#include "session/x11-message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = fuzz_text(data, size);
	uint32_t number;

	x11_message_root(copy, size);
	x11_message_number(copy, size, &number);
	require(x11_message_client(copy, size) >= 0);
	/* The library has read a whole header of 32 bytes before anybody asks. */
	if (size >= 32)
		require(x11_message_reply_size(copy) >= 32);
	free(copy);
	return 0;
}
