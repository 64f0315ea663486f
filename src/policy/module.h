/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A policy in a shared object, which exports
 *
 *	const struct rl_policy rl_policy = {
 *		.version = RL_POLICY_VERSION, .sz = sizeof(struct rl_policy), ...
 *	};
 *
 * Loading it runs its code: whoever calls this has to know that the file may be trusted.
 */
#ifndef RL_POLICY_MODULE_H
#define RL_POLICY_MODULE_H

#include <rustland.h>

/*
 * The policy in the file at path, or NULL and in *ret_fault why not, as the end of a sentence; that is valid
 * until the next call. It stays loaded until the process ends.
 */
const struct rl_policy *policy_module_open(const char *path, const char **ret_fault);

#endif /* RL_POLICY_MODULE_H */
