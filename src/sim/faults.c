/* SPDX-License-Identifier: GPL-2.0-only */
/* See faults.h. */
#include "sim/faults.h"

#include "sim/behaviors.h"
#include "sim/kernel/backend.h"
#include "sim/kernel/cgroup.h"
#include "sim/kernel/hotplug.h"
#include "sim/kernel/machine.h"
#include "sim/kernel/random.h"
#include "sim/policy-thread.h"

enum {
	GROUPS = 8, /* control groups to be in, with the root */
};

static const struct {
	const char *name, *summary;
} kinds[FAULTS] = {
	[FAULT_STOP] = {"stop", "the scheduler thread is stopped for up to 3 s"},
	[FAULT_SLOW] = {"slow", "the policy takes up to 50 ms for a task"},
	[FAULT_FORGET] = {"forget", "decisions are not sent"},
	[FAULT_TWICE] = {"twice", "decisions are sent twice"},
	[FAULT_WRONG] = {"wrong", "decisions have random numbers in them"},
	[FAULT_FULL] = {"full", "a ring is full"},
	[FAULT_LATE_TIMER] = {"late-timer", "the backend's timer comes up to a second late"},
	[FAULT_LATE_KICK] = {"late-kick", "interrupts take up to 3 ms to arrive"},
	[FAULT_SKEW] = {"skew", "the CPUs' clocks differ by up to 20 us"},
	[FAULT_AFFINITY] = {"affinity", "tasks are confined to other CPUs"},
	[FAULT_BOOSTS] = {"boosts", "boosts come and go, and tasks change their user and cgroup"},
	[FAULT_CGROUPS] = {"cgroups",
			   "tasks change their control group, and groups their weight and limit"},
	[FAULT_MEMORY] = {"memory", "there is no memory for what the backend keeps about a task"},
	[FAULT_HOTPLUG] = {"hotplug", "CPUs go offline and come back; the scheduler starts again"},
	[FAULT_RELOAD] = {"reload", "the scheduler is stopped, and started again"},
	[FAULT_REALTIME] = {"realtime", "real-time tasks take CPUs for up to 10 ms"},
	[FAULT_CLASSES] = {"classes",
			   "tasks become real-time for a while, and change their nice value"},
};

static uint32_t active;
static uint64_t random_state;

const char *fault_name(enum fault fault)
{
	return kinds[fault].name;
}

const char *fault_summary(enum fault fault)
{
	return kinds[fault].summary;
}

/* Once in so many times. */
static bool happens(enum fault fault, uint64_t once_in)
{
	return active & 1U << fault && random_below(&random_state, once_in) == 0;
}

/* ---- What happens to tasks ------------------------------------------------------------------- */

static struct task *somebody(void)
{
	uint64_t skip = random_below(&random_state, machine.nr_tasks);
	struct task *t = machine.all;

	while (t && skip--)
		t = t->next_all;
	return t;
}

static struct event affinity_event, boosts_event, hotplug_event, reload_event, classes_event;

/* Most CPUs, few of them, one: for a random task. */
static void confine_somebody(struct event *event)
{
	uint32_t n = machine.topology.nr_cpus, nr_allowed = 0;
	uint64_t part = 1 + random_below(&random_state, 4);
	struct task *t = somebody();
	struct mask allowed = {0};

	for (uint32_t i = 0; i < n; i++)
		if (random_below(&random_state, 4) < part) {
			mask_add(&allowed, (int)i);
			nr_allowed++;
		}
	if (!nr_allowed)
		mask_add(&allowed, (int)random_below(&random_state, n));
	if (t && t != machine.policy && t->state != TASK_DEAD)
		task_change_allowed(t, &allowed);
	event_at(&machine.events, event,
		 machine.now_ns + 1 + random_below(&random_state, 5 * MSEC));
}

/* A class for a process, a tree or a cgroup; or for nobody any more. */
static void boost_somebody(struct event *event)
{
	struct task *t = somebody();
	u32 value = (u32)random_below(&random_state, 3);
	u32 uid = random_below(&random_state, 2) ? 1000 : RL_ANY_UID;
	struct control_group *tg = machine.groups[random_below(&random_state, machine.nr_groups)];

	if (t && t != machine.policy)
		switch (random_below(&random_state, 8)) {
		case 0:
			task_set_cgroup(t, tg);
			break;
		case 1:
			task_set_user(t, random_below(&random_state, 2) ? 1000 : 1001);
			break;
		case 2:
			backend_set_class(RL_SCOPE_CGROUP, cgroup_id(tg), 0, value, uid);
			break;
		case 3:
		case 4:
		case 5:
			backend_set_class(RL_SCOPE_TREE, (u64)t->p.tgid,
					  t->p.group_leader->start_boottime / TICK_NS, value, uid);
			break;
		default:
			backend_set_class(RL_SCOPE_PROCESS, (u64)t->p.tgid, 0, value, uid);
			break;
		}
	event_at(&machine.events, event,
		 machine.now_ns + 1 + random_below(&random_state, 20 * MSEC));
}

