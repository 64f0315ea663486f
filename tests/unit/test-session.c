/* SPDX-License-Identifier: GPL-2.0-only */
/* Tests of what rustland-session reads: sway's messages, and session.conf. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "settings.h"
#include "sway-message.h"

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
		cmocka_unit_test(test_header),	     cmocka_unit_test(test_window),
		cmocka_unit_test(test_workspace),    cmocka_unit_test(test_tree),
		cmocka_unit_test(test_nonsense),     cmocka_unit_test(test_settings),
		cmocka_unit_test(test_bad_settings),
	};

	g_log_set_writer_func(count_message, &messages, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
