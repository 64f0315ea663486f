/* SPDX-License-Identifier: GPL-2.0-only */
/* See store.h. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gio/gio.h>
#include <systemd/sd-daemon.h>

#include "daemon/boost/boost.h"
#include "daemon/sd-notify.h"
#include "daemon/shortage.h"
#include "daemon/boost/store.h"

#define FD_PREFIX  "boost-"
#define FD_MEMBERS "tree-members"
/* Until what could not be written is tried again. */
#define RETRY_S 1

struct store {
	char *file;
	GPtrArray *boosts; /* of the last run, until store_load() */
	GHashTable *fds;   /* cookie to descriptor + 1, of those the manager handed back */
	int members_fd;	   /* likewise; -1: none */
	char *unsaved;	   /* what could not be written; NULL: all is */
	guint timer;	   /* until it is tried again */
};

static gboolean parse_cookie(const char *name, uint32_t *ret)
{
	guint64 value;

	if (!g_str_has_prefix(name, FD_PREFIX) ||
	    !g_ascii_string_to_unsigned(name + strlen(FD_PREFIX), 10, 1, UINT32_MAX, &value, NULL))
		return FALSE;
	*ret = (uint32_t)value;
	return TRUE;
}

static void close_fd(gpointer fd_plus_one)
{
	close(GPOINTER_TO_INT(fd_plus_one) - 1);
}

void store_free(struct store *store)
{
	if (!store)
		return;
	if (store->members_fd >= 0)
		close(store->members_fd);
	g_clear_handle_id(&store->timer, g_source_remove);
	g_clear_pointer(&store->boosts, g_ptr_array_unref);
	g_hash_table_unref(store->fds);
	g_free(store->unsaved);
	g_free(store->file);
	g_free(store);
}

void store_put_fd(struct store *store, const struct boost *boost)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *state = NULL;

	(void)store;
	if (!boost->process)
		return; /* a group is found again by its path and id */
	state = g_strdup_printf("FDSTORE=1\nFDNAME=" FD_PREFIX "%" PRIu32, boost->cookie);
	if (!notify_manager(state, boost->process->pidfd, &error))
		g_warning("cannot give the service manager a pidfd to keep: %s", error->message);
}

void store_put_members(struct store *store, int fd)
{
	g_autoptr(GError) error = NULL;

	(void)store;
	/* A map has nothing to wait for, which looks like an error to whoever polls it. */
	if (!notify_manager("FDSTORE=1\nFDPOLL=0\nFDNAME=" FD_MEMBERS, fd, &error))
		g_warning("cannot give the service manager a map to keep: %s", error->message);
}

int store_members_fd(const struct store *store)
{
	return store->members_fd;
}

void store_drop_fd(struct store *store, uint32_t cookie)
{
	g_autofree char *state =
		g_strdup_printf("FDSTOREREMOVE=1\nFDNAME=" FD_PREFIX "%" PRIu32, cookie);

	(void)store;
	notify_manager(state, -1, NULL);
}

static void write_boost(GKeyFile *file, const struct boost *boost)
{
	g_autofree char *group = g_strdup_printf(FD_PREFIX "%" PRIu32, boost->cookie);

	g_key_file_set_string(file, group, "Class", class_name(boost->class));
	g_key_file_set_string(file, group, "Scope", scope_name(boost->target.scope));
	g_key_file_set_integer(file, group, "Pid", boost->pid);
	if (boost->process && boost->process->pid == boost->pid) {
		g_key_file_set_uint64(file, group, "StartTicks", boost->process->start_ticks);
	} else if (boost->process) {
		g_key_file_set_uint64(file, group, "StartTicks", boost->target.start_ticks);
		g_key_file_set_integer(file, group, "KeeperPid", boost->process->pid);
		g_key_file_set_uint64(file, group, "KeeperStartTicks", boost->process->start_ticks);
	}
	g_key_file_set_string(file, group, "Name", boost_name(boost));
	g_key_file_set_uint64(file, group, "TargetUid", boost->target_uid);
	if (boost->cgroup) {
		g_key_file_set_string(file, group, "CGroup", boost->cgroup->path);
		g_key_file_set_uint64(file, group, "CGroupId", boost->cgroup->id);
	}
	g_key_file_set_uint64(file, group, "Uid", boost->uid);
	g_key_file_set_boolean(file, group, "OfUser", boost->target.of_user);
	g_key_file_set_boolean(file, group, "Suspended", boost->is_suspended);
	g_key_file_set_string(file, group, "Reason", boost->reason);
	g_key_file_set_string(file, group, "AppId", boost->app_id);
	g_key_file_set_string(file, group, "Requester", boost->requester);
	if (boost->client)
		g_key_file_set_string(file, group, "Client", boost->client);
	g_key_file_set_int64(file, group, "SinceUSec", boost->since_us);
	g_key_file_set_uint64(file, group, "TimeoutUSec", boost->timeout_us);
	g_key_file_set_int64(file, group, "ExpiresUSec", boost->expires_us);
}

