/* SPDX-License-Identifier: GPL-2.0-only */
/* See arguments.h. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus-words.h"
#include "common/limits.h"
#include "ctl/arguments.h"
#include "ctl/error.h"

#define SEC_US	       G_GUINT64_CONSTANT(1000000)
#define INTERVAL_MIN_S 0.1
#define INTERVAL_MAX_S 86400

static gboolean G_GNUC_PRINTF(3, 4)
	refuse(GError **error, const struct command *command, const char *format, ...)
{
	g_autofree char *what = NULL;
	va_list args;

	va_start(args, format);
	what = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error(error, CTL_ERROR, EXIT_USAGE, "%s; see rustlandctl %s%s--help", what,
		    command ? command->name : "", command ? " " : "");
	return FALSE;
}

/* Digits only: the functions of the C library take blanks, signs and half of a word. */
static gboolean parse_number(const char *text, guint64 min, guint64 max, guint64 *ret)
{
	return *text && !text[strspn(text, "0123456789")] &&
	       g_ascii_string_to_unsigned(text, 10, min, max, ret, NULL);
}

/* With a fraction if need be. */
static gboolean parse_seconds(const char *text, double max, double *ret)
{
	size_t len = strspn(text, "0123456789");

	if (!len)
		return FALSE;
	if (text[len] == '.')
		len += 1 + strspn(text + len + 1, "0123456789");
	if (text[len])
		return FALSE;
	*ret = g_ascii_strtod(text, NULL);
	return *ret <= max;
}

static gboolean parse_word(const struct command *command, enum option_id option, const char *value,
			   const char *const *words, const char **ret, GError **error)
{
	g_autofree char *all = NULL;

	*ret = value;
	if (g_strv_contains(words, value))
		return TRUE;
	all = g_strjoinv(", ", (char **)words);
	return refuse(error, command, "--%s: '%s' is not one of %s", option_specs[option].name,
		      value, all);
}

static gboolean parse_timeout(struct arguments *a, const char *value, GError **error)
{
	double seconds;

	if (!parse_seconds(value, BOOST_TIMEOUT_MAX_S, &seconds) || seconds * 1000 < 1)
		return refuse(error, a->command,
			      "--timeout: '%s' is not a number from 0.001 to %d (seconds)", value,
			      BOOST_TIMEOUT_MAX_S);
	a->timeout_us = (guint64)llround(seconds * (double)SEC_US);
	return TRUE;
}

static gboolean parse_interval(struct arguments *a, const char *value, GError **error)
{
	double seconds;

	if (!parse_seconds(value, INTERVAL_MAX_S, &seconds) ||
	    (seconds < INTERVAL_MIN_S && seconds != 0))
		return refuse(error, a->command,
			      "--interval: '%s' is neither 0 nor a number from 0.1 to %d (seconds)",
			      value, INTERVAL_MAX_S);
	a->interval_ms = (guint)lround(seconds * 1000);
	return TRUE;
}

static gboolean parse_option(struct arguments *a, enum option_id option, const char *value,
			     GError **error)
{
	static const char *const scopes[] = {SCOPE_WORD_PROCESS, SCOPE_WORD_TREE, SCOPE_WORD_CGROUP,
					     NULL};
	static const char *const lifetimes[] = {LIFETIME_WORD_PROCESS, LIFETIME_WORD_CLIENT, NULL};

	switch (option) {
	case OPTION_SCOPE:
		return parse_word(a->command, option, value, scopes, &a->scope, error);
	case OPTION_LIFETIME:
		return parse_word(a->command, option, value, lifetimes, &a->lifetime, error);
	case OPTION_TIMEOUT:
		return parse_timeout(a, value, error);
	case OPTION_INTERVAL:
		return parse_interval(a, value, error);
	case OPTION_REASON:
		a->reason = value;
		break;
	case OPTION_APP_ID:
		a->app_id = value;
		break;
	case OPTION_CGROUP:
		a->cgroup = value;
		break;
	case OPTION_REQUIRE:
		a->require = TRUE;
		return TRUE;
	case OPTION_CLEAR:
		a->clear = TRUE;
		return TRUE;
	case OPTION_JSON:
		a->json = TRUE;
		return TRUE;
	case OPTION_HELP:
		a->help = TRUE;
		return TRUE;
	case OPTION_VERSION:
		a->version = TRUE;
		return TRUE;
	case NR_OPTIONS:
		break;
	}
	/* The bus carries nothing else. */
	if (!g_utf8_validate(value, -1, NULL))
		return refuse(error, a->command, "--%s: the value is not UTF-8",
			      option_specs[option].name);
	if (option == OPTION_CGROUP && *value != '/')
		return refuse(error, a->command,
			      "--cgroup: '%s' does not begin with a slash, like those in "
			      "/proc/PID/cgroup",
			      value);
	return TRUE;
}

