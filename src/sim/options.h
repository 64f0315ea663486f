/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line of rustland-sim. */
#ifndef RUSTLAND_SIM_OPTIONS_H
#define RUSTLAND_SIM_OPTIONS_H

#include "sim/compare.h"
#include "sim/run.h"
#include "sim/swarm.h"

struct options {
	struct run_options run;
	bool json;
	const char *html_path; /* see html.h; or NULL */
	bool list;	       /* the workloads and policies that have a name */
	bool is_compare;
	struct compare_options compare;
	bool is_swarm;
	struct swarm_options swarm;
};

/* Exit statuses. */
enum {
	EXIT_DONE = 0,
	EXIT_FINDING = 1, /* the scheduler was ended, or an invariant was violated */
	EXIT_USAGE = 2,
};

/* False: end with *ret_status, whatever there was to say is said. */
bool options_parse(struct options *ret, int argc, char **argv, int *ret_status);

#endif /* RUSTLAND_SIM_OPTIONS_H */
