/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kfuncs and helpers that the sources of bpf/ call. They are declared by bpf/compat.bpf.h itself, so that a
 * prototype that differs does not compile.
 */
#include <errno.h>
#include <stdlib.h>

#include "bpf/compat.bpf.h"
#include "sim/faults.h"
#include "sim/kernel/flags.h"
#include "sim/kernel/idle.h"
#include "sim/kernel/maps.h"
#include "sim/kernel/random.h"
#include "sim/kernel/sched.h"

/* ---- Time, CPUs and who is running ---------------------------------------------------------- */

uint64_t sim_now_ns(void)
{
	return machine_now(&machine) + (uint64_t)fault_skew_ns(machine.this_cpu->id);
}

int32_t sim_this_cpu(void)
{
	return machine.this_cpu->id;
}

uint32_t sim_random_u32(void)
{
	return (uint32_t)random_next(&machine.this_cpu->random);
}

/* The idle thread, which is no task of the model. */
static struct task nobody = {.p = {.comm = "swapper"}};

struct task_struct *sim_current(void)
{
	struct cpu *cpu = machine.this_cpu;

	return cpu->curr ? &cpu->curr->p : &nobody.p;
}

uint64_t sim_current_pid_tgid(void)
{
	struct task_struct *p = machine.policy ? &machine.policy->p : sim_current();

	return (uint64_t)(uint32_t)p->tgid << 32 | (uint32_t)p->pid;
}

long sim_copy_string(char *to, size_t size, const char *from)
{
	size_t len = from ? strnlen(from, size - 1) : 0;

	memcpy(to, from ? from : "", len);
	to[len] = 0;
	return (long)len + 1;
}

/* Variables of the kernel that every CPU has one of; compat.bpf.h knows them as constants of its own. */
const struct rq runqueues;
const struct pcpu_hot pcpu_hot;
const int __preempt_count;
const int sched_core_priority;
const int sd_llc_id;

const void *sim_per_cpu(const void *variable, int32_t number)
{
	struct cpu *cpu = &machine.cpus[number];

	if (variable == &runqueues)
		return &cpu->rq;
	if (variable == &pcpu_hot || variable == &__preempt_count)
		return &cpu->preempt_count;
	if (variable == &sd_llc_id)
		return &cpu->llc;
	if (variable == &sched_core_priority)
		return &cpu->priority;
	return NULL;
}

/* ---- CPU masks ------------------------------------------------------------------------------ */

u32 scx_bpf_nr_cpu_ids(void)
{
	return machine.topology.nr_cpus;
}

const struct cpumask *scx_bpf_get_online_cpumask(void)
{
	return cpumask_of(&machine.online);
}

void scx_bpf_put_cpumask(const struct cpumask *mask)
{
	(void)mask;
}

const struct cpumask *scx_bpf_get_idle_smtmask(void)
{
	return cpumask_of(machine.topology.smt ? &machine.idle_smt : &machine.idle);
}

const struct cpumask *scx_bpf_get_idle_smtmask_node(s32 node)
{
	(void)node;
	return scx_bpf_get_idle_smtmask();
}

void scx_bpf_put_idle_cpumask(const struct cpumask *mask)
{
	(void)mask;
}

bool bpf_cpumask_test_cpu(u32 cpu, const struct cpumask *mask)
{
	return cpu < MASK_CPUS && mask_has(mask_of(mask), (int)cpu);
}

u32 bpf_cpumask_first(const struct cpumask *mask)
{
	int cpu = mask_next(mask_of(mask), NULL, 0, (int)machine.topology.nr_cpus);

	return cpu < 0 ? machine.topology.nr_cpus : (u32)cpu;
}

/* ---- Idle CPUs ------------------------------------------------------------------------------ */

