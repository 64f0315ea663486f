/* SPDX-License-Identifier: GPL-2.0-only */
/* See group-stats.h. */
#include "sim/group-stats.h"

#include <stdlib.h>

/* The groups are looked at so often. */
#define SAMPLE_NS (1 * MSEC)

/* Shares of CPUs, in millionths of one. */
#define CPU 1000000ULL

/* What a group wants at the moment, and what it may have. */
struct claim {
	uint64_t nr_tasks;    /* its own ones, that want to run */
	uint64_t task_weight; /* of these together */
	bool is_confined;     /* some of them may not run everywhere */
	uint64_t wants, gets;
	bool is_settled; /* it gets what it wants */
};

static struct {
	bool is_watching;
	uint64_t from_ns;
	struct group_stats *counted, *total;
	struct claim *claims;
	struct event sample;
	uint64_t contested_since_ns;
} the;

static void on_run(const struct task *t, u64 ns)
{
	bool counts = machine_now(&machine) >= the.from_ns;

	for (const struct control_group *tg = task_cgroup(t); tg; tg = tg->parent) {
		the.total[tg->index].exec_ns += ns;
		the.total[tg->index].realtime_ns += t->rt.priority ? ns : 0;
		if (counts)
			the.counted[tg->index].exec_ns += ns;
	}
}

static const struct sim_observer observer = {
	.ran = on_run,
};

/* ---- What weights promise ------------------------------------------------------------------- */

static uint64_t limit_of(const struct control_group *tg)
{
	uint64_t most = machine.topology.nr_cpus * CPU, limit;

	if (!tg->max.quota_ns)
		return most;
	limit = tg->max.quota_ns * CPU / tg->max.period_ns;
	return limit < most ? limit : most;
}

/* From the bottom up. */
static void find_wants(void)
{
	for (u32 i = 0; i < machine.nr_groups; i++)
		the.claims[i] = (struct claim){0};
	for (const struct task *t = machine.all; t; t = t->next_all) {
		struct claim *claim = &the.claims[task_cgroup(t)->index];

		if (!t->on_rq || t->se.sched_delayed || t == machine.policy)
			continue;
		claim->nr_tasks++;
		claim->task_weight += task_weight(t) >> 10;
		claim->is_confined |= t->p.nr_cpus_allowed < (int)machine.topology.nr_cpus;
	}
	for (u32 i = machine.nr_groups; i--;) {
		const struct control_group *tg = machine.groups[i];
		struct claim *claim = &the.claims[i];
		uint64_t limit = limit_of(tg);

		claim->wants += claim->nr_tasks * CPU;
		if (claim->wants > limit)
			claim->wants = limit;
		if (tg->parent)
			the.claims[tg->parent->index].wants += claim->wants;
	}
}

/* What a group has is divided among those below it and its own tasks: those that want less than their part first. */
static void divide(const struct control_group *parent)
{
	struct claim *claim = &the.claims[parent->index];
	uint64_t left = claim->gets, weights, part;
	bool tasks_are_settled = !claim->nr_tasks, goes_on = true;

	while (goes_on) {
		goes_on = false;
		weights = tasks_are_settled ? 0 : claim->task_weight;
		for (u32 i = parent->index + 1; i < machine.nr_groups; i++)
			if (machine.groups[i]->parent == parent && !the.claims[i].is_settled)
				weights += cgroup_shares(machine.groups[i]);
		for (u32 i = parent->index + 1; i < machine.nr_groups; i++) {
			struct claim *child = &the.claims[i];

			if (machine.groups[i]->parent != parent || child->is_settled)
				continue;
			part = left * cgroup_shares(machine.groups[i]) / (weights ? weights : 1);
			child->gets = part < child->wants ? part : child->wants;
			if (child->wants > part)
				continue;
			child->is_settled = goes_on = true;
			left -= child->wants;
			weights -= cgroup_shares(machine.groups[i]);
		}
		/* Their weight is among the weights. */
		if (!tasks_are_settled &&
		    claim->nr_tasks * CPU * weights <= left * claim->task_weight) {
			tasks_are_settled = goes_on = true;
			left -= claim->nr_tasks * CPU;
		}
	}
}

/* ---- Whether weights alone decide ----------------------------------------------------------- */

static bool is_contested(void)
{
	uint64_t all = machine.topology.nr_cpus * CPU;
	u32 nr = 0;

	for (u32 i = 1; i < machine.nr_groups; i++) {
		const struct claim *claim = &the.claims[i];

		if (claim->is_confined || machine.groups[i]->max.quota_ns)
			return false;
		if (machine.groups[i]->parent != machine.groups[0] || !claim->wants)
			continue;
		if (claim->wants < all)
			return false;
		nr++;
	}
	return nr > 1 && !the.claims[0].is_confined;
}

/* ---- Now and then --------------------------------------------------------------------------- */

static void sample(struct event *event)
{
	bool counts = machine.now_ns >= the.from_ns;

	find_wants();
	the.claims[0].gets = the.claims[0].wants;
	for (u32 i = 0; i < machine.nr_groups; i++) {
		uint64_t ns = the.claims[i].gets * SAMPLE_NS / CPU;

		the.total[i].promised_ns += ns;
		if (counts)
			the.counted[i].promised_ns += ns;
		divide(machine.groups[i]);
	}
	if (!is_contested())
		the.contested_since_ns = 0;
	else if (!the.contested_since_ns)
		the.contested_since_ns = machine.now_ns;
	event_at(&machine.events, event, machine.now_ns + SAMPLE_NS);
}

void group_stats_watch(uint64_t from_ns)
{
	the.is_watching = true;
	the.from_ns = from_ns;
	the.counted = calloc(machine.nr_groups, sizeof(*the.counted));
	the.total = calloc(machine.nr_groups, sizeof(*the.total));
	the.claims = calloc(machine.nr_groups, sizeof(*the.claims));
	if (!the.counted || !the.total || !the.claims)
		abort();
	machine_observe(&observer);
	the.sample.fire = sample;
	event_at(&machine.events, &the.sample, machine.now_ns + SAMPLE_NS);
}

const struct group_stats *group_stats_of(const struct control_group *tg)
{
	return the.is_watching ? &the.counted[tg->index] : NULL;
}

const struct group_stats *group_stats_total(const struct control_group *tg)
{
	return the.is_watching ? &the.total[tg->index] : NULL;
}

uint64_t group_stats_contested_since_ns(void)
{
	return the.contested_since_ns;
}

const struct control_group *group_stats_next(const struct control_group *tg)
{
	for (u32 i = tg ? tg->index + 1 : 1; i < machine.nr_groups; i++)
		if (machine.groups[i]->path)
			return machine.groups[i];
	return NULL;
}
