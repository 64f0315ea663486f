/* SPDX-License-Identifier: GPL-2.0-only */
/* See bus-methods.h. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/names.h"
#include "daemon/bus/authority.h"
#include "daemon/bus/boost-options.h"
#include "daemon/bus/bus-methods.h"
#include "daemon/bus/bus-private.h"
#include "daemon/bus/bus-queries.h"
#include "daemon/bus/bus-request.h"
#include "daemon/bus/bus-target.h"
#include "daemon/bus/caller.h"
#include "daemon/conf.h"
#include "dbus/errors.h"
#include "daemon/bus/rights.h"
#include "daemon/shortage.h"
#include "daemon/supervise/supervisor.h"

/* Calls that may wait for the scheduler's statistics at a time. */
#define STATISTICS_MAX 256

static gboolean need_scheduler(const struct bus *bus, GError **error)
{
	const struct supervisor_status *status = supervisor_status(bus->supervisor);

	if (strcmp(status->state, "disabled") != 0 && strcmp(status->state, "failed") != 0)
		return TRUE;
	g_set_error(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NOT_RUNNING,
		    "The scheduler does not run (%s%s%s); see \"systemctl status scx-rustland\"",
		    status->state, *status->exit_reason ? ": " : "", status->exit_reason);
	return FALSE;
}

/* ---- BoostProcess, BoostProcessByPIDFd ------------------------------------------------------ */

static gboolean parse_boost(struct request *request, const char *scope, const char *reason,
			    GVariant *options, GError **error)
{
	request->boost = boost_new();
	return boost_options_parse(request->boost, &request->by_client, scope, reason, options,
				   error);
}

/*
 * A boost of what is one's own is for what this user runs: it does not go over to a set-uid program, or
 * to another user's process in the same group. Whoever may boost others may boost those as well.
 */
static void set_whose(struct request *request, const char *action)
{
	struct boost *boost = request->boost;

	boost->target.of_user = request->caller->uid != 0 && strcmp(action, ACTION_BOOST_OWN) == 0;
	boost->target.uid = request->caller->uid;
	boost->allowed_at = rights_now(request->bus->rights);
}

static gboolean is_own(const struct caller *caller, const struct process *process)
{
	return process->uid == caller->uid;
}

/* Which permission boosting that process takes. */
static const char *action_for(const struct caller *caller, const struct process *process)
{
	return is_own(caller, process) ? ACTION_BOOST_OWN : ACTION_BOOST_OTHER;
}

/*
 * What matters to a person is one application: if all that a user runs were ahead, then nothing would
 * be. Root may know better.
 */
static gboolean check_group(const struct request *request, const char **action, GError **error)
{
	const char *path = request->boost->cgroup->path;
	uid_t uid = request->caller->uid;

	switch (cgroup_owner_of(path, uid)) {
	case CGROUP_OTHERS:
		*action = ACTION_BOOST_OTHER;
		return TRUE;
	case CGROUP_TOO_WIDE:
		if (uid == 0)
			return TRUE;
		g_set_error(
			error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
			"The control group %s holds more than one application; give that of one "
			"(a .scope or .service below user@%u.service), or a process",
			path, uid);
		return FALSE;
	default:
		return TRUE;
	}
}

static gboolean pin_group(struct request *request, GError **error)
{
	struct boost *boost = request->boost;
	g_autofree char *path = cgroup_path_of(boost->process->pid);

	if (!path && is_shortage(errno)) {
		set_shortage(errno, error);
		return FALSE;
	}
	if (!path || !process_alive(boost->process)) {
		g_set_error(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS,
			    "Process %d has just ended, or is in no control group of version 2",
			    boost->process->pid);
		return FALSE;
	}
	boost->cgroup = cgroup_open(path, error);
	return boost->cgroup != NULL;
}

static void set_requester(struct request *request)
{
	char name[64];

	process_name_of_fd(request->caller->pidfd, name, sizeof(name));
	g_free(request->boost->requester);
	request->boost->requester = g_strdup(name);
	request->boost->uid = request->caller->uid;
}

static gboolean prepare_boost(struct request *request, const char **ret_action, GError **error)
{
	struct boost *boost = request->boost;

	if (!need_scheduler(request->bus, error))
		return FALSE;
	boost->process = target_pin(request, error);
	if (!boost->process)
		return FALSE;
	*ret_action = action_for(request->caller, boost->process);
	/* Of a process of somebody else not even the group is looked at before that is allowed. */
	if (boost->target.scope == RL_SCOPE_CGROUP && is_own(request->caller, boost->process)) {
		if (!pin_group(request, error))
			return FALSE;
		if (!check_group(request, ret_action, error))
			return FALSE;
	}
	set_whose(request, *ret_action);
	set_requester(request);
	if (request->by_client)
		boost->client = g_strdup(request->caller->name);
	/* Before polkit is asked: it must not be flooded either. */
	return boosts_take_change(request->bus->boosts, request->caller->uid, error);
}

