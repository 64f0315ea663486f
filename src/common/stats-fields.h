/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The statistics: what each number is called, where it is in struct rl_stats, what it means, and whether it
 * counts what happened or says how things are now. scx_rustland offers them by this table, rustlandd adds
 * up the counters among them, and rustlandctl explains them.
 *
 * A name that is not in the table may come from a scheduler of another version; each program has to know
 * what to do with it.
 */
#ifndef RUSTLAND_COMMON_STATS_FIELDS_H
#define RUSTLAND_COMMON_STATS_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

struct stats_field {
	const char *name;
	size_t offset; /* of a uint64_t in struct rl_stats */
	bool counter;  /* it only grows, and is shown as a difference; else it is a gauge */
	bool upstream; /* the Rust scx_rustland has it, under the same name */
	const char *about;
};

#define NR_STATS_FIELDS 23

/* In the order in which they are shown: upstream's first. */
extern const struct stats_field stats_fields[NR_STATS_FIELDS];

/* NULL: there is none of that name. */
const struct stats_field *stats_field_find(const char *name);

#endif /* RUSTLAND_COMMON_STATS_FIELDS_H */
