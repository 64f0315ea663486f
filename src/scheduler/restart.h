/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starting again after the kernel asked for it (a CPU went on- or offline): the program executes
 * itself, which keeps the PID for whoever watches it and gets rid of all locked memory. How often
 * that happened travels in an environment variable.
 *
 * It must never turn into a loop that costs the machine its CPUs.
 */
#ifndef SCX_RUSTLAND_RESTART_H
#define SCX_RUSTLAND_RESTART_H

#include <stdint.h>

#define RESTART_ENVIRONMENT "SCX_RUSTLAND_RESTARTS"
#define RESTART_MAX	    10
#define RESTART_WINDOW_S    60

struct restart {
	uint64_t since_s; /* when the first of these restarts was */
	uint64_t count;
};

/* Take over what the environment says, and remove it: it is no business of anybody else. */
void restart_load(struct restart *ret);

/* Count one more; -ELOOP when there were too many. now_s: any clock that survives execve(). */
int restart_count(struct restart *restart, uint64_t now_s);

/* Returns only on failure, a negative errno. */
int restart_exec(const struct restart *restart, char **argv);

#endif /* SCX_RUSTLAND_RESTART_H */
