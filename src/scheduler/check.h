/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scx_rustland --check: whether a command line would be taken and its policy can be used, without
 * the kernel, without privileges, and on a machine without sched_ext.
 *
 * A shared object runs code while it is loaded, and that code may crash, hang, or end the process.
 * So it is loaded in a child with a time limit, and only what the child says when it is through
 * counts: it must never be an exit status that the policy can choose.
 */
#ifndef SCX_RUSTLAND_CHECK_H
#define SCX_RUSTLAND_CHECK_H

/* Loading a policy takes milliseconds; a slow disk may take a second. */
#define CHECK_TIMEOUT_MS 5000

/*
 * Returns 0; -ENOENT when there is no policy of that name; another negative errno when it cannot be
 * used. Failures have been logged as one line. To be called while the process has one thread.
 */
int check_policy(const char *name_or_path);

#endif /* SCX_RUSTLAND_CHECK_H */