/*
 * In a run of four that happens seldom. A start of the scheduler finds whoever was lost before, who would never be
 * missed otherwise.
 */
static uint64_t hotplug_most_ns;

/* One goes, or comes back: any but the first one, which x86 cannot do without. */
static void plug_some_cpu(struct event *event)
{
	uint32_t others = machine.topology.nr_cpus - 1;

	if (others)
		hotplug_start(&machine.cpus[1 + random_below(&random_state, others)]);
	event_at(&machine.events, event,
		 machine.now_ns + 50 * MSEC + random_below(&random_state, hotplug_most_ns));
}

static void reload(struct event *event)
{
	policy_thread_reload();
	event_at(&machine.events, event,
		 machine.now_ns + 50 * MSEC + random_below(&random_state, 3 * SEC_NS));
}

/* One more than there are CPUs, each of which uses a twelfth of one. */
static void start_realtime(void)
{
	struct task_stats *stats = task_stats_new("realtime");
	uint32_t n = machine.topology.nr_cpus;

	for (uint32_t i = 0; i <= n; i++) {
		struct task *t = sleeper_new(stats, 5 * MSEC, 55 * MSEC, 100);
		uint32_t priority = 1 + (uint32_t)random_below(&random_state, RT_PRIORITY_MAX);

		task_set_params(t, &(struct sched_params){i % 2 ? POLICY_FIFO : POLICY_RR, priority,
							  task_nice(t)});
		task_start(t, (int32_t)(i % n));
	}
}

/* A real-time task that was none before, with a reference; NULL: there is none. */
static struct task *promoted;

/* True: it is on its way to be an ordinary task again, or is one. */
static bool demote(void)
{
	const struct sched_params params = {.nice = task_nice(promoted)};

	if (!task_change_params(promoted, &params))
		return false;
	/* It may be on its way still: it is looked at once more. */
	if (promoted->state != TASK_DEAD && promoted->rt.priority)
		return true;
	task_put(promoted);
	promoted = NULL;
	return true;
}

static void change_somebody(void)
{
	static const enum sched_policy policies[] = {POLICY_OTHER, POLICY_OTHER, POLICY_BATCH,
						     POLICY_IDLE,  POLICY_FIFO,	 POLICY_RR};
	struct sched_params params = {.policy = policies[random_below(&random_state, 6)]};
	struct task *t = somebody();
	bool is_rt = params.policy == POLICY_FIFO || params.policy == POLICY_RR;

	params.priority = is_rt ? 1 + (uint32_t)random_below(&random_state, RT_PRIORITY_MAX) : 0;
	params.nice = (int)random_below(&random_state, 40) - 20;
	if (!t || t == machine.policy || t->state == TASK_DEAD || t->rt.priority ||
	    !task_change_params(t, &params) || !is_rt)
		return;
	task_get(t);
	promoted = t;
}

/* As sched_setscheduler(2) of another task. One task at a time is made real-time: it may never sleep. */
static void change_classes(struct event *event)
{
	if (promoted)
		demote();
	else
		change_somebody();
	event_at(&machine.events, event,
		 machine.now_ns + 1 + random_below(&random_state, 10 * MSEC));
}
/* Its idleness, its limit, or its weight. */
static void change_group(struct control_group *tg)
{
	static const u32 weights[] = {1, 10, 100, 100, 300, 10000};
	struct cgroup_max max = {.period_ns = CGROUP_PERIOD_DEFAULT_NS};

	switch (random_below(&random_state, 4)) {
	case 0:
		cgroup_set_idle(tg, random_below(&random_state, 2));
		break;
	case 1:
		if (random_below(&random_state, 2)) {
			max.period_ns = 5 * MSEC << random_below(&random_state, 6);
			/* From a tenth of a CPU on. */
			max.quota_ns = max.period_ns / 10 +
				       random_below(&random_state,
						    max.period_ns * machine.topology.nr_cpus);
			max.burst_ns = random_below(&random_state, max.quota_ns);
		}
		cgroup_set_max(tg, &max);
		break;
	default:
		cgroup_set_weight(
			tg,
			weights[random_below(&random_state, sizeof(weights) / sizeof(weights[0]))]);
		break;
	}
}

/* On a random CPU, which does it for whatever task there is. */
static void handle_cgroups(struct cpu *cpu, struct irq *irq)
{
	u64 nr = machine.nr_groups;
	struct control_group *tg = machine.groups[random_below(&random_state, nr)];
	struct task *t = somebody();

	if (tg->parent && random_below(&random_state, 4) == 0)
		change_group(tg);
	else if (t && t != machine.policy && t->state != TASK_DEAD && t->state != TASK_NEW)
		task_change_cgroup(t, tg);
	cpu = &machine.cpus[random_below(&random_state, machine.topology.nr_cpus)];
	irq_raise(irq, cpu, 1 + random_below(&random_state, 10 * MSEC));
}

