/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is wrong with a policy that somebody wants to run. A policy may be older or newer than the library,
 * so nothing may be read here before the words ahead of it have said that it is there.
 */
#include "lib/internal.h"

/* All that a policy needs. */
#define SHORTEST (offsetof(struct rl_policy, next) + sizeof(((struct rl_policy *)0)->next))

/* A newer policy may have what this library knows nothing of, as long as it makes no use of that. */
static bool uses_more_than_we_know(const struct rl_policy *policy)
{
	const char *bytes = (const char *)policy;

	for (size_t i = sizeof(*policy); i < policy->sz; i++)
		if (bytes[i])
			return true;
	return false;
}

const char *rl_policy_fault(const struct rl_policy *policy)
{
	if (!policy->version)
		return "its version is not RL_POLICY_VERSION";
	if (policy->version != RL_POLICY_VERSION)
		return "it was built for another version of librustland; build it again";
	if (policy->sz < SHORTEST || policy->sz > 4096)
		return "its sz is not sizeof(struct rl_policy)";
	if (!policy->enqueue || !policy->next)
		return "it lacks enqueue() or next()";
	if (uses_more_than_we_know(policy))
		return "it was built for a newer librustland and uses what that has; update "
		       "librustland";
	return NULL;
}
