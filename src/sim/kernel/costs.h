/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What operations cost, in nanoseconds on a CPU that executes one instruction in each. They are measured in a VM
 * whose clock counts instructions (tests/vm/calibrate.sh); costs-7.3.h has the figures, with the kernel and the
 * date. What is written as such a file can be read instead, see --costs.
 */
#ifndef RUSTLAND_SIM_KERNEL_COSTS_H
#define RUSTLAND_SIM_KERNEL_COSTS_H

#include <stdint.h>

struct costs {
	const char *name; /* where they come from */

	/* The backend's callbacks. */
	uint32_t select_cpu, enqueue, dispatch, drain_one, runnable, running, stopping, quiescent,
		init_task, exit_task, timer_callback;

	/* The kernel. */
	uint32_t schedule;  /* without callbacks, the switch included */
	uint32_t wake;	    /* likewise */
	uint32_t irq;	    /* entry and exit of an interrupt */
	uint32_t ipi;	    /* from its being sent until the other CPU has it */
	uint32_t timer;	    /* what an expired timer takes beside irq */
	uint32_t tick;	    /* likewise */
	uint32_t idle_exit; /* from an idle CPU's interrupt to its scheduler */
	uint32_t syscall;   /* entry and exit */
	uint32_t futex;	    /* what waking and waiting by futex(2) takes beside that */
	uint32_t fork, exit, exec;
	uint32_t move_task;    /* to another runqueue */
	uint32_t change_class; /* of a task */
	uint32_t grace;	       /* what a grace period of RCU lasts at least */
	uint32_t cpu_up;       /* from the beginning until it takes tasks */
	uint32_t dsq_lock;     /* how long a queue's lock is held for one task */
	uint32_t ring_lock;    /* how long the ring to user space is locked for a record */

	/* The scheduler thread. */
	uint32_t take;	/* a task from the ring, with the policy's enqueue() */
	uint32_t give;	/* the policy's next() and the decision into the ring */
	uint32_t round; /* the rest of a round of the loop */
	uint32_t poll;	/* going to sleep, and waking up from it */
};

extern const struct costs costs_measured;

/*
 * Read a file of costs. What is not in it stays as it was in *costs. NULL, or what is wrong with the file; *ret_line is
 * where then (0: with all of it).
 */
const char *costs_read(const char *path, struct costs *costs, unsigned *ret_line);

#endif /* RUSTLAND_SIM_KERNEL_COSTS_H */
