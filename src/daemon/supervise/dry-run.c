/* SPDX-License-Identifier: GPL-2.0-only */
/* See dry-run.h. */

#include <signal.h>
#include <string.h>

#include "common/protocol.h"
#include "daemon/supervise/child.h"
#include "daemon/conf-file.h"
#include "daemon/supervise/dry-run.h"

struct dry_run {
	struct child *child;
	char **arguments;
	GPtrArray *policies;
	guint next; /* of policies, the one that is asked about next */
	guint timer;
	bool is_late;
	void (*done)(const GError *error, gpointer userdata);
	gpointer userdata;
};

static void begin(struct dry_run *run);

static char *plain_words(const char *error)
{
	const char *text = g_str_has_prefix(error, ERROR_POLICY_PREFIX)
				   ? error + strlen(ERROR_POLICY_PREFIX)
				   : error;
	size_t len = strlen(text);

	if (g_str_has_suffix(text, ERROR_HELP_SUFFIX))
		len -= strlen(ERROR_HELP_SUFFIX);
	return g_strndup(text, len);
}

/* A file may well be there for its author, and not for the service: see its unit. */
static const char *explain_sandbox(const char *policy)
{
	static const char *const hidden[] = {"/home/", "/root/", "/run/user/", "/tmp/",
					     "/var/tmp/"};

	for (size_t i = 0; i < G_N_ELEMENTS(hidden); i++)
		if (g_str_has_prefix(policy, hidden[i]) && !g_file_test(policy, G_FILE_TEST_EXISTS))
			return "; the service sees nothing below /home, /root, /run/user, /tmp and "
			       "/var/tmp";
	return "";
}

static void fail(struct dry_run *run, const char *why)
{
	const struct config_policy *policy = g_ptr_array_index(run->policies, run->next - 1);
	g_autofree char *range = config_policy_range(), *name = config_shown(policy->name, 200);
	g_autofree char *reason = config_shown(why, 1000);
	g_autoptr(GError) error = NULL;

	g_set_error(&error, CONFIG_ERROR, CONFIG_ERROR_POLICY,
		    "%s: Policy=%s: it has to be %s of a policy that can be used: %s%s",
		    policy->where ? policy->where : "by default", name, range, reason,
		    explain_sandbox(policy->name));
	run->done(error, run->userdata);
}

static gboolean on_timeout(gpointer userdata)
{
	struct dry_run *run = userdata;

	run->timer = 0;
	run->is_late = true;
	child_signal(run->child, SIGKILL);
	return G_SOURCE_REMOVE;
}

static void on_ended(int signal, int status, const char *error, gpointer userdata)
{
	struct dry_run *run = userdata;
	g_autofree char *why = NULL;

	g_clear_handle_id(&run->timer, g_source_remove);
	if (!signal && status == SCHEDULER_EXIT_STOPPED) {
		begin(run);
		return;
	}
	if (run->is_late)
		why = g_strdup_printf("scx_rustland did not say so within %d seconds",
				      DRY_RUN_TIMEOUT_MS / 1000);
	else if (*error)
		why = plain_words(error);
	else if (signal)
		why = g_strdup_printf("scx_rustland was killed by signal %d", signal);
	else
		why = g_strdup_printf("scx_rustland ended with status %d", status);
	fail(run, why);
}

static void on_noticed(enum child_notice notice, gpointer userdata)
{
	(void)notice, (void)userdata; /* it has no socket to notify */
}

/* Asks about the next policy, or is through. */
static void begin(struct dry_run *run)
{
	static const int no_fds[CLASSES_FDS] = {-1, -1, -1};
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	const struct config_policy *policy;
	g_auto(GStrv) arguments = NULL;
	g_autoptr(GError) error = NULL;

	if (run->next == run->policies->len) {
		run->done(NULL, run->userdata);
		return;
	}
	policy = g_ptr_array_index(run->policies, run->next++);
	/* All that it will be started with; of an option that is there twice the last one counts. */
	g_strv_builder_addv(builder, (const char **)run->arguments);
	g_strv_builder_add_many(builder, "--policy", policy->name, "--check", NULL);
	arguments = g_strv_builder_end(builder);
	if (child_start(run->child, (const char *const *)arguments, no_fds, &error))
		run->timer = g_timeout_add(DRY_RUN_TIMEOUT_MS, on_timeout, run);
	else
		fail(run, error->message);
}

/* Not from dry_run_new(): its caller does not have what it returns yet. */
static gboolean on_begin(gpointer userdata)
{
	struct dry_run *run = userdata;

	run->timer = 0;
	begin(run);
	return G_SOURCE_REMOVE;
}

struct dry_run *dry_run_new(const char *scheduler, const struct config *config,
			    void (*done)(const GError *error, gpointer userdata), gpointer userdata)
{
	static const struct child_handler handler = {
		.noticed = on_noticed,
		.ended = on_ended,
		.is_quiet = TRUE,
	};
	struct dry_run *run = g_new0(struct dry_run, 1);

	run->child = child_new(scheduler, NULL, 0, &handler, run, NULL);
	run->arguments = config_arguments(config);
	run->policies = g_ptr_array_ref(config->policies);
	run->done = done;
	run->userdata = userdata;
	run->timer = g_idle_add(on_begin, run);
	return run;
}

void dry_run_free(struct dry_run *run)
{
	if (!run)
		return;
	g_clear_handle_id(&run->timer, g_source_remove);
	child_free(run->child);
	g_strfreev(run->arguments);
	g_ptr_array_unref(run->policies);
	g_free(run);
}