bool scx_bpf_test_and_clear_cpu_idle(s32 cpu)
{
	if (cpu < 0 || cpu >= (s32)machine.topology.nr_cpus) {
		machine_fail("invalid CPU %d", cpu);
		return false;
	}
	cpu_interleave();
	return idle_test_and_clear(cpu);
}

s32 scx_bpf_pick_idle_cpu(const struct cpumask *mask, u64 flags)
{
	cpu_interleave();
	return idle_pick(mask_of(mask), flags);
}

s32 scx_bpf_pick_idle_cpu_node(const struct cpumask *mask, s32 node, u64 flags)
{
	cpu_interleave();
	return idle_pick_in_node(mask_of(mask), node, flags);
}

s32 scx_bpf_cpu_node(s32 cpu)
{
	return machine.cpus[cpu].node;
}

s32 scx_bpf_select_cpu_dfl(struct task_struct *p, s32 prev_cpu, u64 wake_flags, bool *is_idle)
{
	s32 cpu;

	cpu_interleave();
	cpu = idle_select(task_of(p), prev_cpu, wake_flags);
	*is_idle = cpu >= 0;
	return cpu >= 0 ? cpu : prev_cpu;
}

s32 scx_bpf_select_cpu_and___compat(struct task_struct *p, s32 prev_cpu, u64 wake_flags,
				    const struct cpumask *allowed, u64 flags)
{
	(void)allowed; /* always the task's own here */
	(void)flags;
	cpu_interleave();
	return idle_select(task_of(p), prev_cpu, wake_flags);
}

s32 __scx_bpf_select_cpu_and(struct task_struct *p, const struct cpumask *allowed,
			     struct scx_bpf_select_cpu_and_args *args)
{
	return scx_bpf_select_cpu_and___compat(p, args->prev_cpu, args->wake_flags, allowed,
					       args->flags);
}

/* ---- Kicks ---------------------------------------------------------------------------------- */

static bool skips_idle_kick(const struct cpu *cpu)
{
	return cpu->curr && !cpu->in_balance;
}

static void kick_cpus(struct cpu *self)
{
	struct machine *m = self->m;
	int nr_cpus = (int)m->topology.nr_cpus;

	for (int i = -1; (i = mask_next(&self->kick, NULL, i + 1, nr_cpus)) >= 0;) {
		struct cpu *cpu = &m->cpus[i];

		lock_take(&cpu->rq_lock);
		/* 7.3 leaves a CPU alone that runs a task of a class above. */
		if (!cpu->online || (m->kernel >= SIM_KERNEL_7_3 && cpu->curr &&
				     sched_class_above(cpu->curr->class, &ext_sched_class))) {
			lock_release(&cpu->rq_lock);
			continue;
		}
		if (mask_has(&self->kick_preempt, i) && cpu->curr &&
		    cpu->curr->class == &ext_sched_class) {
			cpu->curr->p.scx.slice = 0;
			m->counters.preemptions++;
		}
		m->counters.kicks++;
		resched_cpu(cpu);
		lock_release(&cpu->rq_lock);
	}
	mask_clear(&self->kick);
	mask_clear(&self->kick_preempt);
	self->any_kick = false;
}

static void kick_idle_cpus(struct cpu *self)
{
	struct machine *m = self->m;
	int nr_cpus = (int)m->topology.nr_cpus;

	for (int i = -1; (i = mask_next(&self->kick_if_idle, NULL, i + 1, nr_cpus)) >= 0;) {
		lock_take(&m->cpus[i].rq_lock);
		if (m->cpus[i].online && !skips_idle_kick(&m->cpus[i])) {
			m->counters.idle_kicks++;
			resched_cpu(&m->cpus[i]);
		}
		lock_release(&m->cpus[i].rq_lock);
	}
	mask_clear(&self->kick_if_idle);
	self->any_kick_if_idle = false;
}

