/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rustlandd: makes the scheduler a system service. It runs scx_rustland as its child, and it is what
 * systemd and D-Bus clients talk to. It is never on the scheduling path: whatever it does, tasks go
 * on being scheduled.
 *
 * This file reads the command line and puts the parts together.
 */

#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <gio/gio.h>
#include <glib-unix.h>

#include "common/capabilities.h"
#include "common/names.h"
#include "common/protocol.h"
#include "daemon/boost/boosts.h"
#include "daemon/bus/bus.h"
#include "daemon/check-config.h"
#include "daemon/boost/class-table.h"
#include "daemon/conf.h"
#include "daemon/bus/gate-connect.h"
#include "daemon/supervise/kernel-watch.h"
#include "daemon/journal.h"
#include "daemon/supervise/unit-state.h"
#include "daemon/supervise/reconfigure.h"
#include "daemon/bus/rights.h"
#include "daemon/shortage.h"
#include "daemon/boost/stopping.h"
#include "daemon/boost/store.h"
#include "daemon/supervise/supervisor.h"
#include "daemon/bus/system76.h"
#include "daemon/supervise/unsupported.h"

/* Documented in rustlandd(8). */
enum {
	STATUS_STOPPED = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	/* The unit does not restart it after these, nor after STATUS_USAGE. */
	STATUS_UNSUPPORTED = EX_UNAVAILABLE,
	STATUS_CONFIG = EX_CONFIG,
};

struct options {
	char *scheduler;
	char **config_dirs;
	char *fake_kernel;
	gboolean check_config;
	char *file; /* to be checked, or NULL */
	gboolean version;
};

struct daemon {
	GMainLoop *loop;
	struct options options;
	char *runtime_dir, *state_dir;
	struct reconfigure *reconfigure;
	struct kernel *kernel;
	struct supervisor *supervisor;
	struct manager *manager;
	struct classes *classes;
	struct store *store;
	struct boosts *boosts;
	struct rights *rights;
	struct gate *gate; /* what connection goes through */
	GDBusConnection *connection;
	struct bus *bus;
	struct system76 *system76;
	bool on_bus; /* we have our name */
	int status;  /* to exit with */
};

static void update_manager(gpointer userdata)
{
	struct daemon *d = userdata;

	/* Whoever waits for the service wants to talk to it. */
	if (d->on_bus)
		manager_update(d->manager, boosts_all(d->boosts)->len);
}

/* ---- Configuration -------------------------------------------------------------------------- */

static void on_config_changed(const struct config *config, gpointer userdata)
{
	struct daemon *d = userdata;

	if (d->bus)
		bus_config_changed(d->bus, config);
	else
		boosts_set_limits(d->boosts, config);
}

static void on_config_notice(const char *notice, gpointer userdata)
{
	struct daemon *d = userdata;

	manager_set_notice(d->manager, notice);
	update_manager(d);
}

static void on_reloading(gboolean reloading, gpointer userdata)
{
	struct daemon *d = userdata;

	if (reloading)
		manager_reloading(d->manager);
	else
		manager_reloaded(d->manager);
	update_manager(d);
}

/* ---- What happens --------------------------------------------------------------------------- */

static void on_status_changed(gpointer userdata)
{
	struct daemon *d = userdata;

	if (d->bus)
		bus_status_changed(d->bus);
	reconfigure_update(d->reconfigure);
	update_manager(d);
	if (supervisor_stopped(d->supervisor))
		g_main_loop_quit(d->loop);
}

static gboolean on_stop_signal(gpointer userdata)
{
	struct daemon *d = userdata;

	manager_stopping(d->manager);
	reconfigure_stop(d->reconfigure);
	supervisor_stop(d->supervisor);
	return G_SOURCE_CONTINUE;
}

/* Nobody can be told but in the journal and in the status, where it is already. */
static void on_reloaded(const GError *error, gpointer userdata)
{
	(void)error, (void)userdata;
}

static gboolean on_reload_signal(gpointer userdata)
{
	struct daemon *d = userdata;

	reconfigure_reload(d->reconfigure, on_reloaded, d);
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

	g_critical(SERVICE_NAME " is not ours: another process has the name, the bus policy "
				"forbids it, or the bus is gone");
	d->status = STATUS_FAILED;
	d->on_bus = false;
	on_stop_signal(d);
}

static void bus_reload(gpointer userdata, reconfigure_done done, gpointer call)
{
	struct daemon *d = userdata;

	reconfigure_reload(d->reconfigure, done, call);
}

