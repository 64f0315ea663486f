/* SPDX-License-Identifier: GPL-2.0-only */
/* See module.h. */
#include <dlfcn.h>

#include "common/policy-name.h"
#include "policy/module.h"

/* What makes it unusable, or NULL. */
static const char *find_fault(const struct rl_policy *policy)
{
	const char *fault = rl_policy_fault(policy);

	if (fault)
		return fault;
	if (!policy->name || !policy_name_is_valid(policy->name))
		return "its name is missing, or is not " POLICY_NAME_RULE;
	return NULL;
}

const struct rl_policy *policy_module_open(const char *path, const char **ret_fault)
{
	const struct rl_policy *policy;
	void *module;

	/* All symbols now: the scheduler thread must not enter the dynamic linker. Never closed. */
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!module) {
		*ret_fault = dlerror();
		return NULL;
	}
	policy = dlsym(module, "rl_policy");
	*ret_fault = policy ? find_fault(policy) : "it does not export the symbol rl_policy";
	return *ret_fault ? NULL : policy;
}
