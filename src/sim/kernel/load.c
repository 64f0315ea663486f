/* SPDX-License-Identifier: GPL-2.0-only */
/* See load.h. */
#include "sim/kernel/load.h"

#include "sim/kernel/flags.h"
#include "sim/kernel/grace.h"
#include "sim/kernel/hotplug.h"
#include "sim/kernel/idle.h"
#include "sim/kernel/sched.h"

#define RETRY_NS (20 * USEC)

/* What a step of loading or unloading says, each time it was called. */
enum verdict {
	AGAIN, /* there is more of the same */
	WAIT,  /* and nothing can be done now */
	NEXT,
};

typedef enum verdict step_fn(struct cpu *self);

static struct {
	struct irq irq;
	step_fn *const *steps;
	/* How far a step is. */
	bool is_new;
	u32 cpu;
	struct task *at;
	struct grace grace;
	u64 unlocked_at_ns; /* forks */

	u64 hotplug_seq; /* when user space began to load it */
	struct task *waiter;
} the;

/* ---- Bypass mode ---------------------------------------------------------------------------- */

static enum verdict set_bypass(bool bypass)
{
	struct machine *m = &machine;
	struct cpu *cpu = &m->cpus[the.is_new ? 0 : the.cpu];

	the.cpu = (u32)cpu->id + 1;
	lock_take(&cpu->rq_lock);
	cpu->bypass = bypass;
	ext_requeue(cpu);
	if (cpu->online)
		resched_cpu(cpu);
	lock_release(&cpu->rq_lock);
	return the.cpu < m->topology.nr_cpus ? AGAIN : NEXT;
}

static enum verdict bypass(struct cpu *self)
{
	(void)self;
	if (the.is_new && machine.loading.state == LOAD_DISABLING)
		machine.loading.away_since_ns = machine_now(&machine);
	return set_bypass(true);
}

static enum verdict bypass_no_more(struct cpu *self)
{
	(void)self;
	return set_bypass(false);
}

/* ---- Tasks ---------------------------------------------------------------------------------- */

/* The next task that has begun, and has not left its CPU for the last time, with a reference; NULL: there is none. */
static struct task *next_task(struct task *after)
{
	struct task *t = after ? after->next_all : machine.all;

	while (t && (t->state == TASK_NEW || (t->state == TASK_DEAD && !t->on_cpu)))
		t = t->next_all;
	if (t)
		task_get(t);
	if (after)
		task_put(after);
	return t;
}

/* Forks wait, and none is in the middle: it would begin with what is no more. */
static enum verdict lock_forks(struct cpu *self)
{
	if (the.is_new) {
		machine.loading.forks_wait = true;
		grace_begin(&the.grace);
		/* Such locks remember for as long that they were taken. */
		if (machine_now(&machine) - the.unlocked_at_ns < machine.costs->grace)
			the.grace.least_ns = 0;
	}
	return grace_is_over(&the.grace, self) ? NEXT : WAIT;
}

static enum verdict unlock_forks(struct cpu *self)
{
	(void)self;
	machine.loading.forks_wait = false;
	the.unlocked_at_ns = machine_now(&machine);
	for (struct task *t = next_task(NULL); t; t = next_task(t))
		if (t->forks)
			wake_up(t, false);
	return NEXT;
}

/* visit() is called once for each task; false: it could do nothing yet. */
static enum verdict for_each_task(bool (*visit)(struct task *t))
{
	if (the.is_new)
		the.at = next_task(NULL);
	if (!the.at)
		return NEXT;
	if (!visit(the.at))
		return WAIT;
	the.at = next_task(the.at);
	return the.at ? AGAIN : NEXT;
}

/* False: it is between two queues. */
static bool change_class(struct task *t)
{
	struct cpu *cpu;

	cpu_spend(machine.costs->change_class);
	lock_take(&t->pi_lock);
	cpu = lock_task_rq(t);
	if (t->in_transit) {
		lock_release(&cpu->rq_lock);
		lock_release(&t->pi_lock);
		return false;
	}
	if (class_for(t) == &ext_sched_class)
		t->p.scx.slice = SLICE_DEFAULT;
	set_task_class(cpu, t, class_for(t));
	lock_release(&cpu->rq_lock);
	lock_release(&t->pi_lock);
	return true;
}

static bool to_fair(struct task *t)
{
	if (!change_class(t))
		return false;
	ext_exit_task(t);
	return true;
}

static bool tell_of(struct task *t)
{
	if (ext_init_task(t, false))
		machine_fail("ops.init_task() failed for %s[%d]", t->p.comm, t->p.pid);
	return true;
}

static bool to_ext(struct task *t)
{
	return t->scx_state != SCX_READY || change_class(t);
}

static enum verdict tell_of_tasks(struct cpu *self)
{
	(void)self;
	machine.loading.tells_forks = true;
	return for_each_task(tell_of);
}

static enum verdict tasks_to_ext(struct cpu *self)
{
	(void)self;
	if (the.is_new) {
		sched_set_classes(&machine, true, false);
		machine.scx_switching_all = true;
	}
	return for_each_task(to_ext);
}

static enum verdict tasks_to_fair(struct cpu *self)
{
	(void)self;
	if (the.is_new) {
		sched_set_classes(&machine, true, false);
		machine.loading.tells_forks = false;
	}
	return for_each_task(to_fair);
}

/* ---- Loading -------------------------------------------------------------------------------- */

static enum verdict wait_for_hotplug(struct cpu *self)
{
	(void)self;
	return hotplug_is_under_way() ? WAIT : NEXT;
}

