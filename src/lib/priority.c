/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See priority.h. For Linux a nice value is a thread's, not a process's. */
#include <errno.h>
#include <sys/resource.h>

#include "lib/priority.h"

/* Nine tenths of a CPU that two tasks with nice value 0 want as well. */
#define LOADING_NICE (-10)

int rl_priority_raise(void)
{
	int nice;

	errno = 0;
	nice = getpriority(PRIO_PROCESS, 0);
	if (errno || nice <= LOADING_NICE || setpriority(PRIO_PROCESS, 0, LOADING_NICE))
		return RL_PRIORITY_KEPT;
	return nice;
}

void rl_priority_restore(int nice)
{
	if (nice != RL_PRIORITY_KEPT)
		setpriority(PRIO_PROCESS, 0, nice);
}
