/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine made of events: CPUs, tasks and the BPF backend's side of the contract with a policy,
 * in virtual time. The same seed gives the same run. It must never look at a clock of the real
 * world.
 *
 * What it takes from the backend:
 *   - a woken task takes an idle CPU without asking; its runtime is accounted, and charged later
 *   - otherwise the policy is asked, and its decision queues the task by deadline
 *   - when a slice ends, somebody who waits takes the CPU, and then the policy is asked about the
 *     task whose slice ended; if nobody waits, the task goes on without a question
 *   - only a wakeup may preempt, and only a task whose deadline is later by more than the shortest
 *     slice; it is looked for on two CPUs
 *   - a preempted task waits under the decision it had, for the rest of its slice
 *   - the policy's CPU time is charged to those it is asked about
 * What it leaves out: an answer takes no time to come, so none is ever too late.
 */
#ifndef RL_TEST_MACHINE_H
#define RL_TEST_MACHINE_H

#include <rustland.h>

#define MS 1000000ULL
#define US 1000ULL

struct machine_config {
	const struct rl_policy *policy;
	struct rl_policy_config policy_config;
	uint64_t switch_ns;   /* CPU time of a context switch; nobody is charged for it */
	uint64_t ask_ns;      /* CPU time of a question; who is asked about is charged for it */
	uint64_t start_at_ns; /* of the clock */
	uint32_t seed;
};

enum machine_kind {
	MACHINE_HOG,	  /* runs for ever */
	MACHINE_PERIODIC, /* runs for run_ns, then sleeps until the next multiple of period_ns */
	MACHINE_PAIR,	  /* two: each runs for run_ns, wakes the other, sleeps until woken */
	MACHINE_ONCE,	  /* runs for run_ns and exits */
};

struct machine_spec {
	enum machine_kind kind;
	uint64_t run_ns;    /* varies by up to a tenth */
	uint64_t period_ns; /* of MACHINE_PERIODIC; when it is 0, sleep_ns counts */
	uint64_t sleep_ns;  /* how long MACHINE_PERIODIC sleeps after a run */
	uint32_t weight;    /* 0: the default */
	uint32_t class;
	uint32_t user;	/* whose task it is, and whose boost */
	bool with_help; /* the second of a pair has no class but the first one's, as its waker */
	uint64_t cpus;	/* bit mask of the CPUs it may use; 0: all */
};

/* What a task got. */
struct machine_result {
	uint64_t runtime_ns;
	uint64_t waited_max_ns; /* the longest time it was runnable and did not run */
	uint64_t nr_wakeups;
	uint64_t nr_asked; /* of these, the policy had to be asked about so many */
};

struct machine;

struct machine *machine_new(const struct machine_config *config);
void machine_free(struct machine *machine);

/* Add a task that is runnable from now on; returns its number (a pair has two, from this one). */
size_t machine_add(struct machine *machine, const struct machine_spec *spec);

/* From now on start MACHINE_ONCE tasks like this one, on average one in every interval_ns. */
void machine_storm(struct machine *machine, const struct machine_spec *spec, uint64_t interval_ns);

/* Let time pass. */
void machine_run(struct machine *machine, uint64_t duration_ns);

/* Forget the results so far, for instance those of the first second. */
void machine_reset_results(struct machine *machine);

struct machine_result machine_result(const struct machine *machine, size_t task);

/* From wakeup to running: the time that a share of `percent` of the wakeups did not exceed. */
uint64_t machine_latency(struct machine *machine, size_t task, unsigned int percent);

#endif /* RL_TEST_MACHINE_H */
