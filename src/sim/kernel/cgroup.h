/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one tree of control groups of the machine, and what the cpu controller has been told about each of them: weight,
 * idle, limit. How CPUs are shared by it is the scheduling class's business (fair.h).
 *
 * It must never grow once a class schedules: a class keeps memory of its own for each group.
 */
#ifndef RUSTLAND_SIM_KERNEL_CGROUP_H
#define RUSTLAND_SIM_KERNEL_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/kernel.h"
#include "sim/kernel/bandwidth.h"

enum {
	CGROUP_WEIGHT_MIN = 1,
	CGROUP_WEIGHT_DEFAULT = 100,
	CGROUP_WEIGHT_MAX = 10000,
};

/* cpu.max and cpu.max.burst. The kernel takes a quota and a period of 1 ms at least, and a period of 1 s at most. */
struct cgroup_max {
	uint64_t quota_ns; /* CPU time in each period; 0: no limit */
	uint64_t period_ns;
	uint64_t burst_ns; /* so much that was not used is kept */
};

#define CGROUP_PERIOD_DEFAULT_NS 100000000ULL
#define CGROUP_PERIOD_MIN_NS	 1000000ULL
#define CGROUP_PERIOD_MAX_NS	 1000000000ULL

struct control_group {
	struct cgroup cgroup; /* what bpf/ sees */
	struct kernfs_node kn;
	struct task_group tg;	      /* likewise; shares as load, see NICE_0_LOAD */
	struct control_group *parent; /* NULL: it is the root */
	uint32_t index;		      /* in machine.groups, after its parent's */
	const char *path;	      /* such as "/games/one"; NULL: a fault has made it */
	uint32_t weight;
	bool idle;
	struct cgroup_max max;

	/* The fair class's: a runqueue for each CPU (NULL: the CPU's own, or there are none). */
	struct cfs_rq *cfs;
	struct bandwidth bandwidth;
};

/* There is the root, and no other group. */
void cgroups_init(void);
/* The group at a path that begins with a slash, and those above it: they are made where they are missing. */
struct control_group *cgroup_at(const char *path);
/* For faults, as they want to move tasks somewhere: there are n groups at least. */
void cgroups_make(uint32_t n);
/* Its weight as the kernel has it: 1024 for a weight of 100, or for a task of nice 0; 3 where it is idle. */
uint64_t cgroup_shares(const struct control_group *tg);
uint64_t cgroup_id(const struct control_group *tg);
/* tg is top itself, or below it. */
bool cgroup_is_below(const struct control_group *tg, const struct control_group *top);

/* On the present CPU; or before there is one that runs. Not of the root. */
void cgroup_set_weight(struct control_group *tg, uint32_t weight);
void cgroup_set_idle(struct control_group *tg, bool idle);
void cgroup_set_max(struct control_group *tg, const struct cgroup_max *max);

static inline struct control_group *task_cgroup(const struct task *t)
{
	return container_of(t->css_set.dfl_cgrp, struct control_group, cgroup);
}

/* At once, and no class is told: before t is started, or where the class has no use for groups. */
void task_set_cgroup(struct task *t, struct control_group *tg);

#endif /* RUSTLAND_SIM_KERNEL_CGROUP_H */