static gboolean finish_boost(struct request *request, GError **error)
{
	struct boost *boost = request->boost;
	const char *action;
	uint32_t cookie;

	if (boost->target.scope == RL_SCOPE_CGROUP && !boost->cgroup &&
	    !(pin_group(request, error) && check_group(request, &action, error)))
		return FALSE;
	cookie = boosts_add(request->bus->boosts, g_steal_pointer(&request->boost), error);
	if (!cookie)
		return FALSE;
	g_dbus_method_invocation_return_value(request->invocation, g_variant_new("(u)", cookie));
	return TRUE;
}

static const struct request_kind kind_boost = {.prepare = prepare_boost, .finish = finish_boost};

static gboolean on_boost_process(Rustland *object, GDBusMethodInvocation *invocation, guint pid,
				 const char *scope, const char *reason, GVariant *options,
				 struct bus *bus)
{
	struct request *request = request_new(bus, &kind_boost, invocation);
	g_autoptr(GError) error = NULL;

	(void)object;
	request->pid = pid;
	if (parse_boost(request, scope, reason, options, &error))
		request_start(request);
	else
		request_fail(request, error);
	return TRUE;
}

static gboolean on_boost_process_by_pidfd(Rustland *object, GDBusMethodInvocation *invocation,
					  GUnixFDList *fds, GVariant *handle, const char *scope,
					  const char *reason, GVariant *options, struct bus *bus)
{
	struct request *request = request_new(bus, &kind_boost, invocation);
	g_autoptr(GError) error = NULL;

	(void)object;
	if (target_take_pidfd(request, fds, handle, &error) &&
	    parse_boost(request, scope, reason, options, &error))
		request_start(request);
	else
		request_fail(request, error);
	return TRUE;
}

/* ---- Release -------------------------------------------------------------------------------- */

static gboolean prepare_release(struct request *request, const char **ret_action, GError **error)
{
	const struct boost *boost = target_boost(request, error);

	if (!boost)
		return FALSE;
	if (boost->uid != request->caller->uid)
		*ret_action = ACTION_MANAGE;
	return TRUE;
}

static gboolean finish_release(struct request *request, GError **error)
{
	if (!target_boost(request, error))
		return FALSE;
	boosts_remove(request->bus->boosts, request->cookie, BOOST_RELEASED);
	g_dbus_method_invocation_return_value(request->invocation, NULL);
	return TRUE;
}

static const struct request_kind kind_release = {.prepare = prepare_release,
						 .finish = finish_release};

static gboolean on_release(Rustland *object, GDBusMethodInvocation *invocation, guint cookie,
			   struct bus *bus)
{
	struct request *request = request_new(bus, &kind_release, invocation);

	(void)object;
	request->cookie = cookie;
	request_start(request);
	return TRUE;
}

/* ---- SetForegroundProcess, ...ByPIDFd, SetForegroundCGroup --------------------------------- */

static gboolean prepare_foreground_process(struct request *request, const char **ret_action,
					   GError **error)
{
	/* What is one's own may always be given up. */
	if (request->pid == 0 && request->pidfd < 0)
		return TRUE;
	if (!need_scheduler(request->bus, error))
		return FALSE;
	request->boost = boost_new();
	request->boost->target.scope = RL_SCOPE_TREE;
	request->boost->process = target_pin(request, error);
	if (!request->boost->process)
		return FALSE;
	*ret_action = action_for(request->caller, request->boost->process);
	set_whose(request, *ret_action);
	set_requester(request);
	return TRUE;
}

/* There is no such group, or nobody in it, where those of other users are. */
static gboolean is_none_of_others(const struct request *request, const GError *error)
{
	return g_error_matches(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS) &&
	       cgroup_owner_of(request->path, request->caller->uid) == CGROUP_OTHERS;
}

static gboolean prepare_foreground_cgroup(struct request *request, const char **ret_action,
					  GError **error)
{
	/* What is one's own may always be given up. */
	if (!*request->path)
		return TRUE;
	*ret_action = ACTION_BOOST_OWN;
	if (!need_scheduler(request->bus, error))
		return FALSE;
	request->boost = boost_new();
	request->boost->target.scope = RL_SCOPE_CGROUP;
	request->boost->cgroup = cgroup_open(request->path, error);
	if (request->boost->cgroup) {
		if (!check_group(request, ret_action, error))
			return FALSE;
	} else if (is_none_of_others(request, *error)) {
		/* That there is none is for those to know who may boost it: finish says so. */
		g_clear_error(error);
		*ret_action = ACTION_BOOST_OTHER;
	} else {
		return FALSE;
	}
	set_whose(request, *ret_action);
	set_requester(request);
	return TRUE;
}

