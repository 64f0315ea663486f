/* SPDX-License-Identifier: GPL-2.0-only */
/* See check-config.h. */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "daemon/check-config.h"
#include "daemon/choice.h"
#include "daemon/supervise/dry-run.h"

struct verdict {
	GMainLoop *loop;
	GError *error;
};

/*
 * What only root can read the service cannot, and a policy's code has no business with root's rights.
 */
static gboolean become(const char *user, GError **error)
{
	const struct passwd *entry = geteuid() == 0 ? getpwnam(user) : NULL;

	if (!entry)
		return TRUE;
	if (initgroups(user, entry->pw_gid) == 0 && setgid(entry->pw_gid) == 0 &&
	    setuid(entry->pw_uid) == 0)
		return TRUE;
	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_READ, "cannot become the user %s: %s", user,
		    g_strerror(errno));
	return FALSE;
}

static struct config *load_file(const struct check_config_options *o, GError **error)
{
	g_autofree const char **dirs = g_new0(const char *, g_strv_length((char **)o->dirs) + 1);
	const struct config_paths paths = {.dirs = dirs, .file = o->file};

	for (size_t i = 0; o->dirs[i] && o->dirs[i + 1]; i++)
		dirs[i] = o->dirs[i];
	return config_load(&paths, NULL, error);
}

static struct config *load_all(const struct check_config_options *o, GError **error)
{
	const struct config_paths paths = {.dirs = o->dirs};
	/* One that cannot be read is none, as at the start of the service. */
	g_autofree char *profile = choice_read(o->state_dir, NULL);

	return config_load(&paths, profile, error);
}

static void on_done(const GError *error, gpointer userdata)
{
	struct verdict *verdict = userdata;

	verdict->error = error ? g_error_copy(error) : NULL;
	g_main_loop_quit(verdict->loop);
}

gboolean check_config(const struct check_config_options *o, GError **error)
{
	struct verdict verdict = {0};
	struct config *config = NULL;
	struct dry_run *run;

	/* A file that is not in its place yet may be readable for its author only. */
	if (o->file) {
		config = load_file(o, error);
		if (!config)
			return FALSE;
	}
	if (!become(o->user, error)) {
		config_free(config);
		return FALSE;
	}
	if (!config)
		config = load_all(o, error);
	if (!config)
		return FALSE;
	verdict.loop = g_main_loop_new(NULL, FALSE);
	run = dry_run_new(o->scheduler, config, on_done, &verdict);
	g_main_loop_run(verdict.loop);
	dry_run_free(run);
	g_main_loop_unref(verdict.loop);
	config_free(config);
	if (!verdict.error)
		return TRUE;
	g_propagate_error(error, verdict.error);
	return FALSE;
}
