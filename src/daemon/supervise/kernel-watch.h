/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel says about sched_ext, and when that changes.
 *
 * The kernel announces every scheduler that comes and goes with a uevent, so nothing here wakes an
 * idle machine. Only while it is enabling or disabling one, which it does not announce, its state is
 * looked at every few milliseconds.
 */
#ifndef RUSTLANDD_KERNEL_WATCH_H
#define RUSTLANDD_KERNEL_WATCH_H

#include <glib.h>

#include <rustland.h>

struct kernel;

/*
 * fake_dir: NULL, or a directory with the files `state` and `root/ops` to be used instead of the
 * kernel's, for tests.
 */
struct kernel *kernel_new(const char *fake_dir, GError **error);
void kernel_free(struct kernel *kernel);

/* changed is called from the main loop, or from kernel_refresh(), when state or name are new. */
void kernel_watch(struct kernel *kernel, void (*changed)(gpointer userdata), gpointer userdata);

/* Look now. */
void kernel_refresh(struct kernel *kernel);

/*
 * As of the last look that succeeded (RL_KERNEL_DISABLING before the first): a failure, of memory
 * or of descriptors say, is no news about the kernel, and is tried again soon. The name is "" if
 * nothing is loaded; valid until the next look.
 */
enum rl_kernel_state kernel_state(const struct kernel *kernel);
const char *kernel_ops(const struct kernel *kernel);

#endif /* RUSTLANDD_KERNEL_WATCH_H */
