/* SPDX-License-Identifier: GPL-2.0-only */
/* See format.h. */

#include "common/stats-fields.h"
#include "ctl/convert.h"
#include "ctl/format.h"
#include "ctl/text.h"

/* ---- status --------------------------------------------------------------------------------- */

static const struct {
	const char *state;
	enum style style;
	const char *about;
} states[] = {
	{"active", STYLE_GOOD, "it schedules this machine"},
	{"degraded", STYLE_WARNING, "it schedules this machine, but with difficulty"},
	{"starting", STYLE_WARNING, "it is about to schedule this machine"},
	{"inhibited", STYLE_WARNING, "another scheduler is at work"},
	{"disabled", STYLE_PLAIN, "the kernel's own scheduler is at work"},
	{"failed", STYLE_BAD, "the kernel's own scheduler is at work"},
	{"stopped", STYLE_PLAIN, "the service does not run"},
};

static void append_state(GString *out, const char *state, gboolean colour)
{
	g_autofree char *clean = text_clean(state);

	g_string_append(out, "scx-rustland: ");
	for (size_t i = 0; i < G_N_ELEMENTS(states); i++) {
		if (!g_str_equal(state, states[i].state))
			continue;
		text_append(out, colour, states[i].style, state);
		g_string_append_printf(out, ", %s\n", states[i].about);
		return;
	}
	g_string_append_printf(out, "%s\n", clean);
}

static void append_field(GString *out, const char *name, const char *value)
{
	g_autofree char *clean = text_clean(value);

	if (*clean)
		g_string_append_printf(out, "%12s: %s\n", name, clean);
}

static void append_slices(GString *out, JsonObject *status)
{
	g_autofree char *min = text_slice(object_number(status, "slice_min_usec"));
	g_autofree char *max = text_slice(object_number(status, "slice_usec"));
	g_autofree char *both = g_strdup_printf("%s to %s", min, max);

	append_field(out, "Time slices", both);
}

static void append_problems(GString *out, JsonObject *status, gboolean colour)
{
	JsonArray *problems = json_object_get_array_member(status, "problems");

	for (guint i = 0; i < json_array_get_length(problems); i++) {
		JsonObject *problem = json_array_get_object_element(problems, i);
		g_autofree char *what = text_clean(object_text(problem, "problem"));
		char *first = g_utf8_next_char(what);
		g_autofree char *sentence =
			g_strdup_printf("%c%s.", g_ascii_toupper(what[0]), first);

		g_string_append_c(out, '\n');
		text_append(out, colour, STYLE_BOLD, sentence);
		g_string_append_printf(out, "\n%s\n", object_text(problem, "fix"));
	}
}

void format_status(GString *out, JsonObject *status, const struct view *view)
{
	g_autofree char *boosts = NULL;
	JsonArray *list;

	append_state(out, object_text(status, "state"), view->colour);
	append_field(out, "Scheduler", object_text(status, "scheduler"));
	if (json_object_get_boolean_member(status, "running")) {
		append_field(out, "Policy", object_text(status, "policy"));
		append_field(out, "Profile", object_text(status, "profile"));
		append_slices(out, status);
		append_field(out, "Last exit", object_text(status, "exit_reason"));
		list = json_object_get_array_member(status, "boosts");
		boosts = g_strdup_printf("%u, at most %" G_GUINT64_FORMAT " for each user",
					 json_array_get_length(list),
					 object_number(status, "max_boosts_per_user"));
		append_field(out, "Boosts", boosts);
		if (json_array_get_length(list)) {
			g_string_append_c(out, '\n');
			format_boosts(out, list, view, "  ");
		}
	}
	append_problems(out, status, view->colour);
}

/* ---- Boosts --------------------------------------------------------------------------------- */

static char *number_text(JsonObject *object, const char *member)
{
	return g_strdup_printf("%" G_GUINT64_FORMAT, object_number(object, member));
}

/* Of the boosts of others the service tells that they are there, and no more. */
static gboolean is_ours(JsonObject *boost)
{
	JsonNode *uid = json_object_get_member(boost, "uid");

	return uid && !json_node_is_null(uid);
}

#define OTHERS "another user's"

static char *user_text(JsonObject *boost, const struct view *view)
{
	char *name = view->user_name((guint)object_number(boost, "uid"));

	return name ? name : number_text(boost, "uid");
}

