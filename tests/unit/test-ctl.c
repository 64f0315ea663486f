/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of rustlandctl that need no bus: reading the command line, errors, and what is shown. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <rustland.h>

#include "common/bus-words.h"
#include "common/names.h"
#include "common/sched-ext.h"
#include "ctl/arguments.h"
#include "ctl/convert.h"
#include "ctl/error.h"
#include "ctl/format.h"
#include "ctl/text.h"
#include "ctl/why.h"
#include "dbus/errors.h"

/* ---- The command line ----------------------------------------------------------------------- */

static struct arguments args;

#define parse(...) parse_words((char *[]){"rustlandctl", __VA_ARGS__, NULL})

static gboolean parse_words(char **words)
{
	g_autoptr(GError) error = NULL;
	gboolean ok;

	arguments_clear(&args);
	ok = arguments_parse(&args, (int)g_strv_length(words), words, &error);
	if (!ok && error)
		print_message("%s\n", error->message);
	return ok;
}

static void check_refused(char **words, const char *text)
{
	g_autoptr(GError) error = NULL;

	arguments_clear(&args);
	assert_false(arguments_parse(&args, (int)g_strv_length(words), words, &error));
	assert_true(g_error_matches(error, CTL_ERROR, EXIT_USAGE));
	if (!strstr(error->message, text) || !strstr(error->message, "--help") ||
	    strchr(error->message, '\n'))
		fail_msg("'%s' says not %s and --help, or is not one line", error->message, text);
}

#define refused(text, ...) check_refused((char *[]){"rustlandctl", __VA_ARGS__, NULL}, text)

static void test_parse(void **state)
{
	(void)state;
	assert_true(parse("status"));
	assert_string_equal(args.command->name, "status");
	assert_false(args.json || args.help || args.version);
	assert_true(parse("--json", "status"));
	assert_true(args.json);
	assert_true(parse("status", "-j"));
	assert_true(args.json);
	assert_true(parse("boost", "4711", "-s", "tree", "--reason=x y", "-aid", "-t", "0.25"));
	assert_int_equal(args.pid, 4711);
	assert_string_equal(args.scope, "tree");
	assert_string_equal(args.reason, "x y");
	assert_string_equal(args.app_id, "id");
	assert_int_equal(args.timeout_us, 250000);
	assert_null(args.lifetime);
	assert_true(parse("boost", "--", "1"));
	assert_int_equal(args.pid, 1);
	assert_true(parse("boost", "2147483647", "-t", "604800"));
	assert_int_equal(args.pid, INT32_MAX);
	assert_int_equal(args.timeout_us, UINT64_C(604800000000));
	assert_true(parse("release", "1", "4294967295"));
	assert_int_equal(args.cookies->len, 2);
	assert_int_equal(g_array_index(args.cookies, guint32, 1), UINT32_MAX);
	assert_true(parse("profile"));
	assert_null(args.profile);
	assert_true(parse("profile", "gaming"));
	assert_string_equal(args.profile, "gaming");
	assert_true(parse("foreground", "--cgroup", "/a"));
	assert_string_equal(args.cgroup, "/a");
	assert_true(parse("monitor"));
	assert_int_equal(args.interval_ms, INTERVAL_DEFAULT_MS);
	assert_true(parse("monitor", "-i", "0.1"));
	assert_int_equal(args.interval_ms, 100);
	assert_true(parse("monitor", "-i0"));
	assert_int_equal(args.interval_ms, 0);
	/* Help is given whatever is missing. */
	assert_true(parse("boost", "--help") && args.help);
	assert_true(parse("--help") && args.help && !args.command);
	assert_true(parse("-V") && args.version);
}

static void test_parse_run(void **state)
{
	(void)state;
	assert_true(parse("run", "--require", "make", "-j", "--help"));
	assert_true(args.require && !args.json && !args.help);
	assert_string_equal(args.argv[0], "make");
	assert_string_equal(args.argv[1], "-j");
	assert_string_equal(args.argv[2], "--help");
	assert_null(args.argv[3]);
	assert_true(parse("run", "-j", "--", "-odd"));
	assert_true(args.json);
	assert_string_equal(args.argv[0], "-odd");
	assert_true(parse("run", "a", "--", "b"));
	assert_string_equal(args.argv[1], "--");
	refused("needs a command", "run");
	refused("needs a command", "run", "--");
	refused("unknown option '--lifetime'", "run", "--lifetime", "client", "true");
	refused("unknown option '-l'", "run", "-l", "client", "true");
}

