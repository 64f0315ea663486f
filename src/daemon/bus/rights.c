/* SPDX-License-Identifier: GPL-2.0-only */
/* See rights.h. */

#include <stdlib.h>
#include <string.h>

#include <glib-unix.h>
#include <systemd/sd-login.h>

#include "common/names.h"
#include "daemon/bus/authority.h"
#include "daemon/boost/cgroup.h"
#include "daemon/bus/rights.h"

/* Changes of sessions come in groups. */
#define LOGIND_PERIOD_MS 50
/* polkit says as often as its rules or logind's files are written that it has changed. */
#define PERIOD_MS 500
/* When polkit did not answer. */
#define RETRY_S 10

/* Counted: a question that is under way may outlive rights_free(). */
struct rights {
	GDBusConnection *connection;
	struct boosts *boosts; /* NULL: it was freed */
	uint64_t changes;      /* the time of rights_now() */
	GArray *to_ask;	       /* cookies */
	uint32_t asked;	       /* the cookie that polkit is asked about, or 0 */
	gboolean in_no_login;  /* about a process of which a no is not the last word */
	gboolean again;	       /* then about all */
	gboolean polkit_went;
	sd_login_monitor *monitor;
	char *sessions; /* as logind had them when it was last looked at */
	guint logind_watch, logind_timer, timer, retry, watch, subscription;
};

/* ---- Questions ------------------------------------------------------------------------------ */

static void ask_about_all(struct rights *rights);

static void rights_clear(gpointer data)
{
	struct rights *rights = data;

	g_array_unref(rights->to_ask);
	g_free(rights->sessions);
	g_object_unref(rights->connection);
}

static gboolean on_retry(gpointer userdata)
{
	struct rights *rights = userdata;

	rights->retry = 0;
	ask_about_all(rights);
	return G_SOURCE_REMOVE;
}

static void ask_next(struct rights *rights);
static void on_answer(GObject *source, GAsyncResult *result, gpointer userdata);

/* What polkit judges by in the processes of a login. */
static gboolean is_of_a_login(const struct process *process)
{
	uid_t uid;

	return sd_pid_get_owner_uid(process->pid, &uid) >= 0;
}

/* The first process of the session that is the user's display, or NULL. */
static struct process *display_of(uid_t uid)
{
	char *session = NULL;
	pid_t leader = 0;

	if (sd_uid_get_display(uid, &session) < 0 || sd_session_get_leader(session, &leader) < 0)
		leader = 0;
	free(session);
	return leader > 0 ? process_look((uint32_t)leader, NULL) : NULL;
}

/*
 * TRUE: polkit is asked. A process that no login has started, as cron's or a container's, is in no session;
 * then the user's right is that of the session that is the user's display. polkit is not asked about the
 * session itself, for polkitd aborts at such a question.
 */
static gboolean ask_about_display(struct rights *rights)
{
	const struct boost *boost = boosts_find(rights->boosts, rights->asked);
	struct process *leader = boost ? display_of(boost->uid) : NULL;

	rights->in_no_login = FALSE;
	if (!leader)
		return FALSE;
	authority_check_process(rights->connection, leader, boost->uid, ACTION_BOOST_OWN, on_answer,
				g_rc_box_acquire(rights));
	process_free(leader);
	return TRUE;
}

static void take_answer(struct rights *rights, enum authority_answer answer)
{
	if (answer == AUTHORITY_NO && rights->in_no_login && ask_about_display(rights))
		return;
	if (answer != AUTHORITY_UNKNOWN)
		boosts_set_suspended(rights->boosts, rights->asked, answer == AUTHORITY_NO);
	else if (!rights->retry)
		rights->retry = g_timeout_add_seconds(RETRY_S, on_retry, rights);
	rights->asked = 0;
	ask_next(rights);
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer userdata)
{
	struct rights *rights = userdata;
	enum authority_answer answer = authority_check_process_finish(result);

	(void)source;
	if (rights->boosts)
		take_answer(rights, answer);
	g_rc_box_release_full(rights, rights_clear);
}

/* TRUE: polkit is asked. */
static gboolean ask_about(struct rights *rights, uint32_t cookie)
{
	const struct boost *boost = boosts_find(rights->boosts, cookie);
	const struct process *process;
	struct process *found = NULL;

	if (!boost)
		return FALSE;
	if (!boost->process)
		found = cgroup_find_process(boost->cgroup, boost->uid);
	process = boost->process ? boost->process : found;
	if (process) {
		rights->asked = cookie;
		rights->in_no_login = !is_of_a_login(process);
		authority_check_process(rights->connection, process, boost->uid, ACTION_BOOST_OWN,
					on_answer, g_rc_box_acquire(rights));
	}
	process_free(found);
	return rights->asked != 0;
}

static void ask_next(struct rights *rights)
{
	while (rights->to_ask->len) {
		guint last = rights->to_ask->len - 1;
		uint32_t cookie = g_array_index(rights->to_ask, uint32_t, last);

		g_array_set_size(rights->to_ask, last);
		if (ask_about(rights, cookie))
			return;
	}
	if (rights->again)
		ask_about_all(rights);
}

static void ask_about_all(struct rights *rights)
{
	const GPtrArray *boosts = boosts_all(rights->boosts);

	/* To begin anew at every change would never come to the last ones. */
	rights->again = rights->asked != 0;
	if (rights->again)
		return;
	for (guint i = 0; i < boosts->len; i++) {
		const struct boost *boost = g_ptr_array_index(boosts, i);

		if (boost->target.of_user)
			g_array_append_val(rights->to_ask, boost->cookie);
	}
	ask_next(rights);
}

