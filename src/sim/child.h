/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A run in a process of its own: the backend keeps its memory in variables, so one process has one run; and a
 * run may crash or hang. It must never be used with threads.
 */
#ifndef RUSTLAND_SIM_CHILD_H
#define RUSTLAND_SIM_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "sim/run.h"

struct child {
	pid_t pid; /* 0: there is none */
	int fd;	   /* becomes readable when it has something to tell, or has ended */
};

/* In the child: make the run, and put what is to be told of it into result, which is zeroed. */
typedef void child_fn(const struct run_options *options, void *result);

/* 0 or a negative errno. The result has size bytes. When it has used limit_s seconds of CPU time it is killed; 0: never. */
int child_start(struct child *child, child_fn *f, const struct run_options *options, size_t size,
		unsigned int limit_s);

/* Waits for it. False: it has not told anything, and *ret_why says how it ended; the result is zeroed. */
bool child_finish(struct child *child, void *result, size_t size, const char **ret_why);

/* The host's clock, for what is told to people. */
double host_seconds(void);

#endif /* RUSTLAND_SIM_CHILD_H */
