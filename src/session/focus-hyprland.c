/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The focus of Hyprland, over its IPC: hypr/INSTANCE in the run-time directory has a socket for
 * events, which do not name a process, and one for questions. Hyprland stands still as long as a
 * question is open, so each one is sent at once, on a connection of its own, and there is one at a
 * time however fast the focus changes.
 */

#include <string.h>

#include "session/compositor.h"
#include "session/hyprland-message.h"
#include "session/ipc-stream.h"

/* When it does not listen, or too many wait for it: doubled each time, up to 13 s. */
#define RETRY_MS	  200
#define RETRY_DOUBLED_MAX 6
/* An answer that has not come by then does not come. */
#define ANSWER_MS 5000

struct instance {
	struct compositor_candidate *candidate;
	char *path;
	struct ipc_stream *events;
	struct ipc_stream *question; /* NULL: none is open */
	bool changed;		     /* the answer to come is out of date */
	guint limit;		     /* of the open question */
	guint retry;		     /* of a question that could not be asked, or had no answer */
	guint failures;		     /* of those, in a row */
};

/* The source: what is in the run-time directory, and what is in "hypr" there. */
struct hyprland {
	struct socket_finder *directory;
	struct compositor *compositor;
};

static void ask(struct instance *instance);

static gboolean on_retry(gpointer userdata)
{
	struct instance *instance = userdata;

	instance->retry = 0;
	ask(instance);
	return G_SOURCE_REMOVE;
}

static void ask_later(struct instance *instance)
{
	if (instance->retry)
		return;
	instance->retry = g_timeout_add(RETRY_MS << instance->failures, on_retry, instance);
	instance->failures = MIN(instance->failures + 1, RETRY_DOUBLED_MAX);
}

static gboolean on_limit(gpointer userdata)
{
	struct instance *instance = userdata;

	instance->limit = 0;
	g_clear_pointer(&instance->question, ipc_stream_free);
	ask_later(instance);
	return G_SOURCE_REMOVE;
}

static gssize on_answer_part(gpointer userdata, const uint8_t *data, size_t size)
{
	(void)userdata, (void)data, (void)size;
	return 0; /* it is complete when Hyprland hangs up */
}

static void on_answer(gpointer userdata, const uint8_t *data, size_t size)
{
	struct instance *instance = userdata;

	g_clear_pointer(&instance->question, ipc_stream_free);
	instance->failures = 0;
	g_clear_handle_id(&instance->limit, g_source_remove);
	if (instance->changed)
		ask(instance);
	else
		compositor_says(instance->candidate,
				hyprland_message_pid((const char *)data, size));
}

static void ask(struct instance *instance)
{
	static const struct ipc_stream_handler handler = {on_answer_part, on_answer};
	g_autofree char *path = g_build_filename(instance->path, ".socket.sock", NULL);

	instance->changed = instance->question != NULL;
	if (instance->changed)
		return;
	instance->question = ipc_stream_open(path, &handler, instance);
	if (instance->question && !ipc_stream_send(instance->question, HYPRLAND_ACTIVE_WINDOW,
						   strlen(HYPRLAND_ACTIVE_WINDOW)))
		g_clear_pointer(&instance->question, ipc_stream_free);
	if (instance->question)
		instance->limit = g_timeout_add(ANSWER_MS, on_limit, instance);
	else
		ask_later(instance);
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

static void on_closed(gpointer userdata, const uint8_t *rest, size_t size)
{
	struct instance *instance = userdata;

	(void)rest, (void)size;
	compositor_ended(instance->candidate);
}

static void instance_close(gpointer data)
{
	struct instance *instance = data;

	g_clear_handle_id(&instance->limit, g_source_remove);
	g_clear_handle_id(&instance->retry, g_source_remove);
	ipc_stream_free(instance->question);
	ipc_stream_free(instance->events);
	g_free(instance->path);
	g_free(instance);
}

static gpointer instance_open(struct compositor_candidate *candidate, const char *path)
{
	static const struct ipc_stream_handler handler = {on_events, on_closed};
	g_autofree char *events = g_build_filename(path, ".socket2.sock", NULL);
	struct instance *instance;
	struct ipc_stream *stream = NULL;

	instance = g_new0(struct instance, 1);
	stream = ipc_stream_open(events, &handler, instance);
	if (!stream) {
		g_free(instance);
		return NULL;
	}
	instance->candidate = candidate;
	instance->path = g_strdup(path);
	instance->events = stream;
	ask(instance);
	return instance;
}

static void on_directory(struct socket_finder *finder, const char *path, gpointer userdata)
{
	struct compositor *compositor = userdata;

	(void)finder;
	if (!g_str_has_suffix(path, "/hypr"))
		return;
	/* It takes the place of a directory that is gone. */
	compositor_set_finder(compositor,
			      socket_finder_new(path, "", "", compositor_found, compositor));
}

static gpointer hyprland_start(const struct focus_buses *buses, focus_report report,
			       gpointer userdata)
{
	static const struct compositor_kind kind = {"Hyprland", instance_open, instance_close};
	struct hyprland *hyprland = g_new0(struct hyprland, 1);

	(void)buses;
	hyprland->compositor = compositor_new(&kind, report, userdata);
	hyprland->directory = socket_finder_new(g_get_user_runtime_dir(), "hypr", "", on_directory,
						hyprland->compositor);
	return hyprland;
}

static void hyprland_stop(gpointer data)
{
	struct hyprland *hyprland = data;

	socket_finder_free(hyprland->directory);
	compositor_free(hyprland->compositor);
	g_free(hyprland);
}

const struct focus_source focus_hyprland = {"Hyprland", hyprland_start, hyprland_stop};
