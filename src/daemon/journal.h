/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where messages go: g_message(), g_warning() and the like, and what scx_rustland says. Under
 * systemd that is the journal, with priorities and fields; else one line each on standard error.
 */
#ifndef RUSTLANDD_JOURNAL_H
#define RUSTLANDD_JOURNAL_H

#include <sys/types.h>

#include <glib.h>

/* Messages that systemd/scx-rustland.catalog explains. */
#define LOG_ID_GAVE_UP	 "124ab4339bf1468fa538303376bb9ad6"
#define LOG_ID_ENDED	 "979cc50c222a4302b5e2bf100c9000d9"
#define LOG_ID_INHIBITED "e012da839dbe444cb33df1f724222d18"

/* Before the first message. */
void log_init(void);

/* The priorities are syslog's, as in LOG_ERR. */
void log_catalog(const char *id, int priority, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* A line of scx_rustland's. */
void log_child(pid_t pid, int priority, const char *text);

#endif /* RUSTLANDD_JOURNAL_H */
