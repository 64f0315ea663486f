/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What goes wrong in a run on purpose: the policy, the scheduler thread, the machine. Each kind can be had by
 * itself, happens at random times of its own, and never anything that a kernel could not show.
 *
 * The backend has to keep every promise whatever happens here; a policy that is not its own cause need not.
 */
#ifndef RUSTLAND_SIM_FAULTS_H
#define RUSTLAND_SIM_FAULTS_H

#include <rustland.h>
#include <stdbool.h>

enum fault {
	FAULT_STOP,	  /* the scheduler thread is stopped for up to 3 s */
	FAULT_SLOW,	  /* the policy takes up to 50 ms for one task */
	FAULT_FORGET,	  /* a decision is never sent */
	FAULT_TWICE,	  /* a decision is sent twice */
	FAULT_WRONG,	  /* a decision has a random number where it should not */
	FAULT_FULL,	  /* a ring is full, either way */
	FAULT_LATE_TIMER, /* the backend's timer comes up to a second late */
	FAULT_LATE_KICK,  /* an interrupt takes up to 3 ms to arrive */
	FAULT_SKEW,	  /* the CPUs' clocks differ by up to 20 us */
	FAULT_AFFINITY,	  /* tasks are confined to other CPUs */
	FAULT_BOOSTS,	  /* boosts come and go, and tasks change their user and cgroup */
	FAULT_MEMORY,	  /* there is none for what the backend keeps about a new task */
	FAULT_HOTPLUG,	  /* CPUs go offline and come back, and the scheduler is loaded again */
	FAULT_RELOAD,	  /* the scheduler is stopped and started again */
	FAULT_REALTIME,	  /* real-time tasks come and take CPUs for up to 10 ms */
	FAULT_CLASSES,	  /* tasks become real-time and are so no more; their nice values change */
	FAULT_CGROUPS,	  /* tasks change their control group, and groups their weight and limit */
	FAULTS,
};

/* Those that have an effect where there is no policy and no backend. */
#define FAULTS_WITHOUT_POLICY                                                                      \
	(1U << FAULT_LATE_KICK | 1U << FAULT_AFFINITY | 1U << FAULT_HOTPLUG |                      \
	 1U << FAULT_REALTIME | 1U << FAULT_CLASSES | 1U << FAULT_CGROUPS)

const char *fault_name(enum fault fault);
const char *fault_summary(enum fault fault);

/* faults: a bit for each, 1 << FAULT_STOP and so on. After machine_init(). */
void faults_start(uint32_t faults);

/* Each of these happens now: asked where it would. */
uint64_t fault_stop_ns(void); /* how long; 0: it is not stopped */
uint64_t fault_slow_ns(void); /* likewise */
bool fault_forgets(void);
bool fault_sends_twice(void);
void fault_spoil(struct rl_decision *decision); /* or not */
bool fault_ring_is_full(void);
uint64_t fault_timer_delay_ns(void);
uint64_t fault_kick_delay_ns(void);
int64_t fault_skew_ns(int cpu);
bool fault_no_memory(void);

#endif /* RUSTLAND_SIM_FAULTS_H */
