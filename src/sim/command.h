/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line that makes a run again, in words for a shell. It must never leave out an option on which the
 * hash depends, unless the option is at its default.
 */
#ifndef RUSTLAND_SIM_COMMAND_H
#define RUSTLAND_SIM_COMMAND_H

#include "sim/compare.h"
#include "sim/run.h"

/* Both are to be freed. */
char *command_of_run(const struct run_options *options);
char *command_of_comparison(const struct compare_options *options);

#endif /* RUSTLAND_SIM_COMMAND_H */
