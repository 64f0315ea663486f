/* SPDX-License-Identifier: GPL-2.0-only */
/* Tasks come and go; what they do is their behavior's. */
#include <stdio.h>
#include <stdlib.h>

#include "bpf/weight.h"
#include "sim/kernel/cgroup.h"
#include "sim/kernel/machine.h"
#include "sim/kernel/random.h"

void task_set_comm(struct task *t, const char *comm)
{
	snprintf(t->p.comm, sizeof(t->p.comm), "%s", comm);
}

void task_set_user(struct task *t, u32 uid)
{
	t->cred = (struct cred){.uid = {uid}, .euid = {uid}};
}

void task_join(struct task *t, struct task *leader)
{
	t->p.tgid = leader->p.tgid;
	t->p.group_leader = leader->p.group_leader;
}

void task_make_kthread(struct task *t, u32 flags)
{
	t->p.flags |= PF_KTHREAD | flags;
	task_set_user(t, 0);
}

struct task *task_new(const char *comm, behavior_fn *behavior, struct task_stats *stats)
{
	struct machine *m = &machine;
	struct task *t = m->free_tasks;
	void *storage = NULL;

	if (t) {
		m->free_tasks = t->next_free;
		storage = t->storage;
	} else {
		t = aligned_alloc(64, (sizeof(*t) + 63) / 64 * 64);
		if (!t)
			abort();
	}
	memset(t, 0, sizeof(*t));
	t->storage = storage;
	do
		m->last_pid = m->last_pid + 1 < SIM_PID_MAX ? m->last_pid + 1 : 300;
	while (m->by_pid[m->last_pid]);
	t->m = m;
	t->refs = 1;
	t->p.pid = t->p.tgid = m->last_pid;
	task_set_comm(t, comm);
	task_set_params(t, &(struct sched_params){0});
	t->p.group_leader = &t->p;
	t->p.real_parent = &t->p;
	t->p.start_boottime = machine_now(m);
	t->p.real_cred = &t->cred;
	t->cred = (struct cred){.uid = {1000}, .euid = {1000}};
	t->p.signal = &t->signal;
	t->signal.live.counter = 1;
	t->p.cgroups = &t->css_set;
	task_set_cgroup(t, m->groups[0]);
	t->p.cpus_ptr = cpumask_of(&t->allowed);
	task_set_allowed(t, &m->possible);
	t->behavior = behavior;
	t->stats = stats;
	t->random = random_start(m->seed, (1ULL << 32) + (u64)t->p.pid);
	m->by_pid[t->p.pid] = t;
	t->next_all = m->all;
	if (m->all)
		m->all->prev_all = t;
	m->all = t;
	m->nr_tasks++;
	return t;
}

void task_set_allowed(struct task *t, const struct mask *allowed)
{
	t->allowed = *allowed;
	t->p.nr_cpus_allowed = mask_count(allowed);
}

u32 task_weight(const struct task *t)
{
	return t->policy == POLICY_IDLE
		       ? WEIGHT_IDLE
		       : nice_to_weight[t->p.static_prio - DEFAULT_PRIO - NICE_MIN] << WEIGHT_SHIFT;
}

/* What sched_ext makes of it: 100 for nice 0. */
static u32 scx_weight(const struct task *t)
{
	u32 weight = ((task_weight(t) >> WEIGHT_SHIFT) * 100 + 512) / 1024;

	return weight ? weight : 1;
}

static unsigned int policy_number(enum sched_policy policy)
{
	static const unsigned int numbers[] = {
		[POLICY_OTHER] = 0,	      [POLICY_FIFO] = 1,	  [POLICY_RR] = 2,
		[POLICY_BATCH] = SCHED_BATCH, [POLICY_IDLE] = SCHED_IDLE,
	};

	return numbers[policy];
}

void task_set_params(struct task *t, const struct sched_params *params)
{
	bool is_rt = params->policy == POLICY_FIFO || params->policy == POLICY_RR;

	t->policy = params->policy;
	t->rt.priority = is_rt ? params->priority : 0;
	t->rt.is_round_robin = params->policy == POLICY_RR;
	t->rt.ticks_left = rt_rr_ticks(t->m);
	t->p.policy = policy_number(params->policy);
	t->p.static_prio = DEFAULT_PRIO + params->nice;
	t->p.scx.weight = scx_weight(t);
}

void task_get(struct task *t)
{
	t->refs++;
}

void task_put(struct task *t)
{
	struct machine *m = t->m;

	if (--t->refs)
		return;
	m->by_pid[t->p.pid] = NULL;
	if (t->next_all)
		t->next_all->prev_all = t->prev_all;
	if (t->prev_all)
		t->prev_all->next_all = t->next_all;
	else
		m->all = t->next_all;
	m->nr_tasks--;
	if (t->storage)
		memset(t->storage, 0, sizeof(u64)); /* its owner: nobody, see maps.c */
	t->next_free = m->free_tasks;
	m->free_tasks = t;
}

struct task *task_by_pid(s32 pid)
{
	return pid > 0 && pid < SIM_PID_MAX ? machine.by_pid[pid] : NULL;
}

/* It becomes runnable on that CPU as the machine starts, in an interrupt. */
static void handle_start(struct cpu *cpu, struct irq *irq)
{
	struct task *t = container_of(irq, struct task, timer);

	(void)cpu;
	wake_up(t, false);
	task_put(t);
}

void task_start_later(struct task *t, s32 cpu, u64 delay_ns)
{
	t->cpu = cpu;
	t->state = TASK_SLEEPING;
	t->timer.handle = handle_start;
	task_get(t);
	irq_raise(&t->timer, &t->m->cpus[cpu],
		  delay_ns + 200 * USEC + random_below(&t->random, 100 * USEC));
}

void task_start(struct task *t, s32 cpu)
{
	task_start_later(t, cpu, 0);
}
