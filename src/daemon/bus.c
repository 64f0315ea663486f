/* SPDX-License-Identifier: GPL-2.0-only */
/* See bus.h. */
#include <config.h>

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <gio/gunixfdlist.h>

#include <policy.h>
#include <rustland-dbus.h>

#include "authority.h"
#include "bus.h"
#include "caller.h"
#include "config.h"
#include "errors.h"
#include "supervisor.h"

#define BUS_NAME	  "org.scx.Rustland"
#define BUS_PATH	  "/org/scx/Rustland"
#define INTERFACE_VERSION 1

/*
 * Calls of one user that may wait for polkit at a time. Each may hold descriptors, and the bus lets us
 * have 128 questions to others under way (max_replies_per_connection of dbus-daemon).
 */
#define PENDING_MAX 16
/* Calls that may wait for the scheduler's statistics at a time. */
#define STATISTICS_MAX 256

struct bus {
	GDBusConnection *connection;
	RustlandSkeleton *skeleton;
	struct supervisor *supervisor;
	struct boosts *boosts;
	const struct bus_host *host;
	gpointer host_userdata;
	guint name_id;
	void (*on_owned)(gpointer userdata);
	void (*on_lost)(gpointer userdata);
	gpointer owner_userdata;
	GPtrArray *requests;	/* those under way; not owned */
	GHashTable *pending;	/* uid to the number of requests that wait for polkit */
	GHashTable *foreground; /* uid to struct turn */
	GHashTable *clients;	/* unique names that boosts depend on, to the id of the watch */
	struct statistics_wait *statistics; /* NULL: nobody waits */
};

/*
 * A method call on its way: the caller is asked for, then prepare() looks at the arguments and says
 * which permission is needed (NULL: none), then polkit is asked, then finish() does it. Both set an
 * error on failure.
 */
struct request {
	struct bus *bus; /* NULL when it is gone */
	GDBusMethodInvocation *invocation;
	const struct request_kind *kind;
	struct caller *caller;
	gboolean is_counted; /* among those that wait for polkit */

	/* Arguments, and what became of them. */
	uint32_t pid, cookie;
	int pidfd; /* owned; -1: by number */
	char *path, *profile;
	gboolean by_client;
	struct boost *boost;
	uint64_t order;
};

struct request_kind {
	gboolean (*prepare)(struct request *request, const char **ret_action, GError **error);
	gboolean (*finish)(struct request *request, GError **error);
	gboolean takes_turns; /* see struct turn */
	gboolean is_silent;   /* a failure is answered as if it were success */
};

/*
 * Foreground calls of one user: one is under way, and of all that come meanwhile only the last one
 * will follow. The others are answered at once: whatever they asked for is out of date.
 */
struct turn {
	struct request *running, *waiting;
};

/* ---- Answers -------------------------------------------------------------------------------- */

static void return_error(GDBusMethodInvocation *invocation, const GError *error)
{
	if (error->domain == G_DBUS_ERROR || error->domain == RUSTLAND_ERROR)
		g_dbus_method_invocation_return_gerror(invocation, error);
	else
		g_dbus_method_invocation_return_error_literal(invocation, G_DBUS_ERROR,
							      G_DBUS_ERROR_FAILED, error->message);
}

/* What the configuration has to say is about what the caller gave. */
static gboolean to_invalid_args(GError **error)
{
	if (error && *error && (*error)->domain != G_DBUS_ERROR) {
		(*error)->domain = G_DBUS_ERROR;
		(*error)->code = G_DBUS_ERROR_INVALID_ARGS;
	}
	return FALSE;
}

static gboolean is_interactive(GDBusMethodInvocation *invocation)
{
	GDBusMessage *message = g_dbus_method_invocation_get_message(invocation);

	return (g_dbus_message_get_flags(message) &
		G_DBUS_MESSAGE_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION) != 0;
}

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

/* ---- Requests ------------------------------------------------------------------------------- */

static void take_next_turn(struct bus *bus, const struct request *done);

static void uncount(struct request *request)
{
	gpointer uid = GUINT_TO_POINTER(request->caller->uid);
	GHashTable *pending = request->bus->pending;
	guint n = GPOINTER_TO_UINT(g_hash_table_lookup(pending, uid));

	if (n > 1)
		g_hash_table_insert(pending, uid, GUINT_TO_POINTER(n - 1));
	else
		g_hash_table_remove(pending, uid);
}

