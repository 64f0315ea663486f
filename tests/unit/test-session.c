/* SPDX-License-Identifier: GPL-2.0-only */
/* Tests of what rustland-session reads: compositors' messages, and session.conf. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "session/hyprland-message.h"
#include "session/niri-message.h"
#include "session/settings.h"
#include "session/sway-message.h"

#define NOT_SAID -1

/* The pid that a message gives the focus, or NOT_SAID. */
static pid_t focus(enum sway_type type, const char *payload)
{
	pid_t pid = NOT_SAID;

	return sway_message_focus(type, payload, strlen(payload), &pid) ? pid : NOT_SAID;
}

static void test_header(void **state)
{
	g_autoptr(GBytes) message = sway_message_new(SWAY_SUBSCRIBE, "[\"window\"]");
	enum sway_type type;
	uint32_t n;
	gsize size;
	const uint8_t *data = g_bytes_get_data(message, &size);
	uint8_t copy[SWAY_HEADER_SIZE];

	(void)state;
	assert_int_equal(size, SWAY_HEADER_SIZE + 10);
	assert_true(sway_message_parse_header(data, &type, &n));
	assert_int_equal(type, SWAY_SUBSCRIBE);
	assert_int_equal(n, 10);
	memcpy(copy, data, sizeof(copy));
	copy[0] = 'I';
	assert_false(sway_message_parse_header(copy, &type, &n));
	memcpy(copy, data, sizeof(copy));
	copy[9] = 0x7f;
	assert_false(sway_message_parse_header(copy, &type, &n));
}

static void test_window(void **state)
{
	(void)state;
	assert_int_equal(
		focus(SWAY_EVENT_WINDOW, "{\"change\":\"focus\",\"container\":{\"pid\":77}}"), 77);
	assert_int_equal(
		focus(SWAY_EVENT_WINDOW, "{\"change\":\"title\",\"container\":{\"pid\":77}}"),
		NOT_SAID);
	assert_int_equal(focus(SWAY_EVENT_WINDOW, "{\"change\":\"close\",\"container\":"
						  "{\"pid\":77,\"focused\":true}}"),
			 0);
	assert_int_equal(focus(SWAY_EVENT_WINDOW, "{\"change\":\"close\",\"container\":"
						  "{\"pid\":77,\"focused\":false}}"),
			 NOT_SAID);
}

static void test_workspace(void **state)
{
	(void)state;
	assert_int_equal(
		focus(SWAY_EVENT_WORKSPACE, "{\"change\":\"focus\",\"current\":{\"nodes\":[]}}"),
		0);
	assert_int_equal(focus(SWAY_EVENT_WORKSPACE,
			       "{\"change\":\"focus\",\"current\":{\"nodes\":[{\"pid\":1}]}}"),
			 NOT_SAID);
	assert_int_equal(focus(SWAY_EVENT_WORKSPACE,
			       "{\"change\":\"focus\",\"current\":{\"floating_nodes\":[{}]}}"),
			 NOT_SAID);
	assert_int_equal(focus(SWAY_EVENT_WORKSPACE, "{\"change\":\"init\",\"current\":{}}"),
			 NOT_SAID);
}

static void test_tree(void **state)
{
	(void)state;
	assert_int_equal(focus(SWAY_GET_TREE, "{\"focused\":false,\"nodes\":[{\"pid\":1,"
					      "\"focused\":false},{\"nodes\":[],\"floating_nodes\":"
					      "[{\"focused\":true,\"pid\":5}]}]}"),
			 5);
	assert_int_equal(focus(SWAY_GET_TREE, "{\"nodes\":[{\"type\":\"workspace\","
					      "\"focused\":true}]}"),
			 0);
	assert_int_equal(focus(SWAY_GET_TREE, "{}"), 0);
}

/* None of it may do more than be ignored. */
static void test_nonsense(void **state)
{
	static const char *const payloads[] = {
		"",
		"{",
		"[]",
		"null",
		"7",
		"{\"change\":7}",
		"{\"change\":\"focus\"}",
		"{\"change\":\"focus\",\"container\":[],\"current\":7}",
		"{\"change\":{},\"container\":{},\"current\":{}}",
		"\xff\xfe",
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(payloads); i++) {
		assert_int_equal(focus(SWAY_EVENT_WINDOW, payloads[i]), NOT_SAID);
		assert_int_equal(focus(SWAY_EVENT_WORKSPACE, payloads[i]), NOT_SAID);
		assert_int_equal(focus(SWAY_SUBSCRIBE, payloads[i]), NOT_SAID);
	}
	assert_int_equal(
		focus(SWAY_EVENT_WINDOW, "{\"change\":\"focus\",\"container\":{\"pid\":\"x\"}}"),
		0);
	assert_int_equal(
		focus(SWAY_EVENT_WINDOW, "{\"change\":\"focus\",\"container\":{\"pid\":-4}}"), 0);
	assert_int_equal(focus(SWAY_EVENT_WINDOW,
			       "{\"change\":\"focus\",\"container\":{\"pid\":99999999999}}"),
			 0);
	assert_int_equal(focus(SWAY_GET_TREE, "{\"nodes\":[7,null,[]],\"focused\":[]}"), 0);
}

