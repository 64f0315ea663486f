/* SPDX-License-Identifier: GPL-2.0-only */
/* See bus.h. */

#include <string.h>

#include "common/names.h"
#include "policy/policy.h"

#include "daemon/bus/bus-describe.h"
#include "daemon/bus/bus-methods.h"
#include "daemon/bus/bus-private.h"
#include "daemon/bus/bus-request.h"
#include "daemon/conf.h"
#include "daemon/supervise/supervisor.h"

#define INTERFACE_VERSION 2

/* ---- The object ----------------------------------------------------------------------------- */

/*
 * The skeleton that gdbus-codegen made sets a property at once, without a question to anybody. Without
 * a function for that, GDBus gives us Properties.Set as a method call to answer when we can.
 */
typedef struct {
	RustlandSkeleton parent;
	struct bus *bus;
} Skeleton;

typedef struct {
	RustlandSkeletonClass parent;
} SkeletonClass;

static GType skeleton_get_type(void);
G_DEFINE_TYPE(Skeleton, skeleton, TYPE_RUSTLAND_SKELETON)

static GDBusInterfaceVTable *parent_vtable(GDBusInterfaceSkeleton *skeleton)
{
	return G_DBUS_INTERFACE_SKELETON_CLASS(skeleton_parent_class)->get_vtable(skeleton);
}

static void on_method_call(GDBusConnection *connection, const char *sender, const char *path,
			   const char *interface, const char *method, GVariant *parameters,
			   GDBusMethodInvocation *invocation, gpointer skeleton)
{
	if (strcmp(interface, "org.freedesktop.DBus.Properties") == 0)
		bus_methods_set_property(((Skeleton *)skeleton)->bus, invocation, parameters);
	else
		parent_vtable(skeleton)->method_call(connection, sender, path, interface, method,
						     parameters, invocation, skeleton);
}

static GDBusInterfaceVTable *skeleton_get_vtable(GDBusInterfaceSkeleton *skeleton)
{
	static GDBusInterfaceVTable vtable;

	vtable = *parent_vtable(skeleton);
	vtable.method_call = on_method_call;
	vtable.set_property = NULL;
	return &vtable;
}

static void skeleton_class_init(SkeletonClass *class)
{
	G_DBUS_INTERFACE_SKELETON_CLASS(class)->get_vtable = skeleton_get_vtable;
}

static void skeleton_init(Skeleton *skeleton)
{
	(void)skeleton;
}

/* ---- What the registry tells ---------------------------------------------------------------- */

static void on_client_vanished(GDBusConnection *connection, const char *name, gpointer userdata)
{
	struct bus *bus = userdata;
	/* With its last boost the name's watch goes, and the name with it. */
	g_autofree char *client = g_strdup(name);

	(void)connection;
	boosts_client_vanished(bus->boosts, client);
}

static void unwatch_client(gpointer watch_id)
{
	g_bus_unwatch_name(GPOINTER_TO_UINT(watch_id));
}

static void watch_client(struct bus *bus, const char *client)
{
	guint id;

	if (g_hash_table_contains(bus->clients, client))
		return;
	id = g_bus_watch_name_on_connection(bus->connection, client, G_BUS_NAME_WATCHER_FLAGS_NONE,
					    NULL, on_client_vanished, bus, NULL);
	g_hash_table_insert(bus->clients, g_strdup(client), GUINT_TO_POINTER(id));
}

static void unwatch_client_without_boost(struct bus *bus, const char *client)
{
	const GPtrArray *all = boosts_all(bus->boosts);

	for (guint i = 0; i < all->len; i++) {
		const struct boost *boost = g_ptr_array_index(all, i);

		if (g_strcmp0(boost->client, client) == 0)
			return;
	}
	g_hash_table_remove(bus->clients, client);
}

static void count_changed(struct bus *bus)
{
	rustland_set_boost_count(RUSTLAND(bus->skeleton), boosts_all(bus->boosts)->len);
	if (bus->host->boosts_changed)
		bus->host->boosts_changed(bus->host_userdata);
}

static void on_added(gpointer userdata, const struct boost *boost)
{
	struct bus *bus = userdata;

	if (boost->client)
		watch_client(bus, boost->client);
	rights_added(bus->rights, boost);
	rustland_emit_boost_added(RUSTLAND(bus->skeleton), boost->cookie,
				  describe_boost_to_all(boost));
	count_changed(bus);
}

static void on_removed(gpointer userdata, const struct boost *boost, enum boost_end end)
{
	struct bus *bus = userdata;

	if (boost->client)
		unwatch_client_without_boost(bus, boost->client);
	/* Everybody hears it: not even the number of the process. */
	rustland_emit_boost_removed(RUSTLAND(bus->skeleton), boost->cookie, 0, boost_end_name(end));
	count_changed(bus);
}