static struct irq cgroups_irq;

void faults_start(uint32_t faults)
{
	active = faults;
	random_state = random_start(machine.seed, 1ULL << 40);
	if (active & 1U << FAULT_AFFINITY) {
		affinity_event.fire = confine_somebody;
		event_at(&machine.events, &affinity_event, machine.now_ns + 300 * MSEC);
	}
	if (active & 1U << FAULT_CGROUPS) {
		cgroups_make(GROUPS);
		cgroups_irq.handle = handle_cgroups;
		irq_raise(&cgroups_irq, &machine.cpus[0], 200 * MSEC);
	}
	if (active & 1U << FAULT_BOOSTS) {
		cgroups_make(GROUPS);
		boosts_event.fire = boost_somebody;
		event_at(&machine.events, &boosts_event, machine.now_ns + 100 * MSEC);
	}
	if (active & 1U << FAULT_REALTIME)
		start_realtime();
	if (active & 1U << FAULT_CLASSES) {
		promoted = NULL;
		classes_event.fire = change_classes;
		event_at(&machine.events, &classes_event, machine.now_ns + 200 * MSEC);
	}
	if (active & 1U << FAULT_RELOAD) {
		reload_event.fire = reload;
		event_at(&machine.events, &reload_event, machine.now_ns + 400 * MSEC);
	}
	if (active & 1U << FAULT_HOTPLUG) {
		hotplug_event.fire = plug_some_cpu;
		hotplug_most_ns =
			random_start(machine.seed, 1ULL << 43) % 4 ? 2 * SEC_NS : 20 * SEC_NS;
		event_at(&machine.events, &hotplug_event, machine.now_ns + 300 * MSEC);
	}
}

/* ---- The scheduler thread and its policy ------------------------------------------------------ */

uint64_t fault_stop_ns(void)
{
	return happens(FAULT_STOP, 500) ? random_below(&random_state, 3 * SEC_NS) : 0;
}

uint64_t fault_slow_ns(void)
{
	return happens(FAULT_SLOW, 100) ? random_below(&random_state, 50 * MSEC) : 0;
}

bool fault_forgets(void)
{
	return happens(FAULT_FORGET, 20);
}

bool fault_sends_twice(void)
{
	return happens(FAULT_TWICE, 20);
}

/*
 * With all others running before it a task waits for a second then, as virtual time passes the slower the more they are.
 * A deadline farther away would be the policy's will: it can starve a task if it wants to.
 */
static uint64_t deadline_shift_ns(void)
{
	uint64_t weights = 0, ns;

	for (const struct task *t = machine.all; t; t = t->next_all)
		weights += t->p.scx.weight;
	/* There is a task always, but for an analyzer. */
	ns = weights ? 100 * SEC_NS / weights : 0;
	return ns < 50 * MSEC ? ns : 50 * MSEC;
}

void fault_spoil(struct rl_decision *decision)
{
	uint64_t number;

	if (!happens(FAULT_WRONG, 10))
		return;
	number = random_next(&random_state) >> random_below(&random_state, 64);
	switch (random_below(&random_state, 9)) {
	case 0:
		decision->pid = (int32_t)number;
		break;
	case 1:
		decision->cpu = (int32_t)number;
		break;
	case 2:
		decision->flags = (uint32_t)number;
		break;
	case 3:
		decision->generation += (uint32_t)random_below(&random_state, 3) - 1;
		break;
	case 4:
		decision->request = number;
		break;
	case 5:
		decision->slice_ns = number;
		break;
	case 6:
		number = deadline_shift_ns();
		decision->deadline += random_below(&random_state, 2 * number) - number;
		break;
	case 7:
		decision->standing = (uint32_t)number;
		break;
	default:
		decision->pid =
			1 + (int32_t)random_below(&random_state, (uint64_t)machine.last_pid);
		break;
	}
}

/* ---- The machine ---------------------------------------------------------------------------- */

bool fault_ring_is_full(void)
{
	return happens(FAULT_FULL, 20);
}

uint64_t fault_timer_delay_ns(void)
{
	return happens(FAULT_LATE_TIMER, 3) ? random_below(&random_state, SEC_NS) : 0;
}

uint64_t fault_kick_delay_ns(void)
{
	return happens(FAULT_LATE_KICK, 4) ? random_below(&random_state, 3 * MSEC) : 0;
}

int64_t fault_skew_ns(int cpu)
{
	if (!(active & 1U << FAULT_SKEW))
		return 0;
	/* Constant for each CPU. */
	return (int64_t)(random_start(machine.seed, (1ULL << 41) + (uint64_t)cpu) % 40000) - 20000;
}

bool fault_no_memory(void)
{
	return happens(FAULT_MEMORY, 50);
}