/* What scx_bpf_kick_cpu() has put off: as soon as this CPU takes interrupts. */
static void handle_irq_work(struct cpu *self, struct irq *irq)
{
	(void)irq;
	if (self->any_kick)
		kick_cpus(self);
	if (self->any_kick_if_idle)
		kick_idle_cpus(self);
	if (self->wake_policy) {
		self->wake_policy = false;
		policy_thread_wake();
	}
}

/* By an interrupt that this CPU sends itself, as soon as interrupts are on again. */
static void kick_later(struct cpu *self)
{
	self->irq_work.handle = handle_irq_work;
	irq_send(&self->irq_work, self, 0);
}

void kick_self(struct cpu *self)
{
	mask_add(&self->kick, self->id);
	self->any_kick = true;
	kick_later(self);
}

void scx_bpf_kick_cpu(s32 cpu, u64 flags)
{
	struct cpu *self = machine.this_cpu;

	if (cpu < 0 || cpu >= (s32)machine.topology.nr_cpus) {
		machine_fail("invalid CPU %d from scx_bpf_kick_cpu()", cpu);
		return;
	}
	cpu_interleave();
	if (self->bypass)
		return;
	if (flags & KICK_IDLE) {
		if (lock_try(&machine.cpus[cpu].rq_lock)) {
			bool skips = skips_idle_kick(&machine.cpus[cpu]);

			lock_release(&machine.cpus[cpu].rq_lock);
			if (skips)
				return;
		}
		mask_add(&self->kick_if_idle, cpu);
		self->any_kick_if_idle = true;
	} else {
		mask_add(&self->kick, cpu);
		self->any_kick = true;
		if (flags & KICK_PREEMPT)
			mask_add(&self->kick_preempt, cpu);
	}
	kick_later(self);
}

void sim_wake_policy_later(void)
{
	struct cpu *self = machine.this_cpu;

	self->wake_policy = true;
	self->irq_work.handle = handle_irq_work;
	irq_send(&self->irq_work, self, 0);
}

/* ---- DSQs ----------------------------------------------------------------------------------- */

static struct dsq *find_dsq(u64 id)
{
	struct dsq *dsq = id < machine.nr_dsqs ? &machine.dsqs[id] : NULL;

	/* After it was unloaded only its timer asks, until user space lets go of that. */
	if (!machine.ops)
		return NULL;
	if (!dsq || dsq->id != id) {
		machine_fail("non-existent DSQ 0x%llx", (unsigned long long)id);
		return NULL;
	}
	return dsq;
}

s32 scx_bpf_create_dsq(u64 id, s32 node)
{
	struct machine *m = &machine;

	(void)node;
	if (id >= 65536)
		return -EINVAL;
	if (id >= m->nr_dsqs) {
		u32 nr = (u32)id + 64;

		m->dsqs = realloc(m->dsqs, nr * sizeof(*m->dsqs));
		if (!m->dsqs)
			return -ENOMEM;
		for (; m->nr_dsqs < nr; m->nr_dsqs++)
			m->dsqs[m->nr_dsqs] = (struct dsq){.id = ~0ULL};
	}
	if (m->dsqs[id].id == id)
		return -EEXIST;
	m->dsqs[id].id = id;
	return 0;
}

s32 scx_bpf_dsq_nr_queued(u64 id)
{
	struct dsq *dsq = find_dsq(id);

	return dsq ? (s32)dsq->nr : -ENOENT;
}

s32 scx_bpf_task_cpu(const struct task_struct *p)
{
	return task_of(p)->cpu;
}

/* Only the task that the callback is about, and once. */
static bool insert(struct task_struct *p, u64 id, u64 slice_ns, u64 flags)
{
	struct cpu *self = machine.this_cpu;
	struct task *t = task_of(p);

	if (self->inserting != t) {
		machine_fail("%s[%d] is inserted, but that is not the task in question", p->comm,
			     p->pid);
		return false;
	}
	if (t->is_inserted) {
		machine_fail("%s[%d] is inserted twice", p->comm, p->pid);
		return false;
	}
	if (id != DSQ_ID_LOCAL && !find_dsq(id))
		return false;
	p->scx.slice = slice_ns ? slice_ns : p->scx.slice ? p->scx.slice : 1;
	t->is_inserted = true;
	t->insert_dsq = id;
	t->insert_flags = flags;
	return true;
}

