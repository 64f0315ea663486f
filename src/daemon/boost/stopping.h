/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A service that is told to stop does not know whether it will be back in a moment: systemd does.
 */
#ifndef RUSTLANDD_STOPPING_H
#define RUSTLANDD_STOPPING_H

#include <gio/gio.h>

/*
 * Whether this process is being stopped for good, so that its boosts have to end. FALSE when it is
 * being restarted, or when systemd does not say: then the next start finds them. Waits for at most a
 * few seconds; to be called when nothing else is left to do.
 */
gboolean stopping_for_good(GDBusConnection *connection);

#endif /* RUSTLANDD_STOPPING_H */
