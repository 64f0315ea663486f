/* SPDX-License-Identifier: GPL-2.0-only */
/* rustlandctl status: everything that a person asks first, on one screen. */

#include "ctl/client.h"
#include "ctl/convert.h"
#include "ctl/screen.h"
#include "ctl/why.h"

static void copy_members(JsonObject *to, JsonObject *from)
{
	g_autoptr(GList) names = json_object_get_members(from);

	for (GList *l = names; l; l = l->next)
		json_object_set_member(to, l->data, json_object_dup_member(from, l->data));
}

/*
 * What --json prints: "running", whether the service does; its properties, or else a "state" of our
 * own and what the kernel runs; "problems" and "boosts".
 */
static JsonObject *make_status(const struct facts *facts, JsonArray *boosts)
{
	JsonObject *status = json_object_new();

	json_object_set_boolean_member(status, "running", facts->service != NULL);
	if (facts->service) {
		copy_members(status, facts->service);
	} else {
		json_object_set_string_member(status, "state", "stopped");
		json_object_set_string_member(status, "scheduler", facts->kernel_ops);
	}
	json_object_set_array_member(status, "problems", facts_problems(facts));
	json_object_set_array_member(status, "boosts", json_array_ref(boosts));
	return status;
}

/* The service may be gone between two calls: then it is as if it had never been there. */
static gboolean ask_service(GDBusConnection *bus, struct facts *facts, JsonArray **ret_boosts,
			    GError **error)
{
	g_autoptr(GVariant) properties = NULL, boosts = NULL;
	g_autoptr(GError) local = NULL;

	properties = client_properties(bus, &local);
	if (properties)
		boosts = client_boosts(bus, &local);
	if (boosts) {
		facts->service = convert_dict(properties);
		*ret_boosts = convert_boosts(boosts);
		return TRUE;
	}
	if (g_error_matches(local, CTL_ERROR, EXIT_NOT_RUNNING)) {
		*ret_boosts = json_array_new();
		return TRUE;
	}
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

int cmd_status(const struct arguments *args, GError **error)
{
	g_autoptr(GDBusConnection) bus = client_connect(error);
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(JsonArray) boosts = NULL;
	g_autoptr(JsonObject) status = NULL;
	struct facts facts = {0};
	struct view view;
	int result;

	if (!bus || !ask_service(bus, &facts, &boosts, error))
		return EXIT_FAILED;
	facts_read(&facts, bus);
	status = make_status(&facts, boosts);
	if (args->json) {
		print_object(status, FALSE);
	} else {
		screen_view(&view);
		format_status(text, status, &view);
		screen_print(text);
	}
	result = facts_scheduling(&facts) ? EXIT_DONE : EXIT_NOT_RUNNING;
	facts_clear(&facts);
	return result;
}
