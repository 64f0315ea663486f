/* SPDX-License-Identifier: GPL-2.0-only */
/* See simulate.h. */
#include "tests/unit/simulate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy/policy.h"
#include "sim/behaviors.h"
#include "sim/invariants.h"
#include "sim/kernel/backend.h"
#include "sim/kernel/cgroup.h"
#include "sim/kernel/random.h"
#include "sim/run.h"
#include "tests/unit/policy-limits.h"

enum {
	JITTER_PERCENT = 10,
	TIME_LIMIT_S = 300, /* of the host, for one run */
};

static const char *const names[] = {
	[HOG] = "hog",	 [SLEEPER] = "sleeper", [FRAMES] = "frames",
	[PAIR] = "pair", [CHAIN] = "chain",	[SPAWNER] = "spawner",
};

/* What the child tells, in memory that both see. */
struct verdict {
	char failure[320]; /* "": none */
	uint64_t reloads;
	struct got got[]; /* for each load */
};

/* ---- In the child: the tasks ---------------------------------------------------------------- */

static struct {
	const struct rl_policy *policy;
	const struct load *loads;
	struct verdict *verdict;
	struct task_stats **stats; /* for each load */
	size_t nr_loads;
	const struct group *groups;
	size_t nr_groups;
	bool is_6_12;
	uint64_t settle_ns, count_from_ns;
	/* CPU time of the tasks that are there from the beginning, whose PIDs follow each other. */
	uint64_t *exec_ns;
	int32_t first_pid;
	uint32_t nr_tasks;
} the;

static struct sched_params params_of(const struct load *load)
{
	struct sched_params params = {
		.priority = load->realtime,
		.nice = load->nice,
	};

	if (load->realtime)
		params.policy = load->round_robin ? POLICY_RR : POLICY_FIFO;
	else if (load->batch)
		params.policy = POLICY_BATCH;
	else if (load->idle)
		params.policy = POLICY_IDLE;
	return params;
}

static void start(struct task *t, const struct load *load, bool boosted)
{
	const struct sched_params params = params_of(load);
	const uint32_t nr_cpus = machine.topology.nr_cpus;
	struct mask allowed = machine.online;
	int32_t cpu;

	if (!the.first_pid)
		the.first_pid = t->p.pid;
	the.nr_tasks++;
	task_set_params(t, &params);
	if (load->cpus) {
		allowed.words[0] = load->cpus;
		task_set_allowed(t, &allowed);
	}
	if (load->group)
		task_set_cgroup(t, cgroup_at(load->group));
	if (load->user)
		task_set_user(t, load->user);
	if (machine.policy && boosted && load->class != RL_CLASS_NORMAL)
		backend_set_class(RL_SCOPE_TREE, (uint64_t)t->p.tgid, 0, load->class,
				  t->cred.uid.val);
	do
		cpu = (int32_t)random_below(&machine.random, nr_cpus);
	while (!mask_has(&allowed, cpu));
	task_start_later(t, cpu, load->from_ns);
}

static void start_one(const struct load *load, struct task_stats *stats)
{
	struct task *t = NULL, *pair[2];

	switch (load->kind) {
	case HOG:
		t = hog_new(stats);
		break;
	case SLEEPER:
		t = sleeper_new(stats, load->run_ns, load->sleep_ns, JITTER_PERCENT);
		break;
	case FRAMES:
		t = frames_new(stats, load->period_ns, load->run_ns, JITTER_PERCENT);
		if (load->together)
			t->own.due_ns = machine.now_ns;
		break;
	case PAIR:
		pair_new(stats, load->run_ns, pair);
		start(pair[0], load, true);
		start(pair[1], load, !load->only_first);
		return;
	case CHAIN:
		t = chain_new(stats, load->run_ns);
		break;
	case SPAWNER:
		t = spawner_new(stats, stats, load->period_ns, load->run_ns);
		break;
	}
	start(t, load, true);
}

/* ---- In the child: what they get ------------------------------------------------------------ */

static struct got *got_by(const struct task *t)
{
	for (size_t i = 0; i < the.nr_loads; i++)
		if (t && t->stats == the.stats[i])
			return &the.verdict->got[i];
	return NULL;
}

static bool counts(void)
{
	return machine_now(&machine) >= the.count_from_ns;
}

static void note_wait(const struct task *t)
{
	struct got *got = got_by(t);
	/* Below zero: it was woken on a CPU that is ahead of this one. */
	int64_t waited_ns = (int64_t)(machine_now(&machine) - t->runnable_at_ns);

	if (got && waited_ns > (int64_t)got->waited_max_ns)
		got->waited_max_ns = (uint64_t)waited_ns;
}