static gboolean count(struct request *request, GError **error)
{
	gpointer uid = GUINT_TO_POINTER(request->caller->uid);
	GHashTable *pending = request->bus->pending;
	guint n = GPOINTER_TO_UINT(g_hash_table_lookup(pending, uid));

	if (n >= PENDING_MAX) {
		g_set_error(error, RUSTLAND_ERROR, RUSTLAND_ERROR_LIMIT_EXCEEDED,
			    "%u calls of user %u wait for polkit already; wait for their answers",
			    n, request->caller->uid);
		return FALSE;
	}
	g_hash_table_insert(pending, uid, GUINT_TO_POINTER(n + 1));
	request->is_counted = TRUE;
	return TRUE;
}

/* The call must have been answered. */
static void request_free(struct request *request)
{
	struct bus *bus = request->bus;

	if (bus) {
		g_ptr_array_remove_fast(bus->requests, request);
		if (request->is_counted)
			uncount(request);
		if (request->kind->takes_turns && request->caller)
			take_next_turn(bus, request);
	}
	caller_free(request->caller);
	if (request->pidfd >= 0)
		close(request->pidfd);
	g_free(request->path);
	g_free(request->profile);
	boost_free(request->boost);
	g_free(request);
}

static void fail(struct request *request, const GError *error)
{
	if (request->kind->is_silent) {
		g_debug("ignored: %s", error->message);
		g_dbus_method_invocation_return_value(request->invocation, NULL);
	} else {
		return_error(request->invocation, error);
	}
	request_free(request);
}

static void on_authorized(GObject *source, GAsyncResult *result, gpointer userdata)
{
	struct request *request = userdata;
	g_autoptr(GError) error = NULL;

	(void)source;
	if (!request->bus)
		request_free(request);
	else if (authority_check_finish(result, &error) && request->kind->finish(request, &error))
		request_free(request);
	else
		fail(request, error);
}

static void proceed(struct request *request)
{
	gboolean interactive = is_interactive(request->invocation);
	g_autoptr(GError) error = NULL;
	const char *action = NULL;

	if (!request->kind->prepare(request, &action, &error)) {
		fail(request, error);
	} else if (!action) {
		if (request->kind->finish(request, &error))
			request_free(request);
		else
			fail(request, error);
	} else if (!request->kind->takes_turns && !count(request, &error)) {
		fail(request, error);
	} else {
		authority_check(request->bus->connection, request->caller, action, interactive,
				on_authorized, request);
	}
}

static void take_turn(struct request *request)
{
	gpointer uid = GUINT_TO_POINTER(request->caller->uid);
	struct turn *turn = g_hash_table_lookup(request->bus->foreground, uid);

	if (!turn) {
		turn = g_new0(struct turn, 1);
		g_hash_table_insert(request->bus->foreground, uid, turn);
	}
	if (!turn->running) {
		turn->running = request;
		proceed(request);
		return;
	}
	if (turn->waiting) {
		g_dbus_method_invocation_return_value(turn->waiting->invocation, NULL);
		request_free(turn->waiting);
	}
	turn->waiting = request;
}

static void take_next_turn(struct bus *bus, const struct request *done)
{
	struct turn *turn =
		g_hash_table_lookup(bus->foreground, GUINT_TO_POINTER(done->caller->uid));

	if (!turn || turn->running != done)
		return; /* it was superseded */
	turn->running = g_steal_pointer(&turn->waiting);
	if (turn->running)
		proceed(turn->running);
}

static void on_caller(GObject *source, GAsyncResult *result, gpointer userdata)
{
	struct request *request = userdata;
	g_autoptr(GError) error = NULL;

	(void)source;
	request->caller = caller_resolve_finish(result, &error);
	if (!request->bus)
		request_free(request);
	else if (!request->caller)
		fail(request, error);
	else if (request->kind->takes_turns)
		take_turn(request);
	else
		proceed(request);
}

static struct request *request_new(struct bus *bus, const struct request_kind *kind,
				   GDBusMethodInvocation *invocation)
{
	struct request *request = g_new0(struct request, 1);

	request->bus = bus;
	request->kind = kind;
	request->invocation = invocation;
	request->pidfd = -1;
	g_ptr_array_add(bus->requests, request);
	return request;
}

static void request_start(struct request *request)
{
	caller_resolve(request->bus->connection,
		       g_dbus_method_invocation_get_sender(request->invocation), on_caller,
		       request);
}