static void test_refused(void **state)
{
	static const char *const numbers[] = {"",   "0",    "-1",  "+1",  " 1",		"1 ",
					      "1x", "0x10", "1.0", "nan", "4294967296", "ten"};
	static const char *const seconds[] = {"",    "0",      "-1",	 "+1",	 " 1",
					      "1s",  "1e3",    ".5",	 "nan",	 "inf",
					      "1,5", "0.0009", "604801", "1.5.1"};

	(void)state;
	for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++) {
		refused("is not a process ID", "boost", "--", (char *)numbers[i]);
		refused("is not a process ID", "foreground", "--", (char *)numbers[i]);
		refused("is not a cookie", "release", "--", "5", (char *)numbers[i]);
	}
	refused("is not a process ID", "boost", "2147483648");
	for (gsize i = 0; i < G_N_ELEMENTS(seconds); i++)
		refused("0.001 to 604800", "boost", "1", "--timeout", (char *)seconds[i]);
	refused("0.1 to 86400", "monitor", "-i", "0.09");
	refused("0.1 to 86400", "monitor", "-i", "86401");
	refused("process, tree, cgroup", "boost", "1", "-s", "Tree");
	refused("process, client", "boost", "1", "-l", "");
	refused("command is missing", "--json");
	refused("no command 'x'", "x");
	refused("unknown option '-s'", "list", "-s", "tree");
	refused("unknown option '--version'", "list", "--version");
	refused("unknown option '--scope'", "--scope", "tree", "boost", "1");
	refused("needs a value", "boost", "1", "--scope");
	refused("takes no value", "list", "--json=yes");
	refused("unexpected argument 'b'", "profile", "a", "b");
	refused("unexpected argument 'a'", "stats", "a");
	refused("needs one of", "foreground");
	refused("needs one of", "foreground", "1", "--cgroup", "/a");
	refused("begin with a slash", "foreground", "--cgroup", "a");
	refused("not UTF-8", "boost", "1", "-r", "\xff");
	refused("not UTF-8", "profile", "\xff");
}

/* ---- Errors --------------------------------------------------------------------------------- */

/* As GDBus makes it of an answer, when a proxy has been made. */
static GError *explain(const char *name, const char *said, gboolean is_root)
{
	(void)RUSTLAND_ERROR;
	return error_explain(g_dbus_error_new_for_dbus_error(name, said), "process 5", is_root);
}

static void test_errors(void **state)
{
	static const struct {
		const char *name;
		int status;
		const char *text;
	} cases[] = {
		{SERVICE_ERRORS "NoSuchProcess", EXIT_FAILED, "no such process (it said)"},
		{SERVICE_ERRORS "NoSuchBoost", EXIT_FAILED, "rustlandctl list"},
		{SERVICE_ERRORS "LimitExceeded", EXIT_FAILED, "MaxPerUser in rustland.conf(5)"},
		{SERVICE_ERRORS "RateLimited", EXIT_FAILED, "MaxChanges"},
		{SERVICE_ERRORS "NotRunning", EXIT_NOT_RUNNING, "rustlandctl status"},
		{"org.freedesktop.DBus.Error.InvalidArgs", EXIT_FAILED, "process 5: it said"},
		{"org.freedesktop.DBus.Error.NoReply", EXIT_FAILED, "journalctl"},
		{"org.freedesktop.DBus.Error.UnknownMethod", EXIT_FAILED, "another version"},
		{"org.freedesktop.DBus.Error.LimitsExceeded", EXIT_FAILED, "process 5: it said"},
		{"org.example.New", EXIT_FAILED, "it said (org.example.New)"},
	};

	(void)state;
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = explain(cases[i].name, "it said", FALSE);

		assert_true(error->domain == CTL_ERROR);
		assert_int_equal(error->code, cases[i].status);
		if (!strstr(error->message, cases[i].text))
			fail_msg("'%s' does not say %s", error->message, cases[i].text);
	}
}

#define DENIED "org.freedesktop.DBus.Error.AccessDenied"

static void check_denied(const char *said, gboolean is_root, const char *has, const char *lacks)
{
	g_autoptr(GError) error = explain(DENIED, said, is_root);

	assert_int_equal(error->code, EXIT_DENIED);
	assert_non_null(strstr(error->message, "process 5: this is not allowed ("));
	assert_non_null(strstr(error->message, said));
	if (has && !strstr(error->message, has))
		fail_msg("'%s' does not say %s", error->message, has);
	if (lacks && strstr(error->message, lacks))
		fail_msg("'%s' says %s", error->message, lacks);
}

