/* SPDX-License-Identifier: GPL-2.0-only */
/* The focus of niri, over its IPC. The socket is niri.DISPLAY.PID.sock in the run-time directory. */
#include <config.h>

#include <string.h>

#include "focus.h"
#include "ipc-stream.h"
#include "niri-message.h"
#include "socket-finder.h"

struct niri {
	focus_report report;
	gpointer userdata;
	struct socket_finder *finder;
	struct ipc_stream *stream; /* NULL: niri does not run */
	struct niri_windows *windows;
};

static gssize on_received(gpointer userdata, const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	struct focus_target target = {0};
	struct niri *niri = userdata;

	if (!end)
		return 0;
	if (niri_windows_handle(niri->windows, (const char *)data, (size_t)(end - data),
				&target.pid))
		niri->report(niri->userdata, &target);
	return end - data + 1;
}

static void on_closed(gpointer userdata, const uint8_t *rest, size_t size)
{
	struct niri *niri = userdata;

	(void)rest, (void)size;
	g_debug("niri hung up");
	niri->stream = NULL;
	g_clear_pointer(&niri->windows, niri_windows_free);
	niri->report(niri->userdata, NULL);
	socket_finder_scan(niri->finder);
}

static void on_found(struct socket_finder *finder, const char *path, gpointer userdata)
{
	static const struct ipc_stream_handler handler = {on_received, on_closed};
	struct niri *niri = userdata;

	if (niri->stream)
		return;
	niri->stream = ipc_stream_open(path, &handler, niri);
	if (niri->stream &&
	    ipc_stream_send(niri->stream, NIRI_EVENT_STREAM, strlen(NIRI_EVENT_STREAM))) {
		g_debug("%s: connected", path);
		niri->windows = niri_windows_new();
		return;
	}
	g_clear_pointer(&niri->stream, ipc_stream_free);
	socket_finder_retry(finder, path);
}

static gpointer niri_start(GDBusConnection *session_bus, focus_report report, gpointer userdata)
{
	struct niri *niri = g_new0(struct niri, 1);

	(void)session_bus;
	niri->report = report;
	niri->userdata = userdata;
	niri->finder =
		socket_finder_new(g_get_user_runtime_dir(), "niri.", ".sock", on_found, niri);
	return niri;
}

static void niri_stop(gpointer data)
{
	struct niri *niri = data;

	socket_finder_free(niri->finder);
	ipc_stream_free(niri->stream);
	niri_windows_free(niri->windows);
	g_free(niri);
}

const struct focus_source focus_niri = {"niri", niri_start, niri_stop};