bool scx_bpf_dsq_insert___v2___compat(struct task_struct *p, u64 dsq, u64 slice, u64 flags)
{
	return insert(p, dsq, slice, flags);
}

void scx_bpf_dsq_insert___compat(struct task_struct *p, u64 dsq, u64 slice, u64 flags)
{
	insert(p, dsq, slice, flags);
}

void scx_bpf_dispatch___compat(struct task_struct *p, u64 dsq, u64 slice, u64 flags)
{
	insert(p, dsq, slice, flags);
}

bool __scx_bpf_dsq_insert_vtime(struct task_struct *p, struct scx_bpf_dsq_insert_vtime_args *args)
{
	if (!insert(p, args->dsq_id, args->slice, args->enq_flags | ENQ_PRIQ))
		return false;
	p->scx.dsq_vtime = args->vtime;
	return true;
}

void scx_bpf_dsq_insert_vtime___compat(struct task_struct *p, u64 dsq, u64 slice, u64 vtime,
				       u64 flags)
{
	if (insert(p, dsq, slice, flags | ENQ_PRIQ))
		p->scx.dsq_vtime = vtime;
}

void scx_bpf_dispatch_vtime___compat(struct task_struct *p, u64 dsq, u64 slice, u64 vtime,
				     u64 flags)
{
	scx_bpf_dsq_insert_vtime___compat(p, dsq, slice, vtime, flags);
}

/*
 * A task of another CPU's runqueue: the lock of the own one is let go of for that one's. Nobody else can take
 * the task meanwhile, but it can stop being runnable.
 */
static void pull(struct cpu *self, struct task *t)
{
	struct cpu *from = &machine.cpus[t->cpu];

	cpu_spend(machine.costs->move_task);
	lock_release(&self->rq_lock);
	lock_take(&from->rq_lock);
	set_task_cpu(t, self->id);
	lock_release(&from->rq_lock);
	lock_take(&self->rq_lock);
}

bool consume_dsq(struct cpu *self, struct dsq *dsq)
{
	struct task *t;

	if (!dsq->nr)
		return false;
	cpu_interleave();
	lock_briefly(&dsq->lock, machine.costs->dsq_lock);
	for (t = dsq_first(dsq); t; t = dsq_next(t))
		if (t->cpu == self->id || (self->rq_online && may_stay(t, self)))
			break;
	if (!t)
		return false;
	dsq_remove(dsq, t);
	t->in_transit = true;
	if (t->cpu != self->id)
		pull(self, t);
	t->in_transit = false;
	dsq_insert_task(&self->local, t, false, false);
	return true;
}

static bool move_to_local(u64 id)
{
	struct cpu *self = machine.this_cpu;
	struct dsq *dsq = find_dsq(id);

	if (!dsq || !consume_dsq(self, dsq))
		return false;
	self->nr_dispatched++;
	return true;
}

bool scx_bpf_dsq_move_to_local___v2___compat(u64 dsq, u64 enq_flags)
{
	(void)enq_flags;
	return move_to_local(dsq);
}

bool scx_bpf_dsq_move_to_local___compat(u64 dsq)
{
	return move_to_local(dsq);
}

bool scx_bpf_consume___compat(u64 dsq)
{
	return move_to_local(dsq);
}

/* ---- Iterators and moves -------------------------------------------------------------------- */

struct dsq_iterator {
	struct dsq *dsq;
	u64 seq;	 /* what was inserted later is not seen */
	struct task *at; /* the last one it gave */
	u64 slice, vtime;
	bool is_finished;
};

