/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spinlocks of the simulated kernel. A CPU that waits for one does nothing else, and gets it in the order of
 * arrival, as with the kernel's queued spinlocks. Where CPUs do not come in between each other's work
 * (machine.interleave), every struct lock is free when it is taken.
 */
#ifndef RUSTLAND_SIM_KERNEL_LOCK_H
#define RUSTLAND_SIM_KERNEL_LOCK_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;

struct lock {
	struct cpu *owner;
	struct cpu *first_waiter, *last_waiter;
};

/* By the present CPU. */
void lock_take(struct lock *lock);
bool lock_try(struct lock *lock);
void lock_release(struct lock *lock);

/*
 * A lock that is held for a moment, by the memory that it protects being changed in one step of the model: no CPU
 * comes in between, but one that wants it at the same time waits until it is free. A CPU's work is done in one piece
 * and may reach into the future, so what is kept is the stretch of time for which the lock was last taken without a
 * pause; a CPU that comes before that stretch does not wait.
 */
struct brief_lock {
	uint64_t from_ns, until_ns;
	const struct cpu *last;
};

/* By the present CPU, for hold_ns from when it is free. What the CPU does meanwhile is in the costs of its work. */
void lock_briefly(struct brief_lock *lock, uint64_t hold_ns);

#endif /* RUSTLAND_SIM_KERNEL_LOCK_H */