/* ---- BoostProcess, BoostProcessByPIDFd ------------------------------------------------------ */

static gboolean check_text(const char *what, const char *text, size_t max, GError **error)
{
	if (strlen(text) > max) {
		g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
			    "%s has %zu bytes; at most %zu are accepted", what, strlen(text), max);
		return FALSE;
	}
	for (const char *c = text; *c; c = g_utf8_next_char(c)) {
		if (g_unichar_iscntrl(g_utf8_get_char(c))) {
			g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
				    "%s has a control character in it; leave it out", what);
			return FALSE;
		}
	}
	return TRUE;
}

static gboolean check_type(const char *key, GVariant *value, const char *type, GError **error)
{
	if (g_variant_is_of_type(value, G_VARIANT_TYPE(type)))
		return TRUE;
	g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
		    "Option %s has type %s; it must be %s", key, g_variant_get_type_string(value),
		    type);
	return FALSE;
}

static gboolean parse_lifetime(struct request *request, const char *lifetime, GError **error)
{
	request->by_client = strcmp(lifetime, "client") == 0;
	if (request->by_client || strcmp(lifetime, "process") == 0)
		return TRUE;
	g_set_error_literal(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
			    "Lifetime must be \"process\" or \"client\"");
	return FALSE;
}

static gboolean parse_timeout(struct request *request, uint64_t timeout_us, GError **error)
{
	request->boost->timeout_us = timeout_us;
	if (timeout_us >= BOOST_TIMEOUT_MIN_US && timeout_us <= BOOST_TIMEOUT_MAX_US)
		return TRUE;
	g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
		    "TimeoutUSec is %" PRIu64 "; it must be %" PRIu64 " to %" PRIu64
		    ", in microseconds; leave it out for none",
		    timeout_us, BOOST_TIMEOUT_MIN_US, BOOST_TIMEOUT_MAX_US);
	return FALSE;
}

static gboolean parse_option(struct request *request, const char *key, GVariant *value,
			     GError **error)
{
	struct boost *boost = request->boost;

	if (strcmp(key, "AppId") == 0) {
		if (!check_type(key, value, "s", error))
			return FALSE;
		g_free(boost->app_id);
		boost->app_id = g_variant_dup_string(value, NULL);
		return check_text(key, boost->app_id, BOOST_APP_ID_MAX, error);
	}
	if (strcmp(key, "Lifetime") == 0)
		return check_type(key, value, "s", error) &&
		       parse_lifetime(request, g_variant_get_string(value, NULL), error);
	if (strcmp(key, "TimeoutUSec") == 0)
		return check_type(key, value, "t", error) &&
		       parse_timeout(request, g_variant_get_uint64(value), error);
	/* The key is not repeated: it may be of any length and content. */
	g_set_error_literal(
		error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
		"There is an unknown option; known are AppId, Lifetime and TimeoutUSec");
	return FALSE;
}

static gboolean parse_boost(struct request *request, const char *scope, const char *reason,
			    GVariant *options, GError **error)
{
	GVariantIter iter;
	const char *key;
	GVariant *value;

	request->boost = boost_new();
	if (!scope_parse(scope, &request->boost->target.scope)) {
		g_set_error_literal(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
				    "The scope must be \"process\", \"tree\" or \"cgroup\"");
		return FALSE;
	}
	if (!check_text("The reason", reason, BOOST_REASON_MAX, error))
		return FALSE;
	g_free(request->boost->reason);
	request->boost->reason = g_strdup(reason);
	g_variant_iter_init(&iter, options);
	while (g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
		gboolean ok = parse_option(request, key, value, error);

		g_variant_unref(value);
		if (!ok)
			return FALSE;
	}
	return TRUE;
}

/* Which permission boosting that process takes. */
static const char *action_for(const struct caller *caller, const struct process *process)
{
	return process->uid == caller->uid ? ACTION_BOOST_OWN : ACTION_BOOST_OTHER;
}

/* A group may hold others' processes: only below the user's slice it is the user's alone. */
static gboolean is_own_group(const struct cgroup *cgroup, uid_t uid)
{
	g_autofree char *slice = g_strdup_printf("/user.slice/user-%u.slice", uid);

	return cgroup_path_is_below(cgroup->path, slice);
}

