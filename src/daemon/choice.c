/* SPDX-License-Identifier: GPL-2.0-only */
/* See choice.h. */

#include <errno.h>

#include <glib/gstdio.h>

#include "daemon/choice.h"
#include "daemon/conf-file.h"
#include "daemon/conf.h"

#define FILE_NAME "profile"

char *choice_read(const char *state_dir, GError **error)
{
	g_autofree char *path = g_build_filename(state_dir, FILE_NAME, NULL);
	g_autofree char *text = config_file_read(path, error);

	if (!text)
		return NULL;
	g_strchomp(text);
	if (g_strv_contains(config_profiles(), text))
		return g_steal_pointer(&text);
	/* Another version of this program may have known it. */
	g_warning("%s names no profile that there is; it is ignored", path);
	return NULL;
}

gboolean choice_write(const char *state_dir, const char *profile, GError **error)
{
	g_autofree char *path = g_build_filename(state_dir, FILE_NAME, NULL);
	g_autofree char *text = NULL;

	if (profile) {
		text = g_strconcat(profile, "\n", NULL);
		return g_file_set_contents(path, text, -1, error);
	}
	if (g_unlink(path) == 0 || errno == ENOENT)
		return TRUE;
	g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "cannot remove %s: %s",
		    path, g_strerror(errno));
	return FALSE;
}
