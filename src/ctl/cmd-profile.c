/* SPDX-License-Identifier: GPL-2.0-only */
/* rustlandctl profile, reload: how the service is configured. */

#include "ctl/client.h"
#include "ctl/convert.h"
#include "ctl/screen.h"

/* "profile" and "profiles" of the service's properties. */
static JsonObject *ask_profiles(GDBusConnection *bus, GError **error)
{
	static const char *const members[] = {"profile", "profiles"};
	g_autoptr(GVariant) properties = client_properties(bus, error);
	g_autoptr(JsonObject) all = NULL, some = json_object_new();

	if (!properties)
		return NULL;
	all = convert_dict(properties);
	for (gsize i = 0; i < G_N_ELEMENTS(members); i++) {
		JsonNode *node = json_object_dup_member(all, members[i]);

		if (!node) {
			g_set_error(error, CTL_ERROR, EXIT_FAILED,
				    "the service knows no profiles; it is of another version");
			return NULL;
		}
		json_object_set_member(some, members[i], node);
	}
	return g_steal_pointer(&some);
}

int cmd_profile(const struct arguments *args, GError **error)
{
	g_autoptr(GDBusConnection) bus = client_connect(error);
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(JsonObject) profiles = NULL;
	struct view view;

	if (!bus || (args->profile && !client_set_profile(bus, args->profile, error)))
		return EXIT_FAILED;
	/* Nothing is said about what went well, but to programs. */
	if (args->profile && !args->json)
		return EXIT_DONE;
	profiles = ask_profiles(bus, error);
	if (!profiles)
		return EXIT_FAILED;
	if (args->json) {
		print_object(profiles, FALSE);
	} else {
		screen_view(&view);
		format_profiles(text, profiles, &view);
		screen_print(text);
	}
	return EXIT_DONE;
}

int cmd_reload(const struct arguments *args, GError **error)
{
	g_autoptr(GDBusConnection) bus = client_connect(error);
	g_autoptr(JsonObject) result = json_object_new();

	if (!bus || !client_reload(bus, error))
		return EXIT_FAILED;
	json_object_set_boolean_member(result, "reloaded", TRUE);
	if (args->json)
		print_object(result, FALSE);
	return EXIT_DONE;
}
