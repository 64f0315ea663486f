/* SPDX-License-Identifier: GPL-2.0-only */
/* See machine.h. Every event scans all CPUs and tasks: that is fast enough for hundreds. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/machine.h"

enum task_state {
	SLEEPING,
	WAITING,
	RUNNING,
	DEAD
};

struct task {
	struct machine_spec spec;
	enum task_state state;
	struct rl_task facts;
	struct rl_decision decision; /* the one that counts now */
	bool known;		     /* the policy has decided about it */
	bool asked;		     /* the policy owes an answer */
	uint32_t standing;	     /* wakeups that need none */
	bool second_of_pair;
	bool inherited; /* its class is that of its waker */
	uint64_t slice_left_ns, decided_runtime_ns;
	uint64_t work_left_ns;		  /* until it sleeps or exits */
	uint64_t wake_at_ns, slept_at_ns; /* UINT64_MAX: somebody else wakes it */
	uint64_t waits_since_ns, seq;
	bool woken;
	struct machine_result result;
	uint64_t *latencies;
	size_t nr_latencies, max_latencies;
};

struct cpu {
	struct task *curr;
	uint64_t since_ns; /* accounted up to here; later than now while it switches */
};

struct machine {
	struct machine_config config;
	struct rl_policy_config *limits; /* in config */
	void *policy_state;
	uint32_t random;
	uint64_t now_ns, frontier, seq;
	struct cpu cpus[64];
	struct task **tasks;
	size_t nr_tasks;
	struct machine_spec storm;
	uint64_t storm_interval_ns, storm_at_ns;
};

/* xorshift32 (Marsaglia 2003) */
static uint32_t random32(struct machine *m)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 17;
	m->random ^= m->random << 5;
	return m->random;
}

/* A value at most a share of 1/divisor away. */
static uint64_t vary(struct machine *m, uint64_t value, uint64_t divisor)
{
	uint64_t width = value / divisor;

	return value - width + (width ? random32(m) % (2 * width + 1) : 0);
}

static bool before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

static bool may_use(const struct task *t, uint32_t cpu)
{
	return t->spec.cpus >> cpu & 1;
}

/* ---- The backend: accounting and queueing --------------------------------------------------- */

/* No decision stands: the deadline becomes what it would be if the policy went on as before. */
static void decide_by_estimate(struct machine *m, struct task *t)
{
	uint64_t used_ns = t->facts.runtime_ns - t->decided_runtime_ns;
	uint64_t deadline = t->decision.deadline + used_ns * RL_WEIGHT_DEFAULT / t->spec.weight;

	if (!t->known || before(deadline, m->frontier - m->limits->slice_ns))
		deadline = m->frontier - m->limits->slice_ns;
	if (before(m->frontier + 2 * m->limits->slice_ns, deadline))
		deadline = m->frontier + 2 * m->limits->slice_ns;
	t->decision.deadline = deadline;
	t->decided_runtime_ns = t->facts.runtime_ns;
	t->slice_left_ns = m->limits->slice_ns;
}

static void account(struct machine *m, struct cpu *cpu)
{
	struct task *t = cpu->curr;
	uint64_t ran_ns = m->now_ns - cpu->since_ns;

	if (!t || before(m->now_ns, cpu->since_ns))
		return;
	cpu->since_ns = m->now_ns;
	t->facts.runtime_ns += ran_ns;
	t->facts.burst_ns += ran_ns;
	t->slice_left_ns -= ran_ns;
	t->work_left_ns -= ran_ns;
	t->result.runtime_ns += ran_ns;
}

static void wait_in_queue(struct machine *m, struct task *t)
{
	t->state = WAITING;
	t->seq = ++m->seq;
}

static void start(struct machine *m, uint32_t cpu, struct task *t)
{
	uint64_t waited_ns = m->now_ns - t->waits_since_ns;

	if (before(m->frontier, t->decision.deadline))
		m->frontier = t->decision.deadline;
	m->cpus[cpu].curr = t;
	m->cpus[cpu].since_ns = m->now_ns + m->config.switch_ns;
	t->state = RUNNING;
	t->facts.cpu = cpu;
	if (waited_ns > t->result.waited_max_ns)
		t->result.waited_max_ns = waited_ns;
	if (!t->woken)
		return;
	t->woken = false;
	if (t->nr_latencies == t->max_latencies) {
		t->max_latencies = 2 * t->max_latencies + 64;
		t->latencies = realloc(t->latencies, t->max_latencies * sizeof(uint64_t));
		assert(t->latencies);
	}
	t->latencies[t->nr_latencies++] = waited_ns;
}

