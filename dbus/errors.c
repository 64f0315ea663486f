/* SPDX-License-Identifier: GPL-2.0-only */
/* See errors.h. */

#include "common/names.h"
#include "dbus/errors.h"

static const GDBusErrorEntry entries[] = {
	{RUSTLAND_ERROR_NO_SUCH_PROCESS, SERVICE_ERRORS "NoSuchProcess"},
	{RUSTLAND_ERROR_NO_SUCH_BOOST, SERVICE_ERRORS "NoSuchBoost"},
	{RUSTLAND_ERROR_LIMIT_EXCEEDED, SERVICE_ERRORS "LimitExceeded"},
	{RUSTLAND_ERROR_RATE_LIMITED, SERVICE_ERRORS "RateLimited"},
	{RUSTLAND_ERROR_NOT_RUNNING, SERVICE_ERRORS "NotRunning"},
};

GQuark rustland_error_quark(void)
{
	static gsize quark;

	g_dbus_error_register_error_domain("rustland-error", &quark, entries,
					   G_N_ELEMENTS(entries));
	return (GQuark)quark;
}