/* What the service says names the action that it takes. */
static void test_denied(void **state)
{
	static const struct {
		const char *action, *takes;
	} actions[] = {
		{ACTION_BOOST_OWN, "local and active"},
		{ACTION_BOOST_OTHER, "an administrator"},
		{ACTION_SET_PROFILE, "local and active"},
		{ACTION_MANAGE, "an administrator"},
	};

	(void)state;
	for (gsize i = 0; i < G_N_ELEMENTS(actions); i++) {
		g_autofree char *said = g_strdup_printf("no (action %s)", actions[i].action);

		check_denied(said, FALSE, actions[i].takes, NULL);
		check_denied(said, FALSE, "sudo", NULL);
		check_denied(said, FALSE, "polkit(8)", NULL);
		/* Root needs neither; what was said is all there is. */
		check_denied(said, TRUE, NULL, "sudo");
	}
}

/* Advice that helps in the state in which it is given. */
static void test_denied_whatever_session(void **state)
{
	const char *own = " (action " ACTION_BOOST_OWN ")";
	g_autofree char *no_polkit = g_strconcat(REFUSAL_NO_POLKIT ", so only root may", own, NULL);
	g_autofree char *slow = g_strconcat(REFUSAL_SLOW_POLKIT, own, NULL);
	g_autofree char *password =
		g_strconcat("An administrator " REFUSAL_CHALLENGE " for this", own, NULL);

	(void)state;
	/* No root can help: no action is named. */
	check_denied("Process 1 is the system's first, which nobody may boost", FALSE, NULL,
		     "sudo");
	check_denied("Process 1 is the system's first, which nobody may boost", FALSE, NULL, "\n");
	check_denied(no_polkit, FALSE, "\nUse sudo", "local and active");
	check_denied(no_polkit, FALSE, "systemctl start polkit", NULL);
	check_denied(slow, FALSE, "\nTry again", "local and active");
	check_denied(password, FALSE, "on a terminal", "It takes");
	check_denied("Rejected send message, 1 matched rules", FALSE, "reload dbus", "sudo");
	check_denied("Sender is not authorized to send message", TRUE, "reload dbus", "sudo");
}

static void test_not_there(void **state)
{
	static const char *const names[] = {
		"org.freedesktop.DBus.Error.ServiceUnknown",
		"org.freedesktop.DBus.Error.NameHasNoOwner",
		"org.freedesktop.DBus.Error.Spawn.ChildExited",
		"org.freedesktop.systemd1.NoSuchUnit",
		"org.freedesktop.systemd1.UnitMasked",
	};

	(void)state;
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autoptr(GError) error = g_dbus_error_new_for_dbus_error(names[i], "it said");

		assert_true(error_is_not_there(error));
	}
}

static void test_local_errors(void **state)
{
	GError *closed = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CLOSED, "x");
	GError *timeout = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "x");
	g_autoptr(GError) first = error_explain(closed, NULL, FALSE);
	g_autoptr(GError) second = error_explain(timeout, NULL, FALSE);

	(void)state;
	assert_non_null(strstr(first->message, "bus has gone away"));
	assert_non_null(strstr(second->message, "journalctl"));
	assert_false(error_is_not_there(first));
}

/* ---- Text ----------------------------------------------------------------------------------- */

static void check_text(char *text, const char *wanted)
{
	assert_string_equal(text, wanted);
	g_free(text);
}

static void test_text(void **state)
{
	(void)state;
	check_text(text_clean("plain \xc3\xa9\xe6\xbc\xa2"), "plain \xc3\xa9\xe6\xbc\xa2");
	check_text(text_clean("\x1b[1m\r\n\t\x7f"), "?[1m????");
	/* A control character of ISO 6429 in UTF-8, the override of the writing direction. */
	check_text(text_clean("\xc2\x9b\xe2\x80\xae"), "??");
	/* A process may be called anything. */
	check_text(text_clean("\xff\xfe"), "\xef\xbf\xbd\xef\xbf\xbd");
	check_text(text_duration(0), "0 s");
	check_text(text_duration(119999999), "119 s");
	check_text(text_duration(120000000), "2 min");
	check_text(text_duration(UINT64_C(7200000000)), "2 h");
	check_text(text_duration(UINT64_C(172800000000)), "2 d");
	check_text(text_slice(100), "100 us");
	check_text(text_slice(20000), "20 ms");
	check_text(text_slice(1500), "1.5 ms");
	check_text(text_slice(999999), "999.999 ms");
	check_text(text_slice(1000000), "1000 ms");
}

