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
	NEUTRAL_WEIGHT = 1 << 20, /* RL_WEIGHT_DEFAULT, which account.bpf.h compares it with */
};

/* No task waits much longer because it used more than others: the kernel would end us after 5 s. */
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
	uint64_t
		weight_of_all; /* of all tasks that are runnable; at least that of the task in question */
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

/* CPU time in the unit of deadlines: the heavier a task, the less it pays. Not for more than an hour at a time. */
ESTIMATE uint64_t weighted(uint64_t runtime_ns, uint64_t weight)
{
	return (runtime_ns >> 42 ? 1ULL << 42 : runtime_ns) * NEUTRAL_WEIGHT / weight;
}

/*
 * The clock of the fluid model, in which all tasks run at the same time and get their shares in every instant
 * (GPS; Parekh and Gallager 1993): a task has run for so long, and so far it has moved.
 */
ESTIMATE uint64_t clock_step(uint64_t ran_ns, uint64_t weight_of_all)
{
	return weighted(ran_ns, weight_of_all);
}

/*
 * How far ahead of what is being served a deadline may be: virtual time gets there within WAIT_MAX_NS if those
 * who are runnable now share the CPUs until then.
 */
ESTIMATE uint64_t ahead_max(uint64_t nr_cpus, uint64_t weight_of_all)
{
	return weighted(WAIT_MAX_NS * nr_cpus, weight_of_all);
}

/*
 * How far behind that a deadline may be: a slice, but where all are heavy no more than virtual time moves in
 * an eighth of WAIT_MAX_NS, or the others would have to wait until it is caught up.
 */
ESTIMATE uint64_t behind_max(const struct estimate_limits *limits)
{
	uint64_t behind_ns = ahead_max(limits->nr_cpus, limits->weight_of_all) / 8;

	return behind_ns < limits->slice_ns ? behind_ns : limits->slice_ns;
}

/*
 * What has been served when a task with that deadline begins to run. A task that is lighter than most has its next
 * turn far ahead of them; that it has one says little of where they are.
 */
ESTIMATE uint64_t advance_frontier(uint64_t frontier, uint64_t deadline, uint64_t weight,
				   uint64_t weight_of_all, uint64_t nr_of_all)
{
	uint64_t step = deadline - frontier, mean = weight_of_all / (nr_of_all ? nr_of_all : 1);

	if (weight < mean && !(step >> 40))
		step = (step >> 10) * ((weight << 10) / mean);
	return frontier + step;
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
 * has used since, less how long it has slept if it just woke up; kept within behind_max() and two
 * slices, as its weight counts them, ahead of the frontier. The first bound is the credit of a sleeper. The second
 * keeps a task that ran alone for long from waiting for as long; in a crowd, where two slices would be a wait of many
 * rounds, it is what everybody gets in WAIT_MAX_NS. The frontier is the self-clocked time of Golestani
 * (1994): the tag of the task in service. It works with the deadlines of any policy.
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
	uint64_t ahead_ns = ahead_max(limits->nr_cpus, limits->weight_of_all);
	uint64_t two_turns_ns = weighted(2 * limits->slice_min_ns, task->weight);
	uint64_t behind_ns = behind_max(limits);
	uint64_t slept_ns = task->slept_ns < slice_ns ? task->slept_ns : slice_ns;
	uint64_t deadline = task->deadline + weighted(task->used_ns, task->weight);

	if (task->kernel_thread && (task->wakeup || !task->placed))
		return frontier - 2 * slice_ns;
	if (!task->placed)
		deadline = frontier;
	if (task->wakeup)
		deadline -= slept_ns;
	if (before(deadline, frontier - behind_ns))
		deadline = frontier - behind_ns;
	if (two_turns_ns < 2 * slice_ns)
		two_turns_ns = 2 * slice_ns;
	if (ahead_ns > two_turns_ns)
		ahead_ns = two_turns_ns;
	if (before(frontier + ahead_ns, deadline))
		deadline = frontier + ahead_ns;
	if (task->wakeup && task->boosted)
		deadline -= slept_ns < slice_ns / 2 ? slept_ns : slice_ns / 2;
	return deadline;
}

/*
 * How long a task may go on that no task which waits is before: until its deadline, which moves while it runs, has
 * come up to theirs.
 */
ESTIMATE uint64_t lead_slice(const struct estimate_limits *limits, uint64_t deadline,
			     uint64_t waiting_deadline, uint64_t weight)
{
	uint64_t lead_ns = waiting_deadline - deadline;

	if (lead_ns > limits->slice_ns)
		lead_ns = limits->slice_ns;
	lead_ns = lead_ns * weight / NEUTRAL_WEIGHT;
	if (lead_ns < limits->slice_min_ns)
		return limits->slice_min_ns;
	return lead_ns < limits->slice_ns ? lead_ns : limits->slice_ns;
}

/* It weighs less than a quarter of what all who are runnable do on average. */
ESTIMATE bool is_light(uint64_t weight, uint64_t weight_of_all, uint64_t nr_of_all)
{
	return weight * 4 * nr_of_all < weight_of_all;
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
