/* SPDX-License-Identifier: GPL-2.0-only */
/* See policy-name.h. */

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "common/policy-name.h"

#define SUFFIX_LEN (sizeof(POLICY_SUFFIX) - 1)

bool policy_name_is_valid(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return len >= 1 && len <= POLICY_NAME_MAX && !name[len];
}

/* The name that the file makes installed; false if it makes none. */
static bool name_of(const char *file, char ret[POLICY_NAME_MAX + 1])
{
	size_t len = strlen(file);

	if (len < SUFFIX_LEN || len - SUFFIX_LEN > POLICY_NAME_MAX ||
	    strcmp(file + len - SUFFIX_LEN, POLICY_SUFFIX) != 0)
		return false;
	memcpy(ret, file, len - SUFFIX_LEN);
	ret[len - SUFFIX_LEN] = '\0';
	return policy_name_is_valid(ret);
}

static int is_policy(const struct dirent *entry)
{
	char name[POLICY_NAME_MAX + 1];

	return name_of(entry->d_name, name);
}

/* The characters of names are in one order in every language. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

void policy_names_installed(const char *directory, void (*f)(const char *name, void *userdata),
			    void *userdata)
{
	struct dirent **entries;
	int n = scandir(directory, &entries, is_policy, by_name);

	for (int i = 0; i < n; i++) {
		char name[POLICY_NAME_MAX + 1];

		if (name_of(entries[i]->d_name, name))
			f(name, userdata);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}
