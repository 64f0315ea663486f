/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The focus of Hyprland, over its IPC: hypr/INSTANCE in the run-time directory has a socket for
 * events, which do not name a process, and one for questions. Hyprland stands still as long as a
 * question is open, so each one is sent at once, on a connection of its own, and there is one at a
 * time however fast the focus changes.
 */
#include <config.h>

#include <string.h>

#include "focus.h"
#include "hyprland-message.h"
#include "ipc-stream.h"
#include "socket-finder.h"

/* When it does not listen, or too many wait for it. */
#define RETRY_MS 200

struct hyprland {
	focus_report report;
	gpointer userdata;
	struct socket_finder *directory; /* waits for "hypr" */
	struct socket_finder *instances; /* NULL as long as there has been none */
	char *instance;			 /* the directory of the one that is followed */
	struct ipc_stream *events;	 /* NULL: it does not run */
	struct ipc_stream *question;	 /* NULL: none is open */
	bool changed;			 /* the answer to come is out of date */
	guint retry;			 /* of a question that could not be asked */
};

static void ask(struct hyprland *hyprland);

static gssize on_answer_part(gpointer userdata, const uint8_t *data, size_t size)
{
	(void)userdata, (void)data, (void)size;
	return 0; /* it is complete when Hyprland hangs up */
}

static void on_answer(gpointer userdata, const uint8_t *data, size_t size)
{
	struct hyprland *hyprland = userdata;
	struct focus_target target = {.pid = hyprland_message_pid((const char *)data, size)};

	hyprland->question = NULL;
	if (hyprland->changed)
		ask(hyprland);
	else
		hyprland->report(hyprland->userdata, &target);
}

static gboolean on_retry(gpointer userdata)
{
	struct hyprland *hyprland = userdata;

	hyprland->retry = 0;
	ask(hyprland);
	return G_SOURCE_REMOVE;
}

static void ask(struct hyprland *hyprland)
{
	static const struct ipc_stream_handler handler = {on_answer_part, on_answer};
	g_autofree char *path = g_build_filename(hyprland->instance, ".socket.sock", NULL);

	hyprland->changed = hyprland->question != NULL;
	if (hyprland->changed)
		return;
	hyprland->question = ipc_stream_open(path, &handler, hyprland);
	if (hyprland->question && !ipc_stream_send(hyprland->question, HYPRLAND_ACTIVE_WINDOW,
						   strlen(HYPRLAND_ACTIVE_WINDOW)))
		g_clear_pointer(&hyprland->question, ipc_stream_free);
	if (!hyprland->question && !hyprland->retry)
		hyprland->retry = g_timeout_add(RETRY_MS, on_retry, hyprland);
}

static gssize on_events(gpointer userdata, const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);

	if (!end)
		return 0;
	if (hyprland_message_is_focus((const char *)data, (size_t)(end - data)))
		ask(userdata);
	return end - data + 1;
}

static void hang_up(struct hyprland *hyprland)
{
	g_clear_handle_id(&hyprland->retry, g_source_remove);
	g_clear_pointer(&hyprland->question, ipc_stream_free);
	g_clear_pointer(&hyprland->instance, g_free);
}

static void on_closed(gpointer userdata, const uint8_t *rest, size_t size)
{
	struct hyprland *hyprland = userdata;

	(void)rest, (void)size;
	g_debug("Hyprland hung up");
	hyprland->events = NULL;
	hang_up(hyprland);
	hyprland->report(hyprland->userdata, NULL);
	socket_finder_scan(hyprland->instances);
}

static void on_instance(struct socket_finder *finder, const char *path, gpointer userdata)
{
	static const struct ipc_stream_handler handler = {on_events, on_closed};
	g_autofree char *events = g_build_filename(path, ".socket2.sock", NULL);
	struct hyprland *hyprland = userdata;

	if (hyprland->events)
		return;
	hyprland->events = ipc_stream_open(events, &handler, hyprland);
	if (!hyprland->events) {
		socket_finder_retry(finder, path);
		return;
	}
	g_debug("%s: connected", events);
	hyprland->instance = g_strdup(path);
	ask(hyprland);
}

static void on_directory(struct socket_finder *finder, const char *path, gpointer userdata)
{
	struct hyprland *hyprland = userdata;

	(void)finder;
	if (!g_str_has_suffix(path, "/hypr"))
		return;
	socket_finder_free(hyprland->instances); /* of a directory that is gone */
	hyprland->instances = socket_finder_new(path, "", "", on_instance, hyprland);
}

static gpointer hyprland_start(GDBusConnection *session_bus, focus_report report, gpointer userdata)
{
	struct hyprland *hyprland = g_new0(struct hyprland, 1);

	(void)session_bus;
	hyprland->report = report;
	hyprland->userdata = userdata;
	hyprland->directory =
		socket_finder_new(g_get_user_runtime_dir(), "hypr", "", on_directory, hyprland);
	return hyprland;
}

static void hyprland_stop(gpointer data)
{
	struct hyprland *hyprland = data;

	socket_finder_free(hyprland->directory);
	socket_finder_free(hyprland->instances);
	hang_up(hyprland);
	ipc_stream_free(hyprland->events);
	g_free(hyprland);
}

const struct focus_source focus_hyprland = {"Hyprland", hyprland_start, hyprland_stop};
