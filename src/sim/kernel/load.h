/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A BPF scheduler comes and goes, in the order in which the kernel does it (scx_enable(), scx_disable()): while
 * tasks change between the fair class and sched_ext, one by one, the machine is in bypass mode, in which the backend
 * is told what happens and asked nothing. Then its memory is user space's, until that lets go of it.
 *
 * A kernel thread of the real-time class does that; here it is a row of interrupts on CPU 0.
 */
#ifndef RUSTLAND_SIM_KERNEL_LOAD_H
#define RUSTLAND_SIM_KERNEL_LOAD_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;
struct sched_class;
struct sched_ext_ops;
struct task;

enum load_state {
	LOAD_DISABLED,
	LOAD_ENABLING,
	LOAD_ENABLED,
	LOAD_DISABLING,
};

struct loading {
	enum load_state state;
	bool tells_forks; /* ops.init_task() is called for them */
	bool forks_wait;
	uint64_t exit_kind, exit_code;	     /* 0: it is not to end */
	uint32_t nr;			     /* how often it was loaded again */
	uint64_t away_since_ns, away_max_ns; /* it decides nothing, at the longest */
};

/* At the beginning, and at once: 0, or a negative errno of one of the scheduler's callbacks. */
int load_at_start(struct sched_ext_ops *ops);

/* The present task, which has seen so many hotplugs before, loads it. Not unless the state is LOAD_DISABLED. */
void load_again(struct sched_ext_ops *ops, uint64_t hotplug_seq);

/* The scheduler shall end, without an error: the first reason is kept. Nothing if there is none. */
void load_end(uint64_t kind, uint64_t code);

/* t, which blocks, is woken when the state has become LOAD_ENABLED or LOAD_DISABLED next. */
void load_await(struct task *t);

/* A CPU has come or gone: a scheduler that has no callback for it ends. */
void load_hotplug(void);

/* For sched.c: a task begins. 0, or the negative errno of ops.init_task(). */
int load_fork(struct task *t);

#endif /* RUSTLAND_SIM_KERNEL_LOAD_H */
