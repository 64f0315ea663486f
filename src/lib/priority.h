/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * While a scheduler is loaded its own thread is an ordinary task beside whatever keeps the machine
 * busy. For these moments it takes a higher priority, where it may: started by root, not in the service,
 * whose sandbox has no such system call.
 */
#ifndef RUSTLAND_PRIORITY_H
#define RUSTLAND_PRIORITY_H

/* The calling thread's nice value before rl_priority_raise(), or RL_PRIORITY_KEPT. */
#define RL_PRIORITY_KEPT 1000

/* Nothing happens without the right to (root, CAP_SYS_NICE, RLIMIT_NICE). */
int rl_priority_raise(void);
void rl_priority_restore(int nice);

#endif /* RUSTLAND_PRIORITY_H */
