/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The last configuration with which the scheduler has run well, in a file that survives restarts: a
 * mistake in /etc, found when the machine starts, must not leave it without its scheduler.
 */
#ifndef RUSTLANDD_LAST_GOOD_H
#define RUSTLANDD_LAST_GOOD_H

#include "daemon/conf.h"

/* NULL: none is known, or the file cannot be used, which is logged. Free with config_free(). */
struct config *last_good_read(const char *state_dir);

/* Writes only what is not there yet. A failure is logged; nothing depends on it until the next start. */
void last_good_write(const char *state_dir, const struct config *config);

#endif /* RUSTLANDD_LAST_GOOD_H */
