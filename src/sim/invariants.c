/* SPDX-License-Identifier: GPL-2.0-only */
/* See invariants.h. */
#include "sim/invariants.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/faults.h"
#include "sim/group-stats.h"
#include "sim/kernel/backend.h"
#include "sim/kernel/cgroup.h"
#include "sim/kernel/sched.h"

/* All tasks are looked at so often. */
#define SCAN_NS (10 * MSEC)

/*
 * No CPU idles for longer beside a task that could run there: as long as the scheduler thread may take to
 * answer before it counts as late, and some more until that is noticed.
 */
#define IDLE_MAX_NS (35 * MSEC)
/*
 * Where a policy does not answer for a task it waits for PARKED_MAX_NS; and if all CPUs are idle then, nobody looks
 * before the next heartbeat.
 */
#define IDLE_MAX_UNANSWERED_NS (1550 * MSEC)

#define TIED_MAX_NS (10 * MSEC)

/* So long after a real-time task a CPU may still not have taken what waited behind that, see late-kick. */
#define HELD_AFTER_NS (5 * MSEC)

/*
 * One a second. With the fault late-timer a timer is up to a second late, and so is the one by which a crowd replaces
 * it just before it comes.
 */
#define BEAT_MAX_NS (3500 * MSEC)

/* No task waits for longer without running, the scheduler thread aside. */
#define WAIT_LIMIT_NS (4500 * MSEC)

/* Where a window begins. */
struct group_then {
	uint64_t at_ns;
	struct group_stats stats;
	struct cgroup_max max;
};

static struct {
	uint64_t violated;
	char first[256];
	struct event scan;
	uint64_t idle_max_ns;
	uint64_t held_max_ns;
	bool has_backend; /* or the kernel's own scheduler */
	bool policy_is_in_charge, memory_fails, policy_chooses_cpus, weights_change;
	uint64_t answered, answered_at_ns;
	uint64_t beats, beat_at_ns;
	bool ended;
	struct group_then *limits, *shares; /* of each control group */
	uint64_t late_ns;		    /* an interrupt may be so late */
} the;

static void note(const char *format, va_list args)
{
	int n;

	n = snprintf(the.first, sizeof(the.first),
		     "at %llu.%06llu s: ", (unsigned long long)(machine.now_ns / SEC_NS),
		     (unsigned long long)(machine.now_ns / 1000 % 1000000));
	vsnprintf(the.first + n, sizeof(the.first) - (size_t)n, format, args);
}

static void __attribute__((format(printf, 1, 2))) violate(const char *format, ...)
{
	va_list args;

	if (the.violated++)
		return;
	va_start(args, format);
	note(format, args);
	va_end(args);
}

void invariants_end(const char *format, ...)
{
	va_list args;

	the.violated++;
	the.ended = true;
	machine.failed = true;
	va_start(args, format);
	note(format, args);
	va_end(args);
}

bool invariants_ended(void)
{
	return the.ended;
}

/* ---- At each step --------------------------------------------------------------------------- */

static void on_switch(const struct cpu *cpu, const struct task *prev, const struct task *next)
{
	(void)prev;
	if (!next)
		return;
	if (!mask_has(&next->allowed, cpu->id))
		violate("%s[%d] runs on CPU %d, which it may not use", next->p.comm, next->p.pid,
			cpu->id);
	if (next->cpu != cpu->id)
		violate("%s[%d] runs on CPU %d and is said to be on %d", next->p.comm, next->p.pid,
			cpu->id, next->cpu);
	if (next->dsq)
		violate("%s[%d] runs and is queued", next->p.comm, next->p.pid);
	if (!cpu->online)
		violate("%s[%d] runs on CPU %d, which is offline", next->p.comm, next->p.pid,
			cpu->id);
}

/* A request about a task that is queued: the decision has to be about this one. */
static void on_submit(const void *record, size_t size)
{
	const struct rl_task *asked = record;
	struct task *t;

	if (size != sizeof(*asked) || asked->flags & RL_TASK_NOTICE)
		return;
	t = task_by_pid(asked->pid);
	if (!t)
		return;
	t->generation = asked->generation;
}

