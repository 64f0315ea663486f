/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One task, one policy "rustland", and a kernel that is a clock: for tests of what the policy decides about single tasks.
 * Nothing here decides anything.
 */
#ifndef RL_TEST_POLICY_TASK_H
#define RL_TEST_POLICY_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/weight.h"
#include "tests/unit/policy-limits.h"

#define DEFAULT ((uint64_t)RL_WEIGHT_DEFAULT)

/* The documented limits. Virtual time gets to every deadline within a second. */
#define DEBT_MAX    (3 * SLICE)
#define OWED_MAX    (SLICE / 2)
#define LIGHT_TURNS 6
#define WAIT_MAX    SECOND
/* Credit, and the largest band. */
#define BEHIND_MAX (3 * SLICE / 2)

/* Of every kind of task, and what groups make of them. */
#define NR_WEIGHTS 9
extern const uint32_t all_weights[NR_WEIGHTS];

/* Each policy that is started gets a new one. */
struct test_kernel {
	uint32_t nr_cpus;
	uint64_t now_ns;
	uint64_t clock; /* rl_task.clock */
};
extern struct test_kernel kernel;

/* Time goes on to at_ns. All CPUs are in use, by tasks that weigh so much together. */
void all_run_until(uint64_t at_ns, uint64_t weight_of_all);
/* One task runs until then, and nobody else wants to. */
void one_runs_until(uint64_t at_ns, uint64_t weight);
/* So many wait, and a task runs on each CPU. All are of nice 0 but this one, which has a weight. */
void set_load(struct rl_task *task, uint32_t weight, uint32_t nr_waiting);
void *start_policy_with(const struct rl_policy_config *config);
void *start_policy(uint32_t nr_cpus);
void stop_policy(void *p);
struct rl_task task_at(int32_t pid, uint64_t at_ns);
/* The decision about a task, when no other is held. */
struct rl_decision decide(void *p, const struct rl_task *task);
/* What has become of the task until it is asked about again: the decision took effect, and it ran. */
void used(struct rl_task *task, const struct rl_decision *d, uint64_t run_ns);
/* Its slice ended at at_ns, while all CPUs were in use. */
void ran(struct rl_task *task, const struct rl_decision *d, uint64_t run_ns, uint64_t at_ns);
void woke(struct rl_task *task, uint64_t slept_ns);
/* New tasks start at the clock, so one of them tells what it is. */
uint64_t clock_of(void *p, uint64_t at_ns);
/* The clock from which the next decision about this task is made. */
uint64_t clock_seen_by(void *p, const struct rl_task *task);
/* How far ahead of the clock the decision sees the task. */
int64_t decide_lag(void *p, const struct rl_task *task, struct rl_decision *d);
int64_t lag_of(void *p, const struct rl_task *task);
uint64_t in_virtual_time(uint64_t time_ns, uint64_t weight);
/* The longest debt: a light task owes more for its shortest slices than others for their longest. */
uint64_t debt_max_of(uint32_t weight);
bool preempts(const struct rl_decision *d);
bool goes_on(const struct rl_decision *d);

#endif /* RL_TEST_POLICY_TASK_H */