/* Start the most urgent of those that wait for this CPU; false when nobody does. */
static bool start_next(struct machine *m, uint32_t cpu)
{
	struct task *best = NULL;

	for (size_t i = 0; i < m->nr_tasks; i++) {
		struct task *t = m->tasks[i];

		if (t->state != WAITING || t->asked || !may_use(t, cpu) ||
		    (t->decision.cpu != RL_CPU_ANY && t->decision.cpu != (int32_t)cpu))
			continue;
		if (!best || before(t->decision.deadline, best->decision.deadline) ||
		    (t->decision.deadline == best->decision.deadline && t->seq < best->seq))
			best = t;
	}
	if (best)
		start(m, cpu, best);
	return best;
}

/* ---- The backend: asking -------------------------------------------------------------------- */

static void ask(struct machine *m, struct task *t, uint32_t flags);

static void preempt_for(struct machine *m, const struct task *t)
{
	uint32_t candidates[] = {t->facts.cpu, random32(m) % m->limits->nr_cpus};
	uint64_t latest = t->decision.deadline + m->limits->slice_min_ns;
	struct task *victim = NULL;

	for (int i = 0; i < 2; i++) {
		struct task *curr = m->cpus[candidates[i]].curr;

		if (curr && curr->state == RUNNING && may_use(t, candidates[i]) &&
		    before(latest, curr->decision.deadline)) {
			latest = curr->decision.deadline;
			victim = curr;
		}
	}
	if (!victim)
		return;
	account(m, &m->cpus[victim->facts.cpu]);
	victim->waits_since_ns = m->now_ns;
	wait_in_queue(m, victim);
	start_next(m, victim->facts.cpu);
	/* It waits under its own decision, unless the slice is as good as used up. */
	if (victim->slice_left_ns < m->limits->slice_min_ns / 2)
		ask(m, victim, 0);
}

static void carry_out(struct machine *m, const struct rl_decision *d)
{
	struct task *t = m->tasks[d->pid - 1];

	assert(t->asked && d->request == t->facts.request && d->generation == t->facts.generation);
	assert(d->slice_ns > 0);
	assert(d->standing <= RL_STANDING_MAX);
	assert(!(d->flags & RL_DECISION_NOTICE) == !(t->facts.flags & RL_TASK_NOTICE));
	t->asked = false;
	t->known = true;
	t->decision = *d;
	t->standing = d->standing;
	t->decided_runtime_ns = t->facts.runtime_ns;
	memcpy(t->facts.state, d->state, sizeof(d->state));
	if (d->flags & RL_DECISION_NOTICE)
		return;
	t->slice_left_ns = d->slice_ns;
	if (d->flags & RL_DECISION_PREEMPT)
		preempt_for(m, t);
}

static void ask(struct machine *m, struct task *t, uint32_t flags)
{
	struct cpu *cpu = &m->cpus[t->facts.cpu];
	struct rl_decision d = {0};

	t->facts.flags =
		flags | (t->known ? 0 : RL_TASK_NEW) | (t->inherited ? RL_TASK_INHERITED : 0);
	t->facts.nr_waiting = 0;
	for (size_t i = 0; i < m->nr_tasks; i++)
		t->facts.nr_waiting += m->tasks[i] != t && m->tasks[i]->state == WAITING;
	t->facts.enqueued_at_ns = m->now_ns;
	t->facts.frontier = m->frontier;
	t->facts.runtime_ns += m->config.ask_ns;
	account(m, cpu);
	cpu->since_ns += m->config.ask_ns;
	t->facts.request = m->seq;
	t->facts.generation++;
	t->asked = true;
	wait_in_queue(m, t);
	m->config.policy->enqueue(m->policy_state, &t->facts);
	while (m->config.policy->next(m->policy_state, &d))
		carry_out(m, &d);
	assert(!t->asked);
}

