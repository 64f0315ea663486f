/* SPDX-License-Identifier: GPL-2.0-only */
/* See nearest.h. */
#include "sim/nearest.h"

#include <string.h>

enum {
	LENGTH_MAX = 32, /* of what is looked at; no name is longer */
};

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/*
 * How many characters are missing, too many, wrong or swapped with the next one (the optimal string alignment
 * distance).
 */
static unsigned int distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	/* The row of a's present character, and the two before it. */
	unsigned int rows[3][LENGTH_MAX + 1];

	for (size_t k = 0; k <= b_len; k++)
		rows[0][k] = (unsigned int)k;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned int *row = rows[i % 3], *above = rows[(i - 1) % 3];

		row[0] = (unsigned int)i;
		for (size_t k = 1; k <= b_len; k++) {
			row[k] = least(above[k], row[k - 1]) + 1;
			row[k] = least(row[k], above[k - 1] + (a[i - 1] != b[k - 1]));
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				row[k] = least(row[k], rows[(i - 2) % 3][k - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

void nearest_try(struct nearest *nearest, const char *name)
{
	size_t word_len = strlen(nearest->word), len = strlen(name);
	unsigned int this;

	if (word_len > LENGTH_MAX || len > LENGTH_MAX)
		return;
	this = distance(nearest->word, word_len, name, len);
	/* With more than that wrong, anything would be near. */
	if (this > 1 + len / 4 || this >= len || (nearest->name && this >= nearest->distance))
		return;
	nearest->name = name;
	nearest->distance = this;
}
