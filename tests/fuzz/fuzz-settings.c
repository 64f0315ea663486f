/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session.conf: the vendor's and the user's. It is read whatever it says; nobody's session fails
 * over it.
 *
 * Covers: src/session/settings.c src/common/yes-no.c
 */
#include "tests/fuzz/fuzz-glib.h"

#include "session/settings.h"

static const char *dirs[3];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	fuzz_glib_init();
	fuzz_make_directory();
	dirs[0] = g_build_filename(fuzz_directory, "v", NULL);
	dirs[1] = g_build_filename(fuzz_directory, "u", NULL);
	require(g_mkdir(dirs[0], 0755) == 0 && g_mkdir(dirs[1], 0755) == 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings first, second;

	for (int i = 0; i < 2; i++) {
		const uint8_t *part = data;
		size_t part_size = 0;

		fuzz_part(&data, &size, &part, &part_size);
		fuzz_write(dirs[i], "session.conf", part, part_size);
	}
	memset(&first, 0xaa, sizeof(first));
	settings_load(&first, dirs);
	memset(&second, 0x55, sizeof(second));
	settings_load(&second, dirs);
	require(first.gamemode == second.gamemode && first.focus == second.focus);
	return 0;
}
