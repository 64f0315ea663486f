/* SPDX-License-Identifier: GPL-2.0-only */
/* Random numbers that are the same everywhere (splitmix64; Steele, Lea and Flood 2014). */
#ifndef RUSTLAND_SIM_KERNEL_RANDOM_H
#define RUSTLAND_SIM_KERNEL_RANDOM_H

#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* A source of its own for each number, all of them from one seed. */
static inline uint64_t random_start(uint64_t seed, uint64_t number)
{
	uint64_t state = seed ^ number * 0xd1342543de82ef95ULL;

	random_next(&state);
	return state;
}

/* 0 to n - 1. */
static inline uint64_t random_below(uint64_t *state, uint64_t n)
{
	return n ? random_next(state) % n : 0;
}

#endif /* RUSTLAND_SIM_KERNEL_RANDOM_H */