static char *age_text(JsonObject *boost, const struct view *view)
{
	guint64 since = object_number(boost, "since");

	/* The clock may have been set. */
	return text_duration(view->now_usec > since ? view->now_usec - since : 0);
}

static void add_boost(struct table *table, JsonObject *boost, const struct view *view)
{
	g_autofree char *cookie = number_text(boost, "cookie"), *pid = number_text(boost, "pid"),
			*user = user_text(boost, view), *age = age_text(boost, view);

	if (!is_ours(boost)) {
		table_add(table,
			  (const char *[]){cookie, NULL, OTHERS, object_text(boost, "scope"),
					   object_text(boost, "class"), NULL, NULL, NULL, NULL});
		return;
	}
	/* A control group in the foreground has no process. */
	table_add(table,
		  (const char *[]){
			  cookie, object_number(boost, "pid") ? pid : NULL,
			  object_text(boost, "name"), object_text(boost, "scope"),
			  object_is(boost, "suspended") ? "suspended" : object_text(boost, "class"),
			  user, age, object_text(boost, "app_id"), object_text(boost, "reason")});
}

void format_boosts(GString *out, JsonArray *boosts, const struct view *view, const char *indent)
{
	static const char *const headings[] = {"COOKIE", "PID", "NAME", "SCOPE",  "CLASS",
					       "USER",	 "AGE", "APP",	"REASON", NULL};
	/* The cookie, the PID and the age. */
	struct table *table = table_new(headings, 1 << 0 | 1 << 1 | 1 << 6);

	for (guint i = 0; i < json_array_get_length(boosts); i++)
		add_boost(table, json_array_get_object_element(boosts, i), view);
	table_end(table, out, view->colour, indent);
}

void format_boost_line(GString *out, JsonObject *boost)
{
	g_autofree char *name = text_clean(is_ours(boost) ? object_text(boost, "name") : OTHERS),
			*scope = text_clean(object_text(boost, "scope")),
			*class = text_clean(object_text(boost, "class"));
	guint64 pid = object_number(boost, "pid");

	g_string_append_printf(out, "boost %" G_GUINT64_FORMAT ": %s",
			       object_number(boost, "cookie"), name);
	if (pid)
		g_string_append_printf(out, " (process %" G_GUINT64_FORMAT ")", pid);
	g_string_append_printf(out, ", %s, %s", scope, class);
}

/* ---- profile -------------------------------------------------------------------------------- */

void format_profiles(GString *out, JsonObject *profiles, const struct view *view)
{
	const char *current = object_text(profiles, "profile");
	JsonArray *names = json_object_get_array_member(profiles, "profiles");

	for (guint i = 0; i < json_array_get_length(names); i++) {
		g_autofree char *name = text_clean(json_array_get_string_element(names, i));
		gboolean is_current = g_str_equal(name, current);

		g_string_append(out, is_current ? "* " : "  ");
		text_append(out, view->colour, is_current ? STYLE_BOLD : STYLE_PLAIN, name);
		g_string_append_c(out, '\n');
	}
}

/* ---- Statistics ----------------------------------------------------------------------------- */

void format_statistics(GString *out, JsonObject *statistics, const struct view *view)
{
	static const char *const headings[] = {"NAME", "VALUE", "MEANING", NULL};
	struct table *table = table_new(headings, 1 << 1);
	g_autoptr(GList) names = json_object_get_members(statistics);

	for (GList *l = names; l; l = l->next) {
		g_autofree char *value = number_text(statistics, l->data);
		const struct stats_field *field = stats_field_find(l->data);

		table_add(table, (const char *[]){l->data, value, field ? field->about : NULL});
	}
	table_end(table, out, view->colour, "");
}

void format_statistics_line(GString *out, JsonObject *now, JsonObject *prev)
{
	g_autoptr(GList) names = json_object_get_members(now);
	gboolean any = FALSE;

	for (GList *l = names; l; l = l->next) {
		guint64 value = object_number(now, l->data), before = object_number(prev, l->data);
		g_autofree char *name = text_clean(l->data);
		const struct stats_field *field = stats_field_find(l->data);
		gboolean counter = field && field->counter;

		/* A scheduler that was started again counts from 0. */
		if (counter && value >= before)
			value -= before;
		if (!value)
			continue;
		g_string_append_printf(out, "%s%s %s%" G_GUINT64_FORMAT, any ? ", " : "", name,
				       counter ? "+" : "", value);
		any = TRUE;
	}
	if (!any)
		g_string_append(out, "all 0");
}
