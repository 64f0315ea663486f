/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sched_ext as all programs here see it: what the kernel says about it in /sys/kernel/sched_ext, which of its
 * schedulers are ours, and the words in which people are told that it is missing or taken.
 *
 * librustland has this in itself; its rl_kernel_state() is the public way to it. Nothing here may print,
 * allocate, or need a privilege.
 */
#ifndef RUSTLAND_COMMON_SCHED_EXT_H
#define RUSTLAND_COMMON_SCHED_EXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <rustland.h>

/* Our schedulers' names in the kernel begin with this, see rl_open_opts.name. */
#define SCHED_EXT_OURS "rustland"

/* Parts of sentences. */
#define SCHED_EXT_MISSING "this kernel has no sched_ext"
#define SCHED_EXT_NEEDS	  "Linux 6.12 or newer, built with CONFIG_SCHED_CLASS_EXT"
#define SCHED_EXT_OTHER	  "another sched_ext scheduler is loaded"

/*
 * As rl_kernel_state(), of a kernel whose files are in dir instead of /sys/kernel/sched_ext; NULL: there.
 * Tests give another directory.
 */
int rl_kernel_state_at(const char *dir, char *ops_name, size_t ops_name_len);

/* Whether the loaded scheduler of that name is one of ours. "", of none, is not. */
static inline bool sched_ext_is_ours(const char *ops_name)
{
	return strncmp(ops_name, SCHED_EXT_OURS, strlen(SCHED_EXT_OURS)) == 0;
}

#endif /* RUSTLAND_COMMON_SCHED_EXT_H */
