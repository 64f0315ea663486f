/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The profile that somebody chose over D-Bus, in a file that survives restarts. It goes before the
 * one that rustland.conf names, until that one is chosen.
 */
#ifndef RUSTLANDD_CHOICE_H
#define RUSTLANDD_CHOICE_H

#include <glib.h>

/*
 * Free with g_free(). NULL: nobody chose one, or it is none, which is logged; or, with an error, it
 * cannot be read, which says nothing about what was chosen.
 */
char *choice_read(const char *state_dir, GError **error);

/* profile: NULL to forget it. */
gboolean choice_write(const char *state_dir, const char *profile, GError **error);

#endif /* RUSTLANDD_CHOICE_H */
