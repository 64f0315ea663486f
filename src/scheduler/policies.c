/* SPDX-License-Identifier: GPL-2.0-only */
/* See policies.h. */

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "common/policy-name.h"
#include "common/protocol.h"
#include "policy/module.h"
#include "policy/policy.h"
#include "scheduler/messages.h"
#include "scheduler/policies.h"

static int load_file(const char *path, const struct rl_policy **ret)
{
	const char *fault;

	*ret = policy_module_open(path, &fault);
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
		policy = policy_module_open(path, &fault);
	}
	list_one(f, name, policy ? policy->summary : NULL, fault);
}

void policies_list(FILE *f)
{
	rl_policy_names(POLICY_DIR, list_name, f);
}
