/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rustlandd: makes the scheduler a system service. It runs scx_rustland as its child, and it is what
 * systemd and D-Bus clients talk to. It is never on the scheduling path: whatever it does, tasks go
 * on being scheduled.
 *
 * This file reads the command line and puts the parts together.
 */
#include <config.h>

#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <gio/gio.h>
#include <glib-unix.h>

#include "boosts.h"
#include "bus.h"
#include "capabilities.h"
#include "choice.h"
#include "classes.h"
#include "config.h"
#include "gate.h"
#include "kernel.h"
#include "log.h"
#include "manager.h"
#include "shortage.h"
#include "stopping.h"
#include "store.h"
#include "supervisor.h"
#include "system76.h"

/* Documented in rustlandd(8). */
enum {
	STATUS_STOPPED = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_CONFIG = EX_CONFIG, /* the unit does not restart it then */
};

struct options {
	char *scheduler;
	char **config_dirs;
	char *fake_kernel;
	gboolean version;
};

struct daemon {
	GMainLoop *loop;
	struct options options;
	struct config_paths paths;
	char *runtime_dir, *state_dir;
	struct config *config;
	struct kernel *kernel;
	struct supervisor *supervisor;
	struct manager *manager;
	struct classes *classes;
	struct store *store;
	struct boosts *boosts;
	struct gate *gate; /* what connection goes through */
	GDBusConnection *connection;
	struct bus *bus;
	struct system76 *system76;
	bool on_bus; /* we have our name */
	int status;  /* to exit with */
};

/* ---- Configuration -------------------------------------------------------------------------- */

static void set_config(struct daemon *d, struct config *config)
{
	config_free(d->config);
	d->config = config;
	supervisor_configure(d->supervisor, config);
	if (d->bus)
		bus_config_changed(d->bus, config);
	else
		boosts_set_limits(d->boosts, config);
}

static struct config *load_config(const struct daemon *d, GError **error)
{
	g_autoptr(GError) local = NULL;
	g_autofree char *profile = choice_read(d->state_dir, &local);

	/* While it runs, the profile stays what it is; at the start it has to do without. */
	if (local && d->config) {
		g_propagate_error(error, g_steal_pointer(&local));
		return NULL;
	}
	if (local)
		g_warning("%s", local->message);
	return config_load(&d->paths, profile, error);
}