static void test_table(void **state)
{
	struct table *table = table_new((const char *[]){"N", "NAME", "LAST", NULL}, 1 << 0);
	g_autoptr(GString) out = g_string_new(NULL);

	(void)state;
	table_add(table, (const char *[]){"5", "short", "x"});
	/* Two characters that take two columns each. */
	table_add(table, (const char *[]){"123", "\xe6\xbc\xa2\xe5\xad\x97long", NULL});
	table_add(table, (const char *[]){"", "a", "x y"});
	table_end(table, out, FALSE, "> ");
	assert_string_equal(out->str, ">   N  NAME      LAST\n"
				      ">   5  short     x\n"
				      "> 123  \xe6\xbc\xa2\xe5\xad\x97long  -\n"
				      ">   -  a         x y\n");
}

static void test_colour(void **state)
{
	g_autoptr(GString) out = g_string_new(NULL);

	(void)state;
	text_append(out, FALSE, STYLE_BAD, "a");
	text_append(out, TRUE, STYLE_PLAIN, "b");
	assert_string_equal(out->str, "ab");
	text_append(out, TRUE, STYLE_BOLD, "c");
	assert_string_equal(out->str, "ab\033[1mc\033[0m");
}

/* ---- From D-Bus to JSON --------------------------------------------------------------------- */

static void test_names(void **state)
{
	static const char *const names[][2] = {
		{"Pid", "pid"},
		{"AppId", "app_id"},
		{"CGroup", "cgroup"},
		{"TimeoutUSec", "timeout_usec"},
		{"MaxBoostsPerUser", "max_boosts_per_user"},
		{"nr_cpus", "nr_cpus"},
		{"", ""},
	};

	(void)state;
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		check_text(convert_name(names[i][0]), names[i][1]);
}

static void test_convert(void **state)
{
	g_autoptr(GVariant) boosts = g_variant_ref_sink(g_variant_new_parsed(
		"[{'Cookie': <uint32 4294967295>, 'Since': <uint64 5>, 'AppId': <'id'>}, {}]"));
	g_autoptr(JsonArray) array = convert_boosts(boosts);
	JsonObject *first = json_array_get_object_element(array, 0),
		   *second = json_array_get_object_element(array, 1);

	(void)state;
	assert_int_equal(json_array_get_length(array), 2);
	assert_true(object_number(first, "cookie") == UINT32_MAX);
	assert_int_equal(object_number(first, "since"), 5);
	assert_string_equal(object_text(first, "app_id"), "id");
	assert_true(json_object_get_null_member(first, "reason"));
	assert_true(json_object_get_null_member(second, "app_id"));
	/* What is not there, or of another type. */
	assert_string_equal(object_text(first, "reason"), "");
	assert_string_equal(object_text(first, "since"), "");
	assert_string_equal(object_text(first, "nothing"), "");
	assert_int_equal(object_number(first, "app_id"), 0);
	assert_int_equal(object_number(first, "nothing"), 0);
}

/* ---- Why not -------------------------------------------------------------------------------- */

static JsonObject *object_of(const char *text)
{
	g_autoptr(JsonNode) node = json_from_string(text, NULL);

	assert_non_null(node);
	return json_object_ref(json_node_get_object(node));
}

/* The only problem, with its fix. */
static void check_problem(const struct facts *facts, const char *problem, const char *fix)
{
	g_autoptr(JsonArray) problems = facts_problems(facts);
	JsonObject *first;

	assert_int_equal(json_array_get_length(problems), 1);
	first = json_array_get_object_element(problems, 0);
	if (!strstr(object_text(first, "problem"), problem) ||
	    !strstr(object_text(first, "fix"), fix))
		fail_msg("'%s', '%s': not %s, %s", object_text(first, "problem"),
			 object_text(first, "fix"), problem, fix);
}

