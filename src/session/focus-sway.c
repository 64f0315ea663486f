/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The focus of sway, over its IPC. The socket is sway-ipc.UID.PID.sock in the run-time directory; a
 * sway that crashed leaves it behind.
 */
#include <config.h>

#include <unistd.h>

#include "focus.h"
#include "ipc-stream.h"
#include "socket-finder.h"
#include "sway-message.h"

struct sway {
	focus_report report;
	gpointer userdata;
	struct socket_finder *finder;
	struct ipc_stream *stream; /* NULL: sway does not run */
};

static gssize on_received(gpointer userdata, const uint8_t *data, size_t size)
{
	struct focus_target target = {0};
	struct sway *sway = userdata;
	enum sway_type type;
	uint32_t length;

	if (size < SWAY_HEADER_SIZE)
		return 0;
	if (!sway_message_parse_header(data, &type, &length))
		return -1;
	if (size < SWAY_HEADER_SIZE + length)
		return 0;
	if (sway_message_focus(type, (const char *)data + SWAY_HEADER_SIZE, length, &target.pid))
		sway->report(sway->userdata, &target);
	return SWAY_HEADER_SIZE + length;
}

static void on_closed(gpointer userdata, const uint8_t *rest, size_t size)
{
	struct sway *sway = userdata;

	(void)rest, (void)size;
	g_debug("sway hung up");
	sway->stream = NULL;
	sway->report(sway->userdata, NULL);
	socket_finder_scan(sway->finder);
}

static bool send_message(struct ipc_stream *stream, enum sway_type type, const char *payload)
{
	g_autoptr(GBytes) message = sway_message_new(type, payload);
	gsize size;
	const void *data = g_bytes_get_data(message, &size);

	return ipc_stream_send(stream, data, size);
}

static void on_found(struct socket_finder *finder, const char *path, gpointer userdata)
{
	static const struct ipc_stream_handler handler = {on_received, on_closed};
	struct sway *sway = userdata;

	if (sway->stream)
		return;
	sway->stream = ipc_stream_open(path, &handler, sway);
	/* The events first: what changes while the tree is made is told after it. */
	if (sway->stream &&
	    send_message(sway->stream, SWAY_SUBSCRIBE, "[\"window\",\"workspace\"]") &&
	    send_message(sway->stream, SWAY_GET_TREE, NULL)) {
		g_debug("%s: connected", path);
		return;
	}
	g_clear_pointer(&sway->stream, ipc_stream_free);
	socket_finder_retry(finder, path);
}

static gpointer sway_start(GDBusConnection *session_bus, focus_report report, gpointer userdata)
{
	struct sway *sway = g_new0(struct sway, 1);
	g_autofree char *prefix = g_strdup_printf("sway-ipc.%u.", (unsigned int)getuid());

	(void)session_bus;
	sway->report = report;
	sway->userdata = userdata;
	sway->finder = socket_finder_new(g_get_user_runtime_dir(), prefix, ".sock", on_found, sway);
	return sway;
}

static void sway_stop(gpointer data)
{
	struct sway *sway = data;

	socket_finder_free(sway->finder);
	ipc_stream_free(sway->stream);
	g_free(sway);
}

const struct focus_source focus_sway = {"sway", sway_start, sway_stop};
