/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of CPUs, as struct cpumask is one for the sources of bpf/. */
#ifndef RUSTLAND_SIM_KERNEL_MASK_H
#define RUSTLAND_SIM_KERNEL_MASK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "bpf/kernel.h"

#define MASK_CPUS  1024
#define MASK_WORDS (MASK_CPUS / 64)

struct mask {
	uint64_t words[MASK_WORDS];
};

static inline struct mask *mask_of(const struct cpumask *cpumask)
{
	return (struct mask *)cpumask;
}

static inline const struct cpumask *cpumask_of(const struct mask *mask)
{
	return (const struct cpumask *)mask;
}

static inline bool mask_has(const struct mask *mask, int cpu)
{
	return mask->words[cpu / 64] >> (cpu % 64) & 1;
}

static inline void mask_add(struct mask *mask, int cpu)
{
	mask->words[cpu / 64] |= 1ULL << (cpu % 64);
}

static inline void mask_remove(struct mask *mask, int cpu)
{
	mask->words[cpu / 64] &= ~(1ULL << (cpu % 64));
}

static inline void mask_clear(struct mask *mask)
{
	memset(mask, 0, sizeof(*mask));
}

/* mask.c, for more CPUs than one word has. */
int mask_next_of_many(const struct mask *a, const struct mask *b, int from, int nr_cpus);

/* The first CPU from `from` on that is in both, or -1. b may be NULL. */
static inline int mask_next(const struct mask *a, const struct mask *b, int from, int nr_cpus)
{
	uint64_t bits;

	if (nr_cpus > 64)
		return mask_next_of_many(a, b, from, nr_cpus);
	if (from >= nr_cpus)
		return -1;
	bits = a->words[0] & (b ? b->words[0] : ~0ULL) & ~0ULL << from;
	if (!bits)
		return -1;
	from = __builtin_ctzll(bits);
	return from < nr_cpus ? from : -1;
}

static inline bool mask_is_empty(const struct mask *mask, int nr_cpus)
{
	return mask_next(mask, NULL, 0, nr_cpus) < 0;
}

static inline int mask_count(const struct mask *mask)
{
	int n = 0;

	for (int i = 0; i < MASK_WORDS; i++)
		n += __builtin_popcountll(mask->words[i]);
	return n;
}

#endif /* RUSTLAND_SIM_KERNEL_MASK_H */
