/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of the policy "rustland" have in common: its configuration and its limits. */
#ifndef RL_TEST_POLICY_LIMITS_H
#define RL_TEST_POLICY_LIMITS_H

#include "policy/policy.h"

#define US	  1000ULL
#define MS	  (1000 * US)
#define SLICE	  (20 * MS)
#define SLICE_MIN (1 * MS)
#define SECOND	  (1000 * MS)

/*
 * How long a task can be passed by later ones. Virtual time gets to its deadline in a second, if no
 * more tasks come than there are; as long again, because those who come meanwhile slow it down.
 */
#define PASSED_MAX (104 * SLICE)

static const struct rl_policy *const policy = &rl_policy_rustland;

static inline struct rl_policy_config config_for(uint32_t nr_cpus)
{
	return (struct rl_policy_config){
		.sz = sizeof(struct rl_policy_config),
		.slice_ns = SLICE,
		.slice_min_ns = SLICE_MIN,
		.nr_cpus = nr_cpus,
	};
}

#endif /* RL_TEST_POLICY_LIMITS_H */
