/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of rustlandctl's commands against what else knows them: the manual page and the
 * completions for zsh and fish. (That for bash is run by tests/dbus/test_ctl.py.) Each has to know
 * every option of every command, and none that there is not.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ctl/command.h"

static char *read_doc(const char *name)
{
	g_autofree char *path =
		g_build_filename(g_getenv("srcdir") ? g_getenv("srcdir") : ".", "doc", name, NULL);
	g_autoptr(GError) error = NULL;
	char *text;

	if (!g_file_get_contents(path, &text, NULL, &error))
		fail_msg("%s", error->message);
	return text;
}

/* What matches pattern's first group; with one match at least. The caller frees it. */
static GStrv find_all(const char *text, const char *pattern)
{
	g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_MULTILINE | G_REGEX_DOTALL, 0, NULL);
	g_autoptr(GStrvBuilder) found = g_strv_builder_new();
	g_autoptr(GMatchInfo) match = NULL;

	assert_non_null(regex);
	for (g_regex_match(regex, text, 0, &match); g_match_info_matches(match);
	     g_match_info_next(match, NULL)) {
		g_autofree char *group = g_match_info_fetch(match, 1);

		g_strv_builder_add(found, group);
	}
	return g_strv_builder_end(found);
}

/* The one thing that matches. */
static char *find_one(const char *file, const char *text, const char *pattern)
{
	g_auto(GStrv) found = find_all(text, pattern);

	if (g_strv_length(found) != 1)
		fail_msg("%s: %u places match %s", file, g_strv_length(found), pattern);
	return g_strdup(found[0]);
}

/* These are documented once, for all commands. */
static gboolean is_common(guint option)
{
	return option == OPTION_JSON || option == OPTION_HELP;
}

/*
 * The options that match pattern in text, which is about command in file, are those of the command:
 * all of them but those that everybody has, if with_common is FALSE.
 */
static void check_options(const char *file, const struct command *command, const char *text,
			  const char *pattern, gboolean with_common)
{
	g_auto(GStrv) found = find_all(text, pattern);

	for (guint i = 0; i < NR_OPTIONS; i++) {
		gboolean known = g_strv_contains((const char *const *)found, option_specs[i].name);

		if (command_takes(command, i) && !known && (with_common || !is_common(i)))
			fail_msg("%s: %s has no --%s", file, command->name, option_specs[i].name);
	}
	for (guint f = 0; found[f]; f++) {
		gboolean takes = FALSE;

		for (guint i = 0; i < NR_OPTIONS; i++)
			takes |= command_takes(command, i) &&
				 g_str_equal(option_specs[i].name, found[f]);
		if (!takes)
			fail_msg("%s: %s does not take --%s", file, command->name, found[f]);
	}
}

static void check_names(const char *file, const char *text, const char *pattern)
{
	g_auto(GStrv) found = find_all(text, pattern);
	guint n = 0;

	for (; commands[n].name; n++)
		if (!g_strv_contains((const char *const *)found, commands[n].name))
			fail_msg("%s: no command %s", file, commands[n].name);
	if (g_strv_length(found) != n)
		fail_msg("%s: %u commands, not %u", file, g_strv_length(found), n);
}

static void test_table(void **state)
{
	(void)state;
	for (const struct command *c = commands; c->name; c++) {
		assert_ptr_equal(command_find(c->name), c);
		assert_non_null(c->run);
		assert_null(strchr(c->about, '\n'));
	}
	assert_null(command_find("nonsense"));
	assert_null(command_find(""));
	for (guint i = 0; i < NR_OPTIONS; i++) {
		assert_non_null(option_specs[i].name);
		for (guint j = 0; j < i; j++) {
			assert_string_not_equal(option_specs[i].name, option_specs[j].name);
			if (option_specs[i].letter)
				assert_int_not_equal(option_specs[i].letter,
						     option_specs[j].letter);
		}
	}
}

/* Of a terminal that nobody has made wider. */
#define SCREEN_COLUMNS 80

static void check_width(const char *help)
{
	g_auto(GStrv) lines = g_strsplit(help, "\n", -1);

	for (char **line = lines; *line; line++)
		if (strlen(*line) > SCREEN_COLUMNS)
			fail_msg("%zu columns: %s", strlen(*line), *line);
}

static void test_help(void **state)
{
	g_autoptr(GString) whole = g_string_new(NULL);

	(void)state;
	command_help(whole, NULL);
	check_width(whole->str);
	for (const struct command *c = commands; c->name; c++) {
		g_autoptr(GString) help = g_string_new(NULL);

		command_help(help, c);
		check_options("--help", c, help->str, "^  (?:-[a-zA-Z],|   ) --([a-z-]+)", TRUE);
		assert_true(g_str_has_suffix(help->str, "\n"));
		check_width(help->str);
	}
}