static void bus_set_profile(gpointer userdata, const char *profile, reconfigure_done done,
			    gpointer call)
{
	struct daemon *d = userdata;

	reconfigure_set_profile(d->reconfigure, profile, done, call);
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer userdata)
{
	static const struct bus_host host = {
		.reload = bus_reload,
		.set_profile = bus_set_profile,
		.boosts_changed = update_manager,
	};
	g_autoptr(GError) error = NULL;
	struct daemon *d = userdata;

	(void)source;
	d->connection = gate_connect_finish(result, &d->gate, &error);
	if (d->connection) {
		d->rights = rights_new(d->connection, d->boosts);
		d->bus = bus_new(d->connection, d->supervisor, d->boosts, d->rights, &host, d);
		bus_config_changed(d->bus, reconfigure_config(d->reconfigure));
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

static const char *const *config_dirs(const struct options *o)
{
	static const char *const dirs[] = {VENDOR_DIR, CONFIG_DIR, NULL};

	return o->config_dirs ? (const char *const *)o->config_dirs : dirs;
}

static const char *scheduler(const struct options *o)
{
	return o->scheduler ? o->scheduler : SCHEDULER;
}

static int daemon_open(struct daemon *d, GError **error)
{
	static const struct reconfigure_host host = {
		.changed = on_config_changed,
		.notice = on_config_notice,
		.reloading = on_reloading,
	};
	const struct options *o = &d->options;
	const struct reconfigure_options reconfigure = {
		.paths.dirs = config_dirs(o),
		.state_dir = d->state_dir,
		.scheduler = scheduler(o),
	};
	g_autofree char *stats_path = NULL;
	struct supervisor_options supervisor = {
		.scheduler = reconfigure.scheduler,
	};
	const struct config *config;

	raise_descriptor_limit();
	keep_spare_descriptors();
	d->reconfigure = reconfigure_new(&reconfigure, &host, d, error);
	if (!d->reconfigure)
		return STATUS_CONFIG;
	config = reconfigure_config(d->reconfigure);
	d->kernel = kernel_new(o->fake_kernel, error);
	if (!d->kernel)
		return STATUS_FAILED;
	stats_path = g_build_filename(o->fake_kernel ? o->fake_kernel : d->runtime_dir,
				      STATS_SERVICE_NAME, NULL);
	supervisor.stats_path = stats_path;
	supervisor.runtime_dir = d->runtime_dir;
	d->classes = open_classes(o->fake_kernel, error);
	if (!d->classes)
		return STATUS_FAILED;
	/* That was what it takes one for. Other threads follow, and have what this one has. */
	(void)capabilities_drop_effective();
	classes_fds(d->classes, supervisor.class_fds);
	/* Before anything else in the run-time directory: if another one runs, it ends here. */
	d->supervisor = supervisor_new(d->kernel, &supervisor, config, on_status_changed, d, error);
	if (!d->supervisor)
		return STATUS_FAILED;
	d->store = store_new(d->runtime_dir, error);
	if (!d->store)
		return STATUS_FAILED;
	d->boosts = boosts_new(d->classes, d->store);
	boosts_set_limits(d->boosts, config);
	d->manager = manager_new(d->supervisor);
	reconfigure_attach(d->reconfigure, d->supervisor);
	return 0;
}

static void daemon_close(struct daemon *d)
{
	system76_free(d->system76);
	reconfigure_free(d->reconfigure);
	bus_free(d->bus);
	rights_free(d->rights);
	g_clear_object(&d->connection);
	gate_free(d->gate);
	boosts_free(d->boosts);
	store_free(d->store);
	manager_free(d->manager);
	supervisor_free(d->supervisor);
	classes_free(d->classes);
	kernel_free(d->kernel);
	g_clear_pointer(&d->loop, g_main_loop_unref);
	g_free(d->runtime_dir);
	g_free(d->state_dir);
	g_free(d->options.scheduler);
	g_strfreev(d->options.config_dirs);
	g_free(d->options.fake_kernel);
	g_free(d->options.file);
}

/* Nothing is printed when all is well, else one line that begins with the file's name. */
static int run_check(struct daemon *d)
{
	const struct options *o = &d->options;
	const struct check_config_options options = {
		.dirs = config_dirs(o),
		.file = o->file,
		.state_dir = d->state_dir,
		.scheduler = scheduler(o),
		.user = SERVICE_USER,
	};
	g_autoptr(GError) error = NULL;

	if (check_config(&options, &error))
		return 0;
	g_printerr("%s\n", error->message);
	return STATUS_CONFIG;
}

static int daemon_run(struct daemon *d)
{
	g_autoptr(GError) error = NULL;
	guint sources[3];
	int status;

	d->runtime_dir = directory("RUNTIME_DIRECTORY", SERVICE_RUNTIME_DIR);
	d->state_dir = directory("STATE_DIRECTORY", "/var/lib/scx-rustland");
	if (d->options.check_config)
		return run_check(d);
	/* Without systemd there is nobody to tell; then it waits, and says so on the bus. */
	if (g_getenv("NOTIFY_SOCKET") && kernel_is_unsupported(d->options.fake_kernel))
		return unsupported_run(STATUS_UNSUPPORTED);
	status = daemon_open(d, &error);
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
		{"check-config", 0, 0, G_OPTION_ARG_NONE, &ret->check_config,
		 "only say whether the configuration is good", NULL},
		{"version", 0, 0, G_OPTION_ARG_NONE, &ret->version, "show the version and exit",
		 NULL},
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new("[FILE]");

	g_option_context_set_summary(
		context, "Runs scx_rustland as a system service. More in rustlandd(8).");
	g_option_context_set_description(context, "Without --config-dir: " VENDOR_DIR
						  " and\n" CONFIG_DIR ".");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, argc, argv, error))
		return false;
	/* Else a slip of the pen would make a configuration without any file, which is always good. */
	for (char **dir = ret->config_dirs; dir && *dir; dir++) {
		if (g_file_test(*dir, G_FILE_TEST_IS_DIR))
			continue;
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--config-dir %s: there is no such directory", *dir);
		return false;
	}
	if (ret->check_config && *argc == 2) {
		ret->file = g_strdup((*argv)[1]);
		return true;
	}
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
