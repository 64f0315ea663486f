/* SPDX-License-Identifier: GPL-2.0-only */
/* See niri-message.h. */

#include "session/json-value.h"
#include "session/niri-message.h"

/* More than anybody has; a number that is not remembered has no process. */
#define WINDOWS_MAX 4096

struct niri_windows {
	GHashTable *pids; /* number of a window to its process */
	gint64 focused;	  /* number of the window, if ... */
	bool has_focused; /* ... this says so */
};

struct niri_windows *niri_windows_new(void)
{
	struct niri_windows *windows = g_new0(struct niri_windows, 1);

	windows->pids = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	return windows;
}

void niri_windows_free(struct niri_windows *windows)
{
	if (!windows)
		return;
	g_hash_table_unref(windows->pids);
	g_free(windows);
}

/* Of a window's description. */
static void learn(struct niri_windows *windows, JsonObject *window)
{
	gint64 id;

	if (!json_value_number(window, "id", &id))
		return;
	if (g_hash_table_size(windows->pids) < WINDOWS_MAX ||
	    g_hash_table_contains(windows->pids, &id))
		g_hash_table_insert(windows->pids, g_memdup2(&id, sizeof(id)),
				    GINT_TO_POINTER(json_value_pid(window)));
	if (json_value_is_true(window, "is_focused")) {
		windows->focused = id;
		windows->has_focused = true;
	} else if (windows->has_focused && windows->focused == id) {
		windows->has_focused = false;
	}
}

static void learn_all(struct niri_windows *windows, JsonArray *array)
{
	g_hash_table_remove_all(windows->pids);
	windows->has_focused = false;
	for (guint i = 0; i < json_array_get_length(array); i++) {
		JsonObject *window = json_value_element(array, i);

		if (window)
			learn(windows, window);
	}
}

static void forget(struct niri_windows *windows, gint64 id)
{
	g_hash_table_remove(windows->pids, &id);
	if (windows->focused == id)
		windows->has_focused = false;
}

/* False if it is of no interest. */
static bool take(struct niri_windows *windows, JsonObject *event)
{
	JsonObject *body, *window;
	JsonArray *all;
	gint64 id;

	body = json_value_object(event, "WindowFocusChanged");
	if (body) {
		windows->has_focused = json_value_number(body, "id", &windows->focused);
		return true;
	}
	body = json_value_object(event, "WindowOpenedOrChanged");
	window = body ? json_value_object(body, "window") : NULL;
	if (window) {
		learn(windows, window);
		return true;
	}
	body = json_value_object(event, "WindowClosed");
	if (body && json_value_number(body, "id", &id)) {
		forget(windows, id);
		return true;
	}
	body = json_value_object(event, "WindowsChanged");
	all = body ? json_value_array(body, "windows") : NULL;
	if (all)
		learn_all(windows, all);
	return all != NULL;
}

bool niri_windows_handle(struct niri_windows *windows, const char *line, size_t size,
			 pid_t *ret_pid)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	JsonObject *event = json_value_parse(parser, line, size);

	if (!event || !take(windows, event))
		return false;
	*ret_pid = windows->has_focused
			   ? GPOINTER_TO_INT(g_hash_table_lookup(windows->pids, &windows->focused))
			   : 0;
	return true;
}
