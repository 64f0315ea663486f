/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Real-time tasks, SCHED_FIFO and SCHED_RR: the highest priority runs, for as long as it wants to. rt.c says what a CPU
 * runs and on which CPU a task is. server.c says what is left for the classes below.
 *
 * Since 6.12 nothing else limits real-time tasks: the kernel's limit of 950 ms a second is for groups only.
 */
#ifndef RUSTLAND_SIM_KERNEL_RT_H
#define RUSTLAND_SIM_KERNEL_RT_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;
struct machine;
struct sched_class;
struct task;

enum {
	RT_PRIORITY_MAX = 99,
};

/* What the class knows of a task. */
struct sched_rt_entity {
	uint32_t priority;   /* 1 to 99, as in sched(7); 0: it is of another class */
	uint32_t ticks_left; /* of SCHED_RR */
	bool is_round_robin, on_list;
	struct task *next, *prev; /* on the list */
};

/* All of a CPU's, the current one as well: the highest priority first, then whichever came first. */
struct rt_rq {
	struct task *first;
	uint32_t nr;
	/* How long they have run, where what is a millisecond older counts 2 % less. */
	uint64_t ran_ns, ran_at_ns;
};

extern const struct sched_class rt_sched_class;

/* How many ticks SCHED_RR lets a task run while others of its priority wait. */
uint32_t rt_rr_ticks(const struct machine *m);

/* Without a lock, after a switch: tasks that wait on cpu go where they can run at once. */
void rt_push_tasks(struct cpu *cpu);
/* With cpu's lock, which is let go of meanwhile: tasks that wait elsewhere come, if they can run here at once. */
void rt_pull_tasks(struct cpu *cpu);
/* What part of cpu's time they use, of 1024: averaged with a half-life of 32 ms. */
uint32_t rt_share(const struct cpu *cpu);

/* Before cpu, whose current task prev is of the class, looks for the next one. */
void rt_balance(struct cpu *cpu, const struct task *prev);

#endif /* RUSTLAND_SIM_KERNEL_RT_H */
