/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file of X cookies. A cookie that is found lies within the file.
 *
 * Covers: src/session/xauthority.c
 */
#include "tests/fuzz/fuzz.h"

#include "session/xauthority.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = fuzz_text(data, size);
	const uint8_t *file = (const uint8_t *)copy;
	struct xauthority_cookie c;

	if (xauthority_find(file, size, "0", "host", &c)) {
		const uint8_t *name = (const uint8_t *)c.name;

		require(c.data >= file && c.data + c.data_size <= file + size);
		require(name >= file && name + c.name_size <= file + size);
	}
	free(copy);
	return 0;
}
