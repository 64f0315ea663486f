/* SPDX-License-Identifier: GPL-2.0-only */
/* See text.h. */

#include "ctl/text.h"

#define SEC_US G_GUINT64_CONSTANT(1000000)

void text_append(GString *out, gboolean colour, enum style style, const char *text)
{
	static const char *const codes[] = {
		[STYLE_BOLD] = "\033[1m",
		[STYLE_GOOD] = "\033[1;32m",
		[STYLE_WARNING] = "\033[1;33m",
		[STYLE_BAD] = "\033[1;31m",
	};

	if (colour && style != STYLE_PLAIN)
		g_string_append_printf(out, "%s%s\033[0m", codes[style], text);
	else
		g_string_append(out, text);
}

/* Format characters are those that turn the direction of writing, or hide what follows. */
static gboolean is_harmless(gunichar c)
{
	return g_unichar_isprint(c) && g_unichar_type(c) != G_UNICODE_FORMAT;
}

char *text_clean(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	GString *out = g_string_new(NULL);

	for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		g_string_append_unichar(out, is_harmless(c) ? c : '?');
	}
	return g_string_free(out, FALSE);
}

char *text_duration(guint64 usec)
{
	guint64 s = usec / SEC_US;

	if (s < 120)
		return g_strdup_printf("%" G_GUINT64_FORMAT " s", s);
	if (s < 120 * 60)
		return g_strdup_printf("%" G_GUINT64_FORMAT " min", s / 60);
	if (s < 48 * 3600)
		return g_strdup_printf("%" G_GUINT64_FORMAT " h", s / 3600);
	return g_strdup_printf("%" G_GUINT64_FORMAT " d", s / 86400);
}

char *text_slice(guint64 usec)
{
	if (usec < 1000)
		return g_strdup_printf("%" G_GUINT64_FORMAT " us", usec);
	if (usec % 1000 == 0)
		return g_strdup_printf("%" G_GUINT64_FORMAT " ms", usec / 1000);
	return g_strdup_printf("%g ms", (double)usec / 1000);
}

/* ---- Tables --------------------------------------------------------------------------------- */

struct table {
	guint columns;
	guint right;
	GPtrArray *cells; /* row by row, the headings first */
};

/* In columns of the terminal. */
static guint text_width(const char *text)
{
	guint width = 0;

	for (const char *p = text; *p; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		if (!g_unichar_iszerowidth(c))
			width += g_unichar_iswide(c) ? 2 : 1;
	}
	return width;
}

void table_add(struct table *table, const char *const *cells)
{
	for (guint i = 0; i < table->columns; i++)
		g_ptr_array_add(table->cells, text_clean(cells[i] && *cells[i] ? cells[i] : "-"));
}

struct table *table_new(const char *const *headings, guint right)
{
	struct table *table = g_new0(struct table, 1);

	table->columns = g_strv_length((char **)headings);
	table->right = right;
	table->cells = g_ptr_array_new_with_free_func(g_free);
	table_add(table, headings);
	return table;
}

static guint column_width(const struct table *table, guint column)
{
	guint width = 0;

	for (guint i = column; i < table->cells->len; i += table->columns)
		width = MAX(width, text_width(table->cells->pdata[i]));
	return width;
}

static void append_cell(const struct table *table, GString *out, gboolean colour, guint cell,
			guint width)
{
	guint column = cell % table->columns;
	gboolean right = table->right >> column & 1, last = column + 1 == table->columns;
	const char *text = table->cells->pdata[cell];
	int padding = (int)(width - text_width(text));

	if (right)
		g_string_append_printf(out, "%*s", padding, "");
	text_append(out, colour, cell < table->columns ? STYLE_BOLD : STYLE_PLAIN, text);
	if (!right && !last)
		g_string_append_printf(out, "%*s", padding, "");
	g_string_append(out, last ? "\n" : "  ");
}

void table_end(struct table *table, GString *out, gboolean colour, const char *indent)
{
	g_autofree guint *widths = g_new(guint, table->columns);

	for (guint i = 0; i < table->columns; i++)
		widths[i] = column_width(table, i);
	for (guint i = 0; i < table->cells->len; i++) {
		if (i % table->columns == 0)
			g_string_append(out, indent);
		append_cell(table, out, colour, i, widths[i % table->columns]);
	}
	g_ptr_array_unref(table->cells);
	g_free(table);
}
