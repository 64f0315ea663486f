/* SPDX-License-Identifier: GPL-2.0-only */
/* See histogram.h. */
#include "sim/histogram.h"

static uint32_t bucket_of(uint64_t value)
{
	uint32_t doublings, bucket;

	if (value < 1024)
		return (uint32_t)value;
	/* So that what is left of the value is between 512 and 1023: 1 for 1024 to 2047. */
	doublings = 54 - (uint32_t)__builtin_clzll(value);
	bucket = 1024 + 512 * (doublings - 1) + (uint32_t)(value >> doublings) - 512;
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The largest value that falls into it. */
static uint64_t end_of(uint32_t bucket)
{
	uint32_t doublings;

	if (bucket < 1024)
		return bucket;
	doublings = (bucket - 1024) / 512 + 1;
	return (((uint64_t)(bucket - 1024) % 512 + 512 + 1) << doublings) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
	histogram->buckets[bucket_of(value)]++;
	histogram->count++;
	histogram->sum += value;
	if (value > histogram->max)
		histogram->max = value;
}

bool histogram_next(const struct histogram *histogram, uint32_t *bucket, uint64_t *ret_value,
		    uint64_t *ret_seen)
{
	uint64_t end;

	if (!*bucket)
		*ret_seen = 0;
	for (; *bucket < HISTOGRAM_BUCKETS; ++*bucket) {
		if (!histogram->buckets[*bucket])
			continue;
		end = end_of(*bucket);
		*ret_value = end < histogram->max ? end : histogram->max;
		*ret_seen += histogram->buckets[(*bucket)++];
		return true;
	}
	return false;
}

uint64_t histogram_permille(const struct histogram *histogram, uint32_t permille)
{
	uint64_t rank = (histogram->count * permille + 999) / 1000, value, seen;

	if (!histogram->count)
		return 0;
	for (uint32_t bucket = 0; histogram_next(histogram, &bucket, &value, &seen);)
		if (seen >= rank)
			return value;
	return histogram->max;
}
