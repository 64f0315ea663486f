/* SPDX-License-Identifier: GPL-2.0-only */
/* Boosts that a run has from its beginning to its end: of all tasks of some names, with what they start later. */
#ifndef RUSTLAND_SIM_BOOSTS_H
#define RUSTLAND_SIM_BOOSTS_H

#include <stdint.h>

enum {
	BOOSTS_MAX = 16,
};

struct boosts {
	struct {
		char comm[16];
		uint32_t class; /* enum rl_class */
	} of[BOOSTS_MAX];
	uint32_t n;
};

/* Add those of a list of names with commas between. NULL, or what is wrong with the list. */
const char *boosts_add(struct boosts *boosts, const char *list, uint32_t class);

/* When the backend is loaded, and has its tasks: 0, or -ENOENT and *ret_why if there is no task of a name. */
int boosts_start(const struct boosts *boosts, const char **ret_why);

#endif /* RUSTLAND_SIM_BOOSTS_H */
