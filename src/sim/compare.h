/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two policies or more under the same workload and seeds, side by side, with the spread over the seeds; and whether
 * a difference is more than that.
 */
#ifndef RUSTLAND_SIM_COMPARE_H
#define RUSTLAND_SIM_COMPARE_H

#include "sim/run.h"

enum {
	COMPARE_MAX = 8,
	COMPARE_SEEDS_MAX = 64,
	COMPARE_SEEDS_ENOUGH = 6, /* if all agree: chance does it in 1 of 32 cases */
	COMPARE_GROUPS_MAX = 128,
	COMPARE_NAME_MAX = 64,
};

enum compare_figure {
	COMPARE_CPUS,
	COMPARE_WAKEUP_P99,
	COMPARE_FRAME_P50,
	COMPARE_FRAME_P99,
	COMPARE_MISSED,
	COMPARE_FIGURES,
};

struct compare_options {
	struct run_options run; /* but for the policy */
	const struct rl_policy *policies[COMPARE_MAX];
	const char *policy_names[COMPARE_MAX]; /* as they were given */
	u32 nr_policies;
	u32 nr_seeds; /* from run.machine.seed on */
};

/* What came out of one run: the figures of each group; below zero where a group has none. */
struct compare_run {
	u32 nr_groups;
	u32 nr_left_out; /* groups for which there is no room */
	char names[COMPARE_GROUPS_MAX][COMPARE_NAME_MAX];
	double values[COMPARE_GROUPS_MAX][COMPARE_FIGURES];
	char failure[320]; /* or "" */
};

struct comparison {
	const struct compare_options *options;
	/* Those of the first policy first. All have the same groups in the same order. */
	struct compare_run *runs;
};

/* Median of the seeds; a quarter of the values is below low, one above high; n: those that have it. */
struct compare_spread {
	double median, low, high;
	u32 n;
};

const char *compare_figure_name(enum compare_figure figure);

/* Make all runs: 0, or a negative errno and *ret_why. A run that fails is told on standard output. */
int compare(const struct compare_options *options, struct comparison *ret, const char **ret_why);
void comparison_free(struct comparison *comparison);

/* The table, on standard output. */
void compare_print(const struct comparison *comparison);

const struct compare_run *compare_run_of(const struct comparison *comparison, u32 policy, u32 seed);
struct compare_spread compare_spread(const struct comparison *comparison, u32 policy, u32 group,
				     enum compare_figure figure);
/* The seeds do not agree whether the policy has more or less of it than the first policy. */
bool compare_is_noise(const struct comparison *comparison, u32 policy, u32 group,
		      enum compare_figure figure);

#endif /* RUSTLAND_SIM_COMPARE_H */
