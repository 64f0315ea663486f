/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The errors of org.scx.Rustland, as a GError domain whose codes have D-Bus names. What the standard
 * has a name for (AccessDenied, InvalidArgs) stays in G_DBUS_ERROR. Messages go to users of other
 * programs: they say what was wrong and what to do instead, and never hold control characters.
 */
#ifndef RUSTLANDD_ERRORS_H
#define RUSTLANDD_ERRORS_H

#include <gio/gio.h>

enum rustland_error {
	RUSTLAND_ERROR_NO_SUCH_PROCESS,
	RUSTLAND_ERROR_NO_SUCH_BOOST,
	RUSTLAND_ERROR_LIMIT_EXCEEDED,
	RUSTLAND_ERROR_RATE_LIMITED,
	RUSTLAND_ERROR_NOT_RUNNING,
};

#define RUSTLAND_ERROR (rustland_error_quark())
GQuark rustland_error_quark(void);

#endif /* RUSTLANDD_ERRORS_H */
