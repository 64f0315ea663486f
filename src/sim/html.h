/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A run or a comparison as one HTML page that needs nothing else: no script, no network, no other file. It is
 * written beside its place and renamed when it is complete.
 *
 * The page must never depend on the host: one seed gives one page, byte by byte.
 */
#ifndef RUSTLAND_SIM_HTML_H
#define RUSTLAND_SIM_HTML_H

#include "sim/compare.h"
#include "sim/run.h"

/* Before a run: whether there can be a page. 0 or a negative errno. */
int html_check(const char *path);

/* 0, or a negative errno: then nothing has been replaced. The first takes what highlights.h has kept. */
int html_write_run(const char *path, const struct run_options *options,
		   const struct run_result *result);
int html_write_comparison(const char *path, const struct comparison *comparison);

#endif /* RUSTLAND_SIM_HTML_H */
