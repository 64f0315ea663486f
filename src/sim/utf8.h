/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of tasks and files are anybody's: what they may do to a terminal or a page is prevented where they are
 * printed. Nothing here may depend on a locale.
 */
#ifndef RUSTLAND_SIM_UTF8_H
#define RUSTLAND_SIM_UTF8_H

#include <stddef.h>
#include <stdio.h>

/* The length of the UTF-8 sequence that begins there and that XML allows as a character; 0: there is none. */
size_t utf8_character(const unsigned char *s);

/*
 * For a terminal: bytes of control characters, of those that change the direction of text, and of what is no UTF-8
 * are shown as \x1b. Spaces follow up to so many columns.
 */
void utf8_print(FILE *f, const char *text, int columns);

#endif /* RUSTLAND_SIM_UTF8_H */
