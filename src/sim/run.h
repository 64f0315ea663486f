/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One run: a machine, a workload and a policy, from the beginning to the end. One process has one, because the
 * backend keeps its memory in variables.
 */
#ifndef RUSTLAND_SIM_RUN_H
#define RUSTLAND_SIM_RUN_H

#include <rustland.h>

#include "sim/boosts.h"
#include "sim/kernel/machine.h"
#include "sim/workload.h"

/* The kernel's own scheduler in place of a policy: it has a name and a summary, and nothing is called. */
extern const struct rl_policy run_eevdf;

struct run_options {
	struct sim_settings machine;
	const struct rl_policy *policy;
	const char *policy_name;
	const struct workload *workload;
	u64 seconds;   /* that are measured */
	u64 settle_ns; /* and before that */
	u64 slice_ns, slice_min_ns;
	bool percpu_local, numa_local, no_idle_fill; /* as scx_rustland has them */
	u32 faults;				     /* see faults.h */
	struct boosts boosts;			     /* nobody's without a policy */
	const char *costs_path;			     /* where those of machine were read; or NULL */
	const char *trace_path;			     /* see trace.h; or NULL */
	bool highlights;			     /* keep them, see highlights.h */
};

struct run_result {
	u64 hash;
	u64 asked, decided, by_estimate, standing, resumed, late, flushed, cancelled, failed,
		congested;
	u64 policy_ns; /* CPU time of the scheduler thread */
	u64 rounds;
	u64 loaded_again; /* how often */
	u64 away_max_ns;  /* the longest time without it, see load.h */
	u64 held_max_ns;  /* a task behind real-time ones, see invariants.h */
	u64 violations;	  /* of invariants, see invariants.h */
	bool cut_short;	  /* by what the policy did; the violation that is told says it */
	u64 ran_ns;	  /* from the first event to the last one */
	double host_seconds;
	const char *failure; /* why the kernel ended the scheduler, or NULL */
};

/* Is there a policy, with its backend and the scheduler thread? */
static inline bool run_has_policy(const struct run_options *options)
{
	return options->policy != &run_eevdf;
}

/* 0, or a negative errno and *ret_why. The measurements are in task_stats_first and in machine. */
int run(const struct run_options *options, struct run_result *ret, const char **ret_why);

#endif /* RUSTLAND_SIM_RUN_H */
