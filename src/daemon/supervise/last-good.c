/* SPDX-License-Identifier: GPL-2.0-only */
/* See last-good.h. */

#include "daemon/conf-file.h"
#include "daemon/supervise/last-good.h"

#define FILE_NAME "last-good.conf"
#define HEAD                                                                                       \
	"# Written by rustlandd: what it goes on with when the files in /etc have a mistake.\n"    \
	"# Changes are lost; see rustland.conf(5).\n"

struct config *last_good_read(const char *state_dir)
{
	static const char *const none[] = {NULL};
	g_autofree char *path = g_build_filename(state_dir, FILE_NAME, NULL);
	const struct config_paths paths = {.dirs = none, .file = path};
	g_autoptr(GError) error = NULL;
	struct config *config;

	if (!g_file_test(path, G_FILE_TEST_EXISTS))
		return NULL;
	config = config_load(&paths, NULL, &error);
	/* Another version of this program may have written it. */
	if (!config)
		g_warning("the last good configuration is ignored: %s", error->message);
	return config;
}

void last_good_write(const char *state_dir, const struct config *config)
{
	g_autofree char *path = g_build_filename(state_dir, FILE_NAME, NULL);
	g_autofree char *old = config_file_read(path, NULL), *values = config_text(config);
	g_autofree char *text = g_strconcat(HEAD, values, NULL);
	g_autoptr(GError) error = NULL;

	if (g_strcmp0(old, text) == 0)
		return;
	if (!g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644, &error))
		g_warning("the last good configuration is not kept: %s", error->message);
}