/* A memory file system: there is nothing to sync, and a crash of the machine ends all. */
static gboolean write_file(const struct store *store, const char *text, GError **error)
{
	return g_file_set_contents_full(store->file, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600,
					error);
}

static gboolean on_timer(gpointer userdata);

/* Takes over text. What cannot be written now is tried again until it can, or something newer comes. */
static void save_text(struct store *store, char *text)
{
	g_autoptr(GError) error = NULL;
	gboolean saved = write_file(store, text, NULL);

	if (!saved) {
		give_spare_descriptors();
		saved = write_file(store, text, &error);
		keep_spare_descriptors();
	}
	if (!saved && !store->unsaved)
		g_warning("%s; until that is mended, boosts do not survive a restart of the "
			  "service",
			  error->message);
	if (saved && store->unsaved)
		g_message("%s is written again", store->file);
	g_free(store->unsaved);
	store->unsaved = saved ? NULL : text;
	if (saved)
		g_free(text);
	if (!saved && !store->timer)
		store->timer = g_timeout_add_seconds(RETRY_S, on_timer, store);
}

static gboolean on_timer(gpointer userdata)
{
	struct store *store = userdata;

	store->timer = 0;
	if (store->unsaved)
		save_text(store, g_strdup(store->unsaved));
	return G_SOURCE_REMOVE;
}

void store_save(struct store *store, const GPtrArray *boosts)
{
	g_autoptr(GKeyFile) file = g_key_file_new();

	for (guint i = 0; i < boosts->len; i++)
		write_boost(file, g_ptr_array_index(boosts, i));
	save_text(store, g_key_file_to_data(file, NULL, NULL));
}

/* The number is pinned again where the descriptor got lost; then the start time decides. */
static struct process *find_process(struct store *store, uint32_t cookie, pid_t pid,
				    uint64_t start_ticks, GError **error)
{
	gpointer fd_plus_one = g_hash_table_lookup(store->fds, GUINT_TO_POINTER(cookie));
	struct process *process;

	if (fd_plus_one)
		process = process_pin_fd(GPOINTER_TO_INT(fd_plus_one) - 1, error);
	else
		process = process_pin((uint32_t)pid, error);
	if (process && (process->pid != pid || process->start_ticks != start_ticks)) {
		process_free(process);
		process = NULL;
	}
	return process;
}

static struct cgroup *find_cgroup(const char *path, uint64_t id, GError **error)
{
	struct cgroup *cgroup = cgroup_open(path, error);

	if (cgroup && cgroup->id != id) {
		cgroup_free(cgroup);
		cgroup = NULL;
	}
	return cgroup;
}

static char *read_string(GKeyFile *file, const char *group, const char *key)
{
	char *value = g_key_file_get_string(file, group, key, NULL);

	return value ? value : g_strdup("");
}

/* The process that was boosted, or the one that keeps its tree's boost since that has ended. */
static struct process *find_keeper(struct store *store, const struct boost *boost, GKeyFile *file,
				   const char *group, GError **error)
{
	gboolean is_another = g_key_file_has_key(file, group, "KeeperPid", NULL);
	pid_t pid =
		is_another ? g_key_file_get_integer(file, group, "KeeperPid", NULL) : boost->pid;

	return find_process(store, boost->cookie, pid,
			    g_key_file_get_uint64(file, group,
						  is_another ? "KeeperStartTicks" : "StartTicks",
						  NULL),
			    error);
}

/* Whether that error tells what became of a process or a group: then it is done with. */
static gboolean is_known(GError **error)
{
	if (*error && (g_error_matches(*error, G_DBUS_ERROR, G_DBUS_ERROR_FAILED) ||
		       g_error_matches(*error, G_DBUS_ERROR, G_DBUS_ERROR_LIMITS_EXCEEDED)))
		return FALSE;
	g_clear_error(error);
	return TRUE;
}

