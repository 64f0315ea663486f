/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Many runs, each with another machine, workload and faults, made from a number; until one of them shows
 * something that should never happen. That one is made smaller for as long as it still does, and printed as
 * the command that repeats it.
 */
#ifndef RUSTLAND_SIM_SWARM_H
#define RUSTLAND_SIM_SWARM_H

#include "sim/run.h"

struct swarm_options {
	const struct rl_policy *policy;
	const char *policy_name;
	u64 first_seed;
	u64 runs;	  /* at most; 0: until the time is over */
	u64 host_seconds; /* at most; 0: until the runs are done */
	u32 jobs;	  /* at the same time */
	u32 findings_max; /* it ends after so many */
};

/* The number of findings, or a negative errno. */
int swarm(const struct swarm_options *options);

#endif /* RUSTLAND_SIM_SWARM_H */
