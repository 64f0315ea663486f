/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Targets whose class the kernel did not take, for want of memory as a rule. Until it does, a boost that has
 * ended goes on, or one that somebody was promised is not there; so it is told again and again. Main loop only.
 */
#ifndef RUSTLANDD_RETRIES_H
#define RUSTLANDD_RETRIES_H

#include <stdint.h>

#include <glib.h>
#include <rustland.h>

#define RETRIES_PERIOD_US G_USEC_PER_SEC

struct retries {
	GArray *targets; /* of struct rl_target, each once */
	int64_t due_us;	 /* when they are tried again; INT64_MAX: there are none */
};

void retries_init(struct retries *retries);
void retries_clear(struct retries *retries);

/* TRUE if it was not there yet. */
gboolean retries_add(struct retries *retries, const struct rl_target *target, int64_t now_us);

/* Those that are due, which are in here no more; NULL: none are. The caller unrefs it. */
GArray *retries_take(struct retries *retries, int64_t now_us);

/* They are of the same process, tree or group. */
gboolean same_target(const struct rl_target *a, const struct rl_target *b);

#endif /* RUSTLANDD_RETRIES_H */
