/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Follows GameMode on the session bus: every game that is registered with it is boosted, for as long
 * as it is. It must never start GameMode, and never trust it to notice that a game died: GameMode
 * looks every five seconds, the process itself tells at once.
 */
#ifndef RUSTLAND_SESSION_GAMEMODE_H
#define RUSTLAND_SESSION_GAMEMODE_H

#include <gio/gio.h>

#include "session/service-client.h"

struct gamemode;

/* bus: the session bus. Both stay the caller's, and in use until gamemode_free(). */
struct gamemode *gamemode_new(GDBusConnection *bus, struct service *service);
void gamemode_free(struct gamemode *gamemode);

#endif /* RUSTLAND_SESSION_GAMEMODE_H */
