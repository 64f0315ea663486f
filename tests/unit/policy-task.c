/* SPDX-License-Identifier: GPL-2.0-only */
/* See policy-task.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bpf/estimate.h"
#include "tests/unit/policy-task.h"

const uint32_t all_weights[NR_WEIGHTS] = {
	1,
	1000,
	WEIGHT_IDLE,
	15U << WEIGHT_SHIFT,
	RL_WEIGHT_DEFAULT / 2,
	RL_WEIGHT_DEFAULT,
	2 * RL_WEIGHT_DEFAULT,
	88761U << WEIGHT_SHIFT,
	UINT32_MAX,
};

struct test_kernel kernel;

void all_run_until(uint64_t at_ns, uint64_t weight_of_all)
{
	if (at_ns <= kernel.now_ns)
		return;
	for (uint32_t cpu = 0; cpu < kernel.nr_cpus; cpu++)
		kernel.clock += clock_step(at_ns - kernel.now_ns, weight_of_all);
	kernel.now_ns = at_ns;
}

void one_runs_until(uint64_t at_ns, uint64_t weight)
{
	kernel.clock += clock_step(at_ns - kernel.now_ns, weight);
	kernel.now_ns = at_ns;
}

void set_load(struct rl_task *task, uint32_t weight, uint32_t nr_waiting)
{
	task->weight = weight;
	task->nr_waiting = nr_waiting;
	task->weight_of_all = ((uint64_t)kernel.nr_cpus + nr_waiting) * DEFAULT + weight;
}

void *start_policy_with(const struct rl_policy_config *config)
{
	void *p = calloc(1, policy->state_size);

	assert_non_null(p);
	assert_int_equal(policy->init(p, config), 0);
	kernel.nr_cpus = config->nr_cpus;
	kernel.now_ns = 1;
	kernel.clock = 0;
	return p;
}

void *start_policy(uint32_t nr_cpus)
{
	const struct rl_policy_config config = config_for(nr_cpus);

	return start_policy_with(&config);
}

void stop_policy(void *p)
{
	policy->fini(p);
	free(p);
}

struct rl_task task_at(int32_t pid, uint64_t at_ns)
{
	struct rl_task task = {
		.pid = pid,
		.tgid = pid,
		.cpu = 1,
		.flags = RL_TASK_NEW,
		.nr_cpus_allowed = 64,
		.enqueued_at_ns = at_ns,
		.request = 1000 + pid,
		.generation = 2000 + pid,
	};

	set_load(&task, RL_WEIGHT_DEFAULT, 3);
	all_run_until(at_ns, task.weight_of_all);
	task.clock = kernel.clock;
	return task;
}

struct rl_decision decide(void *p, const struct rl_task *task)
{
	struct rl_decision d = {0}, none;

	policy->enqueue(p, task);
	assert_true(policy->next(p, &d));
	assert_false(policy->next(p, &none));
	assert_int_equal(d.pid, task->pid);
	assert_int_equal(d.request, task->request);
	assert_int_equal(d.generation, task->generation);
	assert_in_range(d.slice_ns, SLICE_MIN, SLICE);
	return d;
}

void used(struct rl_task *task, const struct rl_decision *d, uint64_t run_ns)
{
	for (int i = 0; i < RL_STATE_WORDS; i++)
		task->state[i] = d->state[i];
	task->flags = 0;
	task->runtime_ns += run_ns;
	task->burst_ns += run_ns;
	task->enqueued_at_ns = kernel.now_ns;
	task->clock = kernel.clock;
}

void ran(struct rl_task *task, const struct rl_decision *d, uint64_t run_ns, uint64_t at_ns)
{
	all_run_until(at_ns, task->weight_of_all);
	used(task, d, run_ns);
}

void woke(struct rl_task *task, uint64_t slept_ns)
{
	task->flags = RL_TASK_WAKEUP;
	task->slept_ns = slept_ns;
	task->last_burst_ns = task->burst_ns;
	task->burst_ns = 0;
}

uint64_t clock_of(void *p, uint64_t at_ns)
{
	const struct rl_task task = task_at(9999, at_ns);

	return decide(p, &task).state[0];
}

uint64_t clock_seen_by(void *p, const struct rl_task *task)
{
	struct rl_task fresh = *task;

	fresh.flags = RL_TASK_NEW;
	return decide(p, &fresh).state[0];
}

int64_t decide_lag(void *p, const struct rl_task *task, struct rl_decision *d)
{
	uint64_t clock = clock_seen_by(p, task);

	*d = decide(p, task);
	return (int64_t)(d->state[0] - clock);
}

int64_t lag_of(void *p, const struct rl_task *task)
{
	struct rl_decision d;

	return decide_lag(p, task, &d);
}

uint64_t in_virtual_time(uint64_t time_ns, uint64_t weight)
{
	return time_ns * DEFAULT / weight;
}

uint64_t debt_max_of(uint32_t weight)
{
	uint64_t turns = in_virtual_time(LIGHT_TURNS * SLICE_MIN, weight ? weight : 1);

	return turns > DEBT_MAX ? turns : DEBT_MAX;
}

bool preempts(const struct rl_decision *d)
{
	return d->flags & RL_DECISION_PREEMPT;
}

bool goes_on(const struct rl_decision *d)
{
	return d->flags & RL_DECISION_GO_ON;
}
