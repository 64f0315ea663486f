/* SPDX-License-Identifier: GPL-2.0-only */
/* What came out of a run: for people, and for programs. */
#ifndef RUSTLAND_SIM_REPORT_H
#define RUSTLAND_SIM_REPORT_H

#include "sim/run.h"

void report_table(const struct run_options *options, const struct run_result *result);
void report_json(const struct run_options *options, const struct run_result *result);

#endif /* RUSTLAND_SIM_REPORT_H */
