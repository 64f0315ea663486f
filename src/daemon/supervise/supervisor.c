/* SPDX-License-Identifier: GPL-2.0-only */
/* See supervisor.h. */

#include <signal.h>
#include <string.h>
#include <syslog.h>

#include <gio/gio.h>
#include <glib-unix.h>

#include "daemon/supervise/child.h"
#include "daemon/supervise/lifecycle.h"
#include "daemon/journal.h"
#include "daemon/supervise/statistics.h"
#include "daemon/supervise/supervisor.h"

struct supervisor {
	struct kernel *kernel;
	struct lifecycle lifecycle;
	struct child *child;
	struct statistics *statistics;
	int class_fds[CLASSES_FDS];
	char **arguments;
	char *policy, *stats_path;
	struct config *fallback; /* see supervisor_configure() */
	guint timer;
	bool started;
	bool reverted; /* and nobody was told yet */
	struct supervisor_status status;
	char *exit_reason, *scheduler; /* what status points to */
	void (*changed)(gpointer userdata);
	gpointer userdata;
};

static uint64_t now_ms(void)
{
	return (uint64_t)g_get_monotonic_time() / 1000;
}

static struct lifecycle_limits limits_of(const struct config *config)
{
	return (struct lifecycle_limits){
		.restarts = config->restart_max,
		.window_ms = (uint64_t)config->restart_window_s * 1000,
		.delay_ms = config->restart_delay_ms,
		.delay_max_ms = config->restart_delay_max_ms,
	};
}

/* ---- What is reported ----------------------------------------------------------------------- */

static bool set_text(char **owner, const char **shown, const char *text)
{
	if (strcmp(*owner, text) == 0)
		return false;
	g_free(*owner);
	*shown = *owner = g_strdup(text);
	return true;
}

static void log_state(const struct supervisor *s, enum lifecycle_state state)
{
	switch (state) {
	case LIFECYCLE_ACTIVE:
		g_message("scheduling with the policy %s (%s)", s->policy, s->scheduler);
		break;
	case LIFECYCLE_DEGRADED:
		g_warning("degraded: the policy answers too late; the kernel goes on with "
			  "estimates");
		break;
	case LIFECYCLE_INHIBITED:
		log_catalog(LOG_ID_INHIBITED, LOG_NOTICE, "inhibited: %s; waiting until it is gone",
			    s->exit_reason);
		break;
	case LIFECYCLE_FAILED:
		log_catalog(LOG_ID_GAVE_UP, LOG_ERR,
			    "giving up, the kernel's own scheduler runs: %s; when that is mended, "
			    "systemctl reload scx-rustland",
			    s->exit_reason);
		break;
	case LIFECYCLE_DISABLED:
		g_message("not scheduling: %s", s->exit_reason);
		break;
	case LIFECYCLE_STARTING:
		break;
	}
}

static void update_status(struct supervisor *s)
{
	enum lifecycle_state state = lifecycle_state(&s->lifecycle);
	const char *name = lifecycle_state_name(state);
	bool changed = set_text(&s->scheduler, &s->status.scheduler, kernel_ops(s->kernel));
	bool settled = lifecycle_settled(&s->lifecycle);

	changed |=
		set_text(&s->exit_reason, &s->status.exit_reason, lifecycle_reason(&s->lifecycle));
	changed |= settled != s->status.settled;
	s->status.settled = settled;
	changed |= lifecycle_proven(&s->lifecycle) != s->status.proven;
	s->status.proven = lifecycle_proven(&s->lifecycle);
	changed |= lifecycle_trying(&s->lifecycle) != s->status.trying;
	s->status.trying = lifecycle_trying(&s->lifecycle);
	changed |= s->reverted;
	s->reverted = false;
	if (name != s->status.state) {
		s->status.state = name;
		log_state(s, state);
		changed = true;
	}
	if (changed || lifecycle_ended(&s->lifecycle))
		s->changed(s->userdata);
}

/* ---- Events and actions --------------------------------------------------------------------- */

static void feed(struct supervisor *s, const struct lifecycle_event *event);

static void tick(struct supervisor *s, enum lifecycle_event_type type)
{
	const struct lifecycle_event event = {.type = type};

	feed(s, &event);
}

