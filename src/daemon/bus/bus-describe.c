/* SPDX-License-Identifier: GPL-2.0-only */
/* See bus-describe.h. */

#include "common/bus-words.h"
#include "daemon/bus/bus-describe.h"

/* ---- Boosts --------------------------------------------------------------------------------- */

static void add_string(GVariantBuilder *b, const char *key, const char *value)
{
	g_variant_builder_add(b, "{sv}", key, g_variant_new_string(value));
}

static void add_public(GVariantBuilder *b, const struct boost *boost)
{
	g_variant_builder_add(b, "{sv}", BOOST_KEY_COOKIE, g_variant_new_uint32(boost->cookie));
	add_string(b, "Scope", scope_name(boost->target.scope));
	add_string(b, "Class", class_name(boost->class));
}

/* What the owner of the process could find out without us, but for the class. */
static void add_facts(GVariantBuilder *b, const struct boost *boost)
{
	g_variant_builder_add(b, "{sv}", BOOST_KEY_PID, g_variant_new_uint32((guint32)boost->pid));
	add_string(b, "Name", boost_name(boost));
	g_variant_builder_add(b, "{sv}", "Uid", g_variant_new_uint32(boost->uid));
	g_variant_builder_add(b, "{sv}", "Since", g_variant_new_uint64((guint64)boost->since_us));
	add_string(b, BOOST_KEY_LIFETIME,
		   boost->client ? LIFETIME_WORD_CLIENT : LIFETIME_WORD_PROCESS);
	if (boost->timeout_us)
		g_variant_builder_add(b, "{sv}", BOOST_KEY_TIMEOUT,
				      g_variant_new_uint64(boost->timeout_us));
	if (boost->cgroup)
		add_string(b, "CGroup", boost->cgroup->path);
}

static void add_said(GVariantBuilder *b, const struct boost *boost)
{
	g_variant_builder_add(b, "{sv}", "Suspended", g_variant_new_boolean(boost->is_suspended));
	add_string(b, "Reason", boost->reason);
	add_string(b, BOOST_KEY_APP_ID, boost->app_id);
	add_string(b, "Requester", boost->requester);
	if (boost->client)
		add_string(b, BOOST_KEY_CLIENT, boost->client);
}

GVariant *describe_boost_to_all(const struct boost *boost)
{
	GVariantBuilder b;

	g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
	add_public(&b, boost);
	return g_variant_builder_end(&b);
}

GVariant *describe_boost(const struct boost *boost, uid_t reader)
{
	gboolean asked = reader == 0 || reader == boost->uid;
	GVariantBuilder b;

	g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
	add_public(&b, boost);
	if (asked || (boost->process && reader == boost->target_uid))
		add_facts(&b, boost);
	if (asked)
		add_said(&b, boost);
	return g_variant_builder_end(&b);
}

/* ---- Processes ------------------------------------------------------------------------------ */

/* A process and those above it, as far up as the scheduler looks: CLASS_DEPTH in bpf/class.bpf.h. */
#define LINEAGE_MAX 32

struct lineage {
	struct rl_target processes[LINEAGE_MAX];
	int n;
};

static void read_lineage(struct lineage *ret, pid_t pid)
{
	for (ret->n = 0; pid > 1 && ret->n < LINEAGE_MAX; ret->n++) {
		struct rl_target *one = &ret->processes[ret->n];

		*one = (struct rl_target){
			.sz = sizeof(*one), .scope = RL_SCOPE_PROCESS, .tgid = pid};
		pid = process_parent(pid, &one->start_ticks);
	}
}

static gboolean is_the_one(const struct boost *boost, const struct rl_target *process)
{
	return boost->target.tgid == process->tgid &&
	       boost->target.start_ticks == process->start_ticks;
}

/* By who is above it, and by what the kernel has recorded before those exited. */
static gboolean is_in_tree(const struct boosts *boosts, const struct boost *boost,
			   const struct lineage *lineage)
{
	for (int i = 0; i < lineage->n; i++)
		if (is_the_one(boost, &lineage->processes[i]))
			return TRUE;
	return lineage->n && boosts_is_member(boosts, boost, &lineage->processes[0]);
}

static gboolean covers(const struct boosts *boosts, const struct boost *boost,
		       const struct process *process, const struct lineage *lineage,
		       const char *path)
{
	if (boost->is_suspended)
		return FALSE;
	/* As the kernel sees it: a set-uid program, or another user's in the same group, is not meant. */
	if (boost->target.of_user && process->acts_as != boost->target.uid)
		return FALSE;
	switch (boost->target.scope) {
	case RL_SCOPE_CGROUP:
		/* One of the same path that was made anew is another group. */
		return path && cgroup_path_is_below(path, boost->cgroup->path) &&
		       !cgroup_is_empty(boost->cgroup);
	case RL_SCOPE_TREE:
		return is_in_tree(boosts, boost, lineage);
	default:
		return lineage->n && is_the_one(boost, &lineage->processes[0]);
	}
}

GVariant *describe_process(const struct boosts *boosts, const struct process *process)
{
	const GPtrArray *all = boosts_all(boosts);
	g_autofree char *path = cgroup_path_of(process->pid);
	enum rl_class class = RL_CLASS_NORMAL;
	const char *scope = "";
	GVariantBuilder b, cookies;
	struct lineage lineage;

	read_lineage(&lineage, process->pid);
	g_variant_builder_init(&cookies, G_VARIANT_TYPE("au"));
	for (guint i = 0; i < all->len; i++) {
		const struct boost *boost = g_ptr_array_index(all, i);

		if (!covers(boosts, boost, process, &lineage, path))
			continue;
		g_variant_builder_add(&cookies, "u", boost->cookie);
		if (boost->class > class) {
			class = boost->class;
			scope = scope_name(boost->target.scope);
		}
	}
	g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
	g_variant_builder_add(&b, "{sv}", BOOST_KEY_PID,
			      g_variant_new_uint32((guint32)process->pid));
	add_string(&b, "Name", process->name);
	g_variant_builder_add(&b, "{sv}", "Uid", g_variant_new_uint32(process->uid));
	add_string(&b, "Class", class_name(class));
	add_string(&b, "Scope", scope);
	g_variant_builder_add(&b, "{sv}", "Cookies", g_variant_builder_end(&cookies));
	add_string(&b, "CGroup", path ? path : "");
	g_variant_builder_add(&b, "{sv}", "CGroupId",
			      g_variant_new_uint64(path ? cgroup_id_of(path) : 0));
	return g_variant_builder_end(&b);
}
