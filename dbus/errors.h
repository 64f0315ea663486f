/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The errors of org.scx.Rustland, as a GError domain whose codes have D-Bus names: the service fails with
 * one, and g_error_matches() finds it in a client. What the standard has a name for (AccessDenied,
 * InvalidArgs) stays in G_DBUS_ERROR.
 *
 * Messages go to users of other programs: they say what was wrong and what to do instead, and must never
 * hold control characters.
 */
#ifndef RUSTLAND_DBUS_ERRORS_H
#define RUSTLAND_DBUS_ERRORS_H

#include <gio/gio.h>

enum rustland_error {
	RUSTLAND_ERROR_NO_SUCH_PROCESS,
	RUSTLAND_ERROR_NO_SUCH_BOOST,
	RUSTLAND_ERROR_LIMIT_EXCEEDED,
	RUSTLAND_ERROR_RATE_LIMITED,
	RUSTLAND_ERROR_NOT_RUNNING,
};

/*
 * The first use tells GDBus the names. An error that has come before is in no domain of ours, so a client
 * that looks for them uses this before its first call: service_proxy_new() does.
 */
#define RUSTLAND_ERROR (rustland_error_quark())
GQuark rustland_error_quark(void);

#endif /* RUSTLAND_DBUS_ERRORS_H */
