/* SPDX-License-Identifier: GPL-2.0-only */
/* See policies.h. */

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "policy/policy.h"
#include "scheduler/messages.h"
#include "scheduler/options.h"
#include "scheduler/policies.h"

/* What makes it unusable, or NULL. */
static const char *find_fault(const struct rl_policy *policy)
{
	const char *fault = rl_policy_fault(policy);

	if (fault)
		return fault;
	if (!policy->name || !options_valid_policy_name(policy->name))
		return "its name is missing, or is not 1 to 31 of a-z, 0-9, _ and -";
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
	log_write(RL_LOG_ERROR, "--policy: cannot use %s: %s", path, fault);
	return -ELIBBAD;
}

int policies_load(const char *name_or_path, const struct rl_policy **ret)
{
	char path[PATH_MAX];

	if (strchr(name_or_path, '/')) {
		if (getauxval(AT_SECURE)) {
			log_write(RL_LOG_ERROR, "--policy: a path is only taken from root, not by "
						"a program with file "
						"capabilities; install the policy in " POLICY_DIR);
			return -EPERM;
		}
		return load_file(name_or_path, ret);
	}
	*ret = rl_policy_find(name_or_path);
	if (*ret)
		return 0;
	snprintf(path, sizeof(path), "%s/%s.so", POLICY_DIR, name_or_path);
	if (access(path, F_OK) < 0) {
		log_write(RL_LOG_ERROR,
			  "--policy: there is no policy '%s'; see scx_rustland --list-policies",
			  name_or_path);
		return -ENOENT;
	}
	return load_file(path, ret);
}

/* Installed policies: NAME.so with a name that --policy takes. */
static int is_module(const struct dirent *entry)
{
	char name[POLICY_NAME_MAX + 1];
	size_t len = strlen(entry->d_name);

	if (len < 4 || len - 3 > POLICY_NAME_MAX || strcmp(entry->d_name + len - 3, ".so") != 0)
		return 0;
	memcpy(name, entry->d_name, len - 3);
	name[len - 3] = 0;
	return options_valid_policy_name(name);
}

static void list_one(FILE *f, const char *name, const char *summary, const char *fault)
{
	fprintf(f, "%-20s %s%s%s\n", name, summary ? summary : "", fault ? "cannot be used: " : "",
		fault ? fault : "");
}

void policies_list(FILE *f)
{
	const struct rl_policy *policy;
	struct dirent **entries;
	int n;

	for (size_t i = 0; (policy = rl_policy_at(i)); i++)
		list_one(f, policy->name, policy->summary, NULL);
	/* No directory, no installed policies. */
	n = scandir(POLICY_DIR, &entries, is_module, alphasort);
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX];
		const char *fault;

		snprintf(path, sizeof(path), "%s/%s", POLICY_DIR, entries[i]->d_name);
		policy = open_policy(path, &fault);
		entries[i]->d_name[strlen(entries[i]->d_name) - 3] = 0;
		/* A built-in policy of the same name is the one that --policy finds. */
		if (!rl_policy_find(entries[i]->d_name))
			list_one(f, entries[i]->d_name, policy ? policy->summary : NULL, fault);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}
