/* SPDX-License-Identifier: GPL-2.0-only */
/* See bus-request.h. */

#include <unistd.h>

#include "daemon/bus/authority.h"
#include "daemon/bus/bus-private.h"
#include "daemon/bus/bus-request.h"
#include "daemon/bus/caller.h"
#include "dbus/errors.h"

/*
 * Calls of one user that may wait for polkit at a time. Each may hold descriptors, and the bus lets us
 * have 128 questions to others under way (max_replies_per_connection of dbus-daemon).
 */
#define PENDING_MAX	16
#define PENDING_ALL_MAX 96

struct requests {
	GPtrArray *all;	     /* not owned */
	GHashTable *pending; /* uid to the number of requests that wait for polkit */
	guint nr_pending;    /* of all users */
	GHashTable *turns;   /* uid to struct turn */
};

/*
 * Foreground calls of one user: one is under way, and of all that come meanwhile only the last one
 * will follow. The others are answered at once: whatever they asked for is out of date.
 */
struct turn {
	struct request *running, *waiting;
};

/* ---- Answers -------------------------------------------------------------------------------- */

void return_error(GDBusMethodInvocation *invocation, const GError *error)
{
	if (error->domain == G_DBUS_ERROR || error->domain == RUSTLAND_ERROR)
		g_dbus_method_invocation_return_gerror(invocation, error);
	else
		g_dbus_method_invocation_return_error_literal(invocation, G_DBUS_ERROR,
							      G_DBUS_ERROR_FAILED, error->message);
}

gboolean is_interactive(GDBusMethodInvocation *invocation)
{
	GDBusMessage *message = g_dbus_method_invocation_get_message(invocation);

	return (g_dbus_message_get_flags(message) &
		G_DBUS_MESSAGE_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION) != 0;
}

static void answer_stopping(GDBusMethodInvocation *invocation)
{
	g_dbus_method_invocation_return_error_literal(
		invocation, RUSTLAND_ERROR, RUSTLAND_ERROR_NOT_RUNNING, "The service is stopping");
}

/* ---- A call's way --------------------------------------------------------------------------- */

static void take_next_turn(struct bus *bus, const struct request *done);

static void uncount(struct request *request)
{
	gpointer uid = GUINT_TO_POINTER(request->caller->uid);
	GHashTable *pending = request->bus->requests->pending;
	guint n = GPOINTER_TO_UINT(g_hash_table_lookup(pending, uid));

	request->bus->requests->nr_pending--;
	if (n > 1)
		g_hash_table_insert(pending, uid, GUINT_TO_POINTER(n - 1));
	else
		g_hash_table_remove(pending, uid);
}

static gboolean count(struct request *request, GError **error)
{
	gpointer uid = GUINT_TO_POINTER(request->caller->uid);
	GHashTable *pending = request->bus->requests->pending;
	guint n = GPOINTER_TO_UINT(g_hash_table_lookup(pending, uid));

	if (n >= PENDING_MAX) {
		g_set_error(error, RUSTLAND_ERROR, RUSTLAND_ERROR_LIMIT_EXCEEDED,
			    "%u calls of user %u wait for polkit already; wait for their answers",
			    n, request->caller->uid);
		return FALSE;
	}
	if (request->bus->requests->nr_pending >= PENDING_ALL_MAX) {
		g_set_error(error, RUSTLAND_ERROR, RUSTLAND_ERROR_LIMIT_EXCEEDED,
			    "%u calls of all users wait for polkit already; try again later",
			    request->bus->requests->nr_pending);
		return FALSE;
	}
	request->bus->requests->nr_pending++;
	g_hash_table_insert(pending, uid, GUINT_TO_POINTER(n + 1));
	request->is_counted = TRUE;
	return TRUE;
}

/* The call must have been answered. */
static void request_free(struct request *request)
{
	struct bus *bus = request->bus;

	if (bus) {
		g_ptr_array_remove_fast(bus->requests->all, request);
		if (request->is_counted)
			uncount(request);
		if (request->kind->takes_turns && request->caller)
			take_next_turn(bus, request);
	}
	caller_unref(request->caller);
	if (request->pidfd >= 0)
		close(request->pidfd);
	g_free(request->path);
	g_free(request->profile);
	boost_free(request->boost);
	g_free(request);
}

void request_fail(struct request *request, const GError *error)
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
		request_fail(request, error);
}

static void proceed(struct request *request)
{
	gboolean interactive = is_interactive(request->invocation);
	g_autoptr(GError) error = NULL;
	const char *action = NULL;

	if (!request->kind->prepare(request, &action, &error)) {
		request_fail(request, error);
	} else if (!action) {
		if (request->kind->finish(request, &error))
			request_free(request);
		else
			request_fail(request, error);
	} else if (!request->kind->takes_turns && !count(request, &error)) {
		request_fail(request, error);
	} else {
		authority_check(request->bus->connection, request->caller, action, interactive,
				on_authorized, request);
	}
}

static void take_turn(struct request *request)
{
	gpointer uid = GUINT_TO_POINTER(request->caller->uid);
	struct turn *turn = g_hash_table_lookup(request->bus->requests->turns, uid);

	if (!turn) {
		turn = g_new0(struct turn, 1);
		g_hash_table_insert(request->bus->requests->turns, uid, turn);
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
		g_hash_table_lookup(bus->requests->turns, GUINT_TO_POINTER(done->caller->uid));

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
		request_fail(request, error);
	else if (request->kind->takes_turns)
		take_turn(request);
	else
		proceed(request);
}

struct request *request_new(struct bus *bus, const struct request_kind *kind,
			    GDBusMethodInvocation *invocation)
{
	struct request *request = g_new0(struct request, 1);

	request->bus = bus;
	request->kind = kind;
	request->invocation = invocation;
	request->pidfd = -1;
	g_ptr_array_add(bus->requests->all, request);
	return request;
}

void request_start(struct request *request)
{
	caller_resolve(request->bus->connection,
		       g_dbus_method_invocation_get_sender(request->invocation), on_caller,
		       request);
}

/* ---- All of them ---------------------------------------------------------------------------- */

struct requests *requests_new(void)
{
	struct requests *requests = g_new0(struct requests, 1);

	requests->all = g_ptr_array_new();
	requests->pending = g_hash_table_new(NULL, NULL);
	requests->turns = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	return requests;
}

void requests_free(struct requests *requests)
{
	GHashTableIter iter;
	gpointer turn;

	for (guint i = 0; i < requests->all->len; i++) {
		struct request *request = g_ptr_array_index(requests->all, i);

		answer_stopping(request->invocation);
		request->bus = NULL;
	}
	/* The callbacks of the others are yet to come, and free them. */
	g_hash_table_iter_init(&iter, requests->turns);
	while (g_hash_table_iter_next(&iter, NULL, &turn))
		if (((struct turn *)turn)->waiting)
			request_free(((struct turn *)turn)->waiting);
	g_ptr_array_unref(requests->all);
	g_hash_table_unref(requests->pending);
	g_hash_table_unref(requests->turns);
	g_free(requests);
}
