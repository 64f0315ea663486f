/* SPDX-License-Identifier: GPL-2.0-only */
/* See client.h. */

#include <errno.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include <gio/gunixfdlist.h>

#include "common/bus-words.h"
#include "common/names.h"
#include "ctl/client.h"
#include "ctl/why.h"
#include "dbus/service-proxy.h"

/* A configuration is tried before the answer; that is bounded, and below systemd's limit for a reload. */
#define TRIAL_TIMEOUT_MS 120000

/* How a call is made: what polkit may do, and how long to wait for the answer, -1 for GDBus's usual time. */
struct manner {
	GDBusCallFlags flags;
	int timeout_ms;
};

/* A password takes its time, so that there is no limit where polkit may ask for one. */
static struct manner manner(int timeout_ms)
{
	if (!isatty(STDIN_FILENO))
		return (struct manner){G_DBUS_CALL_FLAGS_NO_AUTO_START, timeout_ms};
	return (struct manner){G_DBUS_CALL_FLAGS_NO_AUTO_START |
				       G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION,
			       G_MAXINT};
}

GDBusConnection *client_connect(GError **error)
{
	g_autoptr(GError) local = NULL;
	GDBusConnection *bus;

	service_proxy_prepare();
	bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, &local);
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

/*
 * The service as it is now; the error is the bus's. It is looked up for each call, because nothing tells us of
 * another owner of the name while we wait for an answer.
 */
static Rustland *find_service(GDBusConnection *bus, const struct manner *manner, GError **error)
{
	g_autoptr(GVariant) reply = g_dbus_connection_call_sync(
		bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
		"GetNameOwner", g_variant_new("(s)", SERVICE_NAME), G_VARIANT_TYPE("(s)"),
		G_DBUS_CALL_FLAGS_NONE, manner->timeout_ms, NULL, error);
	const char *owner;

	if (!reply)
		return NULL;
	g_variant_get(reply, "(&s)", &owner);
	return service_proxy_new(bus, owner);
}

/* At the end of each call: whether it went well. Takes local. subject: what it was about, or NULL. */
static gboolean check(GDBusConnection *bus, GError *local, const char *subject, GError **error)
{
	if (local)
		g_propagate_error(error, explain(bus, local, subject));
	return local == NULL;
}

/* ---- The service as a whole ----------------------------------------------------------------- */

/* Properties that are not kept here have no code that was made for them. */
static GVariant *call_properties(GDBusConnection *bus, const char *method, GVariant *arguments,
				 const char *reply, int timeout_ms, GError **error)
{
	struct manner m = manner(timeout_ms);
	GError *local = NULL;
	GVariant *result;

	result = g_dbus_connection_call_sync(
		bus, SERVICE_NAME, SERVICE_PATH, "org.freedesktop.DBus.Properties", method,
		arguments, G_VARIANT_TYPE(reply), m.flags, m.timeout_ms, NULL, &local);
	check(bus, local, NULL, error);
	return result;
}

GVariant *client_properties(GDBusConnection *bus, GError **error)
{
	g_autoptr(GVariant) reply = call_properties(
		bus, "GetAll", g_variant_new("(s)", SERVICE_INTERFACE), "(a{sv})", -1, error);

	return reply ? g_variant_get_child_value(reply, 0) : NULL;
}

gboolean client_set_profile(GDBusConnection *bus, const char *profile, GError **error)
{
	g_autoptr(GVariant) reply = call_properties(
		bus, "Set",
		g_variant_new("(ssv)", SERVICE_INTERFACE, "Profile", g_variant_new_string(profile)),
		"()", TRIAL_TIMEOUT_MS, error);

	return reply != NULL;
}

gboolean client_reload(GDBusConnection *bus, GError **error)
{
	struct manner m = manner(TRIAL_TIMEOUT_MS);
	GError *local = NULL;
	g_autoptr(Rustland) service = find_service(bus, &m, &local);

	if (service)
		rustland_call_reload_configuration_sync(service, m.flags, m.timeout_ms, NULL,
							&local);
	return check(bus, local, NULL, error);
}

GVariant *client_statistics(GDBusConnection *bus, GError **error)
{
	struct manner m = manner(-1);
	GError *local = NULL;
	g_autoptr(Rustland) service = find_service(bus, &m, &local);
	GVariant *statistics = NULL;

	if (service)
		rustland_call_get_statistics_sync(service, m.flags, m.timeout_ms, &statistics, NULL,
						  &local);
	check(bus, local, NULL, error);
	return statistics;
}

/* ---- Boosts --------------------------------------------------------------------------------- */

