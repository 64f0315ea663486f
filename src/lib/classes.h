/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What classes.c and members.c share: the table of classes and the record of who belongs to its trees.
 */
#ifndef RUSTLAND_CLASSES_H
#define RUSTLAND_CLASSES_H

#include "lib/internal.h"

struct rl_classes {
	int entries_fd, state_fd, members_fd;
	struct rl_classes_state state;
	bool unpublished; /* a change is in the table of which tasks have not been told */
};

/* Callers may know a shorter or a longer struct rl_target. */
int rl_take_target(struct rl_target *ret, const struct rl_target *target);

/* The descriptor of an empty record, or a negative errno. */
int rl_members_create(void);

#endif /* RUSTLAND_CLASSES_H */