static gboolean pin_group(struct request *request, GError **error)
{
	struct boost *boost = request->boost;
	g_autofree char *path = cgroup_path_of(boost->process->pid);

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
	boost->process = request->pidfd >= 0 ? process_pin_fd(request->pidfd, error)
					     : process_pin(request->pid, error);
	if (!boost->process)
		return FALSE;
	*ret_action = action_for(request->caller, boost->process);
	if (boost->target.scope == RL_SCOPE_CGROUP) {
		if (!pin_group(request, error))
			return FALSE;
		if (!is_own_group(boost->cgroup, request->caller->uid))
			*ret_action = ACTION_BOOST_OTHER;
	}
	set_requester(request);
	if (request->by_client)
		boost->client = g_strdup(request->caller->name);
	/* Before polkit is asked: it must not be flooded either. */
	return boosts_take_change(request->bus->boosts, request->caller->uid, error);
}

static gboolean finish_boost(struct request *request, GError **error)
{
	uint32_t cookie = boosts_add(request->bus->boosts, g_steal_pointer(&request->boost), error);

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
		fail(request, error);
	return TRUE;
}

static gboolean on_boost_process_by_pidfd(Rustland *object, GDBusMethodInvocation *invocation,
					  GUnixFDList *fds, GVariant *handle, const char *scope,
					  const char *reason, GVariant *options, struct bus *bus)
{
	struct request *request = request_new(bus, &kind_boost, invocation);
	gint32 index = g_variant_get_handle(handle);
	g_autoptr(GError) error = NULL;

	(void)object;
	if (fds && index >= 0 && index < g_unix_fd_list_get_length(fds))
		request->pidfd = g_unix_fd_list_get(fds, index, NULL);
	if (request->pidfd < 0)
		g_set_error_literal(&error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
				    "No descriptor came with the call; send a pidfd");
	if (!error && parse_boost(request, scope, reason, options, &error))
		request_start(request);
	else
		fail(request, error);
	return TRUE;
}

/* ---- Release -------------------------------------------------------------------------------- */

static const struct boost *find_boost(const struct request *request, GError **error)
{
	const struct boost *boost = boosts_find(request->bus->boosts, request->cookie);

	if (!boost)
		g_set_error(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_BOOST,
			    "There is no boost %" PRIu32 "; it may have ended by itself",
			    request->cookie);
	return boost;
}

static gboolean prepare_release(struct request *request, const char **ret_action, GError **error)
{
	const struct boost *boost = find_boost(request, error);

	if (!boost)
		return FALSE;
	if (boost->uid != request->caller->uid)
		*ret_action = ACTION_MANAGE;
	return TRUE;
}

