/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keeping the scheduler thread from ever waiting for memory: a page fault of the thread that
 * schedules everybody else may need somebody else to run first.
 */
#ifndef RUSTLAND_MEMORY_H
#define RUSTLAND_MEMORY_H

#include <stdbool.h>

/* What has to be undone. */
struct rl_memory {
	bool locked;
	int saved_compact_unevictable; /* the sysctl's old value, or -1: leave it alone */
};

/*
 * Lock and touch all memory of the process, now and later, and keep the kernel from moving locked
 * pages. Returns 0, or a negative errno if memory could not be locked (the caller decides whether
 * to go on); *ret_warning then, or after a smaller failure, points to a sentence about it, else
 * it is NULL.
 */
int rl_memory_lock(struct rl_memory *ret, const char **ret_warning);

/* Put back what rl_memory_lock() changed. */
void rl_memory_unlock(struct rl_memory *memory);

#endif /* RUSTLAND_MEMORY_H */
