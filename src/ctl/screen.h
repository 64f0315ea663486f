/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the output goes: standard output, in colour if that is a terminal. */
#ifndef RUSTLANDCTL_SCREEN_H
#define RUSTLANDCTL_SCREEN_H

#include "ctl/error.h"
#include "ctl/format.h"

/* Asks the environment, the clock and the user database. */
void screen_view(struct view *ret);
void screen_print(const GString *text);

/* FALSE if standard output does not take what was printed. When its reader left, ends the program. */
gboolean screen_flush(GError **error);

/* On standard error: "rustlandctl: " and the message, whose further lines say what to do. */
void screen_error(const GError *error);

#endif /* RUSTLANDCTL_SCREEN_H */
