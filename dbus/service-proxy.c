/* SPDX-License-Identifier: GPL-2.0-only */
/* See service-proxy.h. */

#include <gio/gunixfdlist.h>

#include "common/names.h"
#include "dbus/errors.h"
#include "dbus/service-proxy.h"

#define FLAGS                                                                                      \
	(G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES | G_DBUS_PROXY_FLAGS_DO_NOT_CONNECT_SIGNALS |   \
	 G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START)

void service_proxy_prepare(void)
{
	(void)RUSTLAND_ERROR;
	g_type_class_unref(g_type_class_ref(TYPE_RUSTLAND_PROXY));
	/* Process IDs go out as descriptors. */
	g_type_class_unref(g_type_class_ref(G_TYPE_UNIX_FD_LIST));
}

/* Nobody is asked anything, so there is nothing else that could fail. */
static Rustland *check(Rustland *proxy, const GError *error)
{
	if (!proxy && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		g_error("a proxy of the service: %s", error->message);
	return proxy;
}

Rustland *service_proxy_new(GDBusConnection *bus, const char *owner)
{
	g_autoptr(GError) error = NULL;
	Rustland *proxy;

	(void)RUSTLAND_ERROR; /* before any of them comes */
	proxy = rustland_proxy_new_sync(bus, FLAGS, owner, SERVICE_PATH, NULL, &error);
	return check(proxy, error);
}

void service_proxy_start(GDBusConnection *bus, const char *owner, GCancellable *cancel,
			 GAsyncReadyCallback callback, gpointer userdata)
{
	(void)RUSTLAND_ERROR;
	rustland_proxy_new(bus, FLAGS, owner, SERVICE_PATH, cancel, callback, userdata);
}

Rustland *service_proxy_finish(GAsyncResult *result)
{
	g_autoptr(GError) error = NULL;
	Rustland *proxy = rustland_proxy_new_finish(result, &error);

	return check(proxy, error);
}
