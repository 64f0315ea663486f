/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Log lines of the library, and of libbpf through it. libbpf has one callback for the whole
 * process; ours gives each message to the logger of the thread that it comes from, or to the callback
 * that was there before, so that two schedulers, or a program that uses libbpf itself, do not read each
 * other's messages.
 *
 * Must never be called by the scheduler loop: it formats and may write.
 */
#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/internal.h"

enum {
	LINE_LEN = 1024,
	REASON_LEN = 400
};

static _Thread_local const struct rl_logger *libbpf_logger;
static _Thread_local char libbpf_reason[REASON_LEN];
static _Atomic(libbpf_print_fn_t) others_print; /* what the process had before */

static void emit(const struct rl_logger *logger, enum rl_log_level level, const char *line)
{
	if (level == RL_LOG_DEBUG && !logger->verbose)
		return;
	if (logger->fn)
		logger->fn(level, line, logger->userdata);
	else if (level <= RL_LOG_WARNING || logger->verbose)
		fprintf(stderr, "rustland: %s\n", line);
}

void rl_log(const struct rl_logger *logger, enum rl_log_level level, const char *format, ...)
{
	char line[LINE_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	emit(logger, level, line);
}

/*
 * In the verifier's log the reason is the line that says so (since 7.2), or else the last one
 * before its summary ("processed N insns ..."). Elsewhere it is the first thing libbpf complains
 * about: what follows are only its consequences.
 */
static void remember_reason(const char *message)
{
	const char *log = strstr(message, "-- BEGIN PROG LOAD LOG --");
	const char *start, *end;
	size_t used = strlen(libbpf_reason);

	if (!log) {
		if (!used)
			snprintf(libbpf_reason, sizeof(libbpf_reason), "%.*s", REASON_LEN - 1,
				 message);
		return;
	}
	start = strstr(log, "\nVerification failed: ");
	if (start) {
		start++;
		end = start + strcspn(start, "\n");
	} else {
		end = strstr(log, "\nprocessed ");
		if (!end)
			return;
		for (start = end; start > log && start[-1] != '\n';)
			start--;
	}
	if (used + 2 < sizeof(libbpf_reason))
		snprintf(libbpf_reason + used, sizeof(libbpf_reason) - used, ": %.*s",
			 (int)(end - start), start);
}

static int on_libbpf_message(enum libbpf_print_level level, const char *format, va_list args)
{
	/* Large: a verifier log is one message. Off the stack, and only ever before rl_attach(). */
	static _Thread_local char message[64 * 1024];
	libbpf_print_fn_t others;
	char *line, *rest;

	if (!libbpf_logger) {
		others = atomic_load(&others_print);
		return others ? others(level, format, args) : 0;
	}
	if (level != LIBBPF_WARN && !libbpf_logger->verbose)
		return 0;
	vsnprintf(message, sizeof(message), format, args);
	rest = message + strlen(message);
	while (rest > message && rest[-1] == '\n')
		*--rest = '\0';
	if (level == LIBBPF_WARN)
		remember_reason(strncmp(message, "libbpf: ", 8) ? message : message + 8);
	for (rest = message; (line = strsep(&rest, "\n"));)
		emit(libbpf_logger, RL_LOG_DEBUG, line);
	return 0;
}

void rl_libbpf_log_begin(const struct rl_logger *logger)
{
	libbpf_print_fn_t others = libbpf_set_print(on_libbpf_message);

	if (others != on_libbpf_message)
		atomic_store(&others_print, others);
	libbpf_logger = logger;
	libbpf_reason[0] = '\0';
}

const char *rl_libbpf_log_end(void)
{
	char *newline = strchr(libbpf_reason, '\n');

	if (newline)
		*newline = '\0';
	libbpf_logger = NULL;
	return libbpf_reason;
}
