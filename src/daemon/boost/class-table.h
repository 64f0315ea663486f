/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the class of a target goes: the maps that the scheduler's BPF backend reads, or a file, for
 * tests on kernels without sched_ext. The maps belong to this process, so they outlive scx_rustland,
 * which gets their descriptors when it starts.
 */
#ifndef RUSTLANDD_CLASS_TABLE_H
#define RUSTLANDD_CLASS_TABLE_H

#include <glib.h>

#include <rustland.h>

struct classes;

/* Two of the table, and that of who belongs to trees. */
#define CLASSES_FDS (RL_CLASSES_FDS + 1)

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

/* A target that has no class for now, and is not forgotten. */
int classes_suspend(struct classes *classes, const struct rl_target *target);

/* The maps, borrowed; all -1 for the fake. */
void classes_fds(const struct classes *classes, int ret_fds[CLASSES_FDS]);

/*
 * Who belongs to a tree by the kernel's record, see rl_classes_members(). The fake's record is a file
 * beside the other with lines of "PID START ROOT START", which tests write.
 */
int classes_members(struct classes *classes, const struct rl_target *root, struct rl_target *ret,
		    size_t n);
gboolean classes_is_member(struct classes *classes, const struct rl_target *root,
			   const struct rl_target *process);
void classes_add_member(struct classes *classes, const struct rl_target *root,
			const struct rl_target *process);
void classes_remove_member(struct classes *classes, const struct rl_target *process);

/* How many processes that record had no room for, in all. */
uint64_t classes_members_refused(const struct classes *classes);

/* The record outlives this process in fd; -1 for the fake. It goes on with an earlier one. */
int classes_members_fd(const struct classes *classes);
void classes_use_members(struct classes *classes, int fd);

#endif /* RUSTLANDD_CLASS_TABLE_H */
