/* SPDX-License-Identifier: GPL-2.0-only */
/* See settings.h. */

#include <stddef.h>
#include <string.h>

#include <glib.h>

#include "common/yes-no.h"
#include "session/settings.h"

#define FILE_NAME "session.conf"
#define GROUP	  "Session"

static const struct {
	const char *key;
	size_t offset;
} keys[] = {
	{"GameMode", offsetof(struct settings, gamemode)},
	{"Focus", offsetof(struct settings, focus)},
};

static void set(struct settings *settings, const char *path, const char *key, const char *value)
{
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		bool *field = (bool *)((char *)settings + keys[i].offset);

		if (strcmp(keys[i].key, key) != 0)
			continue;
		if (yes_no_parse(value, field))
			return;
		g_warning("%s: %s=%s: must be yes or no; ignored", path, key, value);
		return;
	}
	g_warning("%s: there is no key %s in [" GROUP "]; ignored", path, key);
}

static void load(struct settings *settings, const char *path)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) names = NULL;

	if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &error)) {
		if (!g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
			g_warning("%s: %s; ignored", path, error->message);
		return;
	}
	names = g_key_file_get_keys(file, GROUP, NULL, NULL);
	for (size_t i = 0; names && names[i]; i++) {
		g_autofree char *value = g_key_file_get_string(file, GROUP, names[i], NULL);

		set(settings, path, names[i], value ? value : "");
	}
}

void settings_load(struct settings *ret, const char *const *dirs)
{
	*ret = (struct settings){.gamemode = true, .focus = true};
	for (; *dirs; dirs++) {
		g_autofree char *path = g_build_filename(*dirs, FILE_NAME, NULL);

		load(ret, path);
	}
}
