/* SPDX-License-Identifier: GPL-2.0-only */
/* See reconfigure.h. */

#include <stdbool.h>
#include <string.h>

#include "daemon/choice.h"
#include "daemon/supervise/dry-run.h"
#include "daemon/supervise/last-good.h"
#include "daemon/supervise/reconfigure.h"

enum step {
	STEP_NONE,    /* nobody wants a change */
	STEP_DRY_RUN, /* scx_rustland is asked */
	STEP_TRIAL,   /* the scheduler runs with it, or will in a moment */
};

struct change {
	char *profile; /* to be chosen; NULL: a reload */
	reconfigure_done done;
	gpointer userdata;
};

struct reconfigure {
	struct reconfigure_options options;
	struct reconfigure_host host;
	gpointer userdata;
	struct supervisor *supervisor;

	struct config *config; /* counts now */
	bool is_saved;	       /* as the last good one */
	struct config *proven; /* the last one that the scheduler has run well with, or NULL */
	struct config *former; /* what the supervisor goes back to, or NULL */
	unsigned int reverts;  /* that the supervisor has made, and that are known here */
	char *refused;	       /* why the files were not taken at the start, or NULL */

	enum step step;
	struct config *wanted; /* in a dry run: to be tried */
	struct config *before; /* in a trial: what counted before this change */
	struct dry_run *dry_run;
	GQueue current; /* struct change: one profile, or any number of reloads */
	GQueue waiting;
	bool is_stopping;
};

static void begin(struct reconfigure *r);

static void change_free(struct change *change)
{
	g_free(change->profile);
	g_free(change);
}

static void answer(GQueue *changes, const GError *error)
{
	struct change *change;

	while ((change = g_queue_pop_head(changes))) {
		change->done(error, change->userdata);
		change_free(change);
	}
}

/* The one under way; NULL for a reload. */
static const char *wanted_profile(struct reconfigure *r)
{
	const struct change *change = g_queue_peek_head(&r->current);

	return change->profile;
}

static bool same_arguments(const struct config *a, const struct config *b)
{
	g_auto(GStrv) first = config_arguments(a), second = config_arguments(b);

	return g_strv_equal((const char *const *)first, (const char *const *)second);
}

static bool in_state(const struct reconfigure *r, const char *state)
{
	return strcmp(supervisor_status(r->supervisor)->state, state) == 0;
}

/* Takes config over. */
static void use(struct reconfigure *r, struct config *config)
{
	config_free(r->config);
	r->config = config;
	r->is_saved = false;
	r->host.changed(config, r->userdata);
}

static void say(struct reconfigure *r, const char *what, const char *why)
{
	g_autofree char *notice = g_strdup_printf("%s: %s", what, why);

	g_warning("%s", notice);
	r->host.notice(notice, r->userdata);
}

/* ---- The end of a change -------------------------------------------------------------------- */

/* The change under way has ended in this way. What waits comes next. */
static void finish(struct reconfigure *r, const GError *error)
{
	bool reload = !wanted_profile(r);
	GQueue asked = r->current;

	g_queue_init(&r->current);
	r->step = STEP_NONE;
	g_clear_pointer(&r->before, config_free);
	if (error)
		say(r, reload ? "the last reload was refused" : "a profile was refused",
		    error->message);
	else if (reload)
		r->host.notice(NULL, r->userdata);
	if (reload)
		r->host.reloading(FALSE, r->userdata);
	answer(&asked, error);
	if (r->step == STEP_NONE)
		begin(r);
}

/* Not where the files name it anyway. */
static bool remember_profile(const struct reconfigure *r, const char *profile, GError **error)
{
	struct config *named = config_load(&r->options.paths, NULL, error);
	bool as_named;

	if (!named)
		return false;
	as_named = strcmp(named->profile, profile) == 0;
	config_free(named);
	return choice_write(r->options.state_dir, as_named ? NULL : profile, error);
}

static void succeed(struct reconfigure *r)
{
	const char *profile = wanted_profile(r);
	g_autoptr(GError) error = NULL;

	/* What would be gone after a restart must not count until then either. */
	if (profile && !remember_profile(r, profile, &error)) {
		supervisor_configure(r->supervisor, r->before, NULL);
		use(r, g_steal_pointer(&r->before));
	}
	finish(r, error);
}

