/* SPDX-License-Identifier: GPL-2.0-only */
/* See bus-queries.h. */

#include <sys/socket.h>

#include <gio/gunixfdlist.h>

#include "daemon/bus/bus-describe.h"
#include "daemon/bus/bus-private.h"
#include "daemon/bus/bus-queries.h"
#include "daemon/bus/bus-request.h"
#include "daemon/bus/bus-target.h"
#include "daemon/bus/caller.h"
#include "dbus/errors.h"

static gboolean prepare_nothing(struct request *request, const char **ret_action, GError **error)
{
	(void)request, (void)ret_action, (void)error;
	return TRUE;
}

/* ---- ListBoosts, GetBoost ------------------------------------------------------------------- */

static gboolean finish_list(struct request *request, GError **error)
{
	const GPtrArray *all = boosts_all(request->bus->boosts);
	GVariantBuilder b;

	(void)error;
	g_variant_builder_init(&b, G_VARIANT_TYPE("aa{sv}"));
	for (guint i = 0; i < all->len; i++)
		g_variant_builder_add_value(
			&b, describe_boost(g_ptr_array_index(all, i), request->caller->uid));
	g_dbus_method_invocation_return_value(request->invocation, g_variant_new("(aa{sv})", &b));
	return TRUE;
}

static const struct request_kind kind_list = {.prepare = prepare_nothing, .finish = finish_list};

static gboolean on_list_boosts(Rustland *object, GDBusMethodInvocation *invocation, struct bus *bus)
{
	(void)object;
	request_start(request_new(bus, &kind_list, invocation));
	return TRUE;
}

static gboolean finish_boost(struct request *request, GError **error)
{
	const struct boost *boost = target_boost(request, error);

	if (!boost)
		return FALSE;
	g_dbus_method_invocation_return_value(
		request->invocation,
		g_variant_new("(@a{sv})", describe_boost(boost, request->caller->uid)));
	return TRUE;
}

static const struct request_kind kind_boost = {.prepare = prepare_nothing, .finish = finish_boost};

static gboolean on_get_boost(Rustland *object, GDBusMethodInvocation *invocation, guint cookie,
			     struct bus *bus)
{
	struct request *request = request_new(bus, &kind_boost, invocation);

	(void)object;
	request->cookie = cookie;
	request_start(request);
	return TRUE;
}

/* ---- GetProcess, GetProcessByPIDFd ---------------------------------------------------------- */

/* The same whether there is such a process or not: /proc may be mounted so that others are hidden. */
static void set_not_yours(GError **error)
{
	g_clear_error(error);
	g_set_error_literal(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS,
			    "You have no such process; of those of other users only root is told");
}

static gboolean finish_process(struct request *request, GError **error)
{
	uid_t uid = request->caller->uid;
	struct process *process = target_look(request, error);
	gboolean may_know = process && (uid == 0 || uid == process->uid);

	if (may_know)
		g_dbus_method_invocation_return_value(
			request->invocation,
			g_variant_new("(@a{sv})", describe_process(request->bus->boosts, process)));
	else if (process ||
		 (uid && g_error_matches(*error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS)))
		set_not_yours(error);
	process_free(process);
	return may_know;
}

static const struct request_kind kind_process = {.prepare = prepare_nothing,
						 .finish = finish_process};

static gboolean on_get_process(Rustland *object, GDBusMethodInvocation *invocation, guint pid,
			       struct bus *bus)
{
	struct request *request = request_new(bus, &kind_process, invocation);

	(void)object;
	request->pid = pid;
	request_start(request);
	return TRUE;
}

static gboolean on_get_process_by_pidfd(Rustland *object, GDBusMethodInvocation *invocation,
					GUnixFDList *fds, GVariant *handle, struct bus *bus)
{
	struct request *request = request_new(bus, &kind_process, invocation);
	g_autoptr(GError) error = NULL;

	(void)object;
	if (target_take_pidfd(request, fds, handle, &error))
		request_start(request);
	else
		request_fail(request, error);
	return TRUE;
}

/* ---- GetSocketPeer -------------------------------------------------------------------------- */

static gboolean on_get_socket_peer(Rustland *object, GDBusMethodInvocation *invocation,
				   GUnixFDList *fds, GVariant *handle, struct bus *bus)
{
	gint32 index = g_variant_get_handle(handle);
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t size = sizeof(peer);
	const int *sent;
	gint n = 0;

	(void)bus;
	sent = fds ? g_unix_fd_list_peek_fds(fds, &n) : NULL;
	/* For a socket that has no other end the kernel succeeds, and says nobody. */
	if (index < 0 || index >= n ||
	    getsockopt(sent[index], SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
	    peer.uid == (uid_t)-1)
		g_dbus_method_invocation_return_error_literal(
			invocation, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
			"No connected Unix socket came with the call; send one");
	else
		rustland_complete_get_socket_peer(object, invocation, NULL, peer.uid);
	return TRUE;
}

/* ---- All of them ---------------------------------------------------------------------------- */

void bus_queries_connect(struct bus *bus)
{
	static const struct {
		const char *signal;
		GCallback callback;
	} methods[] = {
		{"handle-list-boosts", G_CALLBACK(on_list_boosts)},
		{"handle-get-boost", G_CALLBACK(on_get_boost)},
		{"handle-get-process", G_CALLBACK(on_get_process)},
		{"handle-get-process-by-pidfd", G_CALLBACK(on_get_process_by_pidfd)},
		{"handle-get-socket-peer", G_CALLBACK(on_get_socket_peer)},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(methods); i++)
		g_signal_connect(bus->skeleton, methods[i].signal, methods[i].callback, bus);
}
