/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rustlandctl monitor: says what happens, as it happens. It outlives the service, and waits for it
 * to come back.
 */

#include <signal.h>
#include <stdio.h>

#include <glib-unix.h>

#include "common/names.h"
#include "ctl/client.h"
#include "ctl/convert.h"
#include "ctl/screen.h"
#include "ctl/text.h"
#include "dbus/service-proxy.h"

struct monitor {
	const struct arguments *args;
	GDBusConnection *bus;
	GMainLoop *loop;
	Rustland *service;	/* NULL: it does not run */
	GCancellable *cancel;	/* calls to a service that has gone */
	JsonObject *statistics; /* the last ones; NULL: none yet */
	GHashTable *asked;	/* cookies to struct asked */
	GHashTable *pids;	/* cookies of boosts that there are, to their processes */
	guint timer;
	GError *error; /* the end */
};

/* ---- Saying --------------------------------------------------------------------------------- */

static void end(struct monitor *m)
{
	g_main_loop_quit(m->loop);
}

static void flush(struct monitor *m)
{
	if (!m->error && !screen_flush(&m->error))
		end(m);
}

/* For people: one line, with the time. */
static void say(struct monitor *m, const char *text)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *time = g_date_time_format(now, "%H:%M:%S"), *clean = text_clean(text);

	printf("%s  %s\n", time, clean);
	flush(m);
}

/* For programs: one object; takes it. */
static void emit(struct monitor *m, const char *event, const char *member, JsonObject *value)
{
	g_autoptr(JsonObject) object = json_object_new();

	json_object_set_int_member(object, "time", g_get_real_time());
	json_object_set_string_member(object, "event", event);
	if (value)
		json_object_set_object_member(object, member, value);
	print_object(object, TRUE);
	flush(m);
}

/* ---- Statistics ----------------------------------------------------------------------------- */

static void on_statistics(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autoptr(GVariant) dict = NULL;
	g_autoptr(GString) text = NULL;
	struct monitor *m = userdata;
	JsonObject *now;

	/* Why there are none has been said: the state is not active, or the service is gone. */
	if (!rustland_call_get_statistics_finish(RUSTLAND(source), &dict, result, NULL))
		return;
	now = convert_dict(dict);
	if (m->args->json) {
		emit(m, "statistics", "statistics", json_object_ref(now));
	} else if (m->statistics) {
		text = g_string_new("statistics: ");
		format_statistics_line(text, now, m->statistics);
		say(m, text->str);
	}
	g_clear_pointer(&m->statistics, json_object_unref);
	m->statistics = now;
}

static gboolean on_timer(gpointer userdata)
{
	struct monitor *m = userdata;

	rustland_call_get_statistics(m->service, G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, m->cancel,
				     on_statistics, m);
	return G_SOURCE_CONTINUE;
}

/* ---- The service's state -------------------------------------------------------------------- */

/* One line for each property that a person wants to follow. */
static void say_properties(struct monitor *m, JsonObject *properties)
{
	static const struct {
		const char *member, *name;
	} followed[] = {
		{"state", "state"},	{"scheduler", "scheduler"},   {"policy", "policy"},
		{"profile", "profile"}, {"exit_reason", "last exit"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(followed); i++) {
		const char *value = object_text(properties, followed[i].member);
		g_autofree char *line = g_strdup_printf("%s: %s", followed[i].name, value);

		if (*value)
			say(m, line);
	}
}

static void on_properties(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autoptr(JsonObject) properties = NULL;
	g_autoptr(GVariant) reply = NULL, dict = NULL;
	g_autoptr(GError) local = NULL;
	struct monitor *m = userdata;

	reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &local);
	if (!reply) {
		if (!m->error && !g_error_matches(local, G_IO_ERROR, G_IO_ERROR_CANCELLED) &&
		    !error_is_not_there(local)) {
			m->error = error_explain(g_steal_pointer(&local), NULL, FALSE);
			end(m);
		}
		return;
	}
	dict = g_variant_get_child_value(reply, 0);
	properties = convert_dict(dict);
	if (m->args->json)
		emit(m, "service", "properties", json_object_ref(properties));
	else
		say_properties(m, properties);
}

static void on_changed(GDBusConnection *bus, const char *sender, const char *path,
		       const char *interface, const char *signal, GVariant *arguments,
		       gpointer userdata)
{
	g_autoptr(JsonObject) properties = NULL;
	g_autoptr(GVariant) dict = NULL;
	struct monitor *m = userdata;

	(void)bus, (void)sender, (void)path, (void)interface, (void)signal;
	if (!g_variant_is_of_type(arguments, G_VARIANT_TYPE("(sa{sv}as)")))
		return;
	dict = g_variant_get_child_value(arguments, 1);
	properties = convert_dict(dict);
	if (m->args->json)
		emit(m, "changed", "properties", json_object_ref(properties));
	else
		say_properties(m, properties);
}

