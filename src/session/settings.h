/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session.conf: what of a session is followed. The administrator's file in /etc/scx-rustland goes
 * before the vendor's, and the user's own in ~/.config/scx-rustland before both, key by key. A
 * mistake is reported and leaves the value as it was: nobody's session fails over it.
 */
#ifndef RUSTLAND_SESSION_SETTINGS_H
#define RUSTLAND_SESSION_SETTINGS_H

#include <stdbool.h>

struct settings {
	bool gamemode; /* boost what GameMode knows as a game */
	bool focus;    /* tell the service about the focused window */
};

/* dirs: NULL-terminated, the last one counts most. */
void settings_load(struct settings *ret, const char *const *dirs);

#endif /* RUSTLAND_SESSION_SETTINGS_H */
