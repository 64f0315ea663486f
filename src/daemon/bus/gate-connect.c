/* SPDX-License-Identifier: GPL-2.0-only */
/* See gate-connect.h. */

#include <fcntl.h>
#include <unistd.h>

#include "daemon/bus/gate-connect.h"

/* A connection that is being made. */
struct attempt {
	struct gate *gate;
};

static void attempt_free(gpointer data)
{
	struct attempt *attempt = data;

	gate_free(attempt->gate);
	g_free(attempt);
}

static void on_connection(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autoptr(GTask) task = userdata;
	GError *error = NULL;
	GDBusConnection *connection = g_dbus_connection_new_finish(result, &error);

	(void)source;
	if (connection)
		g_task_return_pointer(task, connection, g_object_unref);
	else
		g_task_return_error(task, error);
}

static void on_stream(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autoptr(GTask) task = userdata;
	g_autoptr(GIOStream) stream = NULL;
	g_autoptr(GSocket) socket = NULL;
	g_autoptr(GSocketConnection) client = NULL;
	struct attempt *attempt = g_task_get_task_data(task);
	GError *error = NULL;
	int bus_fd, fd = -1;

	(void)source;
	stream = g_dbus_address_get_stream_finish(result, NULL, &error);
	if (stream && !G_IS_SOCKET_CONNECTION(stream))
		error = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
					    "the bus is not at a socket");
	if (!error) {
		socket = g_object_ref(g_socket_connection_get_socket(G_SOCKET_CONNECTION(stream)));
		bus_fd = fcntl(g_socket_get_fd(socket), F_DUPFD_CLOEXEC, 3);
		g_clear_object(&socket);
		attempt->gate = gate_new(bus_fd, geteuid(), &fd, &error);
	}
	if (attempt->gate)
		socket = g_socket_new_from_fd(fd, &error);
	if (error) {
		if (fd >= 0)
			close(fd);
		g_task_return_error(task, error);
		return;
	}
	client = g_socket_connection_factory_create_connection(socket);
	g_dbus_connection_new(G_IO_STREAM(client), NULL,
			      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
				      G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
			      NULL, NULL, on_connection, g_steal_pointer(&task));
}

void gate_connect(GAsyncReadyCallback callback, gpointer userdata)
{
	GTask *task = g_task_new(NULL, NULL, callback, userdata);
	GError *error = NULL;
	g_autofree char *address = g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SYSTEM, NULL, &error);

	g_task_set_task_data(task, g_new0(struct attempt, 1), attempt_free);
	if (address) {
		g_dbus_address_get_stream(address, NULL, on_stream, task);
	} else {
		g_task_return_error(task, error);
		g_object_unref(task);
	}
}

GDBusConnection *gate_connect_finish(GAsyncResult *result, struct gate **ret_gate, GError **error)
{
	GTask *task = G_TASK(result);
	GDBusConnection *connection = g_task_propagate_pointer(task, error);

	if (connection)
		*ret_gate = g_steal_pointer(&((struct attempt *)g_task_get_task_data(task))->gate);
	return connection;
}