/* ---- Hyprland ------------------------------------------------------------------------------- */

static bool is_focus(const char *line)
{
	return hyprland_message_is_focus(line, strlen(line));
}

static pid_t hyprland_pid(const char *answer)
{
	return hyprland_message_pid(answer, strlen(answer));
}

static void test_hyprland_events(void **state)
{
	(void)state;
	assert_true(is_focus("activewindowv2>>64cea2525760"));
	assert_true(is_focus("activewindowv2>>"));
	assert_false(is_focus("activewindow>>foot,~"));
	assert_false(is_focus("openwindow>>64cea2525760,1,foot,activewindowv2>>"));
	assert_false(is_focus("activewindowv2"));
	assert_false(is_focus(""));
}

static void test_hyprland_answer(void **state)
{
	(void)state;
	assert_int_equal(hyprland_pid("{\n    \"address\": \"0x64cea2525760\",\n    \"workspace\": "
				      "{\n        \"id\": 1,\n        \"name\": \"1\"\n    },\n"
				      "    \"pid\": 77,\n    \"title\": \"a \\\"pid\\\": 5\"\n}"),
			 77);
	assert_int_equal(hyprland_pid("{}"), 0);
	assert_int_equal(hyprland_pid("unknown request"), 0);
	assert_int_equal(hyprland_pid(""), 0);
	assert_int_equal(hyprland_pid("{\"pid\":-1}"), 0);
	assert_int_equal(hyprland_pid("{\"pid\":\"77\"}"), 0);
	assert_int_equal(hyprland_pid("[77]"), 0);
}

/* ---- niri ----------------------------------------------------------------------------------- */

static struct niri_windows *windows;

static pid_t niri_focus(const char *line)
{
	pid_t pid = NOT_SAID;

	return niri_windows_handle(windows, line, strlen(line), &pid) ? pid : NOT_SAID;
}

static int set_up_niri(void **state)
{
	(void)state;
	windows = niri_windows_new();
	return 0;
}

static int tear_down_niri(void **state)
{
	(void)state;
	niri_windows_free(windows);
	return 0;
}

#define NIRI_WINDOW(id, pid, focused)                                                              \
	"{\"id\":" #id ",\"title\":\"~\",\"app_id\":\"foot\",\"pid\":" #pid                        \
	",\"workspace_id\":1,\"is_focused\":" #focused ",\"is_floating\":false}"

static void test_niri(void **state)
{
	(void)state;
	assert_int_equal(niri_focus("{\"Ok\":\"Handled\"}"), NOT_SAID);
	assert_int_equal(niri_focus("{\"WindowsChanged\":{\"windows\":[" NIRI_WINDOW(
				 1, 11, false) "," NIRI_WINDOW(2, 22, true) "]}}"),
			 22);
	assert_int_equal(niri_focus("{\"WindowFocusChanged\":{\"id\":1}}"), 11);
	assert_int_equal(niri_focus("{\"WindowFocusChanged\":{\"id\":null}}"), 0);
	assert_int_equal(
		niri_focus("{\"WindowOpenedOrChanged\":{\"window\":" NIRI_WINDOW(3, 33, true) "}}"),
		33);
	/* Its title has changed. */
	assert_int_equal(niri_focus("{\"WindowOpenedOrChanged\":{\"window\":" NIRI_WINDOW(
				 1, 11, false) "}}"),
			 33);
	assert_int_equal(niri_focus("{\"WindowClosed\":{\"id\":1}}"), 33);
	assert_int_equal(niri_focus("{\"WindowClosed\":{\"id\":3}}"), 0);
	assert_int_equal(niri_focus("{\"WindowFocusChanged\":{\"id\":2}}"), 22);
	/* Of a portal's window it knows no process. */
	assert_int_equal(niri_focus("{\"WindowOpenedOrChanged\":{\"window\":" NIRI_WINDOW(
				 4, null, true) "}}"),
			 0);
	assert_int_equal(niri_focus("{\"WindowsChanged\":{\"windows\":[]}}"), 0);
	assert_int_equal(niri_focus("{\"WindowFocusChanged\":{\"id\":2}}"), 0);
}

