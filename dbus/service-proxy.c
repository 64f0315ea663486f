/* SPDX-License-Identifier: GPL-2.0-only */
/* See service-proxy.h. */

#include "common/names.h"
#include "dbus/errors.h"
#include "dbus/service-proxy.h"

Rustland *service_proxy_new(GDBusConnection *bus, const char *owner)
{
	g_autoptr(GError) error = NULL;
	Rustland *proxy;

	(void)RUSTLAND_ERROR; /* before any of them comes */
	proxy = rustland_proxy_new_sync(bus,
					G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES |
						G_DBUS_PROXY_FLAGS_DO_NOT_CONNECT_SIGNALS |
						G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START,
					owner, SERVICE_PATH, NULL, &error);
	/* It asks nobody anything, so there is nothing that could fail. */
	if (!proxy)
		g_error("a proxy for %s: %s", owner, error->message);
	return proxy;
}
