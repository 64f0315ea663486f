/* SPDX-License-Identifier: GPL-2.0-only */
/* See trees.h. */

#include <stdio.h>
#include <stdlib.h>

#include <errno.h>
#include <gio/gio.h>

#include "daemon/boost/trees.h"

#define CANDIDATES 16
#define FILES_MAX  512

/* Only in this file: the record has the low half of a start time. */
static gboolean is_the_one(const struct process *process, const struct rl_target *member)
{
	return (uint32_t)process->start_ticks == (uint32_t)member->start_ticks;
}

/* Who could not be looked at in a shortage may live. */
static gboolean has_ended(const struct process *process, const GError *error)
{
	return process || !g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_LIMITS_EXCEEDED);
}

struct process *trees_find_living(struct classes *classes, const struct rl_target *root,
				  gboolean *ret_again)
{
	struct rl_target members[CANDIDATES];
	int n = classes_members(classes, root, members, CANDIDATES);

	/* Whoever has been seen may have forked before it ended. */
	*ret_again = n > 0 || n == -EAGAIN;
	if (n < 0 && n != -EAGAIN)
		g_warning("cannot tell who is left of a boosted tree: %s", g_strerror(-n));
	for (int i = 0; i < n; i++) {
		g_autoptr(GError) error = NULL;
		struct process *process = process_pin((uint32_t)members[i].tgid, &error);

		if (process && is_the_one(process, &members[i]))
			return process;
		/* A zombie, which forks no more; or its end was not seen. */
		if (has_ended(process, error))
			classes_remove_member(classes, &members[i]);
		process_free(process);
	}
	return NULL;
}

/* ---- What was there before ------------------------------------------------------------------ */

struct walk {
	struct classes *classes;
	const struct rl_target *root;
	GArray *found; /* of pid_t; what is here has been recorded, and is looked into next */
	guint files;
};

static char *read_file(struct walk *walk, const char *path)
{
	char *text;

	if (walk->files >= FILES_MAX)
		return NULL;
	walk->files++;
	return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

static void record(struct walk *walk, pid_t pid)
{
	struct rl_target process = {.sz = sizeof(process), .scope = RL_SCOPE_PROCESS, .tgid = pid};

	walk->files++;
	if (!process_parent(pid, &process.start_ticks))
		return;
	classes_add_member(walk->classes, walk->root, &process);
	g_array_append_val(walk->found, pid);
}

/* The children of one thread, in one line. */
static void record_children(struct walk *walk, pid_t pid, const char *tid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/task/%s/children", pid, tid);
	g_autofree char *text = read_file(walk, path);
	char *end = text;

	while (end && *end && walk->files < FILES_MAX) {
		char *number = end;
		long child = strtol(number, &end, 10);

		if (end == number || child <= 0)
			break;
		record(walk, (pid_t)child);
		while (*end == ' ')
			end++;
	}
}

void trees_record(struct classes *classes, const struct rl_target *root)
{
	struct walk walk = {.classes = classes, .root = root};
	pid_t pid = root->tgid;

	walk.found = g_array_new(FALSE, FALSE, sizeof(pid_t));
	g_array_append_val(walk.found, pid);
	for (guint i = 0; i < walk.found->len && walk.files < FILES_MAX; i++) {
		g_autofree char *path = NULL;
		g_autoptr(GDir) threads = NULL;
		const char *tid;

		pid = g_array_index(walk.found, pid_t, i);
		path = g_strdup_printf("/proc/%d/task", pid);
		threads = g_dir_open(path, 0, NULL);
		while (threads && (tid = g_dir_read_name(threads)) != NULL)
			record_children(&walk, pid, tid);
	}
	g_array_unref(walk.found);
}