static void on_move(const struct task *t, const void *record)
{
	const struct rl_decision *decision = record;

	if (!decision)
		return;
	if (decision->pid != t->p.pid || decision->generation != t->generation)
		violate("%s[%d] is moved by a decision about generation %u of %d, and was asked "
			"about in "
			"generation %u",
			t->p.comm, t->p.pid, decision->generation, decision->pid, t->generation);
	task_by_pid(t->p.pid)->cpu_is_named = decision->cpu != RL_CPU_ANY;
}

/*
 * A decision that comes too late to move the task counts for what is left of the slice, and for grants; but the task stays
 * where an earlier one has put it. With the fault wrong it may be about a task that nobody has asked about.
 */
static void on_decision(const void *record)
{
	const struct rl_decision *decision = record;
	struct task *t = task_by_pid(decision->pid);

	if (t && !(decision->flags & RL_DECISION_NOTICE) && decision->cpu != RL_CPU_ANY)
		t->cpu_is_named = true;
}

static void on_kept_cpu(const struct cpu *cpu, const char *callback, u64 ns)
{
	violate("%s has kept CPU %d for %llu us", callback, cpu->id,
		(unsigned long long)(ns / USEC));
}

static const struct sim_observer observer = {
	.kept_cpu = on_kept_cpu,
	.switched = on_switch,
	.submitted = on_submit,
	.decided = on_decision,
	.moved = on_move,
};

/* ---- Now and then --------------------------------------------------------------------------- */

/*
 * It is in the queue of one CPU and could run on others, but for a decision that was being carried out when its
 * affinity changed.
 */
static bool is_tied_for_nothing(const struct task *t)
{
	return t->p.nr_cpus_allowed > 1 && !t->cpu_is_named &&
	       (s64)(machine.now_ns - t->queued_at_ns) > (s64)TIED_MAX_NS;
}

/* On a DSQ, or on a runqueue of the kernel's own scheduler and not running. */
static bool is_queued(const struct task *t)
{
	return t->dsq ||
	       (t->se.on_rq && !t->on_cpu && !t->se.sched_delayed && !fair_is_throttled(t)) ||
	       (t->rt.on_list && !t->on_cpu);
}

/* What has waited for longer than this never gets its turn. */
static uint64_t wait_limit_ns(const struct task *t)
{
	const struct cpu *cpu = &machine.cpus[t->cpu];

	if (t->class != &fair_sched_class)
		return WAIT_LIMIT_NS;
	/*
	 * EEVDF lets a light task wait while all others have their share, twice if these have just come. What was before
	 * it may have been heavier than it is now, as a nice value of -20 is 88 times as heavy as one of 0.
	 */
	return WAIT_LIMIT_NS +
	       fair_stretch_ns(t, (the.weights_change ? 2 * 88 : 2) * fair_turn_ns(cpu));
}

static uint64_t waits_for_turn_since_ns(const struct task *t)
{
	uint64_t until_ns = t->class == &fair_sched_class ? fair_throttled_until_ns(t) : 0;

	return until_ns > t->runnable_at_ns ? until_ns : t->runnable_at_ns;
}

static void check_wait(const struct task *t)
{
	uint64_t waited_ns = machine.now_ns - waits_for_turn_since_ns(t);

	if (!is_queued(t) || t == machine.policy || (int64_t)waited_ns <= (int64_t)wait_limit_ns(t))
		return;
	/* Real-time tasks let those of lower priorities wait for as long as they want. */
	if (t->rt.priority)
		return;
	if (t->dsq)
		violate("%s[%d], of weight %u, has waited for %llu ms, on DSQ 0x%llx, %lld us of "
			"virtual time ahead of what runs",
			t->p.comm, t->p.pid, t->p.scx.weight,
			(unsigned long long)(waited_ns / MSEC), (unsigned long long)t->dsq->id,
			(long long)(t->node.vtime - backend_shared()->frontier) / 1000);
	else
		violate("%s[%d], of weight %u, has waited for %llu ms on the runqueue of CPU %d",
			t->p.comm, t->p.pid, t->p.scx.weight,
			(unsigned long long)(waited_ns / MSEC), t->cpu);
}

