/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The deadline servers: of each second the tasks below the real-time class get 50 ms of a CPU, whatever real-time tasks
 * want. 6.12 has one for fair tasks, 7.3 one for tasks of sched_ext as well.
 *
 * A server is there only while real-time tasks run on the CPU, so that it costs nothing elsewhere: its period begins
 * with them, where the kernel's begins with the tasks that it serves. Both servers of 7.3 are one here.
 */
#ifndef RUSTLAND_SIM_KERNEL_SERVER_H
#define RUSTLAND_SIM_KERNEL_SERVER_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;

enum server_state {
	SERVER_OFF,
	SERVER_DEFERRED, /* the tasks may still get their time by themselves */
	SERVER_RUNS,	 /* they go before real-time tasks */
	SERVER_USED_UP,	 /* until the next period */
};

/* A real-time task runs on cpu. With the lock of its runqueue, as all that follows. */
void server_start(struct cpu *cpu);
/* cpu goes idle, or offline: nobody is kept from it. */
void server_stop(struct cpu *cpu);
/* A task of another class has run for so long. */
void server_consume(struct cpu *cpu, uint64_t ns);

void server_init(struct cpu *cpu);

#endif /* RUSTLAND_SIM_KERNEL_SERVER_H */
