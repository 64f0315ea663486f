/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rustland.conf(5): the vendor's file, the administrator's, two drop-ins, and one named on the command
 * line. What is accepted lies within its ranges, and a file written from it is accepted again and means
 * the same; what is refused names one file and one line.
 *
 * Covers: src/daemon/conf.c
 */
#include "tests/fuzz/fuzz-glib.h"

#include "daemon/conf.h"

static const char *const names[] = {"v/rustland.conf", "a/rustland.conf",
				    "a/rustland.conf.d/y.conf", "a/rustland.conf.d/x.conf",
				    "named.conf"};
static const char *dirs[3];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	g_autofree char *drop_ins = NULL;

	(void)argc, (void)argv;
	fuzz_glib_init();
	fuzz_make_directory();
	dirs[0] = g_build_filename(fuzz_directory, "v", NULL);
	dirs[1] = g_build_filename(fuzz_directory, "a", NULL);
	require(g_mkdir(dirs[0], 0755) == 0);
	drop_ins = g_build_filename(dirs[1], "rustland.conf.d", NULL);
	require(g_mkdir_with_parents(drop_ins, 0755) == 0);
	return 0;
}

static void check_ranges(const struct config *c)
{
	require(g_strv_contains(config_profiles(), c->profile));
	require(c->policy && *c->policy);
	require(c->slice_us >= 100 && c->slice_us <= 1000000);
	require(c->slice_min_us >= 100 && c->slice_min_us <= c->slice_us);
	require(c->exit_dump_len <= 16777216);
	require(c->restart_max <= 100 && c->restart_window_s >= 1 && c->restart_window_s <= 86400);
	require(c->restart_delay_ms <= c->restart_delay_max_ms);
	require(c->restart_delay_max_ms <= 600000);
	require(c->max_boosts_per_user >= 1 && c->max_boosts_per_user <= 256);
	require(c->max_changes >= 1 && c->max_changes <= 10000);
	require(c->changes_window_s >= 1 && c->changes_window_s <= 3600);
}

/* "FILE:LINE: ..." in one line. */
static void check_error(const GError *error)
{
	const char *colon = NULL;

	require(error && *error->message && !strchr(error->message, '\n'));
	if (error->code == CONFIG_ERROR_INVALID) {
		colon = strchr(error->message, ':');
		require(g_str_has_prefix(error->message, fuzz_directory));
		require(colon && g_ascii_isdigit(colon[1]) && colon[1] != '0');
	}
}

static void require_same(const struct config *a, const struct config *b)
{
	g_autofree char *a_text = config_text(a), *b_text = config_text(b);
	g_auto(GStrv) a_arguments = config_arguments(a), b_arguments = config_arguments(b);

	require(strcmp(a_text, b_text) == 0);
	require(g_strv_equal((const char *const *)a_arguments, (const char *const *)b_arguments));
}

/* A copy means the same, and outlives what it was made of. */
static struct config *replace_by_copy(struct config *c)
{
	struct config *copy = config_copy(c);

	require_same(c, copy);
	config_free(c);
	return copy;
}

static void check_again(const struct config *c)
{
	g_autofree char *text = config_text(c);
	const char *const only[] = {dirs[0], NULL};
	struct config_paths paths = {.dirs = only};
	struct config *again;

	fuzz_write(dirs[0], "rustland.conf", (const uint8_t *)text, strlen(text));
	again = config_load(&paths, NULL, NULL);
	require(again);
	require_same(c, again);
	config_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const profiles[] = {NULL, "gaming", "nope"};
	g_autofree char *named = g_build_filename(fuzz_directory, "named.conf", NULL);
	struct config_paths paths = {.dirs = dirs, .file = named};
	const char *profile = size ? profiles[data[0] % 3] : NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		const uint8_t *part = data;
		size_t part_size = 0;

		fuzz_part(&data, &size, &part, &part_size);
		fuzz_write(fuzz_directory, names[i], part, part_size);
	}
	for (int i = 0; i < 2; i++, profile = NULL) {
		g_autoptr(GError) error = NULL;
		struct config *c = config_load(&paths, profile, &error);

		require(!c == !!error);
		if (!c) {
			check_error(error);
			continue;
		}
		c = replace_by_copy(c);
		check_ranges(c);
		if (!profile)
			check_again(c);
		config_free(c);
	}
	return 0;
}