/* A wakeup that needs no answer; at the last one the policy is told. */
static void queue_standing(struct machine *m, struct task *t)
{
	t->slice_left_ns = t->decision.slice_ns;
	t->decided_runtime_ns = t->facts.runtime_ns;
	if (--t->standing)
		wait_in_queue(m, t);
	else
		ask(m, t, RL_TASK_WAKEUP | RL_TASK_NOTICE);
	preempt_for(m, t);
}

static void become_runnable(struct machine *m, struct task *t)
{
	t->work_left_ns = t->spec.kind == MACHINE_HOG ? UINT64_MAX : vary(m, t->spec.run_ns, 10);
	t->waits_since_ns = m->now_ns;
	t->facts.last_burst_ns = t->facts.burst_ns;
	t->facts.burst_ns = 0;
	t->woken = t->facts.runtime_ns > 0;
	if (t->woken)
		t->facts.slept_ns = m->now_ns - t->slept_at_ns;
	for (uint32_t i = 0; i < m->limits->nr_cpus; i++) {
		uint32_t cpu = (t->facts.cpu + i) % m->limits->nr_cpus;

		if (!m->cpus[cpu].curr && may_use(t, cpu)) {
			decide_by_estimate(m, t);
			start(m, cpu, t);
			return;
		}
	}
	if (t->woken && t->standing) {
		queue_standing(m, t);
		return;
	}
	t->result.nr_asked += t->woken;
	ask(m, t, t->woken ? RL_TASK_WAKEUP : 0);
}

/* ---- Tasks ---------------------------------------------------------------------------------- */

static void free_task(struct task *t)
{
	free(t->latencies);
	free(t);
}

static struct task *add_task(struct machine *m, const struct machine_spec *spec)
{
	struct task *t = calloc(1, sizeof(*t));
	size_t i = 0;

	while (i < m->nr_tasks && m->tasks[i]->state != DEAD)
		i++;
	if (i == m->nr_tasks)
		m->tasks = realloc(m->tasks, ++m->nr_tasks * sizeof(*m->tasks));
	else
		free_task(m->tasks[i]);
	assert(t && m->tasks);
	m->tasks[i] = t;
	t->spec = *spec;
	t->spec.weight = spec->weight ? spec->weight : RL_WEIGHT_DEFAULT;
	t->spec.cpus = (spec->cpus ? spec->cpus : -1ULL) & (-1ULL >> (64 - m->limits->nr_cpus));
	t->facts.pid = t->facts.tgid = i + 1;
	t->facts.weight = t->spec.weight;
	t->facts.boost_class = t->spec.class;
	t->facts.user = t->spec.user;
	t->facts.nr_cpus_allowed = __builtin_popcountll(t->spec.cpus);
	do {
		t->facts.cpu = random32(m) % m->limits->nr_cpus;
	} while (!may_use(t, t->facts.cpu));
	t->decision.cpu = RL_CPU_ANY;
	t->wake_at_ns = UINT64_MAX;
	return t;
}

static void wake_partner(struct machine *m, const struct task *t)
{
	struct task *partner = m->tasks[t->facts.pid - 1 + (t->second_of_pair ? -1 : 1)];

	partner->inherited = t->spec.class > partner->spec.class;
	partner->facts.boost_class = partner->inherited ? t->spec.class : partner->spec.class;
	become_runnable(m, partner);
}

/* The running task has done its work; its CPU is still its own. */
static void finish(struct machine *m, struct task *t)
{
	t->state = t->spec.kind == MACHINE_ONCE ? DEAD : SLEEPING;
	t->slept_at_ns = m->now_ns;
	t->wake_at_ns = UINT64_MAX;
	if (t->spec.kind == MACHINE_PAIR)
		wake_partner(m, t);
	else if (t->spec.period_ns)
		t->wake_at_ns = m->now_ns - m->now_ns % t->spec.period_ns + t->spec.period_ns;
	else
		t->wake_at_ns = m->now_ns + vary(m, t->spec.sleep_ns, 10);
}

/* ---- Events --------------------------------------------------------------------------------- */

static uint64_t event_of_cpu(const struct cpu *c)
{
	const struct task *t = c->curr;

	if (!t)
		return UINT64_MAX;
	return c->since_ns +
	       (t->work_left_ns < t->slice_left_ns ? t->work_left_ns : t->slice_left_ns);
}

