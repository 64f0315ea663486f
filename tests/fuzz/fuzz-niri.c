/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * niri's stream of events, line by line. What it said before is remembered, so a whole stream is one
 * input.
 *
 * Covers: src/session/niri-message.c
 */
#include "tests/fuzz/fuzz-glib.h"

#include "session/niri-message.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	fuzz_glib_init();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct niri_windows *windows = niri_windows_new();

	niri_windows_free(NULL);
	while (size) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end ? (size_t)(end - data) : size;
		char *line = fuzz_text(data, len);
		pid_t pid = -1;

		if (niri_windows_handle(windows, line, len, &pid))
			require(pid >= 0);
		else
			require(pid == -1);
		free(line);
		data += len + (end ? 1 : 0);
		size -= len + (end ? 1 : 0);
	}
	niri_windows_free(windows);
	return 0;
}
