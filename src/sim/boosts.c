/* SPDX-License-Identifier: GPL-2.0-only */
/* See boosts.h. */
#include "sim/boosts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim/kernel/backend.h"
#include "sim/kernel/machine.h"

const char *boosts_add(struct boosts *boosts, const char *list, uint32_t class)
{
	for (;;) {
		size_t len = strcspn(list, ",");

		if (!len)
			return "an empty name";
		if (len >= sizeof(boosts->of[0].comm))
			return "a name of more than 15 bytes, which no task can have";
		if (boosts->n == BOOSTS_MAX)
			return "more than 16 names";
		memcpy(boosts->of[boosts->n].comm, list, len);
		boosts->of[boosts->n].comm[len] = 0;
		boosts->of[boosts->n].class = class;
		boosts->n++;
		if (!list[len])
			return NULL;
		list += len + 1;
	}
}

/* "There is no task 'x' to boost, but there are: a, b" */
static const char *who_there_is(const char *comm)
{
	static char why[512];
	const struct task *seen[16];
	uint32_t n = 0;
	int len;

	len = snprintf(why, sizeof(why), "there is no task '%s' to boost; there are", comm);
	for (const struct task *t = machine.all; t && n < 16; t = t->next_all) {
		bool is_new = t != machine.policy;

		for (uint32_t i = 0; i < n; i++)
			is_new = is_new && strcmp(seen[i]->p.comm, t->p.comm) != 0;
		if (!is_new)
			continue;
		seen[n++] = t;
		len += snprintf(why + len, sizeof(why) - (size_t)len, "%s %s", n == 1 ? "" : ",",
				t->p.comm);
	}
	return why;
}

int boosts_start(const struct boosts *boosts, const char **ret_why)
{
	for (uint32_t i = 0; i < boosts->n; i++) {
		const char *comm = boosts->of[i].comm;
		uint32_t found = 0;

		for (struct task *t = machine.all; t; t = t->next_all) {
			const struct task_struct *leader = t->p.group_leader;

			if (t == machine.policy || strcmp(t->p.comm, comm) != 0)
				continue;
			backend_set_class(RL_SCOPE_TREE, (uint64_t)leader->tgid,
					  leader->start_boottime / TICK_NS, boosts->of[i].class,
					  RL_ANY_UID);
			found++;
		}
		if (!found) {
			*ret_why = who_there_is(comm);
			return -ENOENT;
		}
	}
	return 0;
}