static void on_switch(const struct cpu *cpu, const struct task *prev, const struct task *next)
{
	(void)cpu;
	if (next && next != prev && counts())
		note_wait(next);
}

static void on_run(const struct task *t, uint64_t ns)
{
	uint32_t i = (uint32_t)(t->p.pid - the.first_pid);

	if (i < the.nr_tasks && counts())
		the.exec_ns[i] += ns;
}

static void on_submit(const void *record, size_t size)
{
	const struct rl_task *asked = record;
	struct got *got;

	if (size != sizeof(*asked) || !(asked->flags & RL_TASK_WAKEUP) ||
	    asked->flags & RL_TASK_NOTICE || !counts())
		return;
	got = got_by(task_by_pid(asked->pid));
	if (got)
		got->asked++;
}

static const struct sim_observer observer = {
	.switched = on_switch,
	.ran = on_run,
	.submitted = on_submit,
};

static void *need(size_t n, size_t size)
{
	void *memory = calloc(n, size);

	if (!memory)
		abort();
	return memory;
}

static uint32_t nr_of(const struct load *load)
{
	return load->nr ? load->nr : 1;
}

static void make_group(const struct group *group)
{
	struct control_group *tg = cgroup_at(group->path);
	const struct cgroup_max max = {
		group->quota_ns, group->period_ns ? group->period_ns : CGROUP_PERIOD_DEFAULT_NS,
		group->burst_ns};

	if (group->weight)
		cgroup_set_weight(tg, group->weight);
	cgroup_set_idle(tg, group->idle);
	cgroup_set_max(tg, &max);
}

static void start_loads(void)
{
	for (size_t i = 0; i < the.nr_groups; i++)
		make_group(&the.groups[i]);
	the.count_from_ns = machine.now_ns + the.settle_ns;
	the.stats = need(the.nr_loads, sizeof(*the.stats));
	for (size_t i = 0; i < the.nr_loads; i++) {
		const struct load *load = &the.loads[i];

		the.stats[i] = task_stats_new(names[load->kind]);
		for (uint32_t n = nr_of(load); n; n--)
			start_one(load, the.stats[i]);
	}
	the.exec_ns = need(the.nr_tasks, sizeof(*the.exec_ns));
	machine_observe(&observer);
}

static void collect(void)
{
	uint32_t task = 0;

	for (const struct task *t = machine.all; t; t = t->next_all)
		if (t->state == TASK_RUNNABLE && !t->on_cpu)
			note_wait(t);
	for (size_t i = 0; i < the.nr_loads; i++) {
		const struct task_stats *stats = the.stats[i];
		const struct load *load = &the.loads[i];
		struct got *got = &the.verdict->got[i];
		uint32_t nr = nr_of(load) * (load->kind == PAIR ? 2 : 1);

		got->exec_ns = stats->exec_ns;
		got->wakeups = stats->wakeup.count;
		got->wakeup_p99_ns = histogram_permille(&stats->wakeup, 990);
		got->wakeup_max_ns = stats->wakeup.max;
		got->frames = stats->frames;
		got->least_ns = UINT64_MAX;
		for (; nr--; task++) {
			if (the.exec_ns[task] < got->least_ns)
				got->least_ns = the.exec_ns[task];
			if (the.exec_ns[task] > got->most_ns)
				got->most_ns = the.exec_ns[task];
		}
	}
}

static void run_here(uint32_t nr_cpus, uint64_t settle_ns, uint32_t seconds, uint32_t faults)
{
	static const struct workload workload = {.name = "test", .start = start_loads};
	const struct run_options options = {
		.machine =
			{
				.topology = {.nr_cpus = nr_cpus, .nr_llcs = 1, .nr_nodes = 1},
				.kernel = the.is_6_12 ? SIM_KERNEL_6_12 : SIM_KERNEL_7_3,
				.hz = 250,
				.seed = 1,
				.timer_slack_ns = TIMER_SLACK_NS,
				.costs = &costs_measured,
			},
		.policy = the.policy,
		.policy_name = the.policy->name,
		.workload = &workload,
		.seconds = seconds,
		.settle_ns = settle_ns,
		.slice_ns = SLICE,
		.slice_min_ns = SLICE_MIN,
		.faults = faults,
	};
	char *failure = the.verdict->failure;
	struct run_result result;
	const char *why = "";

	the.settle_ns = settle_ns;
	if (run(&options, &result, &why))
		snprintf(failure, sizeof(the.verdict->failure), "it cannot be run: %s", why);
	else if (result.failure)
		snprintf(failure, sizeof(the.verdict->failure), "the kernel ends the scheduler: %s",
			 result.failure);
	else if (result.violations)
		snprintf(failure, sizeof(the.verdict->failure), "%s", invariants_first());
	the.verdict->reloads = result.loaded_again;
	if (!failure[0])
		collect();
}

