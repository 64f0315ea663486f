/* SPDX-License-Identifier: GPL-2.0-only */
/* See policies.h. */

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "common/policy-name.h"
#include "common/protocol.h"
#include "policy/policy.h"
#include "scheduler/messages.h"
#include "scheduler/policies.h"

/* What makes it unusable, or NULL. Only the version may be read before it was checked. */
static const char *find_fault(const struct rl_policy *policy)
{
	if (policy->version != RL_POLICY_VERSION)
		return "it was built for another version of librustland; build it again";
	if (!policy->name || !policy_name_is_valid(policy->name))
		return "its name is missing, or is not " POLICY_NAME_RULE;
	if (!policy->enqueue || !policy->next)
		return "it lacks enqueue() or next()";
	return NULL;
}

static const struct rl_policy *open_policy(const char *path, const char **ret_fault)
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

static int load_file(const char *path, const struct rl_policy **ret)
{
	const char *fault;

	*ret = open_policy(path, &fault);
	if (*ret)
		return 0;
	log_write(RL_LOG_ERROR, ERROR_POLICY_PREFIX "cannot use %s: %s", path, fault);
	return -ELIBBAD;
}

int policies_load(const char *name_or_path, const struct rl_policy **ret)
{
	char path[PATH_MAX];

	if (strchr(name_or_path, '/')) {
		if (getauxval(AT_SECURE)) {
			log_write(RL_LOG_ERROR, ERROR_POLICY_PREFIX
				  "a path is only taken from root, not by "
				  "a program with file "
				  "capabilities; install the policy in " POLICY_DIR);
			return -EPERM;
		}
		return load_file(name_or_path, ret);
	}
	*ret = rl_policy_find(name_or_path);
	if (*ret)
		return 0;
	snprintf(path, sizeof(path), "%s/%s" POLICY_SUFFIX, POLICY_DIR, name_or_path);
	if (access(path, F_OK) < 0) {
		log_write(RL_LOG_ERROR,
			  ERROR_POLICY_PREFIX
			  "there is no policy '%s'; see scx_rustland --list-policies",
			  name_or_path);
		return -ENOENT;
	}
	return load_file(path, ret);
}

static void list_one(FILE *f, const char *name, const char *summary, const char *fault)
{
	fprintf(f, "%-20s %s%s%s\n", name, summary ? summary : "", fault ? "cannot be used: " : "",
		fault ? fault : "");
}

static void list_name(const char *name, const struct rl_policy *policy, void *f)
{
	const char *fault = NULL;
	char path[PATH_MAX];

	if (!policy) {
		snprintf(path, sizeof(path), "%s/%s" POLICY_SUFFIX, POLICY_DIR, name);
		policy = open_policy(path, &fault);
	}
	list_one(f, name, policy ? policy->summary : NULL, fault);
}

void policies_list(FILE *f)
{
	rl_policy_names(POLICY_DIR, list_name, f);
}
