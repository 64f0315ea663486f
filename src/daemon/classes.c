/* SPDX-License-Identifier: GPL-2.0-only */
/* See classes.h. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <gio/gio.h>

#include "boost.h"
#include "classes.h"

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

static int append_line(const char *path, const struct rl_target *target, enum rl_class class)
{
	uint64_t id = target->scope == RL_SCOPE_CGROUP ? target->cgroup_id : (uint64_t)target->tgid;
	char uid[16] = "any";
	FILE *f = fopen(path, "ae");
	int r = 0;

	if (!f)
		return -errno;
	if (target->of_user)
		snprintf(uid, sizeof(uid), "%" PRIu32, target->uid);
	if (fprintf(f, "%s %" PRIu64 " %s %s %" PRIu32 "\n", scope_name(target->scope), id,
		    class_name(class), uid, target->owner) < 0)
		r = -EIO;
	if (fclose(f) < 0)
		r = -errno;
	return r;
}

int classes_set(struct classes *classes, const struct rl_target *target, enum rl_class class)
{
	return classes->maps ? rl_classes_set(classes->maps, target, class)
			     : append_line(classes->path, target, class);
}

void classes_fds(const struct classes *classes, int ret_fds[2])
{
	ret_fds[0] = ret_fds[1] = -1;
	if (classes->maps)
		rl_classes_fds(classes->maps, ret_fds);
}
