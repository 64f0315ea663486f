/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * "Did you mean game?": the name that was probably meant by one that is not there. It must never be acted upon, only
 * offered.
 */
#ifndef RUSTLAND_SIM_NEAREST_H
#define RUSTLAND_SIM_NEAREST_H

struct nearest {
	const char *word;
	const char *name; /* the nearest so far; NULL: none is near */
	unsigned int distance;
};

/* Each name that there is, one after the other. The first of two that are as near counts. */
void nearest_try(struct nearest *nearest, const char *name);

#endif /* RUSTLAND_SIM_NEAREST_H */
