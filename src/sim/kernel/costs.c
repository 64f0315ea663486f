/* SPDX-License-Identifier: GPL-2.0-only */
/* See costs.h. The same lines are read by the compiler and, from other files, by costs_read(). */
#include "sim/kernel/costs.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	COST_MAX = 10000000, /* no operation of a kernel takes longer */
};

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

/* What is wrong with it, or NULL. */
static const char *take_line(const char *line, struct costs *costs, bool *ret_is_cost)
{
	static char name[64];
	char text[64], end;
	unsigned long ns;
	char digits[9];
	uint32_t *cost;

	if (sscanf(line, "COSTS_OF(\"%63[^\"]\")", name) == 1) {
		costs->name = name;
		return NULL;
	}
	if (strncmp(line, "COST", 4) != 0)
		return NULL; /* a comment */
	if (sscanf(line, "COST(%63[a-z_]%c", text, &end) != 2 || end != ',')
		return "there is no such cost";
	cost = cost_named(costs, text);
	if (!cost)
		return "there is no such cost";
	/* Where nothing took any time, a task that yields would do so for ever at one moment. */
	if (sscanf(line, "COST(%*[a-z_], %8[0-9]%c", digits, &end) != 2 || end != ',' ||
	    (ns = strtoul(digits, NULL, 10)) < 1 || ns > COST_MAX)
		return "a cost is a number of nanoseconds from 1 to 10000000";
	*cost = (uint32_t)ns;
	*ret_is_cost = true;
	return NULL;
}

const char *costs_read(const char *path, struct costs *costs, unsigned *ret_line)
{
	FILE *file = fopen(path, "r");
	const char *fault = NULL;
	bool has_any = false;
	char line[256];

	*ret_line = 0;
	if (!file)
		return strerror(errno);
	while (!fault && fgets(line, sizeof(line), file)) {
		++*ret_line;
		fault = strlen(line) == sizeof(line) - 1 ? "it is too long"
							 : take_line(line, costs, &has_any);
	}
	if (ferror(file)) {
		*ret_line = 0;
		fault = strerror(errno);
	} else if (!fault && !has_any) {
		*ret_line = 0;
		fault = "there are no costs in it";
	}
	fclose(file);
	return fault;
}