/* NULL without an error: it is not readable, which is logged. */
static struct boost *read_boost(struct store *store, GKeyFile *file, const char *group,
				GError **error)
{
	g_autoptr(GError) local = NULL;

	g_autofree char *class = read_string(file, group, "Class");
	g_autofree char *scope = read_string(file, group, "Scope");
	g_autofree char *path = g_key_file_get_string(file, group, "CGroup", NULL);
	struct boost *boost = boost_new();

	if (!parse_cookie(group, &boost->cookie) || !class_parse(class, &boost->class) ||
	    !scope_parse(scope, &boost->target.scope)) {
		g_warning("%s: [%s] is not readable, and dropped", store->file, group);
		boost_free(boost);
		return NULL;
	}
	boost->pid = g_key_file_get_integer(file, group, "Pid", NULL);
	boost->target_uid = (uid_t)g_key_file_get_uint64(file, group, "TargetUid", NULL);
	boost->uid = (uid_t)g_key_file_get_uint64(file, group, "Uid", NULL);
	boost->target.of_user = g_key_file_get_boolean(file, group, "OfUser", NULL);
	boost->target.uid = boost->uid;
	boost->is_suspended = g_key_file_get_boolean(file, group, "Suspended", NULL);
	boost->target.owner = boost->uid;
	if (boost->target.scope == RL_SCOPE_CGROUP) {
		boost->target.cgroup_id = g_key_file_get_uint64(file, group, "CGroupId", NULL);
	} else {
		boost->target.tgid = boost->pid;
		boost->target.start_ticks = g_key_file_get_uint64(file, group, "StartTicks", NULL);
	}
	if (boost->pid)
		boost->process = find_keeper(store, boost, file, group, &local);
	if (path && is_known(&local))
		boost->cgroup = find_cgroup(path, boost->target.cgroup_id, &local);
	boost->name = read_string(file, group, "Name");
	if (!is_known(&local)) {
		g_propagate_prefixed_error(error, g_steal_pointer(&local),
					   "Cannot restore boost %" PRIu32 ": ", boost->cookie);
		boost_free(boost);
		return NULL;
	}
	g_free(boost->reason);
	g_free(boost->app_id);
	g_free(boost->requester);
	boost->reason = read_string(file, group, "Reason");
	boost->app_id = read_string(file, group, "AppId");
	boost->requester = read_string(file, group, "Requester");
	boost->client = g_key_file_get_string(file, group, "Client", NULL);
	boost->since_us = g_key_file_get_int64(file, group, "SinceUSec", NULL);
	boost->timeout_us = g_key_file_get_uint64(file, group, "TimeoutUSec", NULL);
	boost->expires_us = g_key_file_get_int64(file, group, "ExpiresUSec", NULL);
	return boost;
}

/* The boosts in the file, as far as it makes sense. */
static gboolean read_boosts(struct store *store, GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GError) local = NULL;
	g_auto(GStrv) groups = NULL;

	if (!g_key_file_load_from_file(file, store->file, G_KEY_FILE_NONE, &local)) {
		if (g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT))
			return TRUE;
		if (local->domain == G_FILE_ERROR) {
			g_propagate_error(error, g_steal_pointer(&local));
			return FALSE;
		}
		g_warning("%s: %s; boosts of the last run are lost", store->file, local->message);
		return TRUE;
	}
	groups = g_key_file_get_groups(file, NULL);
	for (char **group = groups; *group; group++) {
		struct boost *boost = read_boost(store, file, *group, &local);

		if (boost)
			g_ptr_array_add(store->boosts, boost);
		if (local) {
			g_propagate_error(error, g_steal_pointer(&local));
			return FALSE;
		}
	}
	return TRUE;
}

struct store *store_new(const char *dir, GError **error)
{
	struct store *store = g_new0(struct store, 1);
	char **names = NULL;
	uint32_t cookie;
	int n;

	store->file = g_build_filename(dir, "boosts", NULL);
	store->boosts = g_ptr_array_new_with_free_func((GDestroyNotify)boost_free);
	store->fds = g_hash_table_new_full(NULL, NULL, NULL, close_fd);
	store->members_fd = -1;
	n = sd_listen_fds_with_names(1, &names);
	for (int i = 0; i < n; i++) {
		if (strcmp(names[i], FD_MEMBERS) == 0)
			store->members_fd = SD_LISTEN_FDS_START + i;
		if (parse_cookie(names[i], &cookie))
			g_hash_table_insert(store->fds, GUINT_TO_POINTER(cookie),
					    GINT_TO_POINTER(SD_LISTEN_FDS_START + i + 1));
		free(names[i]);
	}
	free(names);
	if (read_boosts(store, error))
		return store;
	store_free(store);
	return NULL;
}

GPtrArray *store_load(struct store *store)
{
	GPtrArray *boosts = g_steal_pointer(&store->boosts);
	GHashTableIter iter;
	gpointer cookie;

	g_ptr_array_set_free_func(boosts, NULL);
	for (guint i = 0; i < boosts->len; i++) {
		const struct boost *boost = g_ptr_array_index(boosts, i);

		g_hash_table_remove(store->fds, GUINT_TO_POINTER(boost->cookie));
	}
	g_hash_table_iter_init(&iter, store->fds);
	while (g_hash_table_iter_next(&iter, &cookie, NULL))
		store_drop_fd(store, GPOINTER_TO_UINT(cookie));
	g_hash_table_remove_all(store->fds);
	return boosts;
}
