/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text for people: tables, colours, times.
 *
 * Names of processes and reasons of boosts come from any user of the machine; text_clean() keeps
 * their control characters from the terminal. Nothing here prints or reads a clock.
 */
#ifndef RUSTLANDCTL_TEXT_H
#define RUSTLANDCTL_TEXT_H

#include <glib.h>

enum style {
	STYLE_PLAIN,
	STYLE_BOLD,
	STYLE_GOOD,
	STYLE_WARNING,
	STYLE_BAD,
};

/* Append text, coloured if colour is TRUE. */
void text_append(GString *out, gboolean colour, enum style style, const char *text);

/* Valid UTF-8, and nothing in it that a terminal obeys; such characters become '?'. */
char *text_clean(const char *text);

/* How long something lasts, roughly: "3 s", "5 min", "2 h", "4 d". */
char *text_duration(guint64 usec);

/* A time slice, exactly: "20 ms", "500 us", "1.5 ms". */
char *text_slice(guint64 usec);

/* A table with headings. The cells are cleaned; the last column is not padded. */
struct table;

/* headings: NULL-terminated. right: a bit for each column that is aligned to the right. */
struct table *table_new(const char *const *headings, guint right);
/* As many strings as there are headings; NULL is shown as "-". */
void table_add(struct table *table, const char *const *cells);
/* Append the table to out, each line after indent; frees the table. */
void table_end(struct table *table, GString *out, gboolean colour, const char *indent);

#endif /* RUSTLANDCTL_TEXT_H */
