/* SPDX-License-Identifier: GPL-2.0-only */
/* See utf8.h. */
#include "sim/utf8.h"

#include <stdbool.h>
#include <string.h>

size_t utf8_character(const unsigned char *s)
{
	size_t n = s[0] < 0x80			 ? 1
		   : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		   : (s[0] & 0xf0) == 0xe0	 ? 3
		   : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
						 : 0;

	if (n == 1)
		return s[0] >= 0x20 && s[0] != 0x7f;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if (n == 3) {
		unsigned int code = (s[0] & 0xfU) << 12 | (s[1] & 0x3fU) << 6 | (s[2] & 0x3fU);

		if (code < 0x800 || (code >= 0xd800 && code < 0xe000) || code >= 0xfffe)
			return 0;
	}
	if (n == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)))
		return 0;
	return n;
}

static bool is_between(const unsigned char *s, const char *first, const char *last)
{
	size_t n = strlen(first);

	return memcmp(s, first, n) >= 0 && memcmp(s, last, n) <= 0;
}

/* Of n bytes: not seen as a character, but as what it does to others. */
static bool is_control(const unsigned char *s, size_t n)
{
	if (n == 2)
		return is_between(s, "\xc2\x80",
				  "\xc2\x9f"); /* as those of ASCII with ESC before */
	return n == 3 && (is_between(s, "\xe2\x80\x8b", "\xe2\x80\x8f") || /* of no width, marks */
			  is_between(s, "\xe2\x80\xa8", "\xe2\x80\xae") || /* lines, direction */
			  is_between(s, "\xe2\x81\xa6", "\xe2\x81\xa9"));  /* direction */
}

void utf8_print(FILE *f, const char *text, int columns)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t n = utf8_character(s), escaped = !n ? 1 : is_control(s, n) ? n : 0;

		for (size_t i = 0; i < escaped; i++)
			fprintf(f, "\\x%02x", s[i]);
		if (escaped)
			n = escaped;
		else
			fwrite(s, 1, n, f);
		columns -= escaped ? 4 * (int)escaped : 1;
		s += n;
	}
	fprintf(f, "%*s", columns > 0 ? columns : 0, "");
}
