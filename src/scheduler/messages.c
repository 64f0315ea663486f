/* SPDX-License-Identifier: GPL-2.0-only */
/* See messages.h. */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scheduler/messages.h"

static bool to_journal;

void log_init(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t dev, ino;
	struct stat st;

	/* The variable is inherited even where standard error was redirected. */
	to_journal = stream && sscanf(stream, "%ju:%ju", &dev, &ino) == 2 &&
		     fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

/* Newlines are kept for the kernel's dump only. */
static void mask_control_characters(char *text, size_t len, bool keep_newlines)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\t' && !(c == '\n' && keep_newlines)) || c == 0x7f)
			text[i] = '?';
	}
}

static void write_all(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nowhere left to say so */
		text += n;
		len -= (size_t)n;
	}
}

size_t log_format(char *buf, enum rl_log_level level, const char *format, va_list args)
{
	static const char journal[] = {
		[RL_LOG_ERROR] = '3',
		[RL_LOG_WARNING] = '4',
		[RL_LOG_INFO] = '6',
		[RL_LOG_DEBUG] = '7',
	};
	size_t len, prefix;
	int n;

	if (to_journal)
		n = snprintf(buf, LOG_LINE_MAX, "<%c>", journal[level]);
	else
		n = snprintf(buf, LOG_LINE_MAX, "scx_rustland: %s",
			     level == RL_LOG_WARNING ? "warning: " : "");
	prefix = (size_t)n;
	n = vsnprintf(buf + prefix, LOG_LINE_MAX - prefix - 1, format, args);
	len = prefix + (n > 0 ? strlen(buf + prefix) : 0);
	mask_control_characters(buf + prefix, len - prefix, false);
	buf[len++] = '\n';
	buf[len] = 0;
	return len;
}

void log_write(enum rl_log_level level, const char *format, ...)
{
	char line[LOG_LINE_MAX];
	va_list args;
	size_t len;

	va_start(args, format);
	len = log_format(line, level, format, args);
	va_end(args);
	write_all(line, len);
}

void log_text(const char *text)
{
	char part[1024];

	for (size_t left = strlen(text), n; left > 0; left -= n, text += n) {
		n = left < sizeof(part) ? left : sizeof(part);
		memcpy(part, text, n);
		mask_control_characters(part, n, true);
		write_all(part, n);
	}
}

void log_library(enum rl_log_level level, const char *message, void *userdata)
{
	(void)userdata;
	log_write(level, "%s", message);
}
