/* SPDX-License-Identifier: GPL-2.0-only */
/* See peer-witness.h. */

#include <gio/gunixfdlist.h>

#include "common/names.h"
#include "dbus/service-proxy.h"
#include "session/bus-peer.h"
#include "session/peer-witness.h"
#include "session/unix-socket.h"

struct peer_witness {
	GDBusConnection *bus;
	struct bus_peer *service;
	void (*appeared)(gpointer userdata);
	gpointer userdata;
};

struct peer_question {
	void (*answered)(enum peer_answer answer, gpointer userdata);
	gpointer userdata;
	char *path;
	GCancellable *end;
	guint idle; /* 0, or there was nobody to ask */
};

static gboolean on_nobody(gpointer userdata)
{
	struct peer_question *question = userdata;

	question->idle = 0;
	question->answered(PEER_UNKNOWN, question->userdata);
	return G_SOURCE_REMOVE;
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer userdata)
{
	struct peer_question *question = userdata;
	enum peer_answer answer = PEER_UNKNOWN;
	g_autoptr(GError) error = NULL;
	guint32 uid;

	if (rustland_call_get_socket_peer_finish(RUSTLAND(source), &uid, NULL, result, &error))
		answer = uid == 0 ? PEER_ROOT : PEER_NOT_ROOT;
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return; /* the question is gone from memory */
	if (error)
		g_debug("%s: whose it is, is not known: %s", question->path, error->message);
	if (answer == PEER_NOT_ROOT)
		unix_socket_say_foreign(question->path);
	question->answered(answer, question->userdata);
}

struct peer_question *peer_witness_ask(struct peer_witness *witness, const char *path, int fd,
				       void (*answered)(enum peer_answer answer, gpointer userdata),
				       gpointer userdata)
{
	struct peer_question *question = g_new0(struct peer_question, 1);
	const char *owner = bus_peer_owner(witness->service);
	g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
	g_autoptr(Rustland) proxy = NULL;

	question->answered = answered;
	question->userdata = userdata;
	question->path = g_strdup(path);
	question->end = g_cancellable_new();
	if (!owner || g_unix_fd_list_append(fds, fd, NULL) < 0) {
		question->idle = g_idle_add_full(G_PRIORITY_DEFAULT, on_nobody, question, NULL);
		return question;
	}
	proxy = service_proxy_new(witness->bus, owner);
	rustland_call_get_socket_peer(proxy, g_variant_new_handle(0),
				      G_DBUS_CALL_FLAGS_NO_AUTO_START, BUS_CALL_MS, fds,
				      question->end, on_answer, question);
	return question;
}

void peer_question_free(struct peer_question *question)
{
	if (!question)
		return;
	g_cancellable_cancel(question->end);
	g_clear_handle_id(&question->idle, g_source_remove);
	g_object_unref(question->end);
	g_free(question->path);
	g_free(question);
}

static void on_appeared(gpointer userdata, const char *owner)
{
	struct peer_witness *witness = userdata;

	(void)owner;
	witness->appeared(witness->userdata);
}

static void on_vanished(gpointer userdata)
{
	(void)userdata;
}

struct peer_witness *peer_witness_new(GDBusConnection *system_bus,
				      void (*appeared)(gpointer userdata), gpointer userdata)
{
	static const struct bus_peer_handler handler = {on_appeared, on_vanished};
	struct peer_witness *witness = g_new0(struct peer_witness, 1);

	witness->bus = g_object_ref(system_bus);
	witness->appeared = appeared;
	witness->userdata = userdata;
	witness->service =
		bus_peer_watch(system_bus, SERVICE_NAME, SERVICE_USER, &handler, witness);
	return witness;
}

void peer_witness_free(struct peer_witness *witness)
{
	bus_peer_free(witness->service);
	g_object_unref(witness->bus);
	g_free(witness);
}
