/* SPDX-License-Identifier: GPL-2.0-only */
/* rustlandctl list, release, foreground: boosts, and what is to be seen. */

#include <stdio.h>

#include "ctl/client.h"
#include "ctl/convert.h"
#include "ctl/screen.h"

int cmd_list(const struct arguments *args, GError **error)
{
	g_autoptr(GDBusConnection) bus = client_connect(error);
	g_autoptr(GVariant) list = NULL;
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(JsonArray) boosts = NULL;
	struct view view;

	if (bus)
		list = client_boosts(bus, error);
	if (!list)
		return EXIT_FAILED;
	boosts = convert_boosts(list);
	if (args->json) {
		print_array(boosts);
	} else if (json_array_get_length(boosts) == 0) {
		puts("nothing is boosted");
	} else {
		screen_view(&view);
		format_boosts(text, boosts, &view, "");
		screen_print(text);
	}
	return EXIT_DONE;
}

/* All that can be released are, whatever happens to the others; the last error is returned. */
int cmd_release(const struct arguments *args, GError **error)
{
	g_autoptr(GDBusConnection) bus = client_connect(error);
	g_autoptr(JsonObject) result = json_object_new();
	JsonArray *released = json_array_new();
	g_autoptr(GError) last = NULL;

	json_object_set_array_member(result, "released", released);
	if (!bus)
		return EXIT_FAILED;
	for (guint i = 0; i < args->cookies->len; i++) {
		guint32 cookie = g_array_index(args->cookies, guint32, i);
		g_autoptr(GError) local = NULL;

		if (client_release(bus, cookie, &local)) {
			json_array_add_int_element(released, cookie);
			continue;
		}
		if (last)
			screen_error(last);
		g_clear_error(&last);
		last = g_steal_pointer(&local);
	}
	if (args->json)
		print_object(result, FALSE);
	if (last)
		g_propagate_error(error, g_steal_pointer(&last));
	return EXIT_DONE;
}

static gboolean set_foreground(GDBusConnection *bus, const struct arguments *args, GError **error)
{
	if (args->pid)
		return client_foreground(bus, args->pid, error);
	if (args->cgroup)
		return client_foreground_cgroup(bus, args->cgroup, error);
	return client_foreground_clear(bus, error);
}

int cmd_foreground(const struct arguments *args, GError **error)
{
	g_autoptr(GDBusConnection) bus = client_connect(error);
	g_autoptr(JsonObject) result = json_object_new();

	if (!bus || !set_foreground(bus, args, error))
		return EXIT_FAILED;
	if (args->cgroup)
		json_object_set_string_member(result, "cgroup", args->cgroup);
	else
		json_object_set_int_member(result, "pid", args->pid);
	if (args->json)
		print_object(result, FALSE);
	return EXIT_DONE;
}
