/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The BPF backend as the simulator has it: the sources of bpf/ themselves, compiled for this process. This is
 * all that is taken from them; what librustland takes from a skeleton.
 */
#ifndef RUSTLAND_SIM_KERNEL_BACKEND_H
#define RUSTLAND_SIM_KERNEL_BACKEND_H

#include "bpf/intf.h"
#include "bpf/kernel.h"

struct sim_map;

struct backend_options {
	u64 slice_ns, slice_min_ns, late_ns;
	bool builtin_idle, numa_local, smt;
};

/* Before anything else. */
void backend_configure(const struct backend_options *options);

struct sched_ext_ops *backend_ops(void);
struct rl_shared *backend_shared(void);
struct sim_map *backend_queued(void);
struct sim_map *backend_dispatched(void);
/*
 * Give a class to a process, a tree or a cgroup, as librustland's rl_classes_set() does; RL_CLASS_NORMAL takes it
 * away. uid: it holds for this user's tasks only, or RL_ANY_UID.
 */
void backend_set_class(u32 scope, u64 id, u64 start_ticks, u32 value, u32 uid);
/* One of start_ticks: /proc counts a hundred in a second. */
#define TICK_NS (10 * MSEC)
struct task;
/* It is held back, as a group above it has used up its limit. */
bool backend_is_throttled(const struct task *t);
/* More tasks wait for decisions than a CPU looks at for those that were forgotten. */
bool backend_park_is_long(void);
/* The sum over all CPUs, and since the beginning. */
void backend_counters(struct rl_counters *ret);
/* Requests since the beginning. */
uint64_t backend_asked(void);
/* Why the kernel has ended the scheduler, if it has. */
const struct rl_exit_record *backend_exit(void);
/*
 * User space lets go of a scheduler that the kernel has ended: when it is loaded again its memory is as at the
 * beginning. What belongs to the service, as live, stays: the classes, and who belongs to trees.
 */
void backend_forget(void);
/* The calling thread becomes the scheduler thread. */
void backend_enlist(void);

#endif /* RUSTLAND_SIM_KERNEL_BACKEND_H */
