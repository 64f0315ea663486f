/* SPDX-License-Identifier: GPL-2.0-only */
/* See mask.h. */
#include "sim/kernel/mask.h"

int mask_next_of_many(const struct mask *a, const struct mask *b, int from, int nr_cpus)
{
	int word = from / 64;
	uint64_t bits, not_before = ~0ULL << (from % 64);

	for (; word * 64 < nr_cpus; word++, not_before = ~0ULL) {
		bits = a->words[word] & (b ? b->words[word] : ~0ULL) & not_before;
		if (bits) {
			from = word * 64 + __builtin_ctzll(bits);
			return from < nr_cpus ? from : -1;
		}
	}
	return -1;
}
