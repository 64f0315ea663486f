/* SPDX-License-Identifier: GPL-2.0-only */
/* See command.h. */

#include "ctl/command.h"

#define BIT(option) (1u << (option))
#define BOOST_OPTIONS                                                                              \
	(BIT(OPTION_SCOPE) | BIT(OPTION_REASON) | BIT(OPTION_APP_ID) | BIT(OPTION_TIMEOUT))

const struct option_spec option_specs[NR_OPTIONS] = {
	[OPTION_SCOPE] = {"scope", 's', "SCOPE", "what to boost: process, tree or cgroup"},
	[OPTION_REASON] = {"reason", 'r', "TEXT", "why, for those who look at the list"},
	[OPTION_APP_ID] = {"app-id", 'a', "ID", "the application, such as org.example.Game"},
	[OPTION_LIFETIME] = {"lifetime", 'l', "LIFETIME",
			     "ends with: process (the default), client (this)"},
	[OPTION_TIMEOUT] = {"timeout", 't', "SECONDS", "end after so long at the latest"},
	[OPTION_REQUIRE] = {"require", 0, NULL, "do not run the command without a boost"},
	[OPTION_CGROUP] = {"cgroup", 0, "PATH", "a control group instead of a process"},
	[OPTION_CLEAR] = {"clear", 0, NULL, "nothing is in the foreground any more"},
	[OPTION_INTERVAL] = {"interval", 'i', "SECONDS",
			     "between statistics (default 2); 0: no statistics"},
	[OPTION_JSON] = {"json", 'j', NULL, "print JSON, for programs"},
	[OPTION_HELP] = {"help", 'h', NULL, "show this help and exit"},
	[OPTION_VERSION] = {"version", 'V', NULL, "show the version and exit"},
};

const struct command commands[] = {
	{"status", "", "what runs, why not if it does not, and who is boosted",
	 "Exit status: 0 if rustland schedules this machine, 3 if not.", 0, OPERANDS_NONE,
	 cmd_status},
	{"list", "", "the boosts that there are", NULL, 0, OPERANDS_NONE, cmd_list},
	{"boost", "PID", "boost a process that runs already",
	 "Prints a cookie, by which `rustlandctl release` ends the boost. The default\n"
	 "scope is process; tree adds all its descendants, cgroup its whole control group.\n"
	 "With --lifetime client the command stays, and the boost ends with it.",
	 BOOST_OPTIONS | BIT(OPTION_LIFETIME), OPERANDS_PID, cmd_boost},
	{"release", "COOKIE...", "end boosts", NULL, 0, OPERANDS_COOKIES, cmd_release},
	{"run", "[--] COMMAND [ARGUMENT...]", "run a command that is boosted for its lifetime",
	 "The command takes the place of rustlandctl, as with env(1). The default scope is\n"
	 "tree: what it starts is boosted, too. If the boost fails, a warning is printed\n"
	 "and the command runs all the same, unless there is --require.\n"
	 "With --json, one line with the cookie is printed to standard error.\n"
	 "Exit status: the command's; 125: rustlandctl failed, 126: the command cannot be\n"
	 "executed, 127: it was not found.",
	 BOOST_OPTIONS | BIT(OPTION_REQUIRE), OPERANDS_COMMAND, cmd_run},
	{"foreground", "[PID]", "say what you are looking at",
	 "For desktops that do not say so themselves. One process or one control group for\n"
	 "each user, with its descendants; the next call replaces it.",
	 BIT(OPTION_CGROUP) | BIT(OPTION_CLEAR), OPERANDS_FOREGROUND, cmd_foreground},
	{"profile", "[NAME]", "show the profiles, or choose one", NULL, 0, OPERANDS_PROFILE,
	 cmd_profile},
	{"monitor", "", "follow what happens, until ^C",
	 "Waits for the service if it is not there. With --json, one object on a line.",
	 BIT(OPTION_INTERVAL), OPERANDS_NONE, cmd_monitor},
	{"stats", "", "the counters of the scheduler, explained", NULL, 0, OPERANDS_NONE,
	 cmd_stats},
	{"reload", "", "let the service read its configuration again", NULL, 0, OPERANDS_NONE,
	 cmd_reload},
	{NULL, NULL, NULL, NULL, 0, OPERANDS_NONE, NULL},
};

const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (g_str_equal(c->name, name))
			return c;
	return NULL;
}

gboolean command_takes(const struct command *command, enum option_id option)
{
	guint options = BIT(OPTION_JSON) | BIT(OPTION_HELP);

	options |= command ? command->options : BIT(OPTION_VERSION);
	return (options & BIT(option)) != 0;
}

static void help_options(GString *out, const struct command *command)
{
	g_string_append(out, "\nOptions:\n");
	for (guint i = 0; i < NR_OPTIONS; i++) {
		char line[OPTION_HELP_MAX];

		if (!command_takes(command, i))
			continue;
		option_help(line, &option_specs[i], 21);
		g_string_append(out, line);
	}
}

void command_help(GString *out, const struct command *command)
{
	if (command) {
		g_string_append_printf(out, "Usage: rustlandctl %s [OPTION]...%s%s\n%c%s.\n",
				       command->name, *command->synopsis ? " " : "",
				       command->synopsis, g_ascii_toupper(command->about[0]),
				       command->about + 1);
		if (command->details)
			g_string_append_printf(out, "\n%s\n", command->details);
		help_options(out, command);
		return;
	}
	g_string_append(out, "Usage: rustlandctl [OPTION]... COMMAND [ARGUMENT]...\n"
			     "Talk to the CPU scheduler service scx-rustland.\n\nCommands:\n");
	for (const struct command *c = commands; c->name; c++)
		g_string_append_printf(out, "  %-11s %s\n", c->name, c->about);
	help_options(out, NULL);
	g_string_append(
		out, "\n`rustlandctl COMMAND --help` says more, and so does rustlandctl(1).\n"
		     "Exit status: 0 done, 1 failed, 2 wrong usage, 3 the scheduler does not run,\n"
		     "4 not allowed.\n");
}