static void test_service_problems(void **state)
{
	static const struct {
		const char *service;
		int kernel_state;
		gboolean scheduling;
		const char *problem, *fix; /* NULL: there is none */
	} cases[] = {
		{"{\"state\": \"active\"}", RL_KERNEL_ENABLED, TRUE, NULL, NULL},
		{"{\"state\": \"starting\"}", RL_KERNEL_ENABLING, FALSE, NULL, NULL},
		{"{\"state\": \"degraded\"}", RL_KERNEL_ENABLED, TRUE, "too late", "recovers"},
		{"{\"state\": \"inhibited\", \"scheduler\": \"lavd\"}", RL_KERNEL_ENABLED, FALSE,
		 "loaded: lavd", "systemctl stop scx"},
		{"{\"state\": \"failed\", \"exit_reason\": \"stall\"}", RL_KERNEL_DISABLED, FALSE,
		 "stall", "systemctl restart scx-rustland"},
		{"{\"state\": \"failed\"}", RL_KERNEL_DISABLED, FALSE, "no reason", "journalctl"},
		{"{\"state\": \"disabled\"}", RL_KERNEL_UNSUPPORTED, FALSE, SCHED_EXT_MISSING,
		 "CONFIG_SCHED_CLASS_EXT"},
		{"{\"state\": \"disabled\"}", RL_KERNEL_DISABLED, FALSE, "being stopped",
		 "restart"},
		{"{\"state\": \"from the future\"}", RL_KERNEL_DISABLED, FALSE, NULL, NULL},
		{"{}", RL_KERNEL_DISABLED, FALSE, NULL, NULL},
	};

	(void)state;
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct facts facts = {.service = object_of(cases[i].service),
				      .kernel_state = cases[i].kernel_state};
		g_autoptr(JsonArray) problems = facts_problems(&facts);

		assert_int_equal(facts_scheduling(&facts), cases[i].scheduling);
		if (cases[i].problem)
			check_problem(&facts, cases[i].problem, cases[i].fix);
		else
			assert_int_equal(json_array_get_length(problems), 0);
		facts_clear(&facts);
	}
}

static void test_absence(void **state)
{
	struct facts facts = {.kernel_state = RL_KERNEL_DISABLED};

	(void)state;
	/* No systemd to ask. */
	check_problem(&facts, "does not run", HOW_TO_START);
	assert_false(facts_scheduling(&facts));
	facts.load_state = (char *)"not-found";
	check_problem(&facts, "not installed", "Install the package");
	facts.load_state = (char *)"masked";
	check_problem(&facts, "masked", "unmask");
	facts.load_state = (char *)"loaded";
	facts.active_state = (char *)"failed";
	facts.result = (char *)"start-limit-hit";
	check_problem(&facts, "start-limit-hit", "journalctl");
	facts.active_state = (char *)"activating";
	check_problem(&facts, "being started", "Wait");
	facts.active_state = (char *)"inactive";
	facts.condition_failed = TRUE;
	check_problem(&facts, "condition", "systemctl status");
	facts.condition_failed = FALSE;
	check_problem(&facts, "does not run", HOW_TO_START);

	facts.active_state = (char *)"active";
	check_problem(&facts, "the bus does not know it", "reload dbus");
	facts.active_state = (char *)"reloading";
	check_problem(&facts, "being started", "Wait");
}

/* The first two of what is wrong; second NULL: there is only one. */
static void check_problems(const struct facts *facts, const char *first, const char *second)
{
	g_autoptr(JsonArray) problems = facts_problems(facts);
	const char *const wanted[] = {first, second};

	assert_int_equal(json_array_get_length(problems), second ? 2 : 1);
	for (guint i = 0; i < json_array_get_length(problems); i++) {
		JsonObject *problem = json_array_get_object_element(problems, i);

		if (!strstr(object_text(problem, "problem"), wanted[i]))
			fail_msg("%u: '%s', not %s", i, object_text(problem, "problem"), wanted[i]);
	}
}

static void check_absence(const struct facts *facts, const char *why, const char *lacks)
{
	g_autoptr(GError) error = facts_absence(facts);

	assert_true(g_error_matches(error, CTL_ERROR, EXIT_NOT_RUNNING));
	if (!strstr(error->message, why))
		fail_msg("'%s' does not say %s", error->message, why);
	if (lacks && strstr(error->message, lacks))
		fail_msg("'%s' says %s", error->message, lacks);
}

