/* SPDX-License-Identifier: GPL-2.0-only */
/* See costs.h. The same lines are read by the compiler and, from other files, by costs_read(). */
#include "sim/kernel/costs.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COSTS_OF(where)	    .name = (where),
#define COST(what, ns, how) .what = (ns),
const struct costs costs_measured = {
#include "sim/kernel/costs-7.3.h"
};
#undef COSTS_OF
#undef COST

#define COSTS_OF(where)
#define COST(what, ns, how) {#what, offsetof(struct costs, what)},
static const struct {
	const char *name;
	size_t offset;
} names[] = {
#include "sim/kernel/costs-7.3.h"
};
#undef COSTS_OF
#undef COST

static uint32_t *cost_named(struct costs *costs, const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].name, name) == 0)
			return (uint32_t *)((char *)costs + names[i].offset);
	return NULL;
}

static bool take_line(const char *line, struct costs *costs)
{
	char text[64];
	unsigned ns;
	uint32_t *cost;

	if (sscanf(line, "COSTS_OF(\"%63[^\"]\")", text) == 1) {
		costs->name = strdup(text);
		return costs->name;
	}
	if (strncmp(line, "COST", 4) != 0)
		return true; /* a comment */
	if (sscanf(line, "COST(%63[a-z_], %9u", text, &ns) != 2)
		return false;
	cost = cost_named(costs, text);
	if (cost)
		*cost = ns;
	return cost;
}

bool costs_read(const char *path, struct costs *costs, unsigned *ret_line)
{
	FILE *file = fopen(path, "r");
	char line[256];
	bool taken = true;

	*ret_line = 0;
	if (!file)
		return false;
	while (taken && fgets(line, sizeof(line), file)) {
		++*ret_line;
		taken = take_line(line, costs);
	}
	if (ferror(file)) {
		*ret_line = 0;
		taken = false;
	}
	fclose(file);
	return taken;
}