/* A runnable task is on a CPU or on exactly one queue; any other is on none. */
static void check_places(void)
{
	uint64_t queued = 0, on_queues = 0;

	for (const struct task *t = machine.all; t; t = t->next_all) {
		bool is_runnable = t->on_rq;

		queued += t->dsq || t->se.on_rq || t->rt.on_list;
		if (is_runnable && !t->on_cpu && !t->in_transit && !is_queued(t) &&
		    !t->se.sched_delayed && !fair_is_throttled(t))
			violate("%s[%d] is runnable and is nowhere", t->p.comm, t->p.pid);
		if (!is_runnable && (t->dsq || t->se.on_rq || t->rt.on_list))
			violate("%s[%d] sleeps and is queued", t->p.comm, t->p.pid);
		check_wait(t);
		if (t->on_cpu && t->dsq)
			violate("%s[%d] runs and is queued", t->p.comm, t->p.pid);
		if (t->dsq && t->dsq->id < machine.topology.nr_cpus && is_tied_for_nothing(t))
			violate("%s[%d] waits for CPU %llu and no other; it may use %d, and the "
				"policy has named none",
				t->p.comm, t->p.pid, (unsigned long long)t->dsq->id,
				t->p.nr_cpus_allowed);
	}
	for (uint32_t i = 0; i < machine.nr_dsqs; i++)
		on_queues += machine.dsqs[i].id == i ? machine.dsqs[i].nr : 0;
	for (uint32_t i = 0; i < machine.topology.nr_cpus; i++)
		on_queues += machine.cpus[i].local.nr + machine.cpus[i].bypass_q.nr +
			     machine.cpus[i].rt.nr + fair_nr_on_lists(&machine.cpus[i]);
	if (queued != on_queues)
		violate("%llu tasks are queued, and the queues hold %llu",
			(unsigned long long)queued, (unsigned long long)on_queues);
}

/*
 * Where all tasks weigh the same and may use all CPUs, one that never sleeps gets at least this part of what
 * is fair, which is an equal share for all that are runnable.
 */
#define FAIR_PART      4
#define FAIR_WINDOW_NS (2 * SEC_NS)
/* In a crowd that is one slice or two, of which the rest may have been taken for another task's wakeup. */
#define FAIR_LEAST_NS (4 * MSEC)

static void check_share(struct task *t)
{
	uint64_t exec_ns = t->p.se.sum_exec_runtime - t->exec_then_ns;

	if (machine.now_ns - t->awake_since_ns < FAIR_WINDOW_NS || t->fair_ns < FAIR_LEAST_NS)
		return;
	if (exec_ns * FAIR_PART < t->fair_ns)
		violate("%s[%d] has used %llu ms in %llu ms, where %llu would be fair", t->p.comm,
			t->p.pid, (unsigned long long)(exec_ns / MSEC),
			(unsigned long long)((machine.now_ns - t->awake_since_ns) / MSEC),
			(unsigned long long)(t->fair_ns / MSEC));
	t->awake_since_ns = 0;
}

static void check_shares(void)
{
	uint64_t n = 0, cpus = machine.topology.nr_cpus, fair_ns;

	for (const struct task *t = machine.all; t; t = t->next_all) {
		if (!t->on_rq || t == machine.policy)
			continue;
		/* Sums of weights and of affinities are another matter, and what real-time tasks leave, and groups' shares. */
		if (t->rt.priority || t->p.scx.weight != 100 || t->p.nr_cpus_allowed != (int)cpus ||
		    task_cgroup(t)->parent)
			return;
		n++;
	}
	fair_ns = n <= cpus ? SCAN_NS : SCAN_NS * cpus / n;
	for (struct task *t = machine.all; t; t = t->next_all) {
		if (!t->on_rq || t == machine.policy || t->wakeups + t->yields != t->pauses_then) {
			t->pauses_then = t->wakeups + t->yields;
			t->awake_since_ns = 0;
			continue;
		}
		if (!t->awake_since_ns) {
			t->awake_since_ns = machine.now_ns;
			t->exec_then_ns = t->p.se.sum_exec_runtime;
			t->fair_ns = 0;
			continue;
		}
		t->fair_ns += fair_ns;
		check_share(t);
	}
}

/* ---- Control groups, where the kernel's own scheduler cares for them ------------------------- */

/* Limits are looked at over so long, and shares. */
#define LIMIT_WINDOW_NS (1 * SEC_NS)
#define SHARE_WINDOW_NS (2 * SEC_NS)
/* A CPU holds so much of a quota, and finds out a tick late, or two, that it is used up. */
#define LIMIT_SLICE_NS (5 * MSEC)
/* What the fault late-kick adds. */
#define LATE_KICK_NS (3 * MSEC)
/* A group is as far from its share as one part in so many. */
#define SHARE_PART 5

