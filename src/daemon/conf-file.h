/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads a file that an administrator has put where configuration is looked for, whatever it is. It
 * must never wait, and never hold more than CONFIG_FILE_MAX bytes: a FIFO, a device or a file without
 * end is refused like any other mistake.
 */
#ifndef RUSTLANDD_CONF_FILE_H
#define RUSTLANDD_CONF_FILE_H

#include <stdbool.h>

#include <glib.h>

/* The longest sensible file has a few kilobytes. */
#define CONFIG_FILE_MAX (1024 * 1024)

/*
 * The file's text, to be freed with g_free(); "" for /dev/null. NULL and no error: there is no such
 * file. Else NULL and one line in error, which begins with the path. Links are followed; one that
 * leads nowhere is a mistake.
 */
char *config_file_read(const char *path, GError **error);

/* There is nothing of that name: not even a link that leads nowhere, which is there for a reason. */
bool config_file_is_missing(const char *path);

/*
 * A line that people read: control characters become '?', and what is longer than max characters is
 * cut. Free with g_free().
 */
char *config_shown(const char *text, size_t max);

#endif /* RUSTLANDD_CONF_FILE_H */
