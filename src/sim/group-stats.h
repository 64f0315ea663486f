/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What control groups get, and what their weights and limits promise: the CPUs are divided among those groups and tasks
 * that want to run at the moment, level by level, by weight; no group gets more than its limit or than its tasks can use,
 * and what that leaves goes to the others. Affinities of tasks are not looked at.
 *
 * It must never change how the machine goes on; it only watches.
 */
#ifndef RUSTLAND_SIM_GROUP_STATS_H
#define RUSTLAND_SIM_GROUP_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/kernel/cgroup.h"

/* With the groups below it. */
struct group_stats {
	uint64_t exec_ns, promised_ns;
	uint64_t realtime_ns; /* of exec_ns: no limit counts it */
};

/* Watch the machine, whose groups are all there. Only what happens from time from_ns on counts for group_stats_of(). */
void group_stats_watch(uint64_t from_ns);
/* NULL: they are not watched. */
const struct group_stats *group_stats_of(const struct control_group *tg);
/* The same since the beginning. */
const struct group_stats *group_stats_total(const struct control_group *tg);

/*
 * Since when all groups below the root of which a task wants to run have a task for each CPU, with no limit and no
 * affinity, so that weights alone decide; 0: they have not.
 */
uint64_t group_stats_contested_since_ns(void);

/* Of the groups that the workload has made, the next one after tg (NULL: the first); NULL: there are no more. */
const struct control_group *group_stats_next(const struct control_group *tg);

#endif /* RUSTLAND_SIM_GROUP_STATS_H */
