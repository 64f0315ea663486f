/* SPDX-License-Identifier: GPL-2.0-only */
/* See journal.h. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/journal.h"

#define PROGRAM "rustlandd"

static const char *field(const GLogField *fields, gsize n, const char *key)
{
	for (gsize i = 0; i < n; i++)
		if (strcmp(fields[i].key, key) == 0)
			return fields[i].value;
	return NULL;
}

static GLogWriterOutput write_message(GLogLevelFlags level, const GLogField *fields, gsize n,
				      gpointer userdata)
{
	const char *domain = field(fields, n, "GLIB_DOMAIN");
	const char *name = field(fields, n, "SYSLOG_IDENTIFIER");

	/* Debug messages need G_MESSAGES_DEBUG. */
	if (g_log_writer_default_would_drop(level, domain))
		return G_LOG_WRITER_HANDLED;
	if (g_log_writer_is_journald(STDERR_FILENO) &&
	    g_log_writer_journald(level, fields, n, userdata) == G_LOG_WRITER_HANDLED)
		return G_LOG_WRITER_HANDLED;
	fprintf(stderr, "%s: %s%s\n", name ? name : PROGRAM,
		level & G_LOG_LEVEL_WARNING ? "warning: " : "", field(fields, n, "MESSAGE"));
	return G_LOG_WRITER_HANDLED;
}

void log_init(void)
{
	g_log_set_writer_func(write_message, NULL, NULL);
}

/* GLib's level is not shown; it is one that is never dropped, and no more than a warning. */
static void send(int priority, const char *key, const char *value, const char *name,
		 const char *text)
{
	g_autofree char *number = g_strdup_printf("%d", priority);
	const GLogField fields[] = {
		{"MESSAGE", text, -1},
		{"PRIORITY", number, -1},
		{"GLIB_DOMAIN", PROGRAM, -1},
		{"SYSLOG_IDENTIFIER", name, -1},
		{key, value, -1},
	};

	g_log_structured_array(priority == 4 ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_MESSAGE, fields,
			       G_N_ELEMENTS(fields));
}

void log_catalog(const char *id, int priority, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	send(priority, "MESSAGE_ID", id, PROGRAM, text);
}

void log_child(pid_t pid, int priority, const char *text)
{
	g_autofree char *number = g_strdup_printf("%d", (int)pid);

	send(priority, "SCX_RUSTLAND_PID", number, "scx_rustland", text);
}
