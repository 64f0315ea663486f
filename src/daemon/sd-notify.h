/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the service manager is told, as sd_notify(3) does it, but without ever waiting: systemd
 * reads nothing while it loads all units anew, say, and callers are answered meanwhile. What it
 * does not take at once is sent in order when it does. Main loop only.
 */
#ifndef RUSTLANDD_SD_NOTIFY_H
#define RUSTLANDD_SD_NOTIFY_H

#include <glib.h>

/* Messages that may wait for it: a descriptor comes and goes for each of 1024 boosts. */
#define NOTIFY_WAITING_MAX 2048

/*
 * fd: to be kept by the manager, or -1; it is duplicated. TRUE as well when there is no manager. An error
 * says that the manager will not hear of it.
 */
gboolean notify_manager(const char *state, int fd, GError **error);

#endif /* RUSTLANDD_SD_NOTIFY_H */
