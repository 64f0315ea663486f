/* SPDX-License-Identifier: GPL-2.0-only */
/* See errors.h. */

#include "daemon/bus/errors.h"

static const GDBusErrorEntry entries[] = {
	{RUSTLAND_ERROR_NO_SUCH_PROCESS, "org.scx.Rustland.Error.NoSuchProcess"},
	{RUSTLAND_ERROR_NO_SUCH_BOOST, "org.scx.Rustland.Error.NoSuchBoost"},
	{RUSTLAND_ERROR_LIMIT_EXCEEDED, "org.scx.Rustland.Error.LimitExceeded"},
	{RUSTLAND_ERROR_RATE_LIMITED, "org.scx.Rustland.Error.RateLimited"},
	{RUSTLAND_ERROR_NOT_RUNNING, "org.scx.Rustland.Error.NotRunning"},
};

GQuark rustland_error_quark(void)
{
	static gsize quark;

	g_dbus_error_register_error_domain("rustland-error", &quark, entries,
					   G_N_ELEMENTS(entries));
	return (GQuark)quark;
}