static gboolean daemon_reload(gpointer userdata, GError **error)
{
	struct daemon *d = userdata;
	g_autoptr(GError) local = NULL;
	struct config *config = load_config(d, &local);

	manager_reloaded(d->manager, config ? NULL : local->message);
	if (!config) {
		g_warning("the running configuration stays: %s", local->message);
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	set_config(d, config);
	supervisor_retry(d->supervisor);
	return TRUE;
}

static gboolean daemon_set_profile(gpointer userdata, const char *profile, GError **error)
{
	struct daemon *d = userdata;
	struct config *named = config_load(&d->paths, NULL, error), *config;
	bool as_named;

	if (!named)
		return FALSE;
	as_named = strcmp(named->profile, profile) == 0;
	config_free(named);
	config = config_load(&d->paths, profile, error);
	if (!config)
		return FALSE;
	if (!choice_write(d->state_dir, as_named ? NULL : profile, error)) {
		config_free(config);
		return FALSE;
	}
	set_config(d, config);
	return TRUE;
}

/* ---- What happens --------------------------------------------------------------------------- */

static void update_manager(gpointer userdata)
{
	struct daemon *d = userdata;

	/* Whoever waits for the service wants to talk to it. */
	if (d->on_bus)
		manager_update(d->manager, boosts_all(d->boosts)->len);
}

static void on_status_changed(gpointer userdata)
{
	struct daemon *d = userdata;

	if (d->bus)
		bus_status_changed(d->bus);
	update_manager(d);
	if (supervisor_stopped(d->supervisor))
		g_main_loop_quit(d->loop);
}

static gboolean on_stop_signal(gpointer userdata)
{
	struct daemon *d = userdata;

	manager_stopping(d->manager);
	supervisor_stop(d->supervisor);
	return G_SOURCE_CONTINUE;
}

static gboolean on_reload_signal(gpointer userdata)
{
	struct daemon *d = userdata;

	manager_reloading(d->manager);
	daemon_reload(d, NULL);
	on_status_changed(d);
	return G_SOURCE_CONTINUE;
}

/* ---- The bus -------------------------------------------------------------------------------- */

static void on_name_owned(gpointer userdata)
{
	struct daemon *d = userdata;

	d->on_bus = true;
	d->system76 = system76_new(d->connection, d->bus);
	update_manager(d);
}

static void on_name_lost(gpointer userdata)
{
	struct daemon *d = userdata;

	g_critical("org.scx.Rustland is not ours: another process has the name, the bus policy "
		   "forbids it, or the bus is gone");
	d->status = STATUS_FAILED;
	d->on_bus = false;
	on_stop_signal(d);
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer userdata)
{
	static const struct bus_host host = {
		.reload = daemon_reload,
		.set_profile = daemon_set_profile,
		.boosts_changed = update_manager,
	};
	g_autoptr(GError) error = NULL;
	struct daemon *d = userdata;

	(void)source;
	d->connection = gate_connect_finish(result, &d->gate, &error);
	if (d->connection) {
		d->bus = bus_new(d->connection, d->supervisor, d->boosts, &host, d);
		bus_config_changed(d->bus, d->config);
		bus_status_changed(d->bus);
	}
	if (!d->bus || !bus_export(d->bus, &error)) {
		g_critical("cannot use the system bus: %s", error->message);
		d->status = STATUS_FAILED;
		on_stop_signal(d);
		return;
	}
	bus_own_name(d->bus, on_name_owned, on_name_lost, d);
}

/* ---- Assembly ------------------------------------------------------------------------------- */

/* systemd gives a list; the first is ours. */
static char *directory(const char *variable, const char *fallback)
{
	const char *value = g_getenv(variable);

	if (!value || !*value)
		return g_strdup(fallback);
	return g_strndup(value, strcspn(value, ":"));
}

static struct classes *open_classes(const char *fake_kernel, GError **error)
{
	g_autofree char *path = NULL;

	if (!fake_kernel)
		return classes_new_bpf(error);
	path = g_build_filename(fake_kernel, "classes", NULL);
	return classes_new_fake(path);
}

static int daemon_open(struct daemon *d, GError **error)
{
	static const char *const dirs[] = {VENDOR_DIR, CONFIG_DIR, NULL};
	const struct options *o = &d->options;
	g_autofree char *stats_path = NULL;
	struct supervisor_options supervisor = {
		.scheduler = o->scheduler ? o->scheduler : SCHEDULER,
		.class_fds = {-1, -1},
	};

	raise_descriptor_limit();
	keep_spare_descriptors();
	d->paths.dirs = o->config_dirs ? (const char *const *)o->config_dirs : dirs;
	d->runtime_dir = directory("RUNTIME_DIRECTORY", "/run/scx-rustland");
	d->state_dir = directory("STATE_DIRECTORY", "/var/lib/scx-rustland");
	d->config = load_config(d, error);
	if (!d->config)
		return STATUS_CONFIG;
	d->kernel = kernel_new(o->fake_kernel, error);
	if (!d->kernel)
		return STATUS_FAILED;
	stats_path =
		g_build_filename(o->fake_kernel ? o->fake_kernel : d->runtime_dir, "stats", NULL);
	supervisor.stats_path = stats_path;
	supervisor.runtime_dir = d->runtime_dir;
	d->classes = open_classes(o->fake_kernel, error);
	if (!d->classes)
		return STATUS_FAILED;
	/* That was what it takes one for. Other threads follow, and have what this one has. */
	(void)capabilities_rest();
	classes_fds(d->classes, supervisor.class_fds);
	d->store = store_new(d->runtime_dir, error);
	if (!d->store)
		return STATUS_FAILED;
	d->boosts = boosts_new(d->classes, d->store);
	boosts_set_limits(d->boosts, d->config);
	d->supervisor =
		supervisor_new(d->kernel, &supervisor, d->config, on_status_changed, d, error);
	if (!d->supervisor)
		return STATUS_FAILED;
	d->manager = manager_new(d->supervisor);
	return 0;
}

static void daemon_close(struct daemon *d)
{
	system76_free(d->system76);
	bus_free(d->bus);
	g_clear_object(&d->connection);
	gate_free(d->gate);
	boosts_free(d->boosts);
	store_free(d->store);
	manager_free(d->manager);
	supervisor_free(d->supervisor);
	classes_free(d->classes);
	kernel_free(d->kernel);
	config_free(d->config);
	g_clear_pointer(&d->loop, g_main_loop_unref);
	g_free(d->runtime_dir);
	g_free(d->state_dir);
	g_free(d->options.scheduler);
	g_strfreev(d->options.config_dirs);
	g_free(d->options.fake_kernel);
}

static int daemon_run(struct daemon *d)
{
	g_autoptr(GError) error = NULL;
	guint sources[3];
	int status = daemon_open(d, &error);

	if (status) {
		g_critical("%s", error->message);
		return status;
	}
	d->loop = g_main_loop_new(NULL, FALSE);
	sources[0] = g_unix_signal_add(SIGTERM, on_stop_signal, d);
	sources[1] = g_unix_signal_add(SIGINT, on_stop_signal, d);
	sources[2] = g_unix_signal_add(SIGHUP, on_reload_signal, d);
	supervisor_start(d->supervisor);
	gate_connect(on_connected, d);
	g_main_loop_run(d->loop);
	if (d->on_bus && stopping_for_good(d->connection))
		boosts_end_all(d->boosts, BOOST_SHUTDOWN);
	for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
		g_source_remove(sources[i]);
	return d->status;
}

static bool parse_options(struct options *ret, int *argc, char ***argv, GError **error)
{
	const GOptionEntry entries[] = {
		{"scheduler", 0, 0, G_OPTION_ARG_FILENAME, &ret->scheduler,
		 "the scheduler to run (default " SCHEDULER ")", "PATH"},
		{"config-dir", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &ret->config_dirs,
		 "where rustland.conf is; of several the last one counts", "DIR"},
		{"fake-kernel", 0, 0, G_OPTION_ARG_FILENAME, &ret->fake_kernel,
		 "for tests: read the kernel's state from DIR", "DIR"},
		{"version", 0, 0, G_OPTION_ARG_NONE, &ret->version, "show the version and exit",
		 NULL},
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);

	g_option_context_set_summary(
		context, "Runs scx_rustland as a system service. More in rustlandd(8).");
	g_option_context_set_description(context, "Without --config-dir: " VENDOR_DIR
						  " and\n" CONFIG_DIR ".");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, argc, argv, error))
		return false;
	if (*argc > 1) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "unexpected argument '%s'", (*argv)[1]);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct daemon daemon = {0};
	g_autoptr(GError) error = NULL;
	int status = STATUS_STOPPED;

	setlocale(LC_ALL, "");
	log_init();
	if (!parse_options(&daemon.options, &argc, &argv, &error)) {
		g_printerr("rustlandd: %s; see rustlandd --help\n", error->message);
		status = STATUS_USAGE;
	} else if (daemon.options.version) {
		printf("rustlandd %s\n", PACKAGE_VERSION);
	} else {
		status = daemon_run(&daemon);
	}
	daemon_close(&daemon);
	return status;
}
