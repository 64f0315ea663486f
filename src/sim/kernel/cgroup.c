/* SPDX-License-Identifier: GPL-2.0-only */
/* See cgroup.h. */
#include "sim/kernel/cgroup.h"

#include <stdlib.h>
#include <string.h>

#include "sim/kernel/machine.h"

enum {
	IDLE_SHARES = 3,
};

static void set_shares(struct control_group *tg)
{
	tg->tg.shares = cgroup_shares(tg) << 10;
}

static void set_limit(struct control_group *tg)
{
	tg->tg.cfs_bandwidth.quota = tg->max.quota_ns ? tg->max.quota_ns : RUNTIME_INF;
	tg->tg.cfs_bandwidth.period = tg->max.period_ns;
	tg->tg.cfs_bandwidth.burst = tg->max.burst_ns;
}

static struct control_group *cgroup_new(struct control_group *parent, const char *path)
{
	struct machine *m = &machine;
	struct control_group *tg = calloc(1, sizeof(*tg));

	m->groups = realloc(m->groups, (m->nr_groups + 1) * sizeof(struct control_group *));
	if (!tg || !m->groups)
		abort();
	m->groups[m->nr_groups] = tg;
	tg->index = m->nr_groups++;
	tg->path = path;
	tg->parent = parent;
	tg->weight = CGROUP_WEIGHT_DEFAULT;
	tg->max.period_ns = CGROUP_PERIOD_DEFAULT_NS;
	tg->tg.parent = parent ? &parent->tg : NULL;
	set_shares(tg);
	set_limit(tg);
	tg->kn.id = tg->index + 1;
	tg->cgroup.kn = &tg->kn;
	tg->cgroup.self.cgroup = &tg->cgroup;
	tg->cgroup.self.parent = parent ? &parent->cgroup.self : NULL;
	return tg;
}

void cgroups_init(void)
{
	cgroup_new(NULL, "/");
}

static struct control_group *child_at(struct control_group *parent, const char *path, size_t len)
{
	for (u32 i = 0; i < machine.nr_groups; i++) {
		struct control_group *tg = machine.groups[i];

		if (tg->parent == parent && tg->path && strlen(tg->path) == len &&
		    strncmp(tg->path, path, len) == 0)
			return tg;
	}
	return cgroup_new(parent, strndup(path, len));
}

struct control_group *cgroup_at(const char *path)
{
	struct control_group *tg = machine.groups[0];

	for (const char *end = path; *end;) {
		const char *part = end + 1;

		end = part + strcspn(part, "/");
		if (end != part)
			tg = child_at(tg, path, (size_t)(end - path));
	}
	return tg;
}

/* As in a heap: under the root those of index 1 and 2, and so on. */
void cgroups_make(u32 n)
{
	while (machine.nr_groups < n)
		cgroup_new(machine.groups[(machine.nr_groups - 1) / 2], NULL);
}

u64 cgroup_shares(const struct control_group *tg)
{
	return tg->idle
		       ? IDLE_SHARES
		       : (tg->weight * 1024ULL + CGROUP_WEIGHT_DEFAULT / 2) / CGROUP_WEIGHT_DEFAULT;
}

u64 cgroup_id(const struct control_group *tg)
{
	return tg->kn.id;
}

bool cgroup_is_below(const struct control_group *tg, const struct control_group *top)
{
	while (tg && tg != top)
		tg = tg->parent;
	return tg;
}

void cgroup_set_weight(struct control_group *tg, u32 weight)
{
	tg->weight = weight;
	set_shares(tg);
	fair_group_weight_changed(tg);
}

void cgroup_set_idle(struct control_group *tg, bool idle)
{
	tg->idle = idle;
	set_shares(tg);
	fair_group_weight_changed(tg);
}

void cgroup_set_max(struct control_group *tg, const struct cgroup_max *max)
{
	tg->max = *max;
	set_limit(tg);
	fair_group_max_changed(tg);
}

void task_set_cgroup(struct task *t, struct control_group *tg)
{
	t->css_set.dfl_cgrp = &tg->cgroup;
	t->p.sched_task_group = &tg->tg;
}