static void check_limit(const struct control_group *tg, struct group_then *then)
{
	const struct group_stats *stats = group_stats_total(tg);
	uint64_t window_ns = machine.now_ns - then->at_ns, used_ns, most_ns;

	if (then->at_ns && window_ns < LIMIT_WINDOW_NS &&
	    memcmp(&tg->max, &then->max, sizeof(tg->max)) == 0)
		return;
	used_ns = stats->exec_ns - then->stats.exec_ns -
		  (stats->realtime_ns - then->stats.realtime_ns);
	most_ns =
		tg->max.quota_ns * (window_ns / tg->max.period_ns + 1) + tg->max.burst_ns +
		machine.topology.nr_cpus * (LIMIT_SLICE_NS + 2 * SEC_NS / machine.hz + the.late_ns);
	if (then->at_ns && window_ns >= LIMIT_WINDOW_NS && tg->max.quota_ns && used_ns > most_ns)
		violate("control group %u has used %llu ms in %llu ms, and its limit are %llu",
			tg->index, (unsigned long long)(used_ns / MSEC),
			(unsigned long long)(window_ns / MSEC),
			(unsigned long long)(most_ns / MSEC));
	*then = (struct group_then){machine.now_ns, *stats, tg->max};
}

/* Those below the root, while nothing but weights decides. */
static void check_group_share(const struct control_group *tg, struct group_then *then)
{
	const struct group_stats *stats = group_stats_total(tg);
	uint64_t since_ns = group_stats_contested_since_ns(), used_ns, promised_ns;
	/* Whatever its weight, each task has a turn in a second. */
	uint64_t most_more_ns = the.has_backend ? 60 * MSEC : 20 * MSEC;

	if (!since_ns || then->at_ns < since_ns || !then->at_ns) {
		*then = (struct group_then){machine.now_ns, *stats, tg->max};
		return;
	}
	if (machine.now_ns - then->at_ns < SHARE_WINDOW_NS)
		return;
	used_ns = stats->exec_ns - then->stats.exec_ns;
	promised_ns = stats->promised_ns - then->stats.promised_ns;
	if (used_ns + promised_ns / SHARE_PART + 20 * MSEC < promised_ns ||
	    used_ns > promised_ns + promised_ns / SHARE_PART + most_more_ns)
		violate("control group %u has used %llu ms in %llu ms, and its weight is worth "
			"%llu",
			tg->index, (unsigned long long)(used_ns / MSEC),
			(unsigned long long)((machine.now_ns - then->at_ns) / MSEC),
			(unsigned long long)(promised_ns / MSEC));
	*then = (struct group_then){machine.now_ns, *stats, tg->max};
}

/* What a CPU's runqueue counts below it are the tasks there that are not throttled. */
static void check_h_nr(const struct cpu *cpu)
{
	u32 nr = 0;

	for (const struct task *t = machine.all; t; t = t->next_all)
		nr += t->se.on_rq && t->cpu == cpu->id && !fair_is_throttled(t);
	if (nr != cpu->cfs.h_nr_queued)
		violate("%u tasks are on the runqueues of CPU %d, and %u are counted", nr, cpu->id,
			cpu->cfs.h_nr_queued);
}

static void check_runqueues(void)
{
	for (u32 i = 0; i < machine.topology.nr_cpus; i++)
		check_h_nr(&machine.cpus[i]);
}

static void check_groups(void)
{
	if (!the.limits) {
		the.limits = calloc(machine.nr_groups, sizeof(*the.limits));
		the.shares = calloc(machine.nr_groups, sizeof(*the.shares));
	}
	if (!the.limits || !the.shares)
		abort();
	for (u32 i = 1; i < machine.nr_groups; i++) {
		const struct control_group *tg = machine.groups[i];

		check_limit(tg, &the.limits[i]);
		if (tg->parent == machine.groups[0] &&
		    (!the.has_backend || the.policy_is_in_charge))
			check_group_share(tg, &the.shares[i]);
	}
}

/* It may, and the policy has not said that another CPU shall. */
static bool may_take(const struct task *t, int cpu)
{
	bool is_chosen =
		t->dsq && t->dsq->id < machine.topology.nr_cpus && t->dsq->id != (uint64_t)cpu;

	return mask_has(&t->allowed, cpu) && !(is_chosen && the.policy_chooses_cpus);
}

