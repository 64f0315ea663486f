/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Times, with three digits: 1024 buckets of equal width up to 1024 ns, and 512 for each further doubling. All
 * memory is in the struct. The same samples give the same percentiles in whatever order they came.
 */
#ifndef RUSTLAND_SIM_HISTOGRAM_H
#define RUSTLAND_SIM_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

enum {
	HISTOGRAM_BUCKETS = 1024 + 512 * 40
};

struct histogram {
	uint64_t count, sum, max;
	uint32_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t value);
/* The value that so many thousandths of the samples do not exceed; 0 when there are none. */
uint64_t histogram_permille(const struct histogram *histogram, uint32_t permille);

/*
 * The values one after the other, from the smallest on: *ret_seen samples do not exceed *ret_value. *bucket is 0 at
 * first. False: there are no more.
 */
bool histogram_next(const struct histogram *histogram, uint32_t *bucket, uint64_t *ret_value,
		    uint64_t *ret_seen);

#endif /* RUSTLAND_SIM_HISTOGRAM_H */
