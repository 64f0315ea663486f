/* SPDX-License-Identifier: GPL-2.0-only */
/* See socket-finder.h. */
#include <config.h>

#include <stdbool.h>

#include <gio/gio.h>

#include "socket-finder.h"

/* 50 ms, and twice as long each time: 51 s altogether, which is longer than any desktop's start. */
#define RETRY_FIRST_MS 50
#define RETRY_MAX      10
/* What has hung up once may do so again and again. */
#define SCAN_DELAY_MS 500

struct retry {
	struct socket_finder *finder;
	char *path;
	guint tries, timer; /* timer 0: none is due */
};

struct socket_finder {
	char *dir, *prefix, *suffix;
	socket_found found;
	gpointer userdata;
	GFileMonitor *monitor;
	GHashTable *retries; /* path to struct retry */
	guint scan;	     /* 0: none is due */
};

static void retry_free(gpointer data)
{
	struct retry *retry = data;

	g_clear_handle_id(&retry->timer, g_source_remove);
	g_free(retry->path);
	g_free(retry);
}

static bool matches(const struct socket_finder *finder, const char *name)
{
	return g_str_has_prefix(name, finder->prefix) && g_str_has_suffix(name, finder->suffix);
}

static void scan(struct socket_finder *finder)
{
	g_autoptr(GDir) dir = g_dir_open(finder->dir, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = NULL;

		if (!matches(finder, name))
			continue;
		path = g_build_filename(finder->dir, name, NULL);
		finder->found(finder, path, finder->userdata);
	}
}

static gboolean on_scan(gpointer userdata)
{
	struct socket_finder *finder = userdata;

	finder->scan = 0;
	scan(finder);
	return G_SOURCE_REMOVE;
}

void socket_finder_scan(struct socket_finder *finder)
{
	if (!finder->scan)
		finder->scan = g_timeout_add(SCAN_DELAY_MS, on_scan, finder);
}

/* A program begins to listen after it has made the socket: whoever is quicker is refused. */
static void on_changed(GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event,
		       gpointer userdata)
{
	g_autofree char *name = g_file_get_basename(file);
	g_autofree char *path = g_file_get_path(file);
	struct socket_finder *finder = userdata;

	(void)monitor, (void)other;
	if (!matches(finder, name))
		return;
	if (event == G_FILE_MONITOR_EVENT_DELETED || event == G_FILE_MONITOR_EVENT_CREATED)
		g_hash_table_remove(finder->retries, path);
	if (event == G_FILE_MONITOR_EVENT_CREATED)
		finder->found(finder, path, finder->userdata);
}

static gboolean on_retry(gpointer userdata)
{
	struct retry *retry = userdata;

	retry->timer = 0;
	retry->finder->found(retry->finder, retry->path, retry->finder->userdata);
	return G_SOURCE_REMOVE;
}

void socket_finder_retry(struct socket_finder *finder, const char *path)
{
	struct retry *retry = g_hash_table_lookup(finder->retries, path);

	if (!retry) {
		retry = g_new0(struct retry, 1);
		retry->finder = finder;
		retry->path = g_strdup(path);
		g_hash_table_insert(finder->retries, retry->path, retry);
	}
	if (retry->timer || retry->tries == RETRY_MAX)
		return;
	retry->timer = g_timeout_add(RETRY_FIRST_MS << retry->tries++, on_retry, retry);
}

struct socket_finder *socket_finder_new(const char *dir, const char *prefix, const char *suffix,
					socket_found found, gpointer userdata)
{
	struct socket_finder *finder = g_new0(struct socket_finder, 1);
	g_autoptr(GFile) file = g_file_new_for_path(dir);

	finder->dir = g_strdup(dir);
	finder->prefix = g_strdup(prefix);
	finder->suffix = g_strdup(suffix);
	finder->found = found;
	finder->userdata = userdata;
	finder->retries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, retry_free);
	/* GLib would poll for a directory that is not there; that one comes up with the machine. */
	if (g_file_test(dir, G_FILE_TEST_IS_DIR))
		finder->monitor = g_file_monitor_directory(file, G_FILE_MONITOR_NONE, NULL, NULL);
	if (finder->monitor)
		g_signal_connect(finder->monitor, "changed", G_CALLBACK(on_changed), finder);
	scan(finder);
	return finder;
}

void socket_finder_free(struct socket_finder *finder)
{
	if (!finder)
		return;
	if (finder->monitor)
		g_file_monitor_cancel(finder->monitor);
	g_clear_object(&finder->monitor);
	g_hash_table_unref(finder->retries);
	g_clear_handle_id(&finder->scan, g_source_remove);
	g_free(finder->dir);
	g_free(finder->prefix);
	g_free(finder->suffix);
	g_free(finder);
}
