/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether scx_rustland would take a configuration: asked of scx_rustland --check, once for each
 * policy that the configuration names, in a process of its own. A policy runs code while it is
 * loaded; whatever that code does, this ends within a bounded time and touches nothing that runs.
 */
#ifndef RUSTLANDD_DRY_RUN_H
#define RUSTLANDD_DRY_RUN_H

#include "daemon/conf.h"

/* Above what scx_rustland allows a policy itself. */
#define DRY_RUN_TIMEOUT_MS 10000

struct dry_run;

/*
 * scheduler: the program's path. done is called once, from the main loop and never from here; error
 * is NULL when all is well, else one line of CONFIG_ERROR_POLICY. In done, dry_run_free() is allowed.
 */
struct dry_run *dry_run_new(const char *scheduler, const struct config *config,
			    void (*done)(const GError *error, gpointer userdata),
			    gpointer userdata);
/* Ends it, if it is under way; done is not called any more. */
void dry_run_free(struct dry_run *run);

#endif /* RUSTLANDD_DRY_RUN_H */