/*
 * It is on the queue of a CPU that runs a real-time task, or has done so just now, where no other CPU finds it: what was
 * preempted is put there by the kernel, and the backend does not take it back (it has no ops.cpu_release). That is told,
 * and no violation.
 */
static bool is_held(const struct task *t)
{
	const struct cpu *cpu = &machine.cpus[t->cpu];

	if (t->dsq != &cpu->local)
		return false;
	return (cpu->curr && cpu->curr->rt.priority) ||
	       machine.now_ns - cpu->rt.ran_at_ns < HELD_AFTER_NS;
}

static void note_held(uint64_t waited_ns)
{
	if (waited_ns > the.held_max_ns)
		the.held_max_ns = waited_ns;
}

/* A policy has forgotten so many tasks that CPUs do not look at t, see ask.bpf.h. Its turn comes by its deadline. */
static bool is_far_in_park(const struct task *t)
{
	return t->class == &ext_sched_class && t->dsq && t->dsq->id > machine.topology.nr_cpus &&
	       the.idle_max_ns >= IDLE_MAX_UNANSWERED_NS && backend_park_is_long();
}

/* Since when t waits beside the CPU: under the kernel's own scheduler a CPU finds it at once, or at ticks of others. */
static uint64_t waits_since_ns(const struct task *t, const struct cpu *cpu)
{
	/* Or since it may go on. */
	if (backend_is_throttled(t))
		return t->node.vtime;
	if (t->class != &fair_sched_class || (int64_t)(t->queued_at_ns - cpu->idle_since_ns) > 0)
		return t->queued_at_ns;
	return cpu->idle_since_ns;
}

/* A CPU that has nothing to do while somebody waits who may use it. */
static void check_idle(void)
{
	const struct task *waiting = NULL;
	int cpu = -1;

	for (uint32_t i = 0; i < machine.topology.nr_cpus && !waiting; i++) {
		if (!machine.cpus[i].active || machine.cpus[i].curr ||
		    machine.cpus[i].wait != CPU_RUNS || machine.cpus[i].irqs)
			continue;
		for (const struct task *t = machine.all; t && !waiting; t = t->next_all) {
			s64 waited_ns;

			/* The scheduler thread waits until it is needed. */
			if (!is_queued(t) || t == machine.policy || !may_take(t, (int)i))
				continue;
			/* Nor is a real-time task looked for while the server has its 50 ms, see server.h. */
			if (t->rt.priority && machine.cpus[t->cpu].server == SERVER_RUNS)
				continue;
			waited_ns = (s64)(machine.now_ns - waits_since_ns(t, &machine.cpus[i]));
			if (waited_ns > 0 && is_held(t)) {
				note_held((uint64_t)waited_ns);
			} else if (waited_ns > (s64)the.idle_max_ns && !is_far_in_park(t)) {
				waiting = t;
				cpu = (int)i;
			}
		}
	}
	if (waiting)
		violate("CPU %d is idle, and %s[%d] waits for %llu ms on DSQ 0x%llx (CPU %d, %d "
			"allowed)",
			cpu, waiting->p.comm, waiting->p.pid,
			(unsigned long long)((machine.now_ns - waiting->queued_at_ns) / MSEC),
			(unsigned long long)(waiting->dsq ? waiting->dsq->id : 0), waiting->cpu,
			waiting->p.nr_cpus_allowed);
}

/* As long as the scheduler thread lives it answers, in whatever way. */
static void check_answers(void)
{
	const struct rl_shared *shared = backend_shared();

	if (shared->answered == shared->asked || shared->answered != the.answered) {
		the.answered = shared->answered;
		the.answered_at_ns = machine.now_ns;
		return;
	}
	if (machine.now_ns - the.answered_at_ns > WAIT_LIMIT_NS)
		violate("request %llu is not answered, of %llu",
			(unsigned long long)shared->answered + 1,
			(unsigned long long)shared->asked);
}

/* Its timer goes on, whatever happens. */
static void check_heartbeat(void)
{
	uint64_t beats = backend_shared()->beats;

	if (beats != the.beats) {
		the.beats = beats;
		the.beat_at_ns = machine.now_ns;
	} else if (machine.now_ns - the.beat_at_ns > BEAT_MAX_NS) {
		violate("the heartbeat has stopped after %llu times", (unsigned long long)beats);
	}
}