static void test_manual(void **state)
{
	g_autofree char *manual = read_doc("rustlandctl.1");
	g_autofree char *all = find_one("rustlandctl.1", manual,
					"^\\.Ss Options of all commands\n(.*?)^\\.S[sh] ");

	(void)state;
	assert_non_null(strstr(all, ".It Fl j , Fl \\-json\n"));
	assert_non_null(strstr(all, ".It Fl h , Fl \\-help\n"));
	assert_non_null(strstr(all, ".It Fl V , Fl \\-version\n"));
	check_names("rustlandctl.1", manual, "^\\.Ss ([a-z]+)$");
	for (const struct command *c = commands; c->name; c++) {
		g_autofree char *pattern = g_strdup_printf("^\\.Ss %s\n(.*?)^\\.S[sh] ", c->name);
		g_autofree char *section = find_one("rustlandctl.1", manual, pattern);

		check_options("rustlandctl.1", c, section, "^\\.It[^\n]* Fl \\\\-([a-z-]+)", FALSE);
		for (guint i = 0; i < NR_OPTIONS; i++) {
			g_autofree char *letter =
				g_strdup_printf("\n.It Fl %c , Fl \\-%s", option_specs[i].letter,
						option_specs[i].name);

			if (command_takes(c, i) && option_specs[i].letter && !is_common(i) &&
			    !strstr(section, letter))
				fail_msg("rustlandctl.1: %s has no -%c", c->name,
					 option_specs[i].letter);
		}
	}
}

static void test_zsh(void **state)
{
	g_autofree char *text = read_doc("completions/rustlandctl.zsh");
	g_autofree char *common = find_one("zsh", text, "^\tcommon=\\((.*?)^\t\\)");
	g_autofree char *boost = find_one("zsh", text, "^\tboost=\\((.*?)^\t\\)");
	g_autofree char *names = find_one("zsh", text, "^\tcommands=\\((.*?)^\t\\)");

	(void)state;
	check_names("zsh", names, "^\t\t'([a-z]+):");
	for (const struct command *c = commands; c->name; c++) {
		g_autofree char *pattern =
			g_strdup_printf("^\t(?:[a-z]+ \\| )*%s(?: \\| [a-z]+)*\\)(.*?);;", c->name);
		g_autofree char *own = find_one("zsh", text, pattern);
		g_autofree char *options = g_strconcat(own, strstr(own, "$common") ? common : "",
						       strstr(own, "$boost") ? boost : "", NULL);

		check_options("zsh", c, options, "[,)']--([a-z-]+)=?[}\\[]", TRUE);
		for (guint i = 0; i < NR_OPTIONS; i++) {
			g_autofree char *letter = g_strdup_printf(
				"{-%c%s,--%s", option_specs[i].letter,
				option_specs[i].value ? "+" : "", option_specs[i].name);

			if (command_takes(c, i) && option_specs[i].letter &&
			    !strstr(options, letter))
				fail_msg("zsh: %s has no -%c", c->name, option_specs[i].letter);
		}
	}
}

/* The lines of the completion for fish that hold while command stands on the command line. */
static char *fish_lines(const char *text, const char *command)
{
	g_autofree char *condition =
		g_strdup_printf("-n '__rustlandctl_on [a-z ]*\\b%s\\b", command);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autoptr(GString) out = g_string_new("\n");

	for (guint i = 0; lines[i]; i++)
		if (g_str_has_prefix(lines[i], "complete ") &&
		    (!strstr(lines[i], " -n ") || g_regex_match_simple(condition, lines[i], 0, 0)))
			g_string_append_printf(out, "%s\n", lines[i]);
	return g_string_free(g_steal_pointer(&out), FALSE);
}

static void test_fish(void **state)
{
	g_autofree char *text = read_doc("completions/rustlandctl.fish");

	(void)state;
	check_names("fish", text, "^complete -c rustlandctl -n __fish_use_subcommand -a ([a-z]+) ");
	for (const struct command *c = commands; c->name; c++) {
		g_autofree char *lines = fish_lines(text, c->name);

		check_options("fish", c, lines, " -l ([a-z-]+) ", TRUE);
		for (guint i = 0; i < NR_OPTIONS; i++) {
			g_autofree char *letter = g_strdup_printf(
				" -s %c -l %s ", option_specs[i].letter, option_specs[i].name);

			if (command_takes(c, i) && option_specs[i].letter && !strstr(lines, letter))
				fail_msg("fish: %s has no -%c", c->name, option_specs[i].letter);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),  cmocka_unit_test(test_help),
		cmocka_unit_test(test_manual), cmocka_unit_test(test_zsh),
		cmocka_unit_test(test_fish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