/* What is told of a trial that went wrong. */
static GError *explain_trial(const struct reconfigure *r, const struct config *tried)
{
	const struct config_policy *policy = g_ptr_array_index(tried->policies, 0);
	const char *why = supervisor_status(r->supervisor)->exit_reason;

	return g_error_new(CONFIG_ERROR, CONFIG_ERROR_TRIAL,
			   "the scheduler was tried with it, and did not do well, so that what was "
			   "before is in force again: %s; %s: Policy=%s",
			   why, policy->where ? policy->where : "by default", policy->name);
}

/* The supervisor has gone back to r->former. */
static void on_revert(struct reconfigure *r)
{
	g_autoptr(GError) error = explain_trial(r, r->config);

	use(r, g_steal_pointer(&r->former));
	if (r->step == STEP_TRIAL)
		finish(r, error);
	else /* when the service started, or long after another scheduler was in the way */
		say(r, "the configuration was refused", error->message);
}

static void on_proven(struct reconfigure *r)
{
	config_free(r->proven);
	r->proven = config_copy(r->config);
	r->is_saved = true;
	last_good_write(r->options.state_dir, r->config);
}

void reconfigure_update(struct reconfigure *r)
{
	const struct supervisor_status *status = supervisor_status(r->supervisor);

	if (status->reverts != r->reverts) {
		r->reverts = status->reverts;
		on_revert(r);
		return;
	}
	if (status->proven && !r->is_saved)
		on_proven(r);
	if (r->step != STEP_TRIAL || status->trying)
		return;
	if (in_state(r, "failed")) {
		g_autoptr(GError) error = g_error_new(
			CONFIG_ERROR, CONFIG_ERROR_TRIAL,
			"it was taken, but the scheduler does not run: %s", status->exit_reason);

		finish(r, error);
		return;
	}
	/* It runs well; or it cannot be tried now, and will be when it can. */
	succeed(r);
}

/* ---- The way there -------------------------------------------------------------------------- */

static void try(struct reconfigure *r, struct config *config)
{
	bool same = same_arguments(config, r->config), failed = in_state(r, "failed");

	if (!same) {
		config_free(r->former);
		r->former = config_copy(r->proven ? r->proven : r->config);
	}
	/* Who asks for the same again, after it was given up, wants another try. */
	if (same && failed)
		supervisor_retry(r->supervisor);
	r->before = config_copy(r->config);
	r->step = STEP_TRIAL;
	use(r, config);
	supervisor_configure(r->supervisor, r->config, r->former);
	/* Else it was over at once. One that counts already may be in its trial still. */
	if (r->step == STEP_TRIAL)
		reconfigure_update(r);
}

static void on_dry_run(const GError *error, gpointer userdata)
{
	struct reconfigure *r = userdata;
	struct config *wanted = g_steal_pointer(&r->wanted);

	g_clear_pointer(&r->dry_run, dry_run_free);
	if (error) {
		config_free(wanted);
		finish(r, error);
	} else {
		try(r, wanted);
	}
}

static struct config *load(const struct reconfigure *r, const char *profile, GError **error)
{
	g_autoptr(GError) local = NULL;
	g_autofree char *chosen =
		profile ? g_strdup(profile) : choice_read(r->options.state_dir, &local);

	/* While it runs, the profile stays what it is; at the start it has to do without. */
	if (local && r->config) {
		g_propagate_error(error, g_steal_pointer(&local));
		return NULL;
	}
	if (local)
		g_warning("%s", local->message);
	return config_load(&r->options.paths, chosen, error);
}

/* The next of those that wait, if any. */
static void begin(struct reconfigure *r)
{
	g_autoptr(GError) error = NULL;
	const struct change *next;

	if (g_queue_is_empty(&r->waiting))
		return;
	g_queue_push_tail(&r->current, g_queue_pop_head(&r->waiting));
	/* Reloads that were asked for meanwhile are this one. */
	while (!wanted_profile(r) && (next = g_queue_peek_head(&r->waiting)) && !next->profile)
		g_queue_push_tail(&r->current, g_queue_pop_head(&r->waiting));
	r->step = STEP_DRY_RUN;
	if (!wanted_profile(r))
		r->host.reloading(TRUE, r->userdata);
	r->wanted = load(r, wanted_profile(r), &error);
	if (r->wanted)
		r->dry_run = dry_run_new(r->options.scheduler, r->wanted, on_dry_run, r);
	else
		finish(r, error);
}

