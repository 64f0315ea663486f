/* SPDX-License-Identifier: GPL-2.0-only */
/* See authority.h. */

#include <unistd.h>

#include "common/bus-words.h"
#include "daemon/bus/authority.h"

/* Below the 25 s after which D-Bus clients give up; with a dialogue a person has to type. */
#define ANSWER_TIMEOUT_MS   (10 * 1000)
#define DIALOGUE_TIMEOUT_MS (5 * 60 * 1000)

#define CHECK_FLAGS_NONE	   0u
#define CHECK_FLAGS_ALLOW_DIALOGUE 1u

struct check {
	char *cancellation_id; /* "" without a dialogue: nothing to cancel */
	const char *action;
};

static void check_free(gpointer data)
{
	struct check *check = data;

	g_free(check->cancellation_id);
	g_free(check);
}

static void return_denied(GTask *task, const char *why)
{
	const struct check *check = g_task_get_task_data(task);

	g_task_return_new_error(task, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED, "%s (action %s)",
				why, check->action);
}

static void return_failure(GTask *task, GDBusConnection *connection, const GError *error)
{
	const struct check *check = g_task_get_task_data(task);

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
	    g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY) ||
	    g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_TIMEOUT)) {
		/* Takes the dialogue off the screen. */
		if (*check->cancellation_id)
			g_dbus_connection_call(connection, AUTHORITY_NAME, AUTHORITY_PATH,
					       AUTHORITY_INTERFACE, "CancelCheckAuthorization",
					       g_variant_new("(s)", check->cancellation_id), NULL,
					       G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL,
					       NULL);
		return_denied(task, REFUSAL_SLOW_POLKIT "; try again, or as root");
	} else if (g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_LIMITS_EXCEEDED)) {
		return_denied(task, "polkit or the bus has too many questions to answer; try "
				    "again later, or as root");
	} else {
		g_debug("polkit cannot be asked: %s", error->message);
		return_denied(task, REFUSAL_NO_POLKIT ", so only root may do that; is polkitd "
						      "installed and running?");
	}
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autoptr(GTask) task = userdata;
	g_autoptr(GVariant) reply = NULL;
	g_autoptr(GError) error = NULL;
	gboolean authorized, challenge;

	reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
	if (!reply) {
		return_failure(task, G_DBUS_CONNECTION(source), error);
		return;
	}
	g_variant_get(reply, "((bba{ss}))", &authorized, &challenge, NULL);
	if (authorized)
		g_task_return_boolean(task, TRUE);
	else if (challenge)
		return_denied(task,
			      "An administrator " REFUSAL_CHALLENGE " for this; call it with the "
			      "flag ALLOW_INTERACTIVE_AUTHORIZATION, or as root");
	else
		return_denied(task, "polkit does not allow this to you; it takes an active local "
				    "session, or root");
}

void authority_check(GDBusConnection *connection, const struct caller *caller, const char *action,
		     gboolean interactive, GAsyncReadyCallback callback, gpointer userdata)
{
	static guint64 last_id;
	GTask *task = g_task_new(connection, NULL, callback, userdata);
	struct check *check = g_new0(struct check, 1);
	GVariantBuilder subject;

	check->action = action;
	check->cancellation_id =
		interactive ? g_strdup_printf("%" G_GUINT64_FORMAT, ++last_id) : g_strdup("");
	g_task_set_task_data(task, check, check_free);
	/* The service's own user is what reloads it, see ExecReload= of the unit. */
	if (caller->uid == 0 || caller->uid == geteuid()) {
		g_task_return_boolean(task, TRUE);
		g_object_unref(task);
		return;
	}
	g_variant_builder_init(&subject, G_VARIANT_TYPE("a{sv}"));
	g_variant_builder_add(&subject, "{sv}", "name", g_variant_new_string(caller->name));
	g_dbus_connection_call(
		connection, AUTHORITY_NAME, AUTHORITY_PATH, AUTHORITY_INTERFACE,
		"CheckAuthorization",
		g_variant_new("((sa{sv})sa{ss}us)", "system-bus-name", &subject, action, NULL,
			      interactive ? CHECK_FLAGS_ALLOW_DIALOGUE : CHECK_FLAGS_NONE,
			      check->cancellation_id),
		G_VARIANT_TYPE("((bba{ss}))"), G_DBUS_CALL_FLAGS_NONE,
		interactive ? DIALOGUE_TIMEOUT_MS : ANSWER_TIMEOUT_MS, NULL, on_answer, task);
}

/* ---- Processes ------------------------------------------------------------------------------ */

static void on_process_answer(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autoptr(GTask) task = userdata;
	g_autoptr(GVariant) reply = NULL;
	g_autoptr(GError) error = NULL;
	gboolean authorized;

	reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
	if (reply) {
		g_variant_get(reply, "((bba{ss}))", &authorized, NULL, NULL);
		g_task_return_int(task, authorized ? AUTHORITY_YES : AUTHORITY_NO);
	} else {
		g_debug("polkit cannot be asked about a process: %s", error->message);
		g_task_return_int(task, AUTHORITY_UNKNOWN);
	}
}

void authority_check_process(GDBusConnection *connection, const struct process *process, uid_t uid,
			     const char *action, GAsyncReadyCallback callback, gpointer userdata)
{
	GTask *task = g_task_new(connection, NULL, callback, userdata);
	GVariantBuilder subject;

	g_variant_builder_init(&subject, G_VARIANT_TYPE_VARDICT);
	g_variant_builder_add(&subject, "{sv}", "pid", g_variant_new_uint32((guint32)process->pid));
	g_variant_builder_add(&subject, "{sv}", "start-time",
			      g_variant_new_uint64(process->start_ticks));
	g_variant_builder_add(&subject, "{sv}", "uid", g_variant_new_int32((gint32)uid));
	g_dbus_connection_call(connection, AUTHORITY_NAME, AUTHORITY_PATH, AUTHORITY_INTERFACE,
			       "CheckAuthorization",
			       g_variant_new("((sa{sv})sa{ss}us)", "unix-process", &subject, action,
					     NULL, CHECK_FLAGS_NONE, ""),
			       G_VARIANT_TYPE("((bba{ss}))"), G_DBUS_CALL_FLAGS_NONE,
			       ANSWER_TIMEOUT_MS, NULL, on_process_answer, task);
}

enum authority_answer authority_check_process_finish(GAsyncResult *result)
{
	return (enum authority_answer)g_task_propagate_int(G_TASK(result), NULL);
}

gboolean authority_check_finish(GAsyncResult *result, GError **error)
{
	return g_task_propagate_boolean(G_TASK(result), error);
}
