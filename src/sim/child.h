/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Work in a process of its own. The backend keeps its memory in variables, so one process has one run; and the code of
 * a policy may crash, hang or end the process that it is in. It must never be used with threads.
 */
#ifndef RUSTLAND_SIM_CHILD_H
#define RUSTLAND_SIM_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct child {
	pid_t pid; /* 0: there is none */
	struct child_told *told;
	size_t size;	      /* of all of it */
	unsigned int limit_s; /* of CPU time; 0: none */
};

/* In the child: do the work, and put what is to be told of it into result, which is zeroed. */
typedef void child_fn(const void *argument, void *result);

/*
 * 0 or a negative errno. The result has size bytes. The child ends when it has used limit_s seconds of CPU time, or ten
 * times as many have passed; 0: never. It also ends when its parent does.
 */
int child_start(struct child *child, child_fn *f, const void *argument, size_t size,
		unsigned int limit_s);

/*
 * Waits for it, but not for processes that it has made. False: it has ended before its work was done, and *ret_why says
 * how, as the end of a sentence; it is valid until the next call. The result is what it had put there until then.
 */
bool child_finish(struct child *child, void *result, const char **ret_why);

/* Waits until one of the processes that are there may have ended: its pid, or 0 if that cannot be told. */
pid_t child_wait_for_any(void);

/* Ended by the likes of Ctrl-C, this process ends in the same way. Else this returns. Before child_finish(). */
void child_end_as(struct child *child);

/* The host's clock, for what is told to people. */
double host_seconds(void);

#endif /* RUSTLAND_SIM_CHILD_H */