/* What stands in the way of any service comes first, and nothing is advised that does nothing. */
static void test_absence_and_kernel(void **state)
{
	struct facts facts = {.kernel_state = RL_KERNEL_UNSUPPORTED,
			      .load_state = (char *)"loaded",
			      .active_state = (char *)"inactive"};

	(void)state;
	/* Starting it succeeds without a word, and nothing runs. */
	check_problems(&facts, SCHED_EXT_MISSING, NULL);
	check_problem(&facts, SCHED_EXT_MISSING, "Boot Linux 6.12");
	check_absence(&facts, "Boot Linux 6.12", "systemctl");
	facts.condition_failed = TRUE;
	check_problems(&facts, SCHED_EXT_MISSING, NULL);
	check_absence(&facts, "Boot Linux 6.12", "systemctl");
	facts.load_state = (char *)"not-found";
	check_problems(&facts, SCHED_EXT_MISSING, "not installed");
	check_absence(&facts, "Boot Linux 6.12", "systemctl");
	facts.load_state = (char *)"masked";
	check_problems(&facts, SCHED_EXT_MISSING, "masked");
	facts.load_state = NULL;
	check_problems(&facts, SCHED_EXT_MISSING, NULL);
	check_absence(&facts, "Boot Linux 6.12", "systemctl");

	facts = (struct facts){.kernel_state = RL_KERNEL_ENABLED,
			       .load_state = (char *)"loaded",
			       .active_state = (char *)"inactive"};
	strcpy(facts.kernel_ops, "lavd_1.0");
	check_problems(&facts, "loaded: lavd_1.0", "does not run");
	check_absence(&facts, HOW_TO_START, "lavd");
	strcpy(facts.kernel_ops, "rustland_0.1");
	check_problems(&facts, "without the service", "does not run");

	facts = (struct facts){.kernel_state = RL_KERNEL_DISABLED,
			       .load_state = (char *)"loaded",
			       .active_state = (char *)"failed"};
	check_absence(&facts, "journalctl -u scx-rustland", HOW_TO_START);
	facts.active_state = (char *)"activating";
	check_absence(&facts, "Wait", HOW_TO_START);
	facts.load_state = (char *)"not-found";
	check_absence(&facts, "Install the package", NULL);
	/* No systemd: its commands are not there either. */
	facts = (struct facts){.kernel_state = RL_KERNEL_DISABLED};
	check_absence(&facts, "\nHave your system start rustlandd(8)", NULL);
}

/* ---- Screens -------------------------------------------------------------------------------- */

static char *user_name(guint uid)
{
	return uid == 1000 ? g_strdup("player") : NULL;
}

static const struct view view = {.now_usec = 10000000, .user_name = user_name};

static void test_status(void **state)
{
	g_autoptr(JsonObject) active = object_of(
		"{\"running\": true, \"state\": \"active\", \"scheduler\": \"rustland_1\","
		" \"policy\": \"rustland\", \"profile\": \"auto\", \"slice_usec\": 20000,"
		" \"slice_min_usec\": 1000, \"exit_reason\": \"\", \"max_boosts_per_user\": 32,"
		" \"problems\": [], \"boosts\": [{\"cookie\": 7, \"pid\": 4711, \"name\": \"game\","
		" \"scope\": \"tree\", \"class\": \"boosted\", \"uid\": 1000, \"since\": 5000000,"
		" \"app_id\": \"\", \"reason\": null}]}");
	g_autoptr(JsonObject) stopped = object_of(
		"{\"running\": false, \"state\": \"stopped\", \"scheduler\": \"\", \"boosts\": [],"
		" \"problems\": [{\"problem\": \"it rains\", \"fix\": \"Wait.\"}]}");
	g_autoptr(GString) out = g_string_new(NULL);

	(void)state;
	format_status(out, active, &view);
	assert_string_equal(out->str,
			    "scx-rustland: active, it schedules this machine\n"
			    "   Scheduler: rustland_1\n"
			    "      Policy: rustland\n"
			    "     Profile: auto\n"
			    " Time slices: 1 ms to 20 ms\n"
			    "      Boosts: 1, at most 32 for each user\n"
			    "\n"
			    "  COOKIE   PID  NAME  SCOPE  CLASS    USER    AGE  APP  REASON\n"
			    "       7  4711  game  tree   boosted  player  5 s  -    -\n");
	g_string_truncate(out, 0);
	format_status(out, stopped, &view);
	assert_string_equal(out->str, "scx-rustland: stopped, the service does not run\n"
				      "\nIt rains.\nWait.\n");
}

