/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What scx_rustland says, as text in and meaning out: its notifications, see sd_notify(3), and the
 * lines on its standard error. It takes whatever comes; a policy that runs in that process may print
 * anything.
 */
#ifndef RUSTLANDD_CHILD_TEXT_H
#define RUSTLANDD_CHILD_TEXT_H

#include <stddef.h>

#include <glib.h>

#include "daemon/supervise/child.h"

/* No line that is handed on is longer, in bytes; what is longer comes in pieces. */
#define CHILD_LINE_MAX 8192

/* Calls noticed for each assignment in a message that means something, in their order. */
void child_text_notices(const char *message, void (*noticed)(enum child_notice, gpointer userdata),
			gpointer userdata);

/* Of a stream of lines, the part that is not a whole one yet. */
struct child_lines {
	GString *rest;
	/* text: without "<N>" in front and the newline; priority: N, or LOG_INFO without one */
	void (*line)(int priority, const char *text, gpointer userdata);
	gpointer userdata;
};

/* Takes what was read. */
void child_lines_add(struct child_lines *lines, const char *data, size_t size);
/* Nothing follows: the half line at the end is one as well. */
void child_lines_end(struct child_lines *lines);

#endif /* RUSTLANDD_CHILD_TEXT_H */