/* ---- From outside --------------------------------------------------------------------------- */

void bus_config_changed(struct bus *bus, const struct config *config)
{
	Rustland *object = RUSTLAND(bus->skeleton);

	boosts_set_limits(bus->boosts, config);
	rustland_set_profile(object, config->profile);
	rustland_set_slice_usec(object, config->slice_us);
	rustland_set_slice_min_usec(object, config->slice_min_us);
	rustland_set_max_boosts_per_user(object, config->max_boosts_per_user);
}

void bus_status_changed(struct bus *bus)
{
	const struct supervisor_status *status = supervisor_status(bus->supervisor);
	Rustland *object = RUSTLAND(bus->skeleton);

	rustland_set_state(object, status->state);
	rustland_set_exit_reason(object, status->exit_reason);
	rustland_set_scheduler(object, status->scheduler);
	rustland_set_policy(object, status->policy);
}

static void add_name(const char *name, const struct rl_policy *built_in, void *names)
{
	(void)built_in;
	g_strv_builder_add(names, name);
}

/* What Policy= takes. Whether an installed file holds a policy is found out when it is used. */
static char **list_policies(void)
{
	g_autoptr(GStrvBuilder) names = g_strv_builder_new();

	rl_policy_names(POLICY_DIR, add_name, names);
	return g_strv_builder_end(names);
}

struct bus *bus_new(GDBusConnection *connection, struct supervisor *supervisor,
		    struct boosts *boosts, struct rights *rights, const struct bus_host *host,
		    gpointer userdata)
{
	struct bus *bus = g_new0(struct bus, 1);
	Skeleton *skeleton = g_object_new(skeleton_get_type(), NULL);
	g_auto(GStrv) policies = list_policies();
	Rustland *object = RUSTLAND(skeleton);

	skeleton->bus = bus;
	bus->connection = g_object_ref(connection);
	bus->skeleton = RUSTLAND_SKELETON(skeleton);
	bus->supervisor = supervisor;
	bus->boosts = boosts;
	bus->rights = rights;
	bus->host = host;
	bus->host_userdata = userdata;
	bus->requests = requests_new();
	bus->clients = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unwatch_client);
	bus_methods_connect(bus);
	rustland_set_version(object, PACKAGE_VERSION);
	rustland_set_interface_version(object, INTERFACE_VERSION);
	rustland_set_policies(object, (const char *const *)policies);
	rustland_set_profiles(object, config_profiles());
	rustland_set_boost_count(object, boosts_all(boosts)->len);
	return bus;
}

gboolean bus_export(struct bus *bus, GError **error)
{
	return g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(bus->skeleton),
						bus->connection, SERVICE_PATH, error);
}

/* Only now signals reach those who look for them by our name. */
static void on_name_acquired(GDBusConnection *connection, const char *name, gpointer userdata)
{
	static const struct boosts_listener listener = {.added = on_added, .removed = on_removed};
	struct bus *bus = userdata;
	const GPtrArray *all = boosts_all(bus->boosts);

	(void)connection, (void)name;
	for (guint i = 0; i < all->len; i++) {
		const struct boost *boost = g_ptr_array_index(all, i);

		if (boost->client)
			watch_client(bus, boost->client);
	}
	boosts_start(bus->boosts, &listener, bus);
	bus->on_owned(bus->owner_userdata);
}

static void on_name_lost(GDBusConnection *connection, const char *name, gpointer userdata)
{
	struct bus *bus = userdata;

	(void)connection, (void)name;
	bus->on_lost(bus->owner_userdata);
}

void bus_own_name(struct bus *bus, void (*on_owned)(gpointer userdata),
		  void (*on_lost)(gpointer userdata), gpointer userdata)
{
	bus->on_owned = on_owned;
	bus->on_lost = on_lost;
	bus->owner_userdata = userdata;
	bus->name_id = g_bus_own_name_on_connection(bus->connection, SERVICE_NAME,
						    G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE,
						    on_name_acquired, on_name_lost, bus, NULL);
}

void bus_free(struct bus *bus)
{
	if (!bus)
		return;
	g_clear_handle_id(&bus->name_id, g_bus_unown_name);
	requests_free(bus->requests);
	bus_methods_disconnect(bus);
	boosts_stop(bus->boosts);
	g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(bus->skeleton));
	g_object_unref(bus->skeleton);
	g_hash_table_unref(bus->clients);
	/* The last answers and signals go out before the process ends. */
	g_dbus_connection_flush_sync(bus->connection, NULL, NULL);
	g_object_unref(bus->connection);
	g_free(bus);
}