static enum verdict start(struct cpu *self)
{
	int err;

	(void)self;
	idle_reset();
	err = machine.ops->init();
	if (err)
		machine_fail("ops.init() failed (%d)", err);
	/* CPUs have changed since user space looked at them. */
	if (the.hotplug_seq != machine.hotplug_seq)
		load_hotplug();
	ext_watch(true);
	return NEXT;
}

static step_fn *const disabling[];

static void take_steps(step_fn *const *steps)
{
	the.steps = steps;
	the.is_new = true;
	irq_raise(&the.irq, &machine.cpus[0], 1);
}

static void tell_waiter(void)
{
	struct task *t = the.waiter;

	the.waiter = NULL;
	if (t)
		wake_up(t, false);
}

static enum verdict loaded(struct cpu *self)
{
	struct loading *l = &machine.loading;
	u64 away_ns = machine_now(&machine) - l->away_since_ns;

	(void)self;
	sched_set_classes(&machine, true, true);
	l->state = LOAD_ENABLED;
	l->nr++;
	if (away_ns > l->away_max_ns)
		l->away_max_ns = away_ns;
	tell_waiter();
	if (l->exit_kind) {
		l->state = LOAD_DISABLING;
		take_steps(disabling);
	}
	return NEXT;
}

static step_fn *const enabling[] = {
	wait_for_hotplug, start,	bypass,	      lock_forks,     tell_of_tasks, unlock_forks,
	lock_forks,	  tasks_to_ext, unlock_forks, bypass_no_more, loaded,	     NULL,
};

/* ---- Unloading ------------------------------------------------------------------------------ */

static enum verdict end(struct cpu *self)
{
	static char nothing[1];
	struct machine *m = &machine;
	struct scx_exit_info info = {
		.kind = (enum scx_exit_kind)m->loading.exit_kind,
		.exit_code = (s64)m->loading.exit_code,
		.reason = "unregistered",
		.msg = nothing,
		.dump = nothing,
	};

	if (the.is_new)
		grace_begin(&the.grace);
	if (!grace_is_over(&the.grace, self))
		return WAIT;
	sched_set_classes(m, false, false);
	m->ops->exit(&info);
	ext_watch(false);
	for (u32 i = 0; i < m->nr_dsqs; i++) {
		if (m->dsqs[i].nr)
			machine_fail("%u tasks are on DSQ 0x%x, which is no more", m->dsqs[i].nr,
				     i);
		m->dsqs[i] = (struct dsq){.id = ~0ULL};
	}
	m->ops = NULL;
	return NEXT;
}

static enum verdict unloaded(struct cpu *self)
{
	struct loading *l = &machine.loading;

	(void)self;
	l->state = LOAD_DISABLED;
	l->exit_kind = l->exit_code = 0;
	tell_waiter();
	return NEXT;
}

static step_fn *const disabling[] = {
	bypass, lock_forks, tasks_to_fair, unlock_forks, end, bypass_no_more, unloaded, NULL,
};

/* ---- From outside --------------------------------------------------------------------------- */

static void handle(struct cpu *cpu, struct irq *irq)
{
	step_fn *const *steps = the.steps;
	enum verdict verdict;

	(void)irq;
	cpu_spend(machine.costs->wake);
	verdict = (*steps)(cpu);
	the.is_new = verdict == NEXT;
	if (steps != the.steps)
		return; /* it has begun something else */
	if (verdict == NEXT)
		the.steps++;
	if (*the.steps)
		irq_raise(&the.irq, cpu, verdict == WAIT ? RETRY_NS : 1);
}

void load_end(uint64_t kind, uint64_t code)
{
	struct loading *l = &machine.loading;

	if (l->exit_kind || l->state == LOAD_DISABLED)
		return;
	l->exit_kind = kind;
	l->exit_code = code;
	/* What is being loaded is loaded first. */
	if (l->state != LOAD_ENABLED)
		return;
	l->state = LOAD_DISABLING;
	take_steps(disabling);
}

void load_hotplug(void)
{
	load_end(EXIT_UNREG_KERN, ECODE_HOTPLUG);
}

void load_await(struct task *t)
{
	the.waiter = t;
}

void load_again(struct sched_ext_ops *ops, uint64_t hotplug_seq)
{
	machine.ops = ops;
	machine.ops_flags = ops->flags;
	machine.loading.state = LOAD_ENABLING;
	the.hotplug_seq = hotplug_seq;
	take_steps(enabling);
}

int load_at_start(struct sched_ext_ops *ops)
{
	struct machine *m = &machine;
	int err = 0;

	the.irq = (struct irq){.handle = handle};
	the.waiter = NULL;
	m->this_cpu = &m->cpus[0];
	fair_init(m);
	m->ops = ops;
	if (ops) {
		m->ops_flags = ops->flags;
		err = ops->init();
		sched_set_classes(m, true, true);
		m->loading.tells_forks = true;
		ext_watch(true);
	}
	for (struct task *t = m->all; t && !err; t = t->next_all)
		if (t->state != TASK_NEW)
			err = load_fork(t);
	m->cpus[0].ahead_ns = 0;
	m->this_cpu = NULL;
	if (ops)
		m->loading.state = LOAD_ENABLED;
	return err;
}

int load_fork(struct task *t)
{
	int err = 0;

	fair_init_task(t);
	t->p.scx.slice = SLICE_DEFAULT;
	t->class = class_for(t);
	if (machine.loading.tells_forks)
		err = ext_init_task(t, t->state == TASK_NEW);
	if (!err && t->class == &ext_sched_class)
		ext_enable(t);
	return err;
}