static gboolean on_timer(gpointer userdata)
{
	struct supervisor *s = userdata;

	s->timer = 0;
	tick(s, LIFECYCLE_TICK);
	return G_SOURCE_REMOVE;
}

static void set_timer(struct supervisor *s)
{
	uint64_t due = lifecycle_due_ms(&s->lifecycle), now = now_ms();

	g_clear_handle_id(&s->timer, g_source_remove);
	if (due == UINT64_MAX)
		return;
	s->timer = g_timeout_add((guint)MIN(due > now ? due - now : 0, G_MAXUINT), on_timer, s);
}

/* What keeps the scheduler from being started is no fault of its own, and may pass. */
static bool is_for_want_of_something(const GError *error)
{
	if (error->domain == G_SPAWN_ERROR)
		return error->code == G_SPAWN_ERROR_FORK || error->code == G_SPAWN_ERROR_NOMEM ||
		       error->code == G_SPAWN_ERROR_MFILE || error->code == G_SPAWN_ERROR_NFILE ||
		       error->code == G_SPAWN_ERROR_FAILED;
	/* A pipe or a pidfd. */
	return error->domain == G_UNIX_ERROR || error->domain == G_IO_ERROR;
}

static void start_child(struct supervisor *s)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	g_auto(GStrv) arguments = NULL;
	g_autoptr(GError) error = NULL;
	struct lifecycle_event event = {.type = LIFECYCLE_END, .end.status = 1};

	g_strv_builder_addv(builder, (const char **)s->arguments);
	g_strv_builder_add_many(builder, "--stats-socket", s->stats_path, NULL);
	arguments = g_strv_builder_end(builder);
	if (child_start(s->child, (const char *const *)arguments, s->class_fds, &error))
		return;
	event.end.error = error->message;
	event.end.shortage = is_for_want_of_something(error);
	feed(s, &event);
}

static void set_config(struct supervisor *s, const struct config *config)
{
	g_strfreev(s->arguments);
	s->arguments = config_arguments(config);
	g_free(s->policy);
	s->status.policy = s->policy = g_strdup(config->policy);
}

static void revert(struct supervisor *s)
{
	set_config(s, s->fallback);
	s->status.reverts++;
	s->reverted = true;
}

static void feed(struct supervisor *s, const struct lifecycle_event *event)
{
	unsigned int actions = lifecycle_handle(&s->lifecycle, event, now_ms());

	if (actions & LIFECYCLE_TERM)
		child_signal(s->child, SIGTERM);
	if (actions & LIFECYCLE_KILL)
		child_signal(s->child, SIGKILL);
	if (actions & LIFECYCLE_REVERT)
		revert(s);
	if (actions & LIFECYCLE_START)
		start_child(s);
	set_timer(s);
	update_status(s);
}

static void on_kernel(gpointer userdata)
{
	struct supervisor *s = userdata;
	const struct lifecycle_event event = {
		.type = LIFECYCLE_KERNEL,
		.kernel = {kernel_state(s->kernel), kernel_ops(s->kernel)},
	};

	if (s->started)
		feed(s, &event);
}

static void on_notice(enum child_notice notice, gpointer userdata)
{
	static const enum lifecycle_event_type types[] = {
		[CHILD_READY] = LIFECYCLE_READY,
		[CHILD_HEARTBEAT] = LIFECYCLE_HEARTBEAT,
		[CHILD_LATE] = LIFECYCLE_LATE,
		[CHILD_IN_TIME] = LIFECYCLE_IN_TIME,
	};
	struct supervisor *s = userdata;

	if (notice == CHILD_READY) {
		/* The kernel's uevent may still be on its way. */
		kernel_refresh(s->kernel);
		statistics_start(s->statistics);
	}
	tick(s, types[notice]);
}

static void on_child_ended(int signal, int status, const char *error, gpointer userdata)
{
	const struct lifecycle_event event = {
		.type = LIFECYCLE_END,
		.end = {.signal = signal, .status = status, .error = error},
	};
	struct supervisor *s = userdata;
	uint32_t ends = s->lifecycle.all_ends;
	unsigned int reverts = s->status.reverts;

	statistics_stop(s->statistics);
	kernel_refresh(s->kernel);
	feed(s, &event);
	if (s->status.reverts == reverts && s->lifecycle.all_ends != ends &&
	    lifecycle_state(&s->lifecycle) != LIFECYCLE_FAILED)
		log_catalog(LOG_ID_ENDED, LOG_WARNING,
			    "the scheduler has ended and is started again: %s",
			    lifecycle_reason(&s->lifecycle));
}

