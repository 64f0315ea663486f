/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The policies that are built in, and how to find one by its name. Whatever is declared here works
 * without BPF, without privileges and without a clock, so that the simulator and the tests run the
 * very objects that schedule a machine.
 */
#ifndef RL_POLICY_H
#define RL_POLICY_H

#include <rustland.h>

/* Weighted virtual time for desktops; the default. */
extern const struct rl_policy rl_policy_rustland;

/* The built-in policy of that name, or NULL. */
const struct rl_policy *rl_policy_find(const char *name);

/* The built-in policies in the order in which to list them, the default first; NULL ends them. */
const struct rl_policy *rl_policy_at(size_t index);

/*
 * Calls f for every name that --policy takes: those of the built-in policies, then those of the policies that
 * are installed in the directory, for which built_in is NULL. A built-in policy goes before an installed
 * one of its name, which nobody can get.
 */
void rl_policy_names(const char *directory,
		     void (*f)(const char *name, const struct rl_policy *built_in, void *userdata),
		     void *userdata);

#endif /* RL_POLICY_H */