static void cpu_event(struct machine *m, uint32_t cpu)
{
	struct task *t = m->cpus[cpu].curr;

	account(m, &m->cpus[cpu]);
	if (t->work_left_ns == 0) {
		finish(m, t);
		m->cpus[cpu].curr = NULL;
		start_next(m, cpu);
		return;
	}
	t->waits_since_ns = m->now_ns;
	if (start_next(m, cpu))
		ask(m, t, 0);
	else
		decide_by_estimate(m, t);
}

void machine_run(struct machine *m, uint64_t duration_ns)
{
	uint64_t end = m->now_ns + duration_ns;

	while (m->now_ns < end) {
		struct task *wakes = NULL;
		int cpu = -1;
		uint64_t at = end;

		for (uint32_t i = 0; i < m->limits->nr_cpus; i++) {
			if (event_of_cpu(&m->cpus[i]) < at) {
				at = event_of_cpu(&m->cpus[i]);
				cpu = i;
			}
		}
		for (size_t i = 0; i < m->nr_tasks; i++) {
			if (m->tasks[i]->state == SLEEPING && m->tasks[i]->wake_at_ns < at) {
				at = m->tasks[i]->wake_at_ns;
				wakes = m->tasks[i];
			}
		}
		if (m->storm_at_ns < at) {
			at = m->storm_at_ns;
			m->storm_at_ns += vary(m, m->storm_interval_ns, 1);
			wakes = add_task(m, &m->storm);
		}
		m->now_ns = at;
		if (wakes)
			become_runnable(m, wakes);
		else if (cpu >= 0)
			cpu_event(m, cpu);
	}
	for (uint32_t i = 0; i < m->limits->nr_cpus; i++)
		account(m, &m->cpus[i]);
}

/* ---- For tests ------------------------------------------------------------------------------ */

struct machine *machine_new(const struct machine_config *config)
{
	struct machine *m = calloc(1, sizeof(*m));

	assert(m && config->policy_config.nr_cpus <= 64);
	m->config = *config;
	m->limits = &m->config.policy_config;
	m->random = config->seed ? config->seed : 1;
	m->now_ns = config->start_at_ns;
	m->storm_at_ns = UINT64_MAX;
	m->policy_state = calloc(1, config->policy->state_size);
	assert(m->policy_state);
	if (config->policy->init && config->policy->init(m->policy_state, m->limits))
		abort();
	return m;
}

void machine_free(struct machine *m)
{
	if (m->config.policy->fini)
		m->config.policy->fini(m->policy_state);
	for (size_t i = 0; i < m->nr_tasks; i++)
		free_task(m->tasks[i]);
	free(m->tasks);
	free(m->policy_state);
	free(m);
}

size_t machine_add(struct machine *m, const struct machine_spec *spec)
{
	struct task *t = add_task(m, spec), *second;

	if (spec->kind == MACHINE_PAIR) {
		second = add_task(m, spec);
		second->second_of_pair = true;
		if (spec->with_help)
			second->spec.class = second->facts.boost_class = RL_CLASS_NORMAL;
		assert(second->facts.pid == t->facts.pid + 1);
	}
	become_runnable(m, t);
	return t->facts.pid - 1;
}

void machine_storm(struct machine *m, const struct machine_spec *spec, uint64_t interval_ns)
{
	m->storm = *spec;
	m->storm.kind = MACHINE_ONCE;
	m->storm_interval_ns = interval_ns;
	m->storm_at_ns = m->now_ns;
}

void machine_reset_results(struct machine *m)
{
	for (size_t i = 0; i < m->nr_tasks; i++) {
		memset(&m->tasks[i]->result, 0, sizeof(m->tasks[i]->result));
		m->tasks[i]->nr_latencies = 0;
	}
}

struct machine_result machine_result(const struct machine *m, size_t task)
{
	struct machine_result result = m->tasks[task]->result;

	result.nr_wakeups = m->tasks[task]->nr_latencies;
	return result;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

uint64_t machine_latency(struct machine *m, size_t task, unsigned int percent)
{
	struct task *t = m->tasks[task];

	assert(t->nr_latencies && percent <= 100);
	qsort(t->latencies, t->nr_latencies, sizeof(*t->latencies), compare);
	return t->latencies[(t->nr_latencies - 1) * percent / 100];
}
