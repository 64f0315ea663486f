/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the service answers, as rustlandctl turns it into JSON and into what a terminal shows. Names
 * and reasons in it are other users': nothing that a terminal obeys may get through.
 *
 * Covers: src/ctl/convert.c src/ctl/format.c src/ctl/text.c
 */
#include "tests/fuzz/fuzz-glib.h"

#include "ctl/convert.h"
#include "ctl/format.h"
#include "ctl/text.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	fuzz_glib_init();
	require(freopen("/dev/null", "we", stdout));
	return 0;
}

static char *user_name(guint uid)
{
	return uid == 1000 ? g_strdup("player") : NULL;
}

static const struct view plain = {.now_usec = 1700000000000000, .user_name = user_name};
static const struct view colour = {.colour = TRUE, .now_usec = 5, .user_name = user_name};

/* Valid UTF-8 without a control character but newlines. */
static void check_shown(const GString *out)
{
	require(g_utf8_validate(out->str, (gssize)out->len, NULL));
	for (const char *p = out->str; *p; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		require(c == '\n' ||
			(!g_unichar_iscntrl(c) && g_unichar_type(c) != G_UNICODE_FORMAT));
	}
}

static void check_boosts(GVariant *variant)
{
	g_autoptr(JsonArray) boosts = convert_boosts(variant);
	g_autoptr(GString) out = g_string_new(NULL);

	require(json_array_get_length(boosts) == g_variant_n_children(variant));
	format_boosts(out, boosts, &plain, "  ");
	for (guint i = 0; i < json_array_get_length(boosts); i++)
		format_boost_line(out, json_array_get_object_element(boosts, i));
	check_shown(out);
	format_boosts(out, boosts, &colour, "");
	print_array(boosts);
}

/* What cmd-status.c and cmd-profile.c put beside the properties. */
static void complete(JsonObject *object)
{
	JsonArray *boosts = json_array_new(), *problems = json_array_new(),
		  *profiles = json_array_new();
	JsonObject *problem = json_object_new();
	g_autofree char *what = g_strconcat("not ", object_text(object, "exit_reason"), NULL);

	json_array_add_object_element(boosts, json_object_new());
	json_object_set_string_member(problem, "problem", what);
	json_object_set_string_member(problem, "fix", "Wait.");
	json_array_add_object_element(problems, problem);
	json_array_add_string_element(profiles, object_text(object, "profile"));
	json_array_add_string_element(profiles, "auto");
	json_object_set_boolean_member(object, "running", json_object_has_member(object, "policy"));
	json_object_set_array_member(object, "boosts", boosts);
	json_object_set_array_member(object, "problems", problems);
	json_object_set_array_member(object, "profiles", profiles);
}

static void check_dict(GVariant *variant)
{
	g_autoptr(JsonObject) object = convert_dict(variant);
	g_autoptr(GString) out = g_string_new(NULL);

	complete(object);
	format_status(out, object, &plain);
	format_profiles(out, object, &plain);
	check_shown(out);
	format_status(out, object, &colour);
	print_object(object, TRUE);
}

static void check_statistics(GVariant *variant)
{
	g_autoptr(JsonObject) now = convert_dict(variant), none = json_object_new();
	g_autoptr(GString) out = g_string_new(NULL);

	format_statistics(out, now, &plain);
	format_statistics_line(out, now, now);
	format_statistics_line(out, now, none);
	check_shown(out);
}

/* As text, in the notation of gdbus(1). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		const char *type;
		void (*check)(GVariant *variant);
	} answers[] = {
		{"aa{sv}", check_boosts},
		{"a{sv}", check_dict},
		{"a{st}", check_statistics},
	};
	char *text = fuzz_text(data, size);
	g_autofree char *clean = text_clean(text);
	g_autoptr(GString) shown = g_string_new(clean);

	check_shown(shown);
	for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
		g_autoptr(GVariant) variant = fuzz_variant(answers[i].type, text);

		if (variant)
			answers[i].check(variant);
	}
	free(text);
	return 0;
}
