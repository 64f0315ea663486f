/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The words for a switch in a configuration file. They are systemd's, see systemd.syntax(7), so that people
 * can write here what they write in units.
 */
#ifndef RUSTLAND_COMMON_YES_NO_H
#define RUSTLAND_COMMON_YES_NO_H

#include <stdbool.h>

/* Whether text is one of the words, in capitals or not; then *ret is what it means. */
bool yes_no_parse(const char *text, bool *ret);

#endif /* RUSTLAND_COMMON_YES_NO_H */
