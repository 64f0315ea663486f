/* SPDX-License-Identifier: GPL-2.0-only */
/* See module.h. */
#include <dlfcn.h>

#include "policy/module.h"

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
	*ret_fault = policy ? rl_policy_fault(policy) : "it does not export the symbol rl_policy";
	return *ret_fault ? NULL : policy;
}
