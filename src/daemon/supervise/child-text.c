/* SPDX-License-Identifier: GPL-2.0-only */
/* See child-text.h. */

#include <string.h>
#include <syslog.h>

#include "common/protocol.h"
#include "daemon/supervise/child-text.h"

static void on_assignment(const char *text, void (*noticed)(enum child_notice, gpointer userdata),
			  gpointer userdata)
{
	if (strcmp(text, NOTIFY_READY) == 0)
		noticed(CHILD_READY, userdata);
	else if (strcmp(text, NOTIFY_WATCHDOG) == 0)
		noticed(CHILD_HEARTBEAT, userdata);
	else if (g_str_has_prefix(text, NOTIFY_DEGRADED))
		noticed(CHILD_LATE, userdata);
	else if (g_str_has_prefix(text, NOTIFY_STATUS))
		noticed(CHILD_IN_TIME, userdata);
}

void child_text_notices(const char *message, void (*noticed)(enum child_notice, gpointer userdata),
			gpointer userdata)
{
	g_auto(GStrv) assignments = g_strsplit(message, "\n", -1);

	for (char **text = assignments; *text; text++)
		on_assignment(*text, noticed, userdata);
}

/* Lines begin with "<N>", N being the priority, but for the kernel's debug dump. */
static void on_line(const struct child_lines *lines, const char *text)
{
	int priority = LOG_INFO;

	if (text[0] == '<' && text[1] >= '0' && text[1] <= '7' && text[2] == '>') {
		priority = text[1] - '0';
		text += 3;
	}
	lines->line(priority, text, lines->userdata);
}

void child_lines_add(struct child_lines *lines, const char *data, size_t size)
{
	while (size) {
		const char *newline = memchr(data, '\n', size);
		size_t len = newline ? (size_t)(newline - data) : size;
		size_t piece = MIN(len, CHILD_LINE_MAX - lines->rest->len);
		gboolean ended = newline && piece == len;

		g_string_append_len(lines->rest, data, (gssize)piece);
		data += piece + (ended ? 1 : 0);
		size -= piece + (ended ? 1 : 0);
		if (ended || lines->rest->len == CHILD_LINE_MAX) {
			on_line(lines, lines->rest->str);
			g_string_truncate(lines->rest, 0);
		}
	}
}

void child_lines_end(struct child_lines *lines)
{
	if (lines->rest->len)
		on_line(lines, lines->rest->str);
	g_string_truncate(lines->rest, 0);
}