/* Ever new windows are not remembered without end; those that are, are still known. */
static void test_niri_crowd(void **state)
{
	(void)state;
	for (int i = 1; i <= 5000; i++) {
		g_autofree char *line = g_strdup_printf(
			"{\"WindowOpenedOrChanged\":{\"window\":{\"id\":%d,\"pid\":%d,"
			"\"is_focused\":true}}}",
			i, i);

		assert_int_equal(niri_focus(line), i <= 4096 ? i : 0);
	}
	assert_int_equal(niri_focus("{\"WindowFocusChanged\":{\"id\":7}}"), 7);
	assert_int_equal(niri_focus("{\"WindowClosed\":{\"id\":7}}"), 0);
	assert_int_equal(niri_focus("{\"WindowOpenedOrChanged\":{\"window\":" NIRI_WINDOW(
				 6000, 66, true) "}}"),
			 66);
}

static void test_niri_nonsense(void **state)
{
	static const char *const lines[] = {
		"",
		"{",
		"[]",
		"7",
		"{\"WindowsChanged\":[]}",
		"{\"WindowsChanged\":{\"windows\":7}}",
		"{\"WindowFocusChanged\":7}",
		"{\"WindowClosed\":{\"id\":\"x\"}}",
		"{\"WindowOpenedOrChanged\":{\"window\":[]}}",
		"{\"KeyboardLayoutSwitched\":{\"idx\":0}}",
		"\xff\xfe",
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
		assert_int_equal(niri_focus(lines[i]), NOT_SAID);
	assert_int_equal(niri_focus("{\"WindowsChanged\":{\"windows\":[7,null,[],{},"
				    "{\"id\":\"x\"}]}}"),
			 0);
}

/* ---- session.conf --------------------------------------------------------------------------- */

static GLogWriterOutput count_message(GLogLevelFlags level, const GLogField *fields, gsize n,
				      gpointer userdata)
{
	(void)level, (void)fields, (void)n;
	++*(int *)userdata;
	return G_LOG_WRITER_HANDLED;
}

static int messages;

static struct settings load(const char *first, const char *second)
{
	g_autofree char *a = g_dir_make_tmp("rustland-XXXXXX", NULL);
	g_autofree char *b = g_dir_make_tmp("rustland-XXXXXX", NULL);
	g_autofree char *in_a = g_build_filename(a, "session.conf", NULL);
	g_autofree char *in_b = g_build_filename(b, "session.conf", NULL);
	const char *dirs[] = {a, b, NULL};
	struct settings settings;

	messages = 0;
	if (first)
		assert_true(g_file_set_contents(in_a, first, -1, NULL));
	if (second)
		assert_true(g_file_set_contents(in_b, second, -1, NULL));
	settings_load(&settings, dirs);
	g_unlink(in_a);
	g_unlink(in_b);
	g_rmdir(a);
	g_rmdir(b);
	return settings;
}

static void test_settings(void **state)
{
	struct settings s = load(NULL, NULL);

	(void)state;
	assert_true(s.gamemode && s.focus);
	s = load("[Session]\nFocus=no\n", NULL);
	assert_true(s.gamemode && !s.focus);
	s = load("[Session]\nFocus=no\nGameMode=off\n", "[Session]\nFocus=Yes\n");
	assert_true(!s.gamemode && s.focus);
	assert_int_equal(messages, 0);
}

static void test_bad_settings(void **state)
{
	struct settings s = load("[Session]\nFocus=no\n", "[Session]\nFocus=perhaps\n");

	(void)state;
	assert_true(!s.focus);
	assert_int_equal(messages, 1);
	s = load("nonsense", "[Session]\nFocusses=no\n");
	assert_true(s.gamemode && s.focus);
	assert_int_equal(messages, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_workspace),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_bad_settings),
		cmocka_unit_test(test_hyprland_events),
		cmocka_unit_test(test_hyprland_answer),
		cmocka_unit_test_setup_teardown(test_niri, set_up_niri, tear_down_niri),
		cmocka_unit_test_setup_teardown(test_niri_crowd, set_up_niri, tear_down_niri),
		cmocka_unit_test_setup_teardown(test_niri_nonsense, set_up_niri, tear_down_niri),
	};

	g_log_set_writer_func(count_message, &messages, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
