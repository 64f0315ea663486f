/* SPDX-License-Identifier: GPL-2.0-only */
/* See class-table.h. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <gio/gio.h>

#include "daemon/boost/boost.h"
#include "daemon/boost/class-table.h"

struct classes {
	struct rl_classes *maps; /* NULL: the fake */
	char *path;
};

struct classes *classes_new_bpf(GError **error)
{
	struct classes *classes = g_new0(struct classes, 1);
	int r = rl_classes_new(&classes->maps);

	if (r < 0) {
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(-r),
			    "Cannot create the BPF maps for boosts: %s%s", g_strerror(-r),
			    r == -EPERM ? "; CAP_BPF is needed" : "");
		g_free(classes);
		return NULL;
	}
	return classes;
}

struct classes *classes_new_fake(const char *path)
{
	struct classes *classes = g_new0(struct classes, 1);

	classes->path = g_strdup(path);
	return classes;
}

void classes_free(struct classes *classes)
{
	if (!classes)
		return;
	rl_classes_free(&classes->maps);
	g_free(classes->path);
	g_free(classes);
}

static int append_line(const char *path, const struct rl_target *target, const char *class)
{
	uint64_t id = target->scope == RL_SCOPE_CGROUP ? target->cgroup_id : (uint64_t)target->tgid;
	char uid[16] = "any";
	FILE *f = fopen(path, "ae");
	int r = 0;

	if (!f)
		return -errno;
	if (target->of_user)
		snprintf(uid, sizeof(uid), "%" PRIu32, target->uid);
	if (fprintf(f, "%s %" PRIu64 " %s %s %" PRIu32 "\n", scope_name(target->scope), id, class,
		    uid, target->owner) < 0)
		r = -EIO;
	if (fclose(f) < 0)
		r = -errno;
	return r;
}

int classes_set(struct classes *classes, const struct rl_target *target, enum rl_class class)
{
	return classes->maps ? rl_classes_set(classes->maps, target, class)
			     : append_line(classes->path, target, class_name(class));
}

int classes_suspend(struct classes *classes, const struct rl_target *target)
{
	return classes->maps ? rl_classes_suspend(classes->maps, target)
			     : append_line(classes->path, target, "suspended");
}

void classes_fds(const struct classes *classes, int ret_fds[CLASSES_FDS])
{
	for (int i = 0; i < CLASSES_FDS; i++)
		ret_fds[i] = -1;
	if (!classes->maps)
		return;
	rl_classes_fds(classes->maps, ret_fds);
	ret_fds[RL_CLASSES_FDS] = rl_classes_members_fd(classes->maps);
}

/* ---- Who belongs to trees ------------------------------------------------------------------- */

static gboolean same_process(const struct rl_target *a, const struct rl_target *b)
{
	return a->tgid == b->tgid && a->start_ticks == b->start_ticks;
}

/* The fake's: each line is a process and the root of its tree. */
static char *read_lines(const struct classes *classes, char ***ret)
{
	g_autofree char *path = g_strconcat(classes->path, "-members", NULL), *text = NULL;

	*ret = NULL;
	if (g_file_get_contents(path, &text, NULL, NULL))
		*ret = g_strsplit(text, "\n", -1);
	return g_steal_pointer(&path);
}

static void remove_lines(const struct classes *classes, const struct rl_target *process)
{
	g_auto(GStrv) lines = NULL;
	g_autofree char *path = read_lines(classes, &lines);
	g_autofree char *prefix =
		g_strdup_printf("%" PRId32 " %" PRIu64 " ", process->tgid, process->start_ticks);
	g_autoptr(GString) rest = g_string_new(NULL);

	for (char **line = lines; line && *line; line++)
		if (**line && !g_str_has_prefix(*line, prefix))
			g_string_append_printf(rest, "%s\n", *line);
	if (lines)
		g_file_set_contents(path, rest->str, (gssize)rest->len, NULL);
}

static int read_members(const struct classes *classes, const struct rl_target *root,
			struct rl_target *ret, size_t n)
{
	g_auto(GStrv) lines = NULL;
	g_autofree char *path = read_lines(classes, &lines);
	size_t found = 0;

	for (char **line = lines; line && *line && found < n; line++) {
		struct rl_target process = {.sz = sizeof(process)}, tree = process;

		if (sscanf(*line, "%" SCNd32 " %" SCNu64 " %" SCNd32 " %" SCNu64, &process.tgid,
			   &process.start_ticks, &tree.tgid, &tree.start_ticks) == 4 &&
		    same_process(&tree, root))
			ret[found++] = process;
	}
	return (int)found;
}

int classes_members(struct classes *classes, const struct rl_target *root, struct rl_target *ret,
		    size_t n)
{
	return classes->maps ? rl_classes_members(classes->maps, root, ret, n)
			     : read_members(classes, root, ret, n);
}

gboolean classes_is_member(struct classes *classes, const struct rl_target *root,
			   const struct rl_target *process)
{
	struct rl_target members[64];
	int n;

	if (classes->maps)
		return rl_classes_is_member(classes->maps, root, process);
	n = read_members(classes, root, members, G_N_ELEMENTS(members));
	for (int i = 0; i < n; i++)
		if (same_process(&members[i], process))
			return TRUE;
	return FALSE;
}

void classes_add_member(struct classes *classes, const struct rl_target *root,
			const struct rl_target *process)
{
	if (classes->maps)
		(void)rl_classes_add_member(classes->maps, root, process);
}

void classes_remove_member(struct classes *classes, const struct rl_target *process)
{
	if (classes->maps)
		rl_classes_remove_member(classes->maps, process);
	else
		remove_lines(classes, process);
}

uint64_t classes_members_refused(const struct classes *classes)
{
	return classes->maps ? rl_classes_members_refused(classes->maps) : 0;
}

int classes_members_fd(const struct classes *classes)
{
	return classes->maps ? rl_classes_members_fd(classes->maps) : -1;
}

void classes_use_members(struct classes *classes, int fd)
{
	int r = classes->maps ? rl_classes_use_members(classes->maps, fd) : 0;

	if (r < 0)
		g_warning("the record of who belongs to boosted trees is lost: %s", g_strerror(-r));
}
