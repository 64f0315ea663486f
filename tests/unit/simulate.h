/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tasks get under the policy "rustland", or under EEVDF, on a simulated machine (src/sim): the backend is bpf/
 * itself, and a fixed seed decides everything else.
 *
 * This file must never model the backend or the kernel: what is missing there belongs into src/sim.
 */
#ifndef RL_TEST_SIMULATE_H
#define RL_TEST_SIMULATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rustland.h>

enum load_kind {
	HOG,	 /* never sleeps */
	SLEEPER, /* runs for run_ns, sleeps for sleep_ns and a timer's slack; both vary by a tenth */
	FRAMES,	 /* runs for run_ns, more or less by a tenth, each period_ns */
	PAIR,	 /* two that wake each other in turn, each after run_ns */
	CHAIN,	 /* runs for run_ns, forks the next one and exits */
	SPAWNER, /* forks a child that runs for run_ns, each period_ns */
};

/* What the tasks of a group got, after the time in which they settled. */
struct got {
	uint64_t exec_ns;	    /* all of them and their children */
	uint64_t least_ns, most_ns; /* one of them; of the children nothing */
	uint64_t waited_max_ns;	    /* for the longest time one was runnable and did not run */
	uint64_t wakeups;	    /* that ran */
	uint64_t asked;		/* about so many wakeups, while the task waited for a decision */
	uint64_t wakeup_p99_ns; /* from the wakeup to running */
	uint64_t wakeup_max_ns;
	uint64_t frames; /* that were done */
};

/* A group of tasks that do the same. */
struct load {
	enum load_kind kind;
	uint32_t nr; /* tasks, or pairs; 0: one */
	uint64_t run_ns, sleep_ns, period_ns;
	bool together;	   /* FRAMES: all periods begin at the same time */
	uint64_t from_ns;  /* they come so late */
	int nice;	   /* -20 to 19 */
	uint32_t realtime; /* 1 to 99: they are SCHED_FIFO with that priority */
	bool round_robin;  /* or SCHED_RR */
	bool batch, idle;  /* they are SCHED_BATCH or SCHED_IDLE */
	const char *group; /* path of a control group; NULL: the root */
	uint64_t cpus;	   /* bit mask of those that they may use; 0: all */
	uint32_t user;	   /* whose they are, and whose boost */
	uint32_t class;	   /* with what descends from them */
	bool only_first;   /* PAIR: the second has no class of its own */
	struct got got;
};

/*
 * Let the loads run for settle_ns and then for so many seconds, and fill in what they got. The test fails when the
 * kernel ends the scheduler, or when an invariant of src/sim/invariants.h is violated. In a process of its own,
 * because the backend has one memory.
 */
void simulate(uint32_t nr_cpus, uint64_t settle_ns, uint32_t seconds, struct load *loads,
	      size_t nr_loads);

/* The same where these things go wrong at random, see sim/faults.h. */
void simulate_faults(uint32_t nr_cpus, uint64_t settle_ns, uint32_t seconds, uint32_t faults,
		     struct load *loads, size_t nr_loads);

/* How often the scheduler was loaded again in the last one. */
extern uint64_t simulate_reloads;
/* A control group; 0: the default. */
struct group {
	const char *path;
	uint32_t weight;
	bool idle;
	uint64_t quota_ns, period_ns, burst_ns;
};

/* The same with these groups, on 7.3 or on 6.12. */
void simulate_groups(uint32_t nr_cpus, bool is_7_3, uint32_t seconds, const struct group *groups,
		     size_t nr_groups, struct load *loads, size_t nr_loads);
/* And under the kernel's own scheduler, as the simulator has it. */
void simulate_eevdf_groups(uint32_t nr_cpus, bool is_7_3, uint32_t seconds,
			   const struct group *groups, size_t nr_groups, struct load *loads,
			   size_t nr_loads);

/* The same under the kernel's own scheduler, as the simulator has it; loads with a class are not boosted. */
void simulate_eevdf(uint32_t nr_cpus, uint64_t settle_ns, uint32_t seconds, struct load *loads,
		    size_t nr_loads);
void simulate_eevdf_faults(uint32_t nr_cpus, uint64_t settle_ns, uint32_t seconds, uint32_t faults,
			   struct load *loads, size_t nr_loads);

/* What the load's tasks got of so many seconds of one CPU, in thousandths. */
uint64_t permille_of(uint32_t seconds, const struct load *load);
/* The test fails unless value is expected, more or less by. */
void assert_near(uint64_t value, uint64_t expected, uint64_t by);

#define NELEMS(array) (sizeof(array) / sizeof((array)[0]))

/* The same with an array of loads, and the usual time to settle in. */
#define SIMULATE(nr_cpus, seconds, loads)                                                          \
	simulate(nr_cpus, 2000000000, seconds, loads, NELEMS(loads))

#endif /* RL_TEST_SIMULATE_H */