/*
 * All options of a->command, or those before a command. Returns the index of the first word that is
 * none, or -1.
 */
static int parse_options(struct arguments *a, int argc, char **argv, GError **error)
{
	/* Words after the program that is run are its own. */
	bool till_word = !a->command || a->command->operands == OPERANDS_COMMAND;
	struct option_parser parser;
	struct option_fault fault;
	const char *value = NULL;
	uint64_t takes = 0;
	int option;

	for (guint i = 0; i < NR_OPTIONS; i++)
		if (command_takes(a->command, i))
			takes |= UINT64_C(1) << i;
	option_parser_init(&parser, option_specs, NR_OPTIONS, takes, till_word);
	while ((option = option_parser_next(&parser, argc, argv, &value, &fault)) >= 0)
		if (!parse_option(a, (enum option_id)option, value, error))
			return -1;
	if (option == OPTION_END)
		return parser.first_word;
	refuse(error, a->command, "%s%s%s", fault.before, fault.word, fault.after);
	return -1;
}

/* A process ID, so that it has to fit a pid_t and kill(2)'s special values are none. */
static gboolean parse_pid(struct arguments *a, const char *word, GError **error)
{
	guint64 number;

	if (!parse_number(word, 1, G_MAXINT32, &number))
		return refuse(error, a->command, "'%s' is not a process ID (1 to %d)", word,
			      G_MAXINT32);
	a->pid = (pid_t)number;
	return TRUE;
}

static gboolean parse_cookies(struct arguments *a, char **words, GError **error)
{
	a->cookies = g_array_new(FALSE, FALSE, sizeof(guint32));
	for (; *words; words++) {
		guint64 number;
		guint32 cookie;

		if (!parse_number(*words, 1, G_MAXUINT32, &number))
			return refuse(error, a->command,
				      "'%s' is not a cookie (1 to %u, see rustlandctl list)",
				      *words, G_MAXUINT32);
		cookie = (guint32)number;
		g_array_append_val(a->cookies, cookie);
	}
	return TRUE;
}

static gboolean parse_operands(struct arguments *a, char **words, GError **error)
{
	guint n = g_strv_length(words), max = 1;

	switch (a->command->operands) {
	case OPERANDS_COMMAND:
		if (!n)
			return refuse(error, a->command, "it needs a command to run");
		a->argv = words;
		return TRUE;
	case OPERANDS_COOKIES:
		if (!n)
			return refuse(error, a->command, "it needs a cookie");
		return parse_cookies(a, words, error);
	case OPERANDS_NONE:
		max = 0;
		break;
	case OPERANDS_PID:
		if (!n)
			return refuse(error, a->command, "it needs a process ID");
		break;
	case OPERANDS_FOREGROUND:
		if ((n > 0) + (a->cgroup != NULL) + a->clear != 1)
			return refuse(error, a->command,
				      "it needs one of: a process ID, --cgroup PATH, --clear");
		break;
	case OPERANDS_PROFILE:
		break;
	}
	if (n > max)
		return refuse(error, a->command, "unexpected argument '%s'", words[max]);
	if (!n)
		return TRUE;
	if (a->command->operands != OPERANDS_PROFILE)
		return parse_pid(a, words[0], error);
	a->profile = words[0];
	if (!g_utf8_validate(a->profile, -1, NULL))
		return refuse(error, a->command, "the profile's name is not UTF-8");
	return TRUE;
}

gboolean arguments_parse(struct arguments *ret, int argc, char **argv, GError **error)
{
	int first;

	memset(ret, 0, sizeof(*ret));
	ret->interval_ms = INTERVAL_DEFAULT_MS;
	first = parse_options(ret, argc, argv, error);
	if (first < 0)
		return FALSE;
	if (ret->help || ret->version)
		return TRUE;
	if (first == argc)
		return refuse(error, NULL, "a command is missing");
	ret->command = command_find(argv[first]);
	if (!ret->command)
		return refuse(error, NULL, "there is no command '%s'", argv[first]);
	argc -= first;
	argv += first;
	first = parse_options(ret, argc, argv, error);
	if (first < 0)
		return FALSE;
	return ret->help || parse_operands(ret, argv + first, error);
}

void arguments_clear(struct arguments *args)
{
	g_clear_pointer(&args->cookies, g_array_unref);
}
