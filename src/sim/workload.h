/* SPDX-License-Identifier: GPL-2.0-only */
/* The workloads that rustland-sim knows by name: which tasks a machine has. */
#ifndef RUSTLAND_SIM_WORKLOAD_H
#define RUSTLAND_SIM_WORKLOAD_H

#include <stddef.h>

struct workload {
	const char *name;
	const char *summary; /* one line */
	void (*start)(void); /* make and start its tasks on the machine */
};

/* NULL: there is none. */
const struct workload *workload_find(const char *name);
/* In the order in which to list them; NULL ends them. */
const struct workload *workload_at(size_t index);

#endif /* RUSTLAND_SIM_WORKLOAD_H */
