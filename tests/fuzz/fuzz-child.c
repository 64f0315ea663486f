/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What scx_rustland notifies and prints. However its output is cut into reads, the lines are the
 * same, and all its bytes are in them.
 *
 * Covers: src/daemon/supervise/child-text.c
 */
#include "tests/fuzz/fuzz-glib.h"

#include "daemon/supervise/child-text.h"

static void on_notice(enum child_notice notice, gpointer userdata)
{
	unsigned int *n = userdata;

	require(notice >= CHILD_READY && notice <= CHILD_IN_TIME);
	++*n;
}

static void on_line(int priority, const char *text, gpointer userdata)
{
	require(priority >= 0 && priority <= 7);
	require(strlen(text) <= CHILD_LINE_MAX && !strchr(text, '\n'));
	g_string_append_printf(userdata, "%d %s\n", priority, text);
}

static GString *read_in_pieces(const uint8_t *data, size_t size, size_t piece)
{
	GString *said = g_string_new(NULL);
	struct child_lines lines = {g_string_new(NULL), on_line, said};

	for (size_t at = 0; at < size; at += piece)
		child_lines_add(&lines, (const char *)data + at, MIN(piece, size - at));
	child_lines_end(&lines);
	g_string_free(lines.rest, TRUE);
	return said;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	unsigned int notices = 0, lines = 1;
	GString *a, *b;

	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	child_text_notices(text, on_notice, &notices);
	require(notices <= lines);
	free(text);
	a = read_in_pieces(data, size, 4096);
	b = read_in_pieces(data, size, size ? data[0] + 1u : 1);
	require(g_string_equal(a, b));
	g_string_free(a, TRUE);
	g_string_free(b, TRUE);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	fuzz_glib_init();
	return 0;
}
