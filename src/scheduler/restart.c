/* SPDX-License-Identifier: GPL-2.0-only */
/* See restart.h. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "scheduler/restart.h"

void restart_load(struct restart *ret)
{
	const char *text = getenv(RESTART_ENVIRONMENT);

	/* Whoever sets it by hand only harms himself. */
	if (!text || sscanf(text, "%" SCNu64 ":%" SCNu64, &ret->since_s, &ret->count) != 2)
		*ret = (struct restart){0};
	unsetenv(RESTART_ENVIRONMENT);
}

int restart_count(struct restart *restart, uint64_t now_s)
{
	if (!restart->count || now_s - restart->since_s > RESTART_WINDOW_S)
		*restart = (struct restart){.since_s = now_s};
	if (restart->count >= RESTART_MAX)
		return -ELOOP;
	restart->count++;
	return 0;
}

int restart_exec(const struct restart *restart, char **argv)
{
	char text[48];

	snprintf(text, sizeof(text), "%" PRIu64 ":%" PRIu64, restart->since_s, restart->count);
	if (setenv(RESTART_ENVIRONMENT, text, 1) < 0)
		return -errno;
	execv("/proc/self/exe", argv);
	return -errno;
}