/* ---- Boosts --------------------------------------------------------------------------------- */

/*
 * A boost that was added: the signal says so to everybody and therefore not what it is, so the service
 * is asked. What becomes of the boost meanwhile is said afterwards.
 */
struct asked {
	struct monitor *m; /* NULL: it has been said, with the little that was known */
	guint32 cookie;
	JsonObject *boost; /* of the signal */
	char *why;	   /* it has ended already; NULL: it has not */
};

static void asked_free(struct asked *asked)
{
	json_object_unref(asked->boost);
	g_free(asked->why);
	g_free(asked);
}

static void remember(struct monitor *m, JsonObject *boost)
{
	guint64 cookie = object_number(boost, "cookie"), pid = object_number(boost, "pid");

	g_hash_table_insert(m->pids, GUINT_TO_POINTER((guint)cookie), GUINT_TO_POINTER((guint)pid));
}

static void say_added(struct monitor *m, JsonObject *boost)
{
	g_autoptr(GString) text = g_string_new("added ");

	remember(m, boost);
	if (m->args->json) {
		emit(m, "boost-added", "boost", json_object_ref(boost));
		return;
	}
	format_boost_line(text, boost);
	say(m, text->str);
}

static void say_removed(struct monitor *m, guint32 cookie, const char *why)
{
	guint pid = GPOINTER_TO_UINT(g_hash_table_lookup(m->pids, GUINT_TO_POINTER(cookie)));
	g_autofree char *text = NULL;
	JsonObject *boost;

	g_hash_table_remove(m->pids, GUINT_TO_POINTER(cookie));
	if (m->args->json) {
		boost = json_object_new();
		json_object_set_int_member(boost, "cookie", cookie);
		json_object_set_int_member(boost, "pid", pid);
		json_object_set_string_member(boost, "why", why);
		emit(m, "boost-removed", "boost", boost);
		return;
	}
	text = g_strdup_printf("removed boost %u: %s", cookie, why);
	say(m, text);
}

static void say_asked(struct monitor *m, const struct asked *asked, JsonObject *boost)
{
	say_added(m, boost);
	if (asked->why)
		say_removed(m, asked->cookie, asked->why);
}

static void on_described(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autoptr(GVariant) dict = NULL;
	g_autoptr(JsonObject) boost = NULL;
	struct asked *asked = userdata;

	rustland_call_get_boost_finish(RUSTLAND(source), &dict, result, NULL);
	if (asked->m) {
		if (dict)
			boost = convert_boost(dict);
		g_hash_table_remove(asked->m->asked, GUINT_TO_POINTER(asked->cookie));
		say_asked(asked->m, asked, boost ? boost : asked->boost);
	}
	asked_free(asked);
}

/* sender: the service that says so; it may be one of which on_appeared() has not told yet. */
static void on_added(struct monitor *m, const char *sender, GVariant *arguments)
{
	g_autoptr(Rustland) service = service_proxy_new(m->bus, sender);
	struct asked *asked = g_new0(struct asked, 1);
	g_autoptr(GVariant) dict = NULL;

	g_variant_get(arguments, "(u@a{sv})", &asked->cookie, &dict);
	asked->m = m;
	asked->boost = convert_boost(dict);
	g_hash_table_insert(m->asked, GUINT_TO_POINTER(asked->cookie), asked);
	rustland_call_get_boost(service, asked->cookie, G_DBUS_CALL_FLAGS_NO_AUTO_START, -1,
				m->cancel, on_described, asked);
}

static void on_removed(struct monitor *m, GVariant *arguments)
{
	struct asked *asked;
	const char *why;
	guint32 cookie;

	g_variant_get(arguments, "(uu&s)", &cookie, NULL, &why);
	asked = g_hash_table_lookup(m->asked, GUINT_TO_POINTER(cookie));
	if (!asked)
		say_removed(m, cookie, why);
	else if (!asked->why)
		asked->why = g_strdup(why);
}

/* The service has gone: what it has not answered is said as far as it is known. */
static void say_all_asked(struct monitor *m)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, m->asked);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct asked *asked = value;

		g_hash_table_iter_remove(&iter);
		asked->m = NULL;
		say_asked(m, asked, asked->boost);
	}
}

