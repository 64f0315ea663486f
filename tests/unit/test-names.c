/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The names in common/names.h are those in the files that the bus, polkit and systemd read, and in the code
 * that was made from the interfaces; and the service's errors have them.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/names.h"
#include "dbus/errors.h"
#include "dbus/rustland-dbus.h"

static char *source(const char *name)
{
	g_autofree char *path = g_build_filename(TOP_SRCDIR, name, NULL);
	char *text = NULL;

	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	return text;
}

static void check_has(const char *file, const char *text)
{
	g_autofree char *all = source(file);

	if (!strstr(all, text))
		fail_msg("%s has no %s", file, text);
}

static void test_interfaces(void **state)
{
	(void)state;
	assert_string_equal(rustland_interface_info()->name, SERVICE_INTERFACE);
	assert_string_equal(com_system76_scheduler_interface_info()->name, SYSTEM76_NAME);
	check_has("dbus/org.scx.Rustland.xml", "<node name=\"" SERVICE_PATH "\"");
}

static void test_bus_policy(void **state)
{
	(void)state;
	check_has("dbus/org.scx.Rustland.conf", "<policy user=\"" SERVICE_USER "\"");
	check_has("dbus/org.scx.Rustland.conf", "<allow own=\"" SERVICE_NAME "\"");
	check_has("dbus/com.system76.Scheduler.conf", "<policy user=\"" SERVICE_USER "\"");
	check_has("dbus/com.system76.Scheduler.conf", "<allow own=\"" SYSTEM76_NAME "\"");
}

static void test_units(void **state)
{
	(void)state;
	check_has("systemd/" SERVICE_UNIT ".in", "User=" SERVICE_USER "\n");
	check_has("systemd/sysusers.d/scx-rustland.conf", "u " SERVICE_USER " ");
}

/* All of them, and no others. */
static void test_actions(void **state)
{
	static const char *const actions[] = {ACTION_BOOST_OWN, ACTION_BOOST_OTHER,
					      ACTION_SET_PROFILE, ACTION_MANAGE};
	g_autofree char *text = source("dbus/org.scx.rustland.policy");
	g_auto(GStrv) parts = g_strsplit(text, "<action id=\"", -1);

	(void)state;
	assert_int_equal(g_strv_length(parts), G_N_ELEMENTS(actions) + 1);
	for (gsize i = 0; i < G_N_ELEMENTS(actions); i++)
		assert_true(g_str_has_prefix(parts[i + 1], actions[i]) &&
			    parts[i + 1][strlen(actions[i])] == '"');
}

/* What the service sends is what a client finds in the domain. */
static void test_errors(void **state)
{
	static const struct {
		enum rustland_error code;
		const char *name;
	} cases[] = {
		{RUSTLAND_ERROR_NO_SUCH_PROCESS, SERVICE_ERRORS "NoSuchProcess"},
		{RUSTLAND_ERROR_NO_SUCH_BOOST, SERVICE_ERRORS "NoSuchBoost"},
		{RUSTLAND_ERROR_LIMIT_EXCEEDED, SERVICE_ERRORS "LimitExceeded"},
		{RUSTLAND_ERROR_RATE_LIMITED, SERVICE_ERRORS "RateLimited"},
		{RUSTLAND_ERROR_NOT_RUNNING, SERVICE_ERRORS "NotRunning"},
	};

	(void)state;
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) sent =
			g_error_new_literal(RUSTLAND_ERROR, (int)cases[i].code, "it said");
		g_autofree char *name = g_dbus_error_encode_gerror(sent);
		g_autoptr(GError) received = g_dbus_error_new_for_dbus_error(name, "it said");

		assert_string_equal(name, cases[i].name);
		assert_true(g_error_matches(received, RUSTLAND_ERROR, (int)cases[i].code));
		assert_true(g_dbus_error_is_remote_error(received));
		check_has("doc/org.scx.Rustland.7", strrchr(cases[i].name, '.') + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interfaces), cmocka_unit_test(test_bus_policy),
		cmocka_unit_test(test_units),	   cmocka_unit_test(test_actions),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
