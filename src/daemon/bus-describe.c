/* SPDX-License-Identifier: GPL-2.0-only */
/* See bus-describe.h. */
#include <config.h>

#include "bus-describe.h"

GVariant *describe_boost(const struct boost *boost, gboolean with_private)
{
	GVariantBuilder b;

	g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
	g_variant_builder_add(&b, "{sv}", "Cookie", g_variant_new_uint32(boost->cookie));
	g_variant_builder_add(&b, "{sv}", "Pid", g_variant_new_uint32((guint32)boost->pid));
	g_variant_builder_add(&b, "{sv}", "Name", g_variant_new_string(boost_name(boost)));
	g_variant_builder_add(&b, "{sv}", "Scope",
			      g_variant_new_string(scope_name(boost->target.scope)));
	g_variant_builder_add(&b, "{sv}", "Class", g_variant_new_string(class_name(boost->class)));
	g_variant_builder_add(&b, "{sv}", "Uid", g_variant_new_uint32(boost->uid));
	g_variant_builder_add(&b, "{sv}", "Since", g_variant_new_uint64((guint64)boost->since_us));
	g_variant_builder_add(&b, "{sv}", "Lifetime",
			      g_variant_new_string(boost->client ? "client" : "process"));
	if (boost->timeout_us)
		g_variant_builder_add(&b, "{sv}", "TimeoutUSec",
				      g_variant_new_uint64(boost->timeout_us));
	if (boost->cgroup)
		g_variant_builder_add(&b, "{sv}", "CGroup",
				      g_variant_new_string(boost->cgroup->path));
	if (with_private) {
		g_variant_builder_add(&b, "{sv}", "Reason", g_variant_new_string(boost->reason));
		g_variant_builder_add(&b, "{sv}", "AppId", g_variant_new_string(boost->app_id));
		g_variant_builder_add(&b, "{sv}", "Requester",
				      g_variant_new_string(boost->requester));
		if (boost->client)
			g_variant_builder_add(&b, "{sv}", "Client",
					      g_variant_new_string(boost->client));
	}
	return g_variant_builder_end(&b);
}

/* As far up as anybody could have nested processes on purpose. */
#define ANCESTORS_MAX 256

static gboolean covers_tree(const struct boost *boost, const struct process *process)
{
	pid_t pid = process->pid;

	for (int i = 0; pid > 1 && i < ANCESTORS_MAX; i++, pid = process_parent(pid))
		if (pid == boost->pid)
			return TRUE;
	return FALSE;
}

static gboolean covers(const struct boost *boost, const struct process *process, const char *path)
{
	/* As the kernel sees it: a set-uid program, or another user's in the same group, is not meant. */
	if (boost->target.of_user && process->acts_as != boost->target.uid)
		return FALSE;
	switch (boost->target.scope) {
	case RL_SCOPE_CGROUP:
		/* One of the same path that was made anew is another group. */
		return path && cgroup_path_is_below(path, boost->cgroup->path) &&
		       !cgroup_is_empty(boost->cgroup);
	case RL_SCOPE_TREE:
		return covers_tree(boost, process);
	default:
		return boost->pid == process->pid;
	}
}

GVariant *describe_process(const struct boosts *boosts, const struct process *process)
{
	const GPtrArray *all = boosts_all(boosts);
	g_autofree char *path = cgroup_path_of(process->pid);
	enum rl_class class = RL_CLASS_NORMAL;
	const char *scope = "";
	GVariantBuilder b, cookies;

	g_variant_builder_init(&cookies, G_VARIANT_TYPE("au"));
	for (guint i = 0; i < all->len; i++) {
		const struct boost *boost = g_ptr_array_index(all, i);

		if (!covers(boost, process, path))
			continue;
		g_variant_builder_add(&cookies, "u", boost->cookie);
		if (boost->class > class) {
			class = boost->class;
			scope = scope_name(boost->target.scope);
		}
	}
	g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
	g_variant_builder_add(&b, "{sv}", "Pid", g_variant_new_uint32((guint32)process->pid));
	g_variant_builder_add(&b, "{sv}", "Name", g_variant_new_string(process->name));
	g_variant_builder_add(&b, "{sv}", "Uid", g_variant_new_uint32(process->uid));
	g_variant_builder_add(&b, "{sv}", "Class", g_variant_new_string(class_name(class)));
	g_variant_builder_add(&b, "{sv}", "Scope", g_variant_new_string(scope));
	g_variant_builder_add(&b, "{sv}", "Cookies", g_variant_builder_end(&cookies));
	g_variant_builder_add(&b, "{sv}", "CGroup", g_variant_new_string(path ? path : ""));
	g_variant_builder_add(&b, "{sv}", "CGroupId",
			      g_variant_new_uint64(path ? cgroup_id_of(path) : 0));
	return g_variant_builder_end(&b);
}
