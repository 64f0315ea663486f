/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the class of a target goes: the maps that the scheduler's BPF backend reads, or a file, for
 * tests on kernels without sched_ext. The maps belong to this process, so they outlive scx_rustland,
 * which gets their descriptors when it starts.
 */
#ifndef RUSTLANDD_CLASSES_H
#define RUSTLANDD_CLASSES_H

#include <glib.h>

#include <rustland.h>

struct classes;

/* Needs CAP_BPF. */
struct classes *classes_new_bpf(GError **error);

/* Each change is one line at the end of the file: "SCOPE ID CLASS UID OWNER",
 * where UID is the user whose tasks it holds for, or "any". */
struct classes *classes_new_fake(const char *path);

void classes_free(struct classes *classes);

/*
 * Give a target a class; RL_CLASS_NORMAL forgets the target. Returns 0 or a negative errno, -ENOSPC
 * when the table is full.
 */
int classes_set(struct classes *classes, const struct rl_target *target, enum rl_class class);

/* The two maps, borrowed; -1 and -1 for the fake. */
void classes_fds(const struct classes *classes, int ret_fds[2]);

#endif /* RUSTLANDD_CLASSES_H */
