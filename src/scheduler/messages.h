/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages on standard error: one line each, with the priority that the journal understands when
 * standard error leads there, else with the program's name.
 *
 * log_write() may wait for the reader; the scheduler thread calls it only while it does not
 * schedule, and the helper thread uses log_format() and output_write() instead. What comes from the
 * kernel may hold names that any user chose, so control characters never reach the terminal.
 */
#ifndef SCX_RUSTLAND_MESSAGES_H
#define SCX_RUSTLAND_MESSAGES_H

#include <stdarg.h>
#include <stddef.h>

#include <rustland.h>

/* Longer messages are cut. */
#define LOG_LINE_MAX 2048

void log_init(void);

void log_write(enum rl_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The whole line into buf, which has LOG_LINE_MAX bytes; returns its length. */
size_t log_format(char *buf, enum rl_log_level level, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

/* Text of several lines as it is, but for its control characters. */
void log_text(const char *text);

/* For rl_open_opts.log. */
void log_library(enum rl_log_level level, const char *message, void *userdata);

#endif /* SCX_RUSTLAND_MESSAGES_H */