/* ---- In the test ---------------------------------------------------------------------------- */

uint64_t simulate_reloads;

static void simulate_under(const struct rl_policy *scheduler, uint32_t faults, uint32_t nr_cpus,
			   uint64_t settle_ns, uint32_t seconds, struct load *loads,
			   size_t nr_loads)
{
	size_t size = sizeof(struct verdict) + nr_loads * sizeof(struct got);
	struct verdict *verdict =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;
	pid_t pid;

	assert_ptr_not_equal(verdict, MAP_FAILED);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		alarm(TIME_LIMIT_S);
		the.policy = scheduler;
		the.loads = loads;
		the.nr_loads = nr_loads;
		the.verdict = verdict;
		run_here(nr_cpus, settle_ns, seconds, faults);
		exit(0); /* and not _exit(): what measures coverage has to hear of it */
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status)
		fail_msg("the simulation ended with status 0x%x", (unsigned int)status);
	if (verdict->failure[0])
		fail_msg("%s", verdict->failure);
	for (size_t i = 0; i < nr_loads; i++)
		loads[i].got = verdict->got[i];
	simulate_reloads = verdict->reloads;
	munmap(verdict, size);
}

void simulate(uint32_t nr_cpus, uint64_t settle_ns, uint32_t seconds, struct load *loads,
	      size_t nr_loads)
{
	simulate_under(policy, 0, nr_cpus, settle_ns, seconds, loads, nr_loads);
}

void simulate_faults(uint32_t nr_cpus, uint64_t settle_ns, uint32_t seconds, uint32_t faults,
		     struct load *loads, size_t nr_loads)
{
	simulate_under(policy, faults, nr_cpus, settle_ns, seconds, loads, nr_loads);
}

static void simulate_groups_under(const struct rl_policy *scheduler, uint32_t nr_cpus, bool is_7_3,
				  uint32_t seconds, const struct group *groups, size_t nr_groups,
				  struct load *loads, size_t nr_loads)
{
	the.groups = groups;
	the.nr_groups = nr_groups;
	the.is_6_12 = !is_7_3;
	simulate_under(scheduler, 0, nr_cpus, 1000000000, seconds, loads, nr_loads);
	the.nr_groups = 0;
	the.is_6_12 = false;
}

void simulate_groups(uint32_t nr_cpus, bool is_7_3, uint32_t seconds, const struct group *groups,
		     size_t nr_groups, struct load *loads, size_t nr_loads)
{
	simulate_groups_under(policy, nr_cpus, is_7_3, seconds, groups, nr_groups, loads, nr_loads);
}

void simulate_eevdf_groups(uint32_t nr_cpus, bool is_7_3, uint32_t seconds,
			   const struct group *groups, size_t nr_groups, struct load *loads,
			   size_t nr_loads)
{
	simulate_groups_under(&run_eevdf, nr_cpus, is_7_3, seconds, groups, nr_groups, loads,
			      nr_loads);
}

void simulate_eevdf(uint32_t nr_cpus, uint64_t settle_ns, uint32_t seconds, struct load *loads,
		    size_t nr_loads)
{
	simulate_under(&run_eevdf, 0, nr_cpus, settle_ns, seconds, loads, nr_loads);
}

void simulate_eevdf_faults(uint32_t nr_cpus, uint64_t settle_ns, uint32_t seconds, uint32_t faults,
			   struct load *loads, size_t nr_loads)
{
	simulate_under(&run_eevdf, faults, nr_cpus, settle_ns, seconds, loads, nr_loads);
}

uint64_t permille_of(uint32_t seconds, const struct load *load)
{
	return load->got.exec_ns / (seconds * SEC_NS / 1000);
}

void assert_near(uint64_t value, uint64_t expected, uint64_t by)
{
	if (value + by < expected || value > expected + by)
		fail_msg("%llu is not %llu, more or less %llu", (unsigned long long)value,
			 (unsigned long long)expected, (unsigned long long)by);
}
