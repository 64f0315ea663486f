/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The list of built-in policies. A new one is added here, in policy.h and in Makemodule.am.
 *
 * Nothing here may be called from a policy: names are for command lines.
 */
#include <string.h>

#include "common/policy-name.h"
#include "policy/policy.h"

static const struct rl_policy *const policies[] = {
	&rl_policy_rustland,
};

const struct rl_policy *rl_policy_at(size_t index)
{
	return index < sizeof(policies) / sizeof(policies[0]) ? policies[index] : NULL;
}

const struct rl_policy *rl_policy_find(const char *name)
{
	const struct rl_policy *policy;

	for (size_t i = 0; (policy = rl_policy_at(i)); i++)
		if (strcmp(policy->name, name) == 0)
			return policy;
	return NULL;
}

struct names {
	void (*f)(const char *name, const struct rl_policy *built_in, void *userdata);
	void *userdata;
};

static void on_installed(const char *name, void *userdata)
{
	const struct names *names = userdata;

	if (!rl_policy_find(name))
		names->f(name, NULL, names->userdata);
}

void rl_policy_names(const char *directory,
		     void (*f)(const char *name, const struct rl_policy *built_in, void *userdata),
		     void *userdata)
{
	struct names names = {f, userdata};
	const struct rl_policy *policy;

	for (size_t i = 0; (policy = rl_policy_at(i)); i++)
		f(policy->name, policy, userdata);
	policy_names_installed(directory, on_installed, &names);
}