static void test_boosts(void **state)
{
	/* From before the clock was set, of a user who is gone, in the foreground. */
	g_autoptr(JsonObject) boost = object_of(
		"{\"cookie\": 7, \"pid\": 0, \"name\": \"app\\u001b\", \"scope\": \"cgroup\","
		" \"class\": \"foreground\", \"uid\": 5, \"since\": 99000000}");
	g_autoptr(JsonArray) boosts = json_array_new();
	g_autoptr(GString) out = g_string_new(NULL);

	(void)state;
	json_array_add_object_element(boosts, json_object_ref(boost));
	format_boosts(out, boosts, &view, "");
	assert_string_equal(out->str,
			    "COOKIE  PID  NAME  SCOPE   CLASS       USER  AGE  APP  REASON\n"
			    "     7    -  app?  cgroup  foreground  5     0 s  -    -\n");
	g_string_truncate(out, 0);
	format_boost_line(out, boost);
	assert_string_equal(out->str, "boost 7: app?, cgroup, foreground");
}

static void test_boosts_of_others(void **state)
{
	g_autoptr(GVariant) dict = g_variant_ref_sink(g_variant_new_parsed(
		"{'Cookie': <uint32 7>, 'Scope': <'tree'>, 'Class': <'boosted'>}"));
	g_autoptr(JsonObject) boost = convert_boost(dict);
	g_autoptr(JsonArray) boosts = json_array_new();
	g_autoptr(GString) out = g_string_new(NULL);

	(void)state;
	assert_true(json_object_get_null_member(boost, "pid"));
	assert_true(json_object_get_null_member(boost, "uid"));
	json_array_add_object_element(boosts, json_object_ref(boost));
	format_boosts(out, boosts, &view, "");
	assert_string_equal(out->str,
			    "COOKIE  PID  NAME            SCOPE  CLASS    USER  AGE  APP  REASON\n"
			    "     7    -  another user's  tree   boosted  -       -  -    -\n");
	g_string_truncate(out, 0);
	format_boost_line(out, boost);
	assert_string_equal(out->str, "boost 7: another user's, tree, boosted");
}

static void test_statistics(void **state)
{
	g_autoptr(JsonObject) prev = object_of("{\"nr_cpus\": 8, \"nr_user_dispatches\": 100,"
					       " \"nr_kernel_dispatches\": 900, \"new\": 1}");
	g_autoptr(JsonObject) now = object_of("{\"nr_cpus\": 8, \"nr_user_dispatches\": 142,"
					      " \"nr_kernel_dispatches\": 900, \"new\": 5}");
	g_autoptr(JsonObject) restarted = object_of("{\"nr_user_dispatches\": 3}");
	g_autoptr(JsonObject) nothing = object_of("{\"nr_cpus\": 0}");
	g_autoptr(GString) out = g_string_new(NULL);

	(void)state;
	format_statistics_line(out, now, prev);
	assert_string_equal(out->str, "nr_cpus 8, nr_user_dispatches +42, new 5");
	g_string_truncate(out, 0);
	format_statistics_line(out, restarted, now);
	assert_string_equal(out->str, "nr_user_dispatches +3");
	g_string_truncate(out, 0);
	format_statistics_line(out, nothing, now);
	assert_string_equal(out->str, "all 0");
	g_string_truncate(out, 0);
	format_statistics(out, now, &view);
	assert_non_null(strstr(out->str, "nr_cpus                   8  CPUs online\n"));
	assert_non_null(strstr(out->str, "new                       5  -\n"));
}

static void test_profiles(void **state)
{
	g_autoptr(JsonObject) profiles =
		object_of("{\"profile\": \"b\", \"profiles\": [\"a\", \"b\"]}");
	g_autoptr(GString) out = g_string_new(NULL);

	(void)state;
	format_profiles(out, profiles, &view);
	assert_string_equal(out->str, "  a\n* b\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_run),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_denied),
		cmocka_unit_test(test_denied_whatever_session),
		cmocka_unit_test(test_not_there),
		cmocka_unit_test(test_local_errors),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_colour),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_convert),
		cmocka_unit_test(test_service_problems),
		cmocka_unit_test(test_absence),
		cmocka_unit_test(test_absence_and_kernel),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_boosts),
		cmocka_unit_test(test_boosts_of_others),
		cmocka_unit_test(test_statistics),
		cmocka_unit_test(test_profiles),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	arguments_clear(&args);
	return failed;
}
