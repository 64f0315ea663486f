/* SPDX-License-Identifier: GPL-2.0-only */
/* The focus of niri, over its IPC. The socket is niri.DISPLAY.PID.sock in the run-time directory. */

#include <string.h>

#include "session/compositor.h"
#include "session/ipc-stream.h"
#include "session/niri-message.h"

struct niri {
	struct compositor_candidate *candidate;
	struct ipc_stream *stream;
	struct niri_windows *windows;
};

static gssize on_received(gpointer userdata, const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	struct niri *niri = userdata;
	pid_t pid;

	if (!end)
		return 0;
	if (niri_windows_handle(niri->windows, (const char *)data, (size_t)(end - data), &pid))
		compositor_says(niri->candidate, pid);
	return end - data + 1;
}

static void on_closed(gpointer userdata, const uint8_t *rest, size_t size)
{
	struct niri *niri = userdata;

	(void)rest, (void)size;
	compositor_ended(niri->candidate);
}

static void niri_close(gpointer data)
{
	struct niri *niri = data;

	ipc_stream_free(niri->stream);
	niri_windows_free(niri->windows);
	g_free(niri);
}

static gpointer niri_open(struct compositor_candidate *candidate, const char *path)
{
	static const struct ipc_stream_handler handler = {on_received, on_closed};
	struct niri *niri = g_new0(struct niri, 1);

	niri->candidate = candidate;
	niri->windows = niri_windows_new();
	niri->stream = ipc_stream_open(path, &handler, niri);
	if (niri->stream &&
	    ipc_stream_send(niri->stream, NIRI_EVENT_STREAM, strlen(NIRI_EVENT_STREAM)))
		return niri;
	niri_close(niri);
	return NULL;
}

static gpointer niri_start(const struct focus_buses *buses, focus_report report, gpointer userdata)
{
	static const struct compositor_kind kind = {"niri", niri_open, niri_close};
	struct compositor *niri = compositor_new(&kind, report, userdata);

	(void)buses;
	compositor_set_finder(niri, socket_finder_new(g_get_user_runtime_dir(), "niri.", ".sock",
						      compositor_found, niri));
	return niri;
}

static void niri_stop(gpointer data)
{
	compositor_free(data);
}

const struct focus_source focus_niri = {"niri", niri_start, niri_stop};
