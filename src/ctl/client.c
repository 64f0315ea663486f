/* SPDX-License-Identifier: GPL-2.0-only */
/* See client.h. */

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <gio/gunixfdlist.h>

#include "ctl/client.h"
#include "ctl/why.h"

/* A password takes its time. */
static GDBusCallFlags call_flags(void)
{
	GDBusCallFlags flags = G_DBUS_CALL_FLAGS_NO_AUTO_START;

	if (isatty(STDIN_FILENO))
		flags |= G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION;
	return flags;
}

/* A configuration is tried before the answer; that is bounded, and below systemd's limit for a reload. */
#define TRIAL_TIMEOUT_MS 120000

static int call_timeout_ms(GDBusCallFlags flags, const char *method)
{
	if (flags & G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION)
		return G_MAXINT;
	if (g_str_equal(method, "ReloadConfiguration") || g_str_equal(method, "Set"))
		return TRIAL_TIMEOUT_MS;
	return -1;
}

GDBusConnection *client_connect(GError **error)
{
	g_autoptr(GError) local = NULL;
	GDBusConnection *bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, &local);

	if (!bus) {
		g_set_error(error, CTL_ERROR, EXIT_NOT_RUNNING,
			    "cannot reach the system bus: %s\n"
			    "The service and this program talk over it; `systemctl status dbus` "
			    "may say what is wrong.",
			    local->message);
		return NULL;
	}
	g_dbus_connection_set_exit_on_close(bus, FALSE);
	return bus;
}

/* Takes error. */
static GError *explain(GDBusConnection *bus, GError *error, const char *subject)
{
	struct facts facts = {0};
	GError *absence;

	if (!error_is_not_there(error))
		return error_explain(error, subject, geteuid() == 0);
	g_error_free(error);
	facts_read(&facts, bus);
	absence = facts_absence(&facts);
	facts_clear(&facts);
	return absence;
}

static GVariant *call(GDBusConnection *bus, const char *interface, const char *method,
		      GVariant *arguments, const char *reply, const char *subject, GError **error)
{
	GDBusCallFlags flags = call_flags();
	GError *local = NULL;
	GVariant *result;

	result = g_dbus_connection_call_sync(bus, SERVICE_NAME, SERVICE_PATH, interface, method,
					     arguments, G_VARIANT_TYPE(reply), flags,
					     call_timeout_ms(flags, method), NULL, &local);
	if (!result)
		g_propagate_error(error, explain(bus, local, subject));
	return result;
}

GVariant *client_call(GDBusConnection *bus, const char *method, GVariant *arguments,
		      const char *reply, const char *subject, GError **error)
{
	return call(bus, SERVICE_INTERFACE, method, arguments, reply, subject, error);
}

GVariant *client_properties(GDBusConnection *bus, GError **error)
{
	g_autoptr(GVariant) reply =
		call(bus, "org.freedesktop.DBus.Properties", "GetAll",
		     g_variant_new("(s)", SERVICE_INTERFACE), "(a{sv})", NULL, error);

	return reply ? g_variant_get_child_value(reply, 0) : NULL;
}

gboolean client_set_profile(GDBusConnection *bus, const char *profile, GError **error)
{
	g_autoptr(GVariant) reply = call(
		bus, "org.freedesktop.DBus.Properties", "Set",
		g_variant_new("(ssv)", SERVICE_INTERFACE, "Profile", g_variant_new_string(profile)),
		"()", NULL, error);

	return reply != NULL;
}

/* ---- Boosts --------------------------------------------------------------------------------- */

static GVariant *boost_options(const struct arguments *args)
{
	g_auto(GVariantBuilder) options = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

	if (args->app_id)
		g_variant_builder_add(&options, "{sv}", "AppId",
				      g_variant_new_string(args->app_id));
	if (args->lifetime)
		g_variant_builder_add(&options, "{sv}", "Lifetime",
				      g_variant_new_string(args->lifetime));
	if (args->timeout_us)
		g_variant_builder_add(&options, "{sv}", "TimeoutUSec",
				      g_variant_new_uint64(args->timeout_us));
	return g_variant_builder_end(&options);
}

/* A list that holds a pidfd; a number would mean another process in another PID namespace. */
static GUnixFDList *pin_process(pid_t pid, const char *subject, GError **error)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd >= 0)
		return g_unix_fd_list_new_from_array(&fd, 1);
	if (errno == ESRCH)
		g_set_error(error, CTL_ERROR, EXIT_FAILED, "there is no %s", subject);
	else if (errno == EINVAL || errno == ENOENT)
		g_set_error(error, CTL_ERROR, EXIT_FAILED,
			    "%s is a thread; give the process that it belongs to (Tgid in "
			    "/proc/%d/status)",
			    subject, (int)pid);
	else
		g_set_error(error, CTL_ERROR, EXIT_FAILED, "%s: pidfd_open: %s", subject,
			    g_strerror(errno));
	return NULL;
}

/*
 * Call a method whose first argument, handle 0, is a pidfd of process pid; takes arguments. timeout_ms
 * as for client_boost().
 */
static GVariant *call_with_process(GDBusConnection *bus, pid_t pid, const char *method,
				   GVariant *arguments, const char *reply, int timeout_ms,
				   GError **error)
{
	g_autoptr(GVariant) owned = g_variant_ref_sink(arguments);
	g_autofree char *subject = g_strdup_printf("process %d", (int)pid);
	/* Nobody who runs a command knows the number that it has got. */
	GDBusCallFlags flags = timeout_ms < 0 ? call_flags() : G_DBUS_CALL_FLAGS_NO_AUTO_START;
	g_autoptr(GUnixFDList) fds = pin_process(pid, subject, error);
	GError *local = NULL;
	GVariant *result;

	if (!fds)
		return NULL;
	result = g_dbus_connection_call_with_unix_fd_list_sync(
		bus, SERVICE_NAME, SERVICE_PATH, SERVICE_INTERFACE, method, owned,
		G_VARIANT_TYPE(reply), flags,
		timeout_ms < 0 ? call_timeout_ms(flags, method) : timeout_ms, fds, NULL, NULL,
		&local);
	if (!result)
		g_propagate_error(error, explain(bus, local, pid == getpid() ? NULL : subject));
	return result;
}

guint32 client_boost(GDBusConnection *bus, pid_t pid, const char *scope,
		     const struct arguments *args, int timeout_ms, GError **error)
{
	g_autoptr(GVariant) reply = call_with_process(
		bus, pid, "BoostProcessByPIDFd",
		g_variant_new("(hss@a{sv})", 0, args->scope ? args->scope : scope,
			      args->reason ? args->reason : "rustlandctl", boost_options(args)),
		"(u)", timeout_ms, error);
	guint32 cookie = 0;

	if (reply)
		g_variant_get(reply, "(u)", &cookie);
	return cookie;
}

gboolean client_foreground(GDBusConnection *bus, pid_t pid, GError **error)
{
	g_autoptr(GVariant) reply = call_with_process(bus, pid, "SetForegroundProcessByPIDFd",
						      g_variant_new("(h)", 0), "()", -1, error);

	return reply != NULL;
}