/* What the backend counts, where the model knows it, too. */
static void check_counters(void)
{
	struct rl_counters counters;
	int64_t running = 0;

	for (uint32_t i = 0; i < machine.topology.nr_cpus; i++) {
		const struct cpu *cpu = &machine.cpus[i];

		/* In the middle of a change it may be counted or not. */
		if (cpu->wait != CPU_RUNS)
			return;
		running += cpu->curr && cpu->curr != machine.policy &&
			   cpu->curr->class == &ext_sched_class;
	}
	backend_counters(&counters);
	/* A task for which there was no memory is not counted. */
	if (counters.nr_running != running && !the.memory_fails)
		violate("%lld tasks are said to run, and %lld do", (long long)counters.nr_running,
			(long long)running);
}

/* While a scheduler is loaded it knows every task, and else none. */
static void check_loading(void)
{
	enum load_state state = machine.loading.state;

	for (const struct task *t = machine.all; t; t = t->next_all) {
		if (t->state == TASK_NEW || t->state == TASK_DEAD)
			continue;
		if (state == LOAD_ENABLED && t->scx_state == SCX_NONE)
			violate("the backend has not heard of %s[%d]", t->p.comm, t->p.pid);
		if (state == LOAD_DISABLED &&
		    (t->scx_state != SCX_NONE || t->class == &ext_sched_class))
			violate("%s[%d] is left to a scheduler that is gone", t->p.comm, t->p.pid);
		if (state == LOAD_DISABLED && t->forks && t->state == TASK_SLEEPING)
			violate("%s[%d] waits to fork, and nobody is there to let it", t->p.comm,
				t->p.pid);
	}
}

/* The backend is there, and asked. */
static bool decides(void)
{
	return the.has_backend && machine.loading.state == LOAD_ENABLED && !machine.cpus[0].bypass;
}

static void scan(struct event *event)
{
	if (decides()) {
		check_answers();
		check_heartbeat();
		check_counters();
	} else {
		the.answered_at_ns = the.beat_at_ns = machine.now_ns;
	}
	check_loading();
	check_places();
	check_idle();
	if (the.policy_is_in_charge)
		check_shares();
	if (!machine.scx_switched_all && machine.nr_groups > 1)
		check_runqueues();
	if ((!the.has_backend || decides()) && group_stats_total(machine.groups[0]))
		check_groups();
	event_at(&machine.events, event, machine.now_ns + SCAN_NS);
}

void invariants_watch(uint32_t faults, bool policy_chooses_cpus, uint64_t slice_ns)
{
	const uint32_t unanswered = 1U << FAULT_SLOW | 1U << FAULT_FORGET | 1U << FAULT_WRONG;
	const uint32_t absent =
		1U << FAULT_STOP | 1U << FAULT_FULL | 1U << FAULT_HOTPLUG | 1U << FAULT_RELOAD;

	the.has_backend = machine.policy;
	the.policy_chooses_cpus = policy_chooses_cpus || faults & 1U << FAULT_WRONG;
	the.late_ns = faults & 1U << FAULT_LATE_KICK ? LATE_KICK_NS : 0;
	the.memory_fails = faults & 1U << FAULT_MEMORY;
	the.weights_change = faults & (1U << FAULT_CLASSES | 1U << FAULT_CGROUPS);
	the.answered_at_ns = the.beat_at_ns = machine.now_ns;
	the.beats = 0;
	the.policy_is_in_charge = !(faults & (unanswered | absent));
	the.idle_max_ns = faults & unanswered ? IDLE_MAX_UNANSWERED_NS : IDLE_MAX_NS;
	/* A task of which the backend knows nothing waits on its CPU's own queue, behind one that has a whole slice. */
	if (the.memory_fails)
		the.idle_max_ns += slice_ns;
	machine_observe(&observer);
	the.violated = the.held_max_ns = 0;
	the.ended = false;
	the.first[0] = 0;
	the.scan.fire = scan;
	event_at(&machine.events, &the.scan, machine.now_ns + SCAN_NS);
}

uint64_t invariants_held_max_ns(void)
{
	return the.held_max_ns;
}

uint64_t invariants_violated(void)
{
	return the.violated;
}

const char *invariants_first(void)
{
	return the.first;
}
