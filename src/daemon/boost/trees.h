/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who keeps the boost of a tree alive: a launcher starts the game and exits, so it is the tree, until
 * its last process has ended. One process of a tree is pinned at a time. When that has ended, another
 * one is found in the record that the kernel keeps at fork and at exit. Nothing is polled, and nothing
 * is held for a number that another process has by now.
 */
#ifndef RUSTLANDD_TREES_H
#define RUSTLANDD_TREES_H

#include "daemon/boost/class-table.h"
#include "daemon/boost/process.h"

/* So often at most processes are looked for, and for so many trees at a time. */
#define TREES_PERIOD_US (50 * 1000)
#define TREES_AT_A_TIME 4

/*
 * Another process of the tree whose root this is or was, the one that was started first; to be
 * freed with process_free(). NULL: none lives; or, when *ret_again is set, nobody can tell yet:
 * some have just ended, and may have forked others before, or could not be looked at. Costs at most
 * one look at the whole record (16384 processes) and at 16 processes.
 */
struct process *trees_find_living(struct classes *classes, const struct rl_target *root,
				  gboolean *ret_again);

/*
 * Records the descendants that a process has now; the kernel sees those to come. In a large tree, where
 * that would take more than 512 files of /proc, those nearest to the root; none on a kernel without
 * CONFIG_PROC_CHILDREN.
 */
void trees_record(struct classes *classes, const struct rl_target *root);

#endif /* RUSTLANDD_TREES_H */