static gboolean finish_release(struct request *request, GError **error)
{
	if (!find_boost(request, error))
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

/* ---- SetForegroundProcess, SetForegroundCGroup ---------------------------------------------- */

static gboolean prepare_foreground_process(struct request *request, const char **ret_action,
					   GError **error)
{
	*ret_action = ACTION_BOOST_OWN;
	if (request->pid == 0)
		return TRUE;
	if (!need_scheduler(request->bus, error))
		return FALSE;
	request->boost = boost_new();
	request->boost->target.scope = RL_SCOPE_TREE;
	request->boost->process = process_pin(request->pid, error);
	if (!request->boost->process)
		return FALSE;
	*ret_action = action_for(request->caller, request->boost->process);
	set_requester(request);
	return TRUE;
}

static gboolean prepare_foreground_cgroup(struct request *request, const char **ret_action,
					  GError **error)
{
	uid_t uid = request->caller->uid;
	g_autofree char *manager = NULL;

	*ret_action = ACTION_BOOST_OWN;
	if (!*request->path)
		return TRUE;
	if (!need_scheduler(request->bus, error))
		return FALSE;
	request->boost = boost_new();
	request->boost->target.scope = RL_SCOPE_CGROUP;
	request->boost->cgroup = cgroup_open(request->path, error);
	if (!request->boost->cgroup)
		return FALSE;
	manager = g_strdup_printf("/user.slice/user-%u.slice/user@%u.service", uid, uid);
	if (!cgroup_path_is_below(request->boost->cgroup->path, manager))
		*ret_action = ACTION_BOOST_OTHER;
	set_requester(request);
	return TRUE;
}

static gboolean finish_foreground(struct request *request, GError **error)
{
	(void)error;
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

/* ---- ListBoosts, GetProcess ----------------------------------------------------------------- */

/* What a user says about own boosts is for that user and root. */
static GVariant *describe(const struct boost *boost, gboolean with_private)
{
	GVariantBuilder b;

	g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
	g_variant_builder_add(&b, "{sv}", "Cookie", g_variant_new_uint32(boost->cookie));
	g_variant_builder_add(&b, "{sv}", "Pid", g_variant_new_uint32((guint32)boost->pid));
	g_variant_builder_add(&b, "{sv}", "Name", g_variant_new_string(boost_name(boost)));
	g_variant_builder_add(&b, "{sv}", "Scope",
			      g_variant_new_string(scope_name(boost->target.scope)));
	g_variant_builder_add(&b, "{sv}", "Class", g_variant_new_string(class_name(boost->class)));
	g_variant_builder_add(&b, "{sv}", "Uid", g_variant_new_uint32(boost->uid));
	g_variant_builder_add(&b, "{sv}", "Since", g_variant_new_uint64((guint64)boost->since_us));
	g_variant_builder_add(&b, "{sv}", "Lifetime",
			      g_variant_new_string(boost->client ? "client" : "process"));
	if (boost->timeout_us)
		g_variant_builder_add(&b, "{sv}", "TimeoutUSec",
				      g_variant_new_uint64(boost->timeout_us));
	if (boost->cgroup)
		g_variant_builder_add(&b, "{sv}", "CGroup",
				      g_variant_new_string(boost->cgroup->path));
	if (with_private) {
		g_variant_builder_add(&b, "{sv}", "Reason", g_variant_new_string(boost->reason));
		g_variant_builder_add(&b, "{sv}", "AppId", g_variant_new_string(boost->app_id));
		g_variant_builder_add(&b, "{sv}", "Requester",
				      g_variant_new_string(boost->requester));
	}
	return g_variant_builder_end(&b);
}

static gboolean prepare_list(struct request *request, const char **ret_action, GError **error)
{
	(void)request, (void)ret_action, (void)error;
	return TRUE;
}

static gboolean finish_list(struct request *request, GError **error)
{
	const GPtrArray *all = boosts_all(request->bus->boosts);
	uid_t uid = request->caller->uid;
	GVariantBuilder b;

	(void)error;
	g_variant_builder_init(&b, G_VARIANT_TYPE("aa{sv}"));
	for (guint i = 0; i < all->len; i++) {
		const struct boost *boost = g_ptr_array_index(all, i);

		g_variant_builder_add_value(&b, describe(boost, uid == 0 || uid == boost->uid));
	}
	g_dbus_method_invocation_return_value(request->invocation, g_variant_new("(aa{sv})", &b));
	return TRUE;
}

static const struct request_kind kind_list = {.prepare = prepare_list, .finish = finish_list};

static gboolean on_list_boosts(Rustland *object, GDBusMethodInvocation *invocation, struct bus *bus)
{
	(void)object;
	request_start(request_new(bus, &kind_list, invocation));
	return TRUE;
}

/* As far up as anybody could have nested processes on purpose. */
#define ANCESTORS_MAX 256

static gboolean covers_tree(const struct boost *boost, const struct process *process)
{
	pid_t pid = process->pid;

	for (int i = 0; pid > 1 && i < ANCESTORS_MAX; i++, pid = process_parent(pid))
		if (pid == boost->pid)
			return TRUE;
	return FALSE;
}

static gboolean covers(const struct boost *boost, const struct process *process, const char *path)
{
	switch (boost->target.scope) {
	case RL_SCOPE_CGROUP:
		return path && cgroup_path_is_below(path, boost->cgroup->path);
	case RL_SCOPE_TREE:
		return covers_tree(boost, process);
	default:
		return boost->pid == process->pid;
	}
}

static GVariant *describe_process(const struct bus *bus, const struct process *process)
{
	const GPtrArray *all = boosts_all(bus->boosts);
	g_autofree char *path = cgroup_path_of(process->pid);
	enum rl_class class = RL_CLASS_NORMAL;
	const char *scope = "";
	GVariantBuilder b, cookies;

	g_variant_builder_init(&cookies, G_VARIANT_TYPE("au"));
	for (guint i = 0; i < all->len; i++) {
		const struct boost *boost = g_ptr_array_index(all, i);

		if (!covers(boost, process, path))
			continue;
		g_variant_builder_add(&cookies, "u", boost->cookie);
		if (boost->class > class) {
			class = boost->class;
			scope = scope_name(boost->target.scope);
		}
	}
	g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
	g_variant_builder_add(&b, "{sv}", "Pid", g_variant_new_uint32((guint32)process->pid));
	g_variant_builder_add(&b, "{sv}", "Name", g_variant_new_string(process->name));
	g_variant_builder_add(&b, "{sv}", "Uid", g_variant_new_uint32(process->uid));
	g_variant_builder_add(&b, "{sv}", "Class", g_variant_new_string(class_name(class)));
	g_variant_builder_add(&b, "{sv}", "Scope", g_variant_new_string(scope));
	g_variant_builder_add(&b, "{sv}", "Cookies", g_variant_builder_end(&cookies));
	g_variant_builder_add(&b, "{sv}", "CGroup", g_variant_new_string(path ? path : ""));
	g_variant_builder_add(&b, "{sv}", "CGroupId",
			      g_variant_new_uint64(path ? cgroup_id_of(path) : 0));
	return g_variant_builder_end(&b);
}

static gboolean on_get_process(Rustland *object, GDBusMethodInvocation *invocation, guint pid,
			       struct bus *bus)
{
	g_autoptr(GError) error = NULL;
	struct process *process = process_look(pid, &error);

	if (process)
		rustland_complete_get_process(object, invocation, describe_process(bus, process));
	else
		return_error(invocation, error);
	process_free(process);
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

static gboolean finish_reload(struct request *request, GError **error)
{
	struct bus *bus = request->bus;

	if (!bus->host->reload(bus->host_userdata, error))
		return to_invalid_args(error);
	g_dbus_method_invocation_return_value(request->invocation, NULL);
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

	if (!bus->host->set_profile(bus->host_userdata, request->profile, error))
		return to_invalid_args(error);
	g_dbus_method_invocation_return_value(request->invocation, NULL);
	return TRUE;
}

static const struct request_kind kind_profile = {.prepare = prepare_profile,
						 .finish = finish_profile};

/* GDBus has looked at the interface, the name, the type, and that it can be written. */
static void on_set_property(struct bus *bus, GDBusMethodInvocation *invocation,
			    GVariant *parameters)
{
	struct request *request = request_new(bus, &kind_profile, invocation);
	g_autoptr(GVariant) value = NULL;

	g_variant_get(parameters, "(&s&sv)", NULL, NULL, &value);
	request->profile = g_variant_dup_string(value, NULL);
	request_start(request);
}

/* ---- The object ----------------------------------------------------------------------------- */

/*
 * The skeleton that gdbus-codegen made sets a property at once, without a question to anybody. Without
 * a function for that, GDBus gives us Properties.Set as a method call to answer when we can.
 */
typedef struct {
	RustlandSkeleton parent;
	struct bus *bus;
} Skeleton;

typedef struct {
	RustlandSkeletonClass parent;
} SkeletonClass;

static GType skeleton_get_type(void);
G_DEFINE_TYPE(Skeleton, skeleton, TYPE_RUSTLAND_SKELETON)

static GDBusInterfaceVTable *parent_vtable(GDBusInterfaceSkeleton *skeleton)
{
	return G_DBUS_INTERFACE_SKELETON_CLASS(skeleton_parent_class)->get_vtable(skeleton);
}

static void on_method_call(GDBusConnection *connection, const char *sender, const char *path,
			   const char *interface, const char *method, GVariant *parameters,
			   GDBusMethodInvocation *invocation, gpointer skeleton)
{
	if (strcmp(interface, "org.freedesktop.DBus.Properties") == 0)
		on_set_property(((Skeleton *)skeleton)->bus, invocation, parameters);
	else
		parent_vtable(skeleton)->method_call(connection, sender, path, interface, method,
						     parameters, invocation, skeleton);
}

static GDBusInterfaceVTable *skeleton_get_vtable(GDBusInterfaceSkeleton *skeleton)
{
	static GDBusInterfaceVTable vtable;

	vtable = *parent_vtable(skeleton);
	vtable.method_call = on_method_call;
	vtable.set_property = NULL;
	return &vtable;
}

static void skeleton_class_init(SkeletonClass *class)
{
	G_DBUS_INTERFACE_SKELETON_CLASS(class)->get_vtable = skeleton_get_vtable;
}

static void skeleton_init(Skeleton *skeleton)
{
	(void)skeleton;
}

static void connect_methods(struct bus *bus)
{
	static const struct {
		const char *signal;
		GCallback callback;
	} methods[] = {
		{"handle-boost-process", G_CALLBACK(on_boost_process)},
		{"handle-boost-process-by-pidfd", G_CALLBACK(on_boost_process_by_pidfd)},
		{"handle-release", G_CALLBACK(on_release)},
		{"handle-set-foreground-process", G_CALLBACK(on_set_foreground_process)},
		{"handle-set-foreground-cgroup", G_CALLBACK(on_set_foreground_cgroup)},
		{"handle-list-boosts", G_CALLBACK(on_list_boosts)},
		{"handle-get-process", G_CALLBACK(on_get_process)},
		{"handle-get-statistics", G_CALLBACK(on_get_statistics)},
		{"handle-reload-configuration", G_CALLBACK(on_reload_configuration)},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(methods); i++)
		g_signal_connect(bus->skeleton, methods[i].signal, methods[i].callback, bus);
}

/* ---- What the registry tells ---------------------------------------------------------------- */

static void on_client_vanished(GDBusConnection *connection, const char *name, gpointer userdata)
{
	struct bus *bus = userdata;
	/* With its last boost the name's watch goes, and the name with it. */
	g_autofree char *client = g_strdup(name);

	(void)connection;
	boosts_client_vanished(bus->boosts, client);
}

static void unwatch_client(gpointer watch_id)
{
	g_bus_unwatch_name(GPOINTER_TO_UINT(watch_id));
}

static void watch_client(struct bus *bus, const char *client)
{
	guint id;

	if (g_hash_table_contains(bus->clients, client))
		return;
	id = g_bus_watch_name_on_connection(bus->connection, client, G_BUS_NAME_WATCHER_FLAGS_NONE,
					    NULL, on_client_vanished, bus, NULL);
	g_hash_table_insert(bus->clients, g_strdup(client), GUINT_TO_POINTER(id));
}

static void unwatch_client_without_boost(struct bus *bus, const char *client)
{
	const GPtrArray *all = boosts_all(bus->boosts);

	for (guint i = 0; i < all->len; i++) {
		const struct boost *boost = g_ptr_array_index(all, i);

		if (g_strcmp0(boost->client, client) == 0)
			return;
	}
	g_hash_table_remove(bus->clients, client);
}

static void count_changed(struct bus *bus)
{
	rustland_set_boost_count(RUSTLAND(bus->skeleton), boosts_all(bus->boosts)->len);
	if (bus->host->boosts_changed)
		bus->host->boosts_changed(bus->host_userdata);
}

static void on_added(gpointer userdata, const struct boost *boost)
{
	struct bus *bus = userdata;

	if (boost->client)
		watch_client(bus, boost->client);
	rustland_emit_boost_added(RUSTLAND(bus->skeleton), boost->cookie, describe(boost, FALSE));
	count_changed(bus);
}

static void on_removed(gpointer userdata, const struct boost *boost, enum boost_end end)
{
	struct bus *bus = userdata;

	if (boost->client)
		unwatch_client_without_boost(bus, boost->client);
	rustland_emit_boost_removed(RUSTLAND(bus->skeleton), boost->cookie, (guint)boost->pid,
				    boost_end_name(end));
	count_changed(bus);
}

/* ---- From outside --------------------------------------------------------------------------- */

void bus_config_changed(struct bus *bus, const struct config *config)
{
	Rustland *object = RUSTLAND(bus->skeleton);

	boosts_set_limits(bus->boosts, config);
	rustland_set_profile(object, config->profile);
	rustland_set_slice_usec(object, config->slice_us);
	rustland_set_slice_min_usec(object, config->slice_min_us);
	rustland_set_max_boosts_per_user(object, config->max_boosts_per_user);
}

void bus_status_changed(struct bus *bus)
{
	const struct supervisor_status *status = supervisor_status(bus->supervisor);
	Rustland *object = RUSTLAND(bus->skeleton);

	rustland_set_state(object, status->state);
	rustland_set_exit_reason(object, status->exit_reason);
	rustland_set_scheduler(object, status->scheduler);
	rustland_set_policy(object, status->policy);
}

/* Those that are built in, then what lies in the directory. */
static char **list_policies(void)
{
	g_autoptr(GStrvBuilder) names = g_strv_builder_new();
	g_autoptr(GDir) dir = g_dir_open(POLICY_DIR, 0, NULL);
	const struct rl_policy *policy;
	const char *file;

	for (size_t i = 0; (policy = rl_policy_at(i)) != NULL; i++)
		g_strv_builder_add(names, policy->name);
	while (dir && (file = g_dir_read_name(dir)) != NULL)
		if (g_str_has_suffix(file, ".so") && g_utf8_validate(file, -1, NULL))
			g_strv_builder_take(names, g_strndup(file, strlen(file) - strlen(".so")));
	return g_strv_builder_end(names);
}

struct bus *bus_new(GDBusConnection *connection, struct supervisor *supervisor,
		    struct boosts *boosts, const struct bus_host *host, gpointer userdata)
{
	struct bus *bus = g_new0(struct bus, 1);
	Skeleton *skeleton = g_object_new(skeleton_get_type(), NULL);
	g_auto(GStrv) policies = list_policies();
	Rustland *object = RUSTLAND(skeleton);

	skeleton->bus = bus;
	bus->connection = g_object_ref(connection);
	bus->skeleton = RUSTLAND_SKELETON(skeleton);
	bus->supervisor = supervisor;
	bus->boosts = boosts;
	bus->host = host;
	bus->host_userdata = userdata;
	bus->requests = g_ptr_array_new();
	bus->pending = g_hash_table_new(NULL, NULL);
	bus->foreground = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	bus->clients = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unwatch_client);
	connect_methods(bus);
	rustland_set_version(object, PACKAGE_VERSION);
	rustland_set_interface_version(object, INTERFACE_VERSION);
	rustland_set_policies(object, (const char *const *)policies);
	rustland_set_profiles(object, config_profiles());
	rustland_set_boost_count(object, boosts_all(boosts)->len);
	return bus;
}

gboolean bus_export(struct bus *bus, GError **error)
{
	return g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(bus->skeleton),
						bus->connection, BUS_PATH, error);
}

/* Only now signals reach those who look for them by our name. */
static void on_name_acquired(GDBusConnection *connection, const char *name, gpointer userdata)
{
	static const struct boosts_listener listener = {.added = on_added, .removed = on_removed};
	struct bus *bus = userdata;
	const GPtrArray *all = boosts_all(bus->boosts);

	(void)connection, (void)name;
	for (guint i = 0; i < all->len; i++) {
		const struct boost *boost = g_ptr_array_index(all, i);

		if (boost->client)
			watch_client(bus, boost->client);
	}
	boosts_start(bus->boosts, &listener, bus);
	bus->on_owned(bus->owner_userdata);
}

static void on_name_lost(GDBusConnection *connection, const char *name, gpointer userdata)
{
	struct bus *bus = userdata;

	(void)connection, (void)name;
	bus->on_lost(bus->owner_userdata);
}

void bus_own_name(struct bus *bus, void (*on_owned)(gpointer userdata),
		  void (*on_lost)(gpointer userdata), gpointer userdata)
{
	bus->on_owned = on_owned;
	bus->on_lost = on_lost;
	bus->owner_userdata = userdata;
	bus->name_id = g_bus_own_name_on_connection(bus->connection, BUS_NAME,
						    G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE,
						    on_name_acquired, on_name_lost, bus, NULL);
}

static void answer_stopping(GDBusMethodInvocation *invocation)
{
	g_dbus_method_invocation_return_error_literal(
		invocation, RUSTLAND_ERROR, RUSTLAND_ERROR_NOT_RUNNING, "The service is stopping");
}

void bus_free(struct bus *bus)
{
	GHashTableIter iter;
	gpointer turn;

	if (!bus)
		return;
	g_clear_handle_id(&bus->name_id, g_bus_unown_name);
	for (guint i = 0; i < bus->requests->len; i++) {
		struct request *request = g_ptr_array_index(bus->requests, i);

		answer_stopping(request->invocation);
		request->bus = NULL;
	}
	/* The callbacks of the others are yet to come, and free them. */
	g_hash_table_iter_init(&iter, bus->foreground);
	while (g_hash_table_iter_next(&iter, NULL, &turn))
		if (((struct turn *)turn)->waiting)
			request_free(((struct turn *)turn)->waiting);
	if (bus->statistics)
		bus->statistics->bus = NULL;
	boosts_stop(bus->boosts);
	g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(bus->skeleton));
	g_object_unref(bus->skeleton);
	g_ptr_array_unref(bus->requests);
	g_hash_table_unref(bus->pending);
	g_hash_table_unref(bus->foreground);
	g_hash_table_unref(bus->clients);
	/* The last answers and signals go out before the process ends. */
	g_dbus_connection_flush_sync(bus->connection, NULL, NULL);
	g_object_unref(bus->connection);
	g_free(bus);
}