/* For what is removed later. */
static void on_boosts(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autoptr(GVariant) list = NULL;
	g_autoptr(JsonArray) boosts = NULL;
	struct monitor *m = userdata;

	if (!rustland_call_list_boosts_finish(RUSTLAND(source), &list, result, NULL))
		return;
	boosts = convert_boosts(list);
	for (guint i = 0; i < json_array_get_length(boosts); i++)
		remember(m, json_array_get_object_element(boosts, i));
}

static void on_signal(GDBusConnection *bus, const char *sender, const char *path,
		      const char *interface, const char *signal, GVariant *arguments,
		      gpointer userdata)
{
	(void)bus, (void)path, (void)interface;
	if (g_str_equal(signal, "BoostAdded") &&
	    g_variant_is_of_type(arguments, G_VARIANT_TYPE("(ua{sv})")))
		on_added(userdata, sender, arguments);
	else if (g_str_equal(signal, "BoostRemoved") &&
		 g_variant_is_of_type(arguments, G_VARIANT_TYPE("(uus)")))
		on_removed(userdata, arguments);
}

/* ---- Coming and going ----------------------------------------------------------------------- */

static void on_appeared(GDBusConnection *bus, const char *name, const char *owner,
			gpointer userdata)
{
	struct monitor *m = userdata;

	(void)name;
	m->service = service_proxy_new(bus, owner);
	m->cancel = g_cancellable_new();
	g_dbus_connection_call(bus, owner, SERVICE_PATH, "org.freedesktop.DBus.Properties",
			       "GetAll", g_variant_new("(s)", SERVICE_INTERFACE),
			       G_VARIANT_TYPE("(a{sv})"), G_DBUS_CALL_FLAGS_NO_AUTO_START, -1,
			       m->cancel, on_properties, m);
	rustland_call_list_boosts(m->service, G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, m->cancel,
				  on_boosts, m);
	if (m->args->interval_ms) {
		on_timer(m);
		m->timer = g_timeout_add(m->args->interval_ms, on_timer, m);
	}
}

static void forget(struct monitor *m)
{
	say_all_asked(m);
	if (m->cancel)
		g_cancellable_cancel(m->cancel);
	g_clear_object(&m->cancel);
	g_clear_object(&m->service);
	g_clear_handle_id(&m->timer, g_source_remove);
	g_clear_pointer(&m->statistics, json_object_unref);
}

static void on_vanished(GDBusConnection *bus, const char *name, gpointer userdata)
{
	struct monitor *m = userdata;

	(void)name;
	forget(m);
	if (!bus || g_dbus_connection_is_closed(bus))
		return; /* on_closed() says so */
	if (m->args->json)
		emit(m, "service-gone", NULL, NULL);
	else
		say(m, "the service does not run; waiting for it");
}

static void on_closed(GDBusConnection *bus, gboolean vanished, GError *why, gpointer userdata)
{
	struct monitor *m = userdata;

	(void)bus, (void)vanished, (void)why;
	if (!m->error)
		m->error =
			g_error_new_literal(CTL_ERROR, EXIT_FAILED, "the system bus has gone away");
	end(m);
}

static gboolean on_stop(gpointer userdata)
{
	end(userdata);
	return G_SOURCE_CONTINUE;
}

int cmd_monitor(const struct arguments *args, GError **error)
{
	g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
	g_autoptr(GDBusConnection) bus = client_connect(error);
	struct monitor m = {.args = args, .bus = bus, .loop = loop};
	guint watch;

	if (!bus)
		return EXIT_FAILED;
	m.asked = g_hash_table_new(NULL, NULL);
	m.pids = g_hash_table_new(NULL, NULL);
	g_unix_signal_add(SIGINT, on_stop, &m);
	g_unix_signal_add(SIGTERM, on_stop, &m);
	g_signal_connect(bus, "closed", G_CALLBACK(on_closed), &m);
	/* Before anything is asked, so that nothing is missed in between. */
	g_dbus_connection_signal_subscribe(bus, SERVICE_NAME, "org.freedesktop.DBus.Properties",
					   "PropertiesChanged", SERVICE_PATH, SERVICE_INTERFACE,
					   G_DBUS_SIGNAL_FLAGS_NONE, on_changed, &m, NULL);
	g_dbus_connection_signal_subscribe(bus, SERVICE_NAME, SERVICE_INTERFACE, NULL, SERVICE_PATH,
					   NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_signal, &m, NULL);
	watch = g_bus_watch_name_on_connection(bus, SERVICE_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE,
					       on_appeared, on_vanished, &m, NULL);
	g_main_loop_run(loop);
	g_bus_unwatch_name(watch);
	forget(&m);
	g_hash_table_unref(m.asked);
	g_hash_table_unref(m.pids);
	if (m.error)
		g_propagate_error(error, m.error);
	return EXIT_DONE;
}
