/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds the policy that --policy names: one that is built in, NAME.so in the directory of installed
 * policies, or any shared object given as a path with a slash. A shared object exports
 *
 *	const struct rl_policy rl_policy = {
 *		.version = RL_POLICY_VERSION, .sz = sizeof(struct rl_policy), ...
 *	};
 *
 * It must never let a name reach outside the directory, or run code from a path that was chosen by
 * somebody with fewer privileges than the program has.
 */
#ifndef SCX_RUSTLAND_POLICIES_H
#define SCX_RUSTLAND_POLICIES_H

#include <stdio.h>

#include <rustland.h>

/*
 * The policy lives as long as the process. Returns 0; -ENOENT when there is none of that name;
 * another negative errno when it cannot be used. Failures have been logged as one line.
 */
int policies_load(const char *name_or_path, const struct rl_policy **ret);

/* One line for each policy. */
void policies_list(FILE *f);

#endif /* SCX_RUSTLAND_POLICIES_H */
