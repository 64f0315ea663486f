/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For targets that use GLib: messages are not printed, but for a critical one, which is a finding;
 * and a directory in /tmp for parsers that open their files themselves.
 */
#ifndef RUSTLAND_FUZZ_GLIB_H
#define RUSTLAND_FUZZ_GLIB_H

#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "tests/fuzz/fuzz.h"

static char *fuzz_directory;
static bool fuzz_in_glib; /* what it says of itself is no finding */

static inline GLogWriterOutput fuzz_log(GLogLevelFlags level, const GLogField *fields, gsize n,
					gpointer userdata)
{
	/* The signal that GLib ends a program with is none that libFuzzer keeps the input for. */
	if (!fuzz_in_glib && level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) {
		g_log_writer_standard_streams(level, fields, n, userdata);
		abort();
	}
	return G_LOG_WRITER_HANDLED;
}

/* Call it first, in LLVMFuzzerInitialize(). */
static inline void fuzz_glib_init(void)
{
	g_log_set_writer_func(fuzz_log, NULL, NULL);
}

static inline void fuzz_remove_directory(void)
{
	g_autoptr(GDir) dir = g_dir_open(fuzz_directory, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(fuzz_directory, name, NULL);

		g_remove(path);
	}
	g_rmdir(fuzz_directory);
	g_free(fuzz_directory);
}

static inline void fuzz_make_directory(void)
{
	fuzz_directory = g_dir_make_tmp("fuzz-XXXXXX", NULL);
	require(fuzz_directory);
	atexit(fuzz_remove_directory);
}

/* A file in a directory, new or overwritten. */
static inline void fuzz_write(const char *dir, const char *name, const uint8_t *data, size_t size)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	FILE *f = fopen(path, "we");

	require(f && fwrite(data, 1, size, f) == size);
	require(fclose(f) == 0);
}

/*
 * A value in the notation of gdbus(1), or NULL. GLib's parser takes UTF-8 for granted, and complains
 * about itself where a value is of a type that nothing can be; neither is ours.
 */
static inline GVariant *fuzz_variant(const char *type, const char *text)
{
	g_autoptr(GVariant) parsed = NULL;
	GVariant *variant = NULL;

	if (!g_utf8_validate(text, -1, NULL))
		return NULL;
	fuzz_in_glib = true;
	parsed = g_variant_parse(G_VARIANT_TYPE(type), text, NULL, NULL, NULL);
	/* As it comes from the bus: out of bytes. The parser makes some that GLib itself cannot read. */
	if (parsed) {
		g_autoptr(GBytes) bytes = g_variant_get_data_as_bytes(parsed);

		variant = g_variant_ref_sink(
			g_variant_new_from_bytes(G_VARIANT_TYPE(type), bytes, FALSE));
	}
	fuzz_in_glib = false;
	return variant;
}

#endif /* RUSTLAND_FUZZ_GLIB_H */
