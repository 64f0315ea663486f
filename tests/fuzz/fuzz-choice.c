/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file with the chosen profile: one that there is, or none. What was read can be written and is
 * read again.
 *
 * Covers: src/daemon/choice.c
 */
#include "tests/fuzz/fuzz-glib.h"

#include "daemon/choice.h"
#include "daemon/conf.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	fuzz_glib_init();
	fuzz_make_directory();
	/* What cannot be written or removed. */
	require(!choice_write("/dev/null", "auto", NULL) && !choice_write("/dev/null", NULL, NULL));
	require(!choice_read("/dev/null", NULL));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *profile = NULL, *again = NULL;

	fuzz_write(fuzz_directory, "profile", data, size);
	profile = choice_read(fuzz_directory, NULL);
	require(!profile || g_strv_contains(config_profiles(), profile));
	require(choice_write(fuzz_directory, profile, NULL));
	again = choice_read(fuzz_directory, NULL);
	require(g_strcmp0(profile, again) == 0);
	return 0;
}
