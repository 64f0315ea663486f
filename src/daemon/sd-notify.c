/* SPDX-License-Identifier: GPL-2.0-only */
/* See sd-notify.h. */

#include <string.h>

#include <gio/gio.h>
#include <gio/gunixfdmessage.h>
#include <gio/gunixsocketaddress.h>

#include "daemon/sd-notify.h"
#include "daemon/shortage.h"

struct message {
	char *state;
	GSocketControlMessage *fd; /* or NULL */
};

static GSocket *manager;	      /* connected; NULL: not yet, or not any more */
static GQueue waiting = G_QUEUE_INIT; /* of struct message; it is watched while there are any */

static void message_free(struct message *message)
{
	g_clear_object(&message->fd);
	g_free(message->state);
	g_free(message);
}

static struct message *message_new(const char *state, int fd, GError **error)
{
	struct message *message = g_new0(struct message, 1);

	message->state = g_strdup(state);
	if (fd < 0)
		return message;
	message->fd = g_unix_fd_message_new();
	if (g_unix_fd_message_append_fd(G_UNIX_FD_MESSAGE(message->fd), fd, error))
		return message;
	message_free(message);
	return NULL;
}

static GSocket *connect_to(const char *path, GError **error)
{
	g_autoptr(GSocketAddress) address =
		*path == '@' ? g_unix_socket_address_new_with_type(path + 1, -1,
								   G_UNIX_SOCKET_ADDRESS_ABSTRACT)
			     : g_unix_socket_address_new(path);
	g_autoptr(GSocket) one = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM,
					      G_SOCKET_PROTOCOL_DEFAULT, error);

	if (!one)
		return NULL;
	g_socket_set_blocking(one, FALSE);
	return g_socket_connect(one, address, NULL, error) ? g_steal_pointer(&one) : NULL;
}

static gboolean send_once(struct message *message, GError **error)
{
	GOutputVector text = {message->state, strlen(message->state)};

	if (!manager)
		manager = connect_to(g_getenv("NOTIFY_SOCKET"), error);
	return manager &&
	       g_socket_send_message(manager, NULL, &text, 1, &message->fd, message->fd ? 1 : 0,
				     G_SOCKET_MSG_NONE, NULL, error) >= 0;
}

static gboolean is_full(const GError *error)
{
	return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
}

/* A manager that was started again has made its socket anew. */
static gboolean send_message(struct message *message, GError **error)
{
	g_autoptr(GError) local = NULL;

	if (send_once(message, &local))
		return TRUE;
	if (is_full(local)) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	g_clear_object(&manager);
	return send_once(message, error);
}

static gboolean on_writable(GSocket *socket, GIOCondition condition, gpointer userdata)
{
	struct message *message;
	gboolean explained = FALSE;

	(void)socket, (void)condition, (void)userdata;
	while ((message = g_queue_peek_head(&waiting)) != NULL) {
		g_autoptr(GError) error = NULL;
		gboolean sent = send_message(message, &error);

		if (!sent && is_full(error))
			return G_SOURCE_CONTINUE;
		if (!sent && !explained)
			g_warning("the service manager cannot be told: %s", error->message);
		explained = !sent;
		message_free(g_queue_pop_head(&waiting));
	}
	return G_SOURCE_REMOVE;
}

/* Takes the message over. */
static gboolean wait_for_manager(struct message *message, GError **error)
{
	GSource *source;

	if (waiting.length == NOTIFY_WAITING_MAX) {
		message_free(message);
		g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK,
				    "it does not take what it is told");
		return FALSE;
	}
	g_queue_push_tail(&waiting, message);
	if (waiting.length > 1)
		return TRUE;
	source = g_socket_create_source(manager, G_IO_OUT, NULL);
	g_source_set_callback(source, G_SOURCE_FUNC(on_writable), NULL, NULL);
	g_source_attach(source, NULL);
	g_source_unref(source);
	return TRUE;
}

static gboolean tell(const char *state, int fd, GError **error)
{
	struct message *message = message_new(state, fd, error);
	g_autoptr(GError) local = NULL;
	gboolean sent;

	if (!message)
		return FALSE;
	sent = waiting.length == 0 && send_message(message, &local);
	if (!sent && (waiting.length || is_full(local)))
		return wait_for_manager(message, error);
	message_free(message);
	if (!sent)
		g_propagate_error(error, g_steal_pointer(&local));
	return sent;
}

/* GLib has no code of its own for what the whole system has too many of. */
static gboolean is_for_want_of_descriptors(const GError *error)
{
	return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES) ||
	       g_error_matches(error, G_IO_ERROR, G_IO_ERROR_FAILED);
}

gboolean notify_manager(const char *state, int fd, GError **error)
{
	const char *path = g_getenv("NOTIFY_SOCKET");
	g_autoptr(GError) local = NULL;
	gboolean told;

	if (!path || (*path != '/' && *path != '@'))
		return TRUE;
	if (tell(state, fd, &local))
		return TRUE;
	if (!is_for_want_of_descriptors(local)) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	/* Once more with the descriptors that are kept for this. */
	give_spare_descriptors();
	told = tell(state, fd, error);
	keep_spare_descriptors();
	return told;
}