/* ---- What others call ----------------------------------------------------------------------- */

void supervisor_start(struct supervisor *s)
{
	s->started = true;
	kernel_refresh(s->kernel);
	on_kernel(s);
}

void supervisor_stop(struct supervisor *s)
{
	tick(s, LIFECYCLE_QUIT);
}

bool supervisor_stopped(const struct supervisor *s)
{
	return lifecycle_ended(&s->lifecycle);
}

void supervisor_configure(struct supervisor *s, const struct config *config,
			  const struct config *fallback)
{
	g_auto(GStrv) arguments = config_arguments(config);
	struct lifecycle_event event = {
		.type = LIFECYCLE_CONFIG,
		.config =
			{
				.limits = limits_of(config),
				.restart = !s->started ||
					   !g_strv_equal((const char *const *)arguments,
							 (const char *const *)s->arguments),
				.fallback = fallback,
			},
	};

	if (fallback)
		event.config.fallback_limits = limits_of(fallback);
	if (event.config.restart) {
		config_free(s->fallback);
		s->fallback = fallback ? config_copy(fallback) : NULL;
	}
	set_config(s, config);
	feed(s, &event);
}

void supervisor_retry(struct supervisor *s)
{
	tick(s, LIFECYCLE_RETRY);
}

const struct supervisor_status *supervisor_status(const struct supervisor *s)
{
	return &s->status;
}

bool supervisor_healthy(const struct supervisor *s)
{
	return lifecycle_healthy(&s->lifecycle, now_ms());
}

void supervisor_statistics(struct supervisor *s, GCancellable *cancel, GAsyncReadyCallback callback,
			   gpointer userdata)
{
	statistics_ask(s->statistics, cancel, callback, userdata);
}

GVariant *supervisor_statistics_finish(struct supervisor *s, GAsyncResult *result, GError **error)
{
	(void)s;
	return statistics_ask_finish(result, error);
}

struct supervisor *supervisor_new(struct kernel *kernel, const struct supervisor_options *options,
				  const struct config *config, void (*changed)(gpointer userdata),
				  gpointer userdata, GError **error)
{
	static const struct child_handler handler = {.noticed = on_notice, .ended = on_child_ended};
	g_autofree char *socket_path = g_build_filename(options->runtime_dir, "notify", NULL);
	struct supervisor *s = g_new0(struct supervisor, 1);
	struct lifecycle_limits limits = limits_of(config);

	s->kernel = kernel;
	memcpy(s->class_fds, options->class_fds, sizeof(s->class_fds));
	s->changed = changed;
	s->userdata = userdata;
	lifecycle_init(&s->lifecycle, &limits, now_ms());
	s->statistics = statistics_new(options->stats_path);
	s->arguments = config_arguments(config);
	s->policy = g_strdup(config->policy);
	s->stats_path = g_strdup(options->stats_path);
	s->exit_reason = g_strdup("");
	s->scheduler = g_strdup("");
	s->status = (struct supervisor_status){
		.state = lifecycle_state_name(LIFECYCLE_STARTING),
		.exit_reason = s->exit_reason,
		.scheduler = s->scheduler,
		.policy = s->policy,
	};
	s->child = child_new(options->scheduler, socket_path, LIFECYCLE_HEARTBEAT_MS, &handler, s,
			     error);
	if (!s->child) {
		supervisor_free(s);
		return NULL;
	}
	kernel_watch(kernel, on_kernel, s);
	return s;
}

void supervisor_free(struct supervisor *s)
{
	if (!s)
		return;
	kernel_watch(s->kernel, NULL, NULL);
	g_clear_handle_id(&s->timer, g_source_remove);
	child_free(s->child);
	statistics_free(s->statistics);
	lifecycle_clear(&s->lifecycle);
	g_strfreev(s->arguments);
	g_free(s->policy);
	g_free(s->stats_path);
	config_free(s->fallback);
	g_free(s->exit_reason);
	g_free(s->scheduler);
	g_free(s);
}
