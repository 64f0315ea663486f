/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line of rustland-sim. It must never take an option and do nothing with it: a table says which command
 * takes which.
 */
#ifndef RUSTLAND_SIM_OPTIONS_H
#define RUSTLAND_SIM_OPTIONS_H

#include "sim/compare.h"
#include "sim/run.h"
#include "sim/swarm.h"

enum command {
	COMMAND_RUN,
	COMMAND_COMPARE,
	COMMAND_SWARM,
	COMMAND_LIST,
	COMMANDS,
};

struct options {
	enum command command;
	struct run_options run;
	const char *workload; /* as it was given */
	bool json;
	const char *html_path; /* see html.h; or NULL */
	struct compare_options compare;
	struct swarm_options swarm;
};

/* Exit statuses. */
enum {
	EXIT_DONE = 0,
	EXIT_FINDING = 1, /* the scheduler was ended, or an invariant was violated */
	EXIT_USAGE = 2,
};

const char *options_command_name(enum command command);

/* Runs no code of a policy. False: end with *ret_status, whatever there was to say is said. */
bool options_parse(struct options *ret, int argc, char **argv, int *ret_status);

/*
 * The policies and the workload, which have names only so far. False: whatever there was to say is said. *loading is
 * the policy whose code is being loaded, which runs some of it, and NULL otherwise.
 */
bool options_open(struct options *options, const char *volatile *loading);

#endif /* RUSTLAND_SIM_OPTIONS_H */
