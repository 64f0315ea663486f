/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's searches for an idle CPU, for its kfuncs. All of them claim what they find, or return -EBUSY. */
#ifndef RUSTLAND_SIM_KERNEL_IDLE_H
#define RUSTLAND_SIM_KERNEL_IDLE_H

#include "sim/kernel/machine.h"

/* All CPUs count as idle, until they say otherwise. */
void idle_reset(void);
s32 idle_pick(const struct mask *allowed, u64 flags);
s32 idle_pick_in_node(const struct mask *allowed, s32 node, u64 flags);
/* The search of scx_bpf_select_cpu_dfl() and scx_bpf_select_cpu_and(). */
s32 idle_select(struct task *t, s32 prev_cpu, u64 wake_flags);

#endif /* RUSTLAND_SIM_KERNEL_IDLE_H */
