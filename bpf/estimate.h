/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The backend's arithmetic: slices and deadlines where no decision of the policy says what they are, and
 * the tests whether a slice, a grant or an advantage is large enough. Numbers in, a number out. The BPF
 * backend compiles this file, and so can any program in user space: a model of the backend that
 * had formulas of its own would drift away from it.
 *
 * This file must never see a kernel type, a map, a clock or an option, and must never include more than
 * the two headers below.
 */
#ifndef RUSTLAND_ESTIMATE_H
#define RUSTLAND_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>

#define ESTIMATE static inline __attribute__((always_inline))

enum {
	NEUTRAL_WEIGHT = 100, /* RL_WEIGHT_DEFAULT, which account.bpf.h compares it with */
};

/* No task waits longer because it used more than others: the kernel would end us after 5 s. */
#define WAIT_MAX_NS (1000ULL * 1000 * 1000)

/* Half a second: a grant is about what the task has just been doing. */
#define GRANT_NS (500ULL * 1000 * 1000)

/*
 * The longest that a task is parked. Far below the kernel's watchdog (5 s), far above what a policy has a
 * reason to wait for.
 */
#define PARKED_MAX_NS (500ULL * 1000 * 1000)

/* What the machine and the options say. */
struct estimate_limits {
	uint64_t slice_ns;     /* the longest slice */
	uint64_t slice_min_ns; /* the shortest slice */
	uint32_t nr_cpus;
};

/* What is known of a task that needs a deadline. */
struct estimate_facts {
	uint64_t deadline; /* its last one; of no meaning unless placed */
	uint64_t used_ns;  /* CPU time that it has used since it got that */
	uint64_t slept_ns; /* how long its last sleep was */
	uint64_t frontier; /* the latest deadline that has started to run anywhere */
	uint32_t weight;
	uint32_t nr_waiting; /* other tasks that wait for a CPU which it could use */
	bool placed;	     /* it has had a deadline before */
	bool wakeup;	     /* it has just woken up */
	bool kernel_thread;
	bool boosted; /* it has a class */
};

/* Wakeups that need no request, because the policy has said beforehand what it would decide. */
struct grant {
	uint32_t left; /* how many more; 0: the policy has to be asked */
	uint64_t until_ns;
	uint64_t deadline, slice_ns; /* under which the task is then queued */
};

/* Times and deadlines wrap, and other CPUs' clocks may be a little ahead: compare signed. */
ESTIMATE bool before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

/*
 * CPU time in the unit of deadlines: heavier tasks pay less, up to a third of what a neutral one pays and
 * light ones three times as much. Full weights are the policy's business. Here the frontier moves with the
 * tasks that run, and beside tasks of 90 times the neutral weight a light one would wait for its turn until
 * the kernel ends us: bounds on waiting are kept in virtual time, WAIT_MAX_NS at the most.
 */
ESTIMATE uint64_t weighted(uint64_t runtime_ns, uint32_t weight)
{
	if (weight < NEUTRAL_WEIGHT / 3)
		weight = NEUTRAL_WEIGHT / 3;
	if (weight > 3 * NEUTRAL_WEIGHT)
		weight = 3 * NEUTRAL_WEIGHT;
	return runtime_ns * NEUTRAL_WEIGHT / weight;
}

/* What each task gets of this time when so many others wait. */
ESTIMATE uint64_t share_of(uint64_t time_ns, uint32_t nr_waiting, uint64_t nr_cpus)
{
	return time_ns * nr_cpus / (nr_cpus + nr_waiting);
}

/* A slice that the policy did not give: all tasks that wait get their turn within one long slice. */
ESTIMATE uint64_t estimate_slice(const struct estimate_limits *limits, uint32_t nr_waiting)
{
	uint64_t slice_ns = share_of(limits->slice_ns, nr_waiting, limits->nr_cpus);

	return slice_ns > limits->slice_min_ns ? slice_ns : limits->slice_min_ns;
}

/*
 * The deadline that a task would get if the policy went on as before: the last one, plus what the task
 * has used since, less how long it has slept if it just woke up; kept within one slice behind and two
 * slices ahead of the frontier. The first bound is the credit of a sleeper. The second keeps a task that
 * ran alone for long from waiting for as long; in a crowd, where two slices would be a wait of many
 * rounds, it is what everybody gets in WAIT_MAX_NS. The clock is the self-clocked one of Golestani
 * (1994): virtual time is the tag of the task in service, so no sum over all tasks is needed.
 *
 * A class brings an earlier deadline only at a wakeup, by as much as the sleep was long and half a
 * slice at most: so little that other tasks cannot starve, and nothing for a task that hardly sleeps.
 * This is what the kernel goes on with where no policy decides, and there is no budget as the policy has.
 *
 * New tasks start without credit, or a storm of them would starve the others. A kernel thread that
 * wakes up or is new goes first, because others wait for it (not least the kernel's watchdog, which
 * runs on a workqueue and ends a scheduler that lets it wait).
 */
ESTIMATE uint64_t estimate_deadline(const struct estimate_limits *limits,
				    const struct estimate_facts *task)
{
	uint64_t frontier = task->frontier, slice_ns = limits->slice_ns;
	uint64_t ahead_ns = share_of(WAIT_MAX_NS, task->nr_waiting, limits->nr_cpus);
	uint64_t slept_ns = task->slept_ns < slice_ns ? task->slept_ns : slice_ns;
	uint64_t deadline = task->deadline + weighted(task->used_ns, task->weight);

	if (task->kernel_thread && (task->wakeup || !task->placed))
		return frontier - 2 * slice_ns;
	if (!task->placed)
		deadline = frontier;
	if (task->wakeup)
		deadline -= slept_ns;
	if (before(deadline, frontier - slice_ns))
		deadline = frontier - slice_ns;
	if (ahead_ns > 2 * slice_ns)
		ahead_ns = 2 * slice_ns;
	if (before(frontier + ahead_ns, deadline))
		deadline = frontier + ahead_ns;
	if (task->wakeup && task->boosted)
		deadline -= slept_ns < slice_ns / 2 ? slept_ns : slice_ns / 2;
	return deadline;
}

/* A decision's slice, but no longer than the longest one: the watchdog and opt_late_ns rely on it. */
ESTIMATE uint64_t slice_of(uint64_t decided_ns, uint64_t slice_max_ns)
{
	return decided_ns && decided_ns < slice_max_ns ? decided_ns : slice_max_ns;
}

/*
 * A decision whose slice is not used up is still the policy's will. A rest of less than half the
 * shortest slice is not worth a switch. slice_ns is 0 where there is no decision.
 */
ESTIMATE bool slice_is_unfinished(uint64_t slice_ns, uint64_t used_ns, uint64_t slice_min_ns)
{
	return slice_ns && used_ns + slice_min_ns / 2 <= slice_ns;
}

ESTIMATE bool wakeup_is_granted(const struct grant *grant, uint64_t now)
{
	return grant->left && before(now, grant->until_ns);
}

/*
 * Each interruption costs a switch, so a running task is only stopped for a deadline that is earlier than
 * its own by more than the shortest slice.
 */
ESTIMATE bool is_worth_interrupting(uint64_t running_deadline, uint64_t deadline,
				    uint64_t slice_min_ns)
{
	return before(deadline + slice_min_ns, running_deadline);
}

#endif /* RUSTLAND_ESTIMATE_H */