static GError *new_busy(void)
{
	return g_error_new_literal(
		CONFIG_ERROR, CONFIG_ERROR_BUSY,
		"too many changes of the configuration wait; wait for their answers");
}

static GError *new_stopped(void)
{
	return g_error_new_literal(CONFIG_ERROR, CONFIG_ERROR_STOPPED, "the service is stopping");
}

/* Whoever chooses last is right, and nobody can make others wait for a row of choices. */
static void supersede_profiles(struct reconfigure *r)
{
	g_autoptr(GError) error = g_error_new_literal(CONFIG_ERROR, CONFIG_ERROR_BUSY,
						      "another profile was chosen meanwhile");
	GQueue kept = G_QUEUE_INIT, superseded = G_QUEUE_INIT;
	struct change *change;

	while ((change = g_queue_pop_head(&r->waiting)))
		g_queue_push_tail(change->profile ? &superseded : &kept, change);
	r->waiting = kept;
	answer(&superseded, error);
}

static void add(struct reconfigure *r, const char *profile, reconfigure_done done,
		gpointer userdata)
{
	struct change *change;

	if (r->is_stopping || g_queue_get_length(&r->waiting) >= RECONFIGURE_MAX) {
		g_autoptr(GError) error = r->is_stopping ? new_stopped() : new_busy();

		done(error, userdata);
		return;
	}
	if (profile)
		supersede_profiles(r);
	change = g_new0(struct change, 1);
	change->profile = g_strdup(profile);
	change->done = done;
	change->userdata = userdata;
	g_queue_push_tail(&r->waiting, change);
	if (r->step == STEP_NONE)
		begin(r);
}

void reconfigure_reload(struct reconfigure *r, reconfigure_done done, gpointer userdata)
{
	add(r, NULL, done, userdata);
}

void reconfigure_set_profile(struct reconfigure *r, const char *profile, reconfigure_done done,
			     gpointer userdata)
{
	add(r, profile, done, userdata);
}

/* ---- Beginning and end ---------------------------------------------------------------------- */

const struct config *reconfigure_config(const struct reconfigure *r)
{
	return r->config;
}

void reconfigure_attach(struct reconfigure *r, struct supervisor *supervisor)
{
	r->supervisor = supervisor;
	if (r->refused)
		say(r,
		    "the last good configuration is in force, since that in the files is refused",
		    r->refused);
	if (!r->proven || same_arguments(r->proven, r->config))
		return;
	r->former = config_copy(r->proven);
	supervisor_configure(supervisor, r->config, r->former);
}

struct reconfigure *reconfigure_new(const struct reconfigure_options *options,
				    const struct reconfigure_host *host, gpointer userdata,
				    GError **error)
{
	struct reconfigure *r = g_new0(struct reconfigure, 1);
	g_autoptr(GError) local = NULL;

	r->options = *options;
	r->host = *host;
	r->userdata = userdata;
	g_queue_init(&r->current);
	g_queue_init(&r->waiting);
	r->proven = last_good_read(options->state_dir);
	r->config = load(r, NULL, &local);
	if (!r->config && r->proven) {
		r->refused = g_strdup(local->message);
		r->config = config_copy(r->proven);
	}
	if (!r->config) {
		g_propagate_error(error, g_steal_pointer(&local));
		reconfigure_free(r);
		return NULL;
	}
	return r;
}

void reconfigure_stop(struct reconfigure *r)
{
	g_autoptr(GError) error = new_stopped();

	r->is_stopping = true;
	r->step = STEP_NONE;
	g_clear_pointer(&r->dry_run, dry_run_free);
	answer(&r->current, error);
	answer(&r->waiting, error);
}

void reconfigure_free(struct reconfigure *r)
{
	if (!r)
		return;
	reconfigure_stop(r);
	config_free(r->config);
	config_free(r->proven);
	config_free(r->former);
	config_free(r->before);
	config_free(r->wanted);
	g_free(r->refused);
	g_free(r);
}