_Static_assert(sizeof(struct dsq_iterator) <= sizeof(struct bpf_iter_scx_dsq), "it has to fit");

int bpf_iter_scx_dsq_new(struct bpf_iter_scx_dsq *it, u64 id, u64 flags)
{
	struct dsq_iterator *iterator = (void *)it;
	struct dsq *dsq = find_dsq(id);

	(void)flags;
	*iterator = (struct dsq_iterator){.dsq = dsq, .seq = dsq ? dsq->seq : 0};
	return dsq ? 0 : -ENOENT;
}

struct task_struct *bpf_iter_scx_dsq_next(struct bpf_iter_scx_dsq *it)
{
	struct dsq_iterator *iterator = (void *)it;
	struct task *t;

	if (!iterator->dsq || iterator->is_finished)
		return NULL;
	lock_briefly(&iterator->dsq->lock, machine.costs->dsq_lock);
	t = iterator->at ? dsq_next(iterator->at) : dsq_first(iterator->dsq);
	while (t && (s64)(t->node.seq - iterator->seq) > 0)
		t = dsq_next(t);
	iterator->at = t;
	iterator->is_finished = !t;
	return t ? &t->p : NULL;
}

void bpf_iter_scx_dsq_destroy(struct bpf_iter_scx_dsq *it)
{
	(void)it;
}

void scx_bpf_dsq_move_set_slice___compat(struct bpf_iter_scx_dsq *it, u64 slice)
{
	((struct dsq_iterator *)it)->slice = slice;
}

void scx_bpf_dsq_move_set_vtime___compat(struct bpf_iter_scx_dsq *it, u64 vtime)
{
	((struct dsq_iterator *)it)->vtime = vtime;
}

void scx_bpf_dispatch_from_dsq_set_slice___compat(struct bpf_iter_scx_dsq *it, u64 slice)
{
	((struct dsq_iterator *)it)->slice = slice;
}

void scx_bpf_dispatch_from_dsq_set_vtime___compat(struct bpf_iter_scx_dsq *it, u64 vtime)
{
	((struct dsq_iterator *)it)->vtime = vtime;
}

bool scx_bpf_dsq_move_vtime___compat(struct bpf_iter_scx_dsq *it, struct task_struct *p, u64 id,
				     u64 flags)
{
	struct dsq_iterator *iterator = (void *)it;
	struct dsq *to = find_dsq(id);
	struct task *t = task_of(p);

	(void)flags;
	cpu_interleave();
	if (!to || t->dsq != iterator->dsq || (s64)(t->node.seq - iterator->seq) > 0)
		return false;
	OBSERVE(moved, t, machine.this_cpu->carried_out);
	lock_briefly(&iterator->dsq->lock, machine.costs->dsq_lock);
	lock_briefly(&to->lock, machine.costs->dsq_lock);
	dsq_remove(iterator->dsq, t);
	if (iterator->slice)
		p->scx.slice = iterator->slice;
	p->scx.dsq_vtime = iterator->vtime;
	dsq_insert_task(to, t, true, false);
	return true;
}

bool scx_bpf_dispatch_vtime_from_dsq___compat(struct bpf_iter_scx_dsq *it, struct task_struct *p,
					      u64 id, u64 flags)
{
	return scx_bpf_dsq_move_vtime___compat(it, p, id, flags);
}

/* ---- Tasks ---------------------------------------------------------------------------------- */

bool scx_bpf_task_set_slice(struct task_struct *p, u64 slice)
{
	p->scx.slice = slice;
	return true;
}

struct task_struct *bpf_task_from_pid(s32 pid)
{
	struct task *t = task_by_pid(pid);

	if (!t)
		return NULL;
	task_get(t);
	return &t->p;
}

void bpf_task_release(struct task_struct *p)
{
	task_put(task_of(p));
}

void *bpf_rdonly_cast(const void *object, u32 btf_id)
{
	(void)btf_id;
	return (void *)object;
}
