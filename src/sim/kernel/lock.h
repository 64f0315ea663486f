/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spinlocks of the simulated kernel. A CPU that waits for one does nothing else, and gets it in the order of
 * arrival, as with the kernel's queued spinlocks. Where CPUs do not come in between each other's work
 * (machine.interleave), every lock is free when it is taken.
 */
#ifndef RUSTLAND_SIM_KERNEL_LOCK_H
#define RUSTLAND_SIM_KERNEL_LOCK_H

#include <stdbool.h>

struct cpu;

struct lock {
	struct cpu *owner;
	struct cpu *first_waiter, *last_waiter;
};

/* By the present CPU. */
void lock_take(struct lock *lock);
bool lock_try(struct lock *lock);
void lock_release(struct lock *lock);

#endif /* RUSTLAND_SIM_KERNEL_LOCK_H */