static gboolean finish_foreground(struct request *request, GError **error)
{
	struct boost *boost = request->boost;

	if (boost && boost->target.scope == RL_SCOPE_CGROUP && !boost->cgroup) {
		boost->cgroup = cgroup_open(request->path, error);
		if (!boost->cgroup)
			return FALSE;
	}
	boosts_set_foreground(request->bus->boosts, request->caller->uid,
			      g_steal_pointer(&request->boost), request->order);
	g_dbus_method_invocation_return_value(request->invocation, NULL);
	return TRUE;
}

/* With a dialogue they do not take turns: one that waits for a person must not hold up others. */
static const struct request_kind kinds_foreground_process[] = {
	{.prepare = prepare_foreground_process, .finish = finish_foreground, .takes_turns = TRUE},
	{.prepare = prepare_foreground_process, .finish = finish_foreground},
};
static const struct request_kind kind_system76 = {.prepare = prepare_foreground_process,
						  .finish = finish_foreground,
						  .takes_turns = TRUE,
						  .is_silent = TRUE};
static const struct request_kind kinds_foreground_cgroup[] = {
	{.prepare = prepare_foreground_cgroup, .finish = finish_foreground, .takes_turns = TRUE},
	{.prepare = prepare_foreground_cgroup, .finish = finish_foreground},
};

static void set_foreground_process(struct bus *bus, const struct request_kind *kind,
				   GDBusMethodInvocation *invocation, uint32_t pid)
{
	struct request *request = request_new(bus, kind, invocation);

	request->pid = pid;
	request->order = boosts_next_order(bus->boosts);
	request_start(request);
}

static gboolean on_set_foreground_process(Rustland *object, GDBusMethodInvocation *invocation,
					  guint pid, struct bus *bus)
{
	(void)object;
	set_foreground_process(bus, &kinds_foreground_process[is_interactive(invocation)],
			       invocation, pid);
	return TRUE;
}

static gboolean on_set_foreground_process_by_pidfd(Rustland *object,
						   GDBusMethodInvocation *invocation,
						   GUnixFDList *fds, GVariant *handle,
						   struct bus *bus)
{
	struct request *request =
		request_new(bus, &kinds_foreground_process[is_interactive(invocation)], invocation);
	g_autoptr(GError) error = NULL;

	(void)object;
	request->order = boosts_next_order(bus->boosts);
	if (target_take_pidfd(request, fds, handle, &error))
		request_start(request);
	else
		request_fail(request, error);
	return TRUE;
}

void bus_set_foreground_silently(struct bus *bus, GDBusMethodInvocation *invocation, uint32_t pid)
{
	set_foreground_process(bus, &kind_system76, invocation, pid);
}

static gboolean on_set_foreground_cgroup(Rustland *object, GDBusMethodInvocation *invocation,
					 const char *path, struct bus *bus)
{
	struct request *request =
		request_new(bus, &kinds_foreground_cgroup[is_interactive(invocation)], invocation);

	(void)object;
	request->path = g_strdup(path);
	request->order = boosts_next_order(bus->boosts);
	request_start(request);
	return TRUE;
}

/* ---- GetStatistics -------------------------------------------------------------------------- */

/* The scheduler is asked once for all calls that wait. */
struct statistics_wait {
	struct bus *bus; /* NULL when it is gone */
	GPtrArray *invocations;
};

static void on_statistics(GObject *source, GAsyncResult *result, gpointer userdata)
{
	struct statistics_wait *wait = userdata;
	g_autoptr(GVariant) values = NULL;
	g_autoptr(GError) error = NULL;

	(void)source;
	if (wait->bus) {
		values = supervisor_statistics_finish(wait->bus->supervisor, result, &error);
		wait->bus->statistics = NULL;
	}
	for (guint i = 0; i < wait->invocations->len; i++) {
		GDBusMethodInvocation *invocation = g_ptr_array_index(wait->invocations, i);

		if (values)
			g_dbus_method_invocation_return_value(invocation,
							      g_variant_new("(@a{st})", values));
		else
			g_dbus_method_invocation_return_error(
				invocation, RUSTLAND_ERROR, RUSTLAND_ERROR_NOT_RUNNING,
				"The scheduler gives no statistics: %s",
				error ? error->message : "the service is stopping");
	}
	g_ptr_array_unref(wait->invocations);
	g_free(wait);
}

static gboolean on_get_statistics(Rustland *object, GDBusMethodInvocation *invocation,
				  struct bus *bus)
{
	g_autoptr(GError) error = NULL;