GVariant *client_boosts(GDBusConnection *bus, GError **error)
{
	struct manner m = manner(-1);
	GError *local = NULL;
	g_autoptr(Rustland) service = find_service(bus, &m, &local);
	GVariant *boosts = NULL;

	if (service)
		rustland_call_list_boosts_sync(service, m.flags, m.timeout_ms, &boosts, NULL,
					       &local);
	check(bus, local, NULL, error);
	return boosts;
}

gboolean client_release(GDBusConnection *bus, guint32 cookie, GError **error)
{
	g_autofree char *subject = g_strdup_printf("boost %u", cookie);
	struct manner m = manner(-1);
	GError *local = NULL;
	g_autoptr(Rustland) service = find_service(bus, &m, &local);

	if (service)
		rustland_call_release_sync(service, cookie, m.flags, m.timeout_ms, NULL, &local);
	return check(bus, local, subject, error);
}

static GVariant *boost_options(const struct arguments *args)
{
	g_auto(GVariantBuilder) options = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

	if (args->app_id)
		g_variant_builder_add(&options, "{sv}", BOOST_KEY_APP_ID,
				      g_variant_new_string(args->app_id));
	if (args->lifetime)
		g_variant_builder_add(&options, "{sv}", BOOST_KEY_LIFETIME,
				      g_variant_new_string(args->lifetime));
	if (args->timeout_us)
		g_variant_builder_add(&options, "{sv}", BOOST_KEY_TIMEOUT,
				      g_variant_new_uint64(args->timeout_us));
	return g_variant_builder_end(&options);
}

static char *process_text(pid_t pid)
{
	return g_strdup_printf("process %d", (int)pid);
}

/* For the words of an error. Nobody who runs a command knows the number that it has got. */
static char *process_subject(pid_t pid)
{
	return pid == getpid() ? NULL : process_text(pid);
}

/* A list that holds a pidfd; a number would mean another process in another PID namespace. */
static GUnixFDList *pin_process(pid_t pid, GError **error)
{
	g_autofree char *subject = process_text(pid);
	int fd = pidfd_open(pid, 0);

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

/* The pidfd in the list that goes with a call. */
static GVariant *first_descriptor(void)
{
	return g_variant_new_handle(0);
}

guint32 client_boost(GDBusConnection *bus, pid_t pid, const char *scope,
		     const struct arguments *args, int timeout_ms, GError **error)
{
	g_autofree char *subject = process_subject(pid);
	struct manner m = timeout_ms < 0
				  ? manner(-1)
				  : (struct manner){G_DBUS_CALL_FLAGS_NO_AUTO_START, timeout_ms};
	g_autoptr(GUnixFDList) fds = pin_process(pid, error);
	g_autoptr(Rustland) service = NULL;
	GError *local = NULL;
	guint32 cookie = 0;

	if (!fds)
		return 0;
	service = find_service(bus, &m, &local);
	if (service)
		rustland_call_boost_process_by_pidfd_sync(
			service, first_descriptor(), args->scope ? args->scope : scope,
			args->reason ? args->reason : "rustlandctl", boost_options(args), m.flags,
			m.timeout_ms, fds, &cookie, NULL, NULL, &local);
	check(bus, local, subject, error);
	return cookie;
}

/* ---- The foreground ------------------------------------------------------------------------- */

gboolean client_foreground(GDBusConnection *bus, pid_t pid, GError **error)
{
	g_autofree char *subject = process_subject(pid);
	struct manner m = manner(-1);
	g_autoptr(GUnixFDList) fds = pin_process(pid, error);
	g_autoptr(Rustland) service = NULL;
	GError *local = NULL;

	if (!fds)
		return FALSE;
	service = find_service(bus, &m, &local);
	if (service)
		rustland_call_set_foreground_process_by_pidfd_sync(service, first_descriptor(),
								   m.flags, m.timeout_ms, fds, NULL,
								   NULL, &local);
	return check(bus, local, subject, error);
}

gboolean client_foreground_cgroup(GDBusConnection *bus, const char *path, GError **error)
{
	g_autofree char *subject = g_strdup_printf("control group %s", path);
	struct manner m = manner(-1);
	GError *local = NULL;
	g_autoptr(Rustland) service = find_service(bus, &m, &local);

	if (service)
		rustland_call_set_foreground_cgroup_sync(service, path, m.flags, m.timeout_ms, NULL,
							 &local);
	return check(bus, local, subject, error);
}

gboolean client_foreground_clear(GDBusConnection *bus, GError **error)
{
	struct manner m = manner(-1);
	GError *local = NULL;
	g_autoptr(Rustland) service = find_service(bus, &m, &local);

	if (service)
		rustland_call_set_foreground_process_sync(service, 0, m.flags, m.timeout_ms, NULL,
							  &local);
	return check(bus, local, NULL, error);
}
