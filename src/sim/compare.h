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
};

struct compare_options {
	struct run_options run; /* but for the policy */
	const struct rl_policy *policies[COMPARE_MAX];
	u32 nr_policies;
	u32 nr_seeds; /* from run.machine.seed on */
};

/* 0, or a negative errno and *ret_why. The table goes to standard output. */
int compare(const struct compare_options *options, const char **ret_why);

#endif /* RUSTLAND_SIM_COMPARE_H */