/* ---- What changes --------------------------------------------------------------------------- */

static gint compare(gconstpointer a, gconstpointer b)
{
	return g_strcmp0(*(char *const *)a, *(char *const *)b);
}

/* What answers depend on: each session, whether it is in front, and which one is its user's display. */
static char *read_sessions(void)
{
	g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
	char **ids = NULL;

	if (sd_get_sessions(&ids) < 0)
		ids = NULL;
	for (char **id = ids; id && *id; id++) {
		gboolean is_active = sd_session_is_active(*id) > 0;
		char *display = NULL;
		uid_t uid;

		if (sd_session_get_uid(*id, &uid) >= 0 && sd_uid_get_display(uid, &display) < 0)
			display = NULL;
		g_ptr_array_add(
			lines, g_strdup_printf("%s %d %s", *id, is_active, display ? display : ""));
		free(display);
		free(*id);
	}
	free(ids);
	g_ptr_array_sort(lines, compare);
	g_ptr_array_add(lines, NULL);
	return g_strjoinv("\n", (char **)lines->pdata);
}

static gboolean on_timer(gpointer userdata)
{
	struct rights *rights = userdata;

	rights->timer = 0;
	ask_about_all(rights);
	return G_SOURCE_REMOVE;
}

static void ask_soon(struct rights *rights)
{
	if (!rights->timer)
		rights->timer = g_timeout_add(PERIOD_MS, on_timer, rights);
}

/* Much of what logind writes, such as that somebody is idle, is not about rights. */
static gboolean on_logind_timer(gpointer userdata)
{
	struct rights *rights = userdata;
	g_autofree char *old = rights->sessions;

	rights->logind_timer = 0;
	rights->sessions = read_sessions();
	if (strcmp(old, rights->sessions) != 0)
		ask_about_all(rights);
	return G_SOURCE_REMOVE;
}

static gboolean on_logind_change(gint fd, GIOCondition condition, gpointer userdata)
{
	struct rights *rights = userdata;

	(void)fd, (void)condition;
	sd_login_monitor_flush(rights->monitor);
	rights->changes++;
	if (!rights->logind_timer)
		rights->logind_timer = g_timeout_add(LOGIND_PERIOD_MS, on_logind_timer, rights);
	return G_SOURCE_CONTINUE;
}

static void follow_logind(struct rights *rights)
{
	int r = sd_login_monitor_new(NULL, &rights->monitor);

	rights->sessions = read_sessions();
	if (r < 0) {
		/* Without logind there are no sessions either. */
		g_debug("sessions are not followed: %s", g_strerror(-r));
		return;
	}
	rights->logind_watch =
		g_unix_fd_add(sd_login_monitor_get_fd(rights->monitor),
			      (GIOCondition)sd_login_monitor_get_events(rights->monitor),
			      on_logind_change, rights);
}

static void on_polkit_appeared(GDBusConnection *connection, const char *name, const char *owner,
			       gpointer userdata)
{
	struct rights *rights = userdata;

	(void)connection, (void)name, (void)owner;
	if (rights->polkit_went) {
		rights->changes++;
		ask_soon(rights);
	}
	rights->polkit_went = FALSE;
}

static void on_polkit_vanished(GDBusConnection *connection, const char *name, gpointer userdata)
{
	struct rights *rights = userdata;

	(void)connection, (void)name;
	rights->polkit_went = TRUE;
}

/* Its rules are others, it says. */
static void on_polkit_changed(GDBusConnection *connection, const char *sender, const char *path,
			      const char *interface, const char *signal, GVariant *arguments,
			      gpointer userdata)
{
	struct rights *rights = userdata;

	(void)connection, (void)sender, (void)path, (void)interface, (void)signal, (void)arguments;
	rights->changes++;
	ask_soon(rights);
}

uint64_t rights_now(const struct rights *rights)
{
	return rights->changes;
}

void rights_added(struct rights *rights, const struct boost *boost)
{
	if (boost->target.of_user && boost->allowed_at != rights->changes)
		ask_soon(rights);
}

/* ---- All of it ------------------------------------------------------------------------------ */

struct rights *rights_new(GDBusConnection *connection, struct boosts *boosts)
{
	struct rights *rights = g_rc_box_new0(struct rights);

	rights->connection = g_object_ref(connection);
	rights->boosts = boosts;
	rights->to_ask = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	follow_logind(rights);
	rights->watch = g_bus_watch_name_on_connection(
		connection, AUTHORITY_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE, on_polkit_appeared,
		on_polkit_vanished, rights, NULL);
	rights->subscription = g_dbus_connection_signal_subscribe(
		connection, AUTHORITY_NAME, AUTHORITY_INTERFACE, "Changed", AUTHORITY_PATH, NULL,
		G_DBUS_SIGNAL_FLAGS_NONE, on_polkit_changed, rights, NULL);
	/* Those of the last run: much may have changed since. */
	ask_about_all(rights);
	return rights;
}

void rights_free(struct rights *rights)
{
	if (!rights)
		return;
	rights->boosts = NULL;
	g_bus_unwatch_name(rights->watch);
	g_dbus_connection_signal_unsubscribe(rights->connection, rights->subscription);
	g_clear_handle_id(&rights->logind_watch, g_source_remove);
	g_clear_handle_id(&rights->logind_timer, g_source_remove);
	g_clear_handle_id(&rights->timer, g_source_remove);
	g_clear_handle_id(&rights->retry, g_source_remove);
	sd_login_monitor_unref(rights->monitor);
	g_rc_box_release_full(rights, rights_clear);
}