	(void)object;
	if (!need_scheduler(bus, &error)) {
		return_error(invocation, error);
		return TRUE;
	}
	if (bus->statistics && bus->statistics->invocations->len >= STATISTICS_MAX) {
		g_dbus_method_invocation_return_error_literal(
			invocation, RUSTLAND_ERROR, RUSTLAND_ERROR_LIMIT_EXCEEDED,
			"Too many calls wait for statistics; wait for their answers");
		return TRUE;
	}
	if (bus->statistics) {
		g_ptr_array_add(bus->statistics->invocations, invocation);
		return TRUE;
	}
	bus->statistics = g_new0(struct statistics_wait, 1);
	bus->statistics->bus = bus;
	bus->statistics->invocations = g_ptr_array_new();
	g_ptr_array_add(bus->statistics->invocations, invocation);
	supervisor_statistics(bus->supervisor, NULL, on_statistics, bus->statistics);
	return TRUE;
}

/* ---- ReloadConfiguration, Profile ----------------------------------------------------------- */

static gboolean prepare_reload(struct request *request, const char **ret_action, GError **error)
{
	(void)request, (void)error;
	*ret_action = ACTION_MANAGE;
	return TRUE;
}

/* It may take a while, and the request is not needed for the answer. */
static void on_reconfigured(const GError *error, gpointer call)
{
	GDBusMethodInvocation *invocation = call;

	if (!error)
		g_dbus_method_invocation_return_value(invocation, NULL);
	else if (g_error_matches(error, CONFIG_ERROR, CONFIG_ERROR_STOPPED))
		g_dbus_method_invocation_return_error_literal(
			invocation, RUSTLAND_ERROR, RUSTLAND_ERROR_NOT_RUNNING, error->message);
	else if (error->domain != CONFIG_ERROR ||
		 g_error_matches(error, CONFIG_ERROR, CONFIG_ERROR_BUSY))
		return_error(invocation, error);
	else /* what the configuration has to say is about what the caller gave */
		g_dbus_method_invocation_return_error_literal(
			invocation, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS, error->message);
}

static gboolean finish_reload(struct request *request, GError **error)
{
	struct bus *bus = request->bus;

	(void)error;
	bus->host->reload(bus->host_userdata, on_reconfigured, request->invocation);
	return TRUE;
}

static const struct request_kind kind_reload = {.prepare = prepare_reload, .finish = finish_reload};

static gboolean on_reload_configuration(Rustland *object, GDBusMethodInvocation *invocation,
					struct bus *bus)
{
	(void)object;
	request_start(request_new(bus, &kind_reload, invocation));
	return TRUE;
}

static gboolean prepare_profile(struct request *request, const char **ret_action, GError **error)
{
	*ret_action = ACTION_SET_PROFILE;
	if (!g_strv_contains(config_profiles(), request->profile)) {
		g_autofree char *known = g_strjoinv(" ", (char **)config_profiles());

		g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
			    "There is no such profile; there are: %s", known);
		return FALSE;
	}
	/* Another profile may have the scheduler started anew. */
	return boosts_take_change(request->bus->boosts, request->caller->uid, error);
}

static gboolean finish_profile(struct request *request, GError **error)
{
	struct bus *bus = request->bus;

	(void)error;
	bus->host->set_profile(bus->host_userdata, request->profile, on_reconfigured,
			       request->invocation);
	return TRUE;
}

static const struct request_kind kind_profile = {.prepare = prepare_profile,
						 .finish = finish_profile};

void bus_methods_set_property(struct bus *bus, GDBusMethodInvocation *invocation,
			      GVariant *parameters)
{
	struct request *request = request_new(bus, &kind_profile, invocation);
	g_autoptr(GVariant) value = NULL;

	g_variant_get(parameters, "(&s&sv)", NULL, NULL, &value);
	request->profile = g_variant_dup_string(value, NULL);
	request_start(request);
}

/* ---- All of them ---------------------------------------------------------------------------- */

void bus_methods_connect(struct bus *bus)
{
	static const struct {
		const char *signal;
		GCallback callback;
	} methods[] = {
		{"handle-boost-process", G_CALLBACK(on_boost_process)},
		{"handle-boost-process-by-pidfd", G_CALLBACK(on_boost_process_by_pidfd)},
		{"handle-release", G_CALLBACK(on_release)},
		{"handle-set-foreground-process", G_CALLBACK(on_set_foreground_process)},
		{"handle-set-foreground-process-by-pidfd",
		 G_CALLBACK(on_set_foreground_process_by_pidfd)},
		{"handle-set-foreground-cgroup", G_CALLBACK(on_set_foreground_cgroup)},
		{"handle-get-statistics", G_CALLBACK(on_get_statistics)},
		{"handle-reload-configuration", G_CALLBACK(on_reload_configuration)},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(methods); i++)
		g_signal_connect(bus->skeleton, methods[i].signal, methods[i].callback, bus);
	bus_queries_connect(bus);
}

void bus_methods_disconnect(struct bus *bus)
{
	if (bus->statistics)
		bus->statistics->bus = NULL;
}
