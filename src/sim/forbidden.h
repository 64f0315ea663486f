/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The law of the scheduler loop, kept in the simulator: in enqueue(), next(), undo() and tick() a policy asks for no
 * memory, no time, no lock, and nothing that may sleep. The thread that runs these schedules everybody, also
 * whoever has the lock. What it calls all the same ends the run. In init() it may; but what differs from one run
 * to the next is told.
 *
 * Calls are seen where one object calls another (a policy libc, or a library that it uses): their tables of
 * addresses lead through a place of ours. What an object has in itself is not seen: a system call or a clock as
 * an instruction, a libc that is linked in. Only for x86-64 and arm64: elsewhere nothing is seen.
 *
 * It must never stand in the way of the simulator itself, nor cost anything beside a call.
 */
#ifndef RUSTLAND_SIM_FORBIDDEN_H
#define RUSTLAND_SIM_FORBIDDEN_H

/* In all objects that are loaded now. Again, after more have been. */
void forbidden_watch(void);

/* Before init(); then, after it: tells on stderr what it called that is not the same in every run. */
void forbidden_forget(void);
void forbidden_tell(const char *policy);

#endif /* RUSTLAND_SIM_FORBIDDEN_H */
