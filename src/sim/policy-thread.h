/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler thread as a task of the simulated machine: librustland's own loop (rl_run()) with the policy
 * object that runs live, behind the backend seam. It competes for a CPU, is preempted, yields and sleeps as it
 * does there; each step of the loop takes what it costs (costs.h), and has its effect when that time is over.
 */
#ifndef RUSTLAND_SIM_POLICY_THREAD_H
#define RUSTLAND_SIM_POLICY_THREAD_H

#include <rustland.h>

/* Before load_at_start(), which needs it; 0 or a negative errno. */
int policy_thread_start(const struct rl_policy *policy, const struct rl_policy_config *config);

/* From an event: somebody stops the scheduler and starts it again, as a reload of the service does. */
void policy_thread_reload(void);

/* After machine_run(): the policy's fini() is called. What rl_run() returned. */
int policy_thread_finish(void);

/* From inside a callback, which is never gone on with; nor is any other called. */
_Noreturn void policy_thread_abandon(void);

/* Calls of rl_complete() so far. */
uint64_t policy_thread_rounds(void);

#endif /* RUSTLAND_SIM_POLICY_THREAD_H */
