/* SPDX-License-Identifier: GPL-2.0-only */
/* See bus-target.h. */

#include <errno.h>
#include <inttypes.h>

#include "daemon/bus/bus-private.h"
#include "daemon/bus/bus-request.h"
#include "daemon/bus/bus-target.h"
#include "daemon/bus/caller.h"
#include "dbus/errors.h"
#include "daemon/boost/process.h"
#include "daemon/shortage.h"

gboolean target_take_pidfd(struct request *request, GUnixFDList *fds, GVariant *handle,
			   GError **error)
{
	gint32 index = g_variant_get_handle(handle);

	if (fds && index >= 0 && index < g_unix_fd_list_get_length(fds)) {
		/* A duplicate, which takes a free descriptor. */
		request->pidfd = g_unix_fd_list_get(fds, index, NULL);
		if (request->pidfd < 0)
			set_shortage(EMFILE, error);
		return request->pidfd >= 0;
	}
	g_set_error_literal(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
			    "No descriptor came with the call; send a pidfd");
	return FALSE;
}

static gboolean check_number(const struct request *request, GError **error)
{
	if (caller_shares_numbers(request->caller))
		return TRUE;
	if (is_shortage(errno)) {
		set_shortage(errno, error);
		return FALSE;
	}
	g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
		    "%u is a number of another pid namespace, where it may mean another process; "
		    "send a pidfd (pidfd_open(2)) with %sByPIDFd",
		    request->pid, g_dbus_method_invocation_get_method_name(request->invocation));
	return FALSE;
}

struct process *target_pin(const struct request *request, GError **error)
{
	if (request->pidfd >= 0)
		return process_pin_fd(request->pidfd, error);
	return check_number(request, error) ? process_pin(request->pid, error) : NULL;
}

struct process *target_look(const struct request *request, GError **error)
{
	if (request->pidfd >= 0)
		return process_look_fd(request->pidfd, error);
	return check_number(request, error) ? process_look(request->pid, error) : NULL;
}

const struct boost *target_boost(const struct request *request, GError **error)
{
	const struct boost *boost = boosts_find(request->bus->boosts, request->cookie);

	if (!boost)
		g_set_error(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_BOOST,
			    "There is no boost %" PRIu32 "; it may have ended by itself",
			    request->cookie);
	return boost;
}
