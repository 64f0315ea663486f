/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The seam between the scheduler loop and the kernel's side of it: the memory that both share (struct
 * rl_shared) and six calls. The BPF backend is behind it when a machine is scheduled (rings.c), the
 * simulator's machine when one is simulated, and a fake in the unit tests of the loop.
 *
 * All that the loop decides, when to sleep and what is still held back, is on the loop's side of the seam,
 * so that it is the same everywhere. No implementation may allocate, lock or log, and only sleep() may
 * wait.
 */
#ifndef RUSTLAND_BACKEND_H
#define RUSTLAND_BACKEND_H

#include <rustland.h>

struct rl_backend_ops {
	/*
	 * Give up to max queued tasks to rl_taken(), in the order in which the kernel submitted them.
	 * Returns how many, or a negative errno.
	 */
	int (*consume)(struct rl *rl, uint32_t max);

	/* Put a decision into the ring: 0, or -EAGAIN when the ring is full and nothing was done. */
	int (*decide)(struct rl *rl, const struct rl_decision *decision);

	/* Let others have the CPU; the thread stays runnable. */
	void (*yield)(struct rl *rl);

	/* Block until the kernel wakes the thread, wake() is called or a second has passed: woken. */
	bool (*sleep)(struct rl *rl);

	/* End a sleep(), now or the next one. Async-signal-safe, from any thread. */
	void (*wake)(struct rl *rl);

	/* The kernel has ended the scheduler. From any thread. */
	bool (*exited)(const struct rl *rl);
};

/* rings.c */
extern const struct rl_backend_ops rl_backend_bpf;

/* loop.c: a task was taken from the ring; called by consume(). */
void rl_taken(struct rl *rl, const struct rl_task *task);

#endif /* RUSTLAND_BACKEND_H */
