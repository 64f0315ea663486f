/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rustlandd --check-config: whether the service would take a configuration. It asks the same questions
 * as a reload does before it touches anything, as the same user, and nothing of a running service is
 * looked at or changed.
 */
#ifndef RUSTLANDD_CHECK_CONFIG_H
#define RUSTLANDD_CHECK_CONFIG_H

#include <glib.h>

#include "daemon/conf.h"

struct check_config_options {
	const char *const *dirs; /* as in struct config_paths */
	const char *file; /* to be looked at in place of all that the last directory has, or NULL */
	const char *state_dir; /* for the profile that was chosen */
	const char *scheduler; /* the program's path */
	const char *user; /* root becomes that user, if there is one, before policies are loaded */
};

/* FALSE + one line in error: it would be refused. Changes the process's user; runs the main loop. */
gboolean check_config(const struct check_config_options *options, GError **error);

#endif /* RUSTLANDD_CHECK_CONFIG_H */
