/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The focus of sway, over its IPC. The socket is sway-ipc.UID.PID.sock in the run-time directory; a
 * sway that crashed leaves it behind.
 */

#include <unistd.h>

#include "session/compositor.h"
#include "session/ipc-stream.h"
#include "session/sway-message.h"

static gssize on_received(gpointer userdata, const uint8_t *data, size_t size)
{
	enum sway_type type;
	uint32_t length;
	pid_t pid;

	if (size < SWAY_HEADER_SIZE)
		return 0;
	if (!sway_message_parse_header(data, &type, &length))
		return -1;
	if (size < SWAY_HEADER_SIZE + length)
		return 0;
	if (sway_message_focus(type, (const char *)data + SWAY_HEADER_SIZE, length, &pid))
		compositor_says(userdata, pid);
	return SWAY_HEADER_SIZE + length;
}

static void on_closed(gpointer userdata, const uint8_t *rest, size_t size)
{
	(void)rest, (void)size;
	compositor_ended(userdata);
}

static bool send_message(struct ipc_stream *stream, enum sway_type type, const char *payload)
{
	g_autoptr(GBytes) message = sway_message_new(type, payload);
	gsize size;
	const void *data = g_bytes_get_data(message, &size);

	return ipc_stream_send(stream, data, size);
}

static gpointer sway_open(struct compositor_candidate *candidate, const char *path)
{
	static const struct ipc_stream_handler handler = {on_received, on_closed};
	struct ipc_stream *stream = ipc_stream_open(path, &handler, candidate);

	/* The events first: what changes while the tree is made is told after it. */
	if (stream && send_message(stream, SWAY_SUBSCRIBE, "[\"window\",\"workspace\"]") &&
	    send_message(stream, SWAY_GET_TREE, NULL))
		return stream;
	ipc_stream_free(stream);
	return NULL;
}

static void sway_close(gpointer stream)
{
	ipc_stream_free(stream);
}

static gpointer sway_start(const struct focus_buses *buses, focus_report report, gpointer userdata)
{
	static const struct compositor_kind kind = {"sway", sway_open, sway_close};
	g_autofree char *prefix = g_strdup_printf("sway-ipc.%u.", (unsigned int)getuid());
	struct compositor *sway = compositor_new(&kind, report, userdata);

	(void)buses;
	compositor_set_finder(sway, socket_finder_new(g_get_user_runtime_dir(), prefix, ".sock",
						      compositor_found, sway));
	return sway;
}

static void sway_stop(gpointer data)
{
	compositor_free(data);
}

const struct focus_source focus_sway = {"sway", sway_start, sway_stop};
