/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A line of Hyprland's events, and its answer about the active window.
 *
 * Covers: src/session/hyprland-message.c
 */
#include "tests/fuzz/fuzz-glib.h"

#include "session/hyprland-message.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	fuzz_glib_init();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	if (hyprland_message_is_focus(text, size))
		require(size >= 16);
	require(hyprland_message_pid(text, size) >= 0);
	free(text);
	return 0;
}
