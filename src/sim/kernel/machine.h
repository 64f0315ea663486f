/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The simulated machine: CPUs, tasks, queues and time. One process has one machine, because the sources of
 * bpf/ keep their memory in variables; whoever needs several forks.
 *
 * Time. machine.now_ns is the time of the event that is being worked on. A CPU that does kernel work is ahead
 * of it by what that work has cost so far (cpu.ahead_ns): the work's effects are there at once, and what
 * follows from them, an interrupt on another CPU or the task that runs next, begins when the work is done. With
 * machine.interleave the CPU also waits for its own time at each kfunc, so that others come in between.
 *
 * The same seed gives the same run, on every machine and with every compiler: nothing here may depend on
 * addresses, floating point, the host's time, or the order of a hash table.
 */
#ifndef RUSTLAND_SIM_KERNEL_MACHINE_H
#define RUSTLAND_SIM_KERNEL_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/kernel.h"
#include "sim/kernel/costs.h"
#include "sim/kernel/dsq.h"
#include "sim/kernel/event.h"
#include "sim/kernel/fair.h"
#include "sim/kernel/load.h"
#include "sim/kernel/lock.h"
#include "sim/kernel/mask.h"
#include "sim/kernel/rt.h"
#include "sim/kernel/server.h"

#define container_of(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))

#define USEC   1000ULL
#define MSEC   1000000ULL
#define SEC_NS 1000000000ULL

#define TIMER_SLACK_NS (50 * USEC) /* of a process, unless it says otherwise */

enum {
	SIM_MAX_CPUS = 1024,
	SIM_PID_MAX = 1 << 22,
	SIM_OBSERVERS = 5,
	SIM_CLASSES = 3, /* as in sched.h */
};

struct coroutine;
struct cpu;
struct machine;
struct sched_class;
struct task;
struct control_group;

/* ---- Interrupts ----------------------------------------------------------------------------- */

/* Something that a CPU does as soon as it may. One that is raised again meanwhile is done once. */
struct irq {
	struct event event; /* first: until it arrives */
	struct irq *next;   /* of those that wait for the CPU */
	struct cpu *cpu;
	void (*handle)(struct cpu *cpu, struct irq *irq);
	bool pending;
	bool soft; /* a softirq, such as a BPF timer */
};

/* ---- Tasks ---------------------------------------------------------------------------------- */

/* What a task does next, told by its behavior. */
enum action_kind {
	ACT_RUN,	 /* use the CPU for ns */
	ACT_SLEEP,	 /* for ns, by a timer */
	ACT_SLEEP_UNTIL, /* ns on the machine's clock, by a timer; not at all if that has passed */
	ACT_BLOCK, /* until somebody wakes it, or at once if somebody has since it last blocked */
	ACT_WAKE,  /* wake target */
	ACT_FORK,  /* start target, which is new */
	ACT_JOIN,  /* go to group */
	ACT_EXEC,  /* it is another program from now on, comm */
	ACT_YIELD,
	ACT_EXIT,
};

struct action {
	enum action_kind kind;
	uint64_t ns;
	struct task *target;
	struct control_group *group;
	bool sync; /* ACT_WAKE: it is about to sleep itself */
	const char *comm;
};

/*
 * Called when the task has done what it said last. It runs on its CPU, and may call nothing but sim_now_ns()
 * and the random numbers of its own.
 */
typedef void behavior_fn(struct task *t, struct action *ret);

enum task_state {
	TASK_NEW,
	TASK_RUNNABLE, /* or running: on its CPU's runqueue */
	TASK_SLEEPING,
	TASK_DEAD,
};

/* As sched(7) has them. */
enum sched_policy {
	POLICY_OTHER,
	POLICY_BATCH,
	POLICY_IDLE,
	POLICY_FIFO,
	POLICY_RR,
};

struct sched_params {
	enum sched_policy policy;
	u32 priority; /* of POLICY_FIFO and POLICY_RR: 1 to 99 */
	int nice;     /* -20 to 19 */
};

/* What the backend knows of a task. */
enum scx_task_state {
	SCX_NONE,    /* nothing */
	SCX_READY,   /* ops.init_task() was called */
	SCX_ENABLED, /* and ops.enable(): the task is of its class */
};

struct sim_observer;
struct task_stats;

struct task {
	struct task_struct p; /* what bpf/ sees */
	struct cred cred;
	struct signal_struct signal;
	struct css_set css_set;

	struct machine *m;
	const struct sched_class *class; /* once it is started or forked */
	enum scx_task_state scx_state;
	enum task_state state;
	struct lock pi_lock; /* of whoever wakes it */
	struct lock
		switching; /* held by the CPU that runs it, until it has changed to another one */
	bool on_rq;	   /* it is on its CPU's runqueue */
	bool must_move;	   /* it may not use the CPU on which it runs */
	bool in_transit;   /* being put on a queue, or taken from one */
	int refs;
	s32 cpu;
	struct mask allowed;

	/* On a DSQ. */
	struct dsq *dsq;
	struct dsq_node node;

	/* Where select_cpu or enqueue has put it: carried out when they have returned. */
	bool is_inserted;
	u64 insert_dsq, insert_flags;

	enum sched_policy policy;
	/* What fair.c knows of it. */
	struct sched_entity se;
	struct fair_task fair;
	struct sched_rt_entity rt; /* and rt.c */

	bool on_cpu; /* it is its CPU's current task */
	u64 exec_start_ns;
	u64 runnable_at_ns; /* waits since; for the watchdog */
	u64 queued_at_ns;   /* it is on a DSQ since; nobody can take it before */
	u64 wakeup_at_ns;   /* when it was woken, 0 once it has run */

	/* What it does. */
	behavior_fn *behavior;
	u64 random;
	/* The behavior's own: what it was told, and how far it is. */
	struct {
		u64 args[6];
		u64 at_ns, due_ns;
		u32 step, left;
		struct task *peer;
		void *more;
	} own;
	u64 work_left_ns;   /* of ACT_RUN, at full speed */
	bool wake_pending;  /* somebody woke it before it blocked */
	struct task *forks; /* it waits until it may start that task, see load.h */
	struct irq timer;   /* ends its sleep */

	/* For invariants.c: since when it has been runnable all the time, and what was fair since then. */
	u64 awake_since_ns, fair_ns, exec_then_ns;
	u32 wakeups, yields, pauses_then;
	u32 generation;	   /* of the last request about it */
	bool cpu_is_named; /* by the last decision about it */

	void *storage;		  /* the BPF side's memory about it */
	struct task_stats *stats; /* those of its group, or NULL */
	struct task *next_free, *next_all, *prev_all;
};

static inline struct task *task_of(const struct task_struct *p)
{
	return container_of(p, struct task, p);
}

/* ---- CPUs ----------------------------------------------------------------------------------- */

enum cpu_wait {
	CPU_WORKS, /* in the kernel, interrupts off */
	CPU_RUNS,  /* a task runs, or none does: an interrupt comes through at once */
};

/* For turns.c: what the CPU does up to its next stop. */
struct turn {
	bool is_busy;
	u64 left_ns; /* of work */
	u64 done_ns; /* since the beginning */
};

struct cpu {
	int id, core, llc, node;
	int sibling;  /* the other hardware thread of its core, or -1 */
	int priority; /* how the kernel ranks it among others, as hybrid machines do */
	u32 speed;    /* of 1024: work for so much is done in a time */
	struct machine *m;
	struct coroutine *co;
	bool online, active; /* it is there; and takes tasks, see hotplug.h */
	bool rq_online;	     /* the backend is asked about it */
	u64 quiescent;	     /* how often it has been out of the kernel, see grace.h */

	struct task *curr; /* NULL: the idle thread */
	struct lock rq_lock;
	struct cpu *next_waiter; /* for the same lock */
	struct dsq local;
	bool bypass;	     /* the backend is asked nothing */
	struct dsq bypass_q; /* where tasks wait then, see ext.c */
	bool keeps_prev;     /* that is what the last ops.dispatch() has led to, see ext.c */
	struct cfs_rq cfs;   /* its tasks of the fair class */
	struct rt_rq rt;     /* and of the real-time one */
	bool push_rt;	     /* some of them have to wait here */
	enum server_state server;
	u64 server_left_ns, server_deadline_ns;
	bool need_resched, in_balance;
	bool need_resched_lazy; /* likewise; no interrupt comes for it */
	u64 idle_since_ns;
	u32 nr_dispatched; /* by the present ops.dispatch() */
	u32 preempt_count;
	struct rq rq; /* what bpf/ sees of it */

	u64 ahead_ns;
	enum cpu_wait wait;
	struct event resume;
	struct turn turn; /* in place of resume where CPUs take turns */
	struct irq *irqs, **irqs_end;
	struct irq tick, resched, irq_work;
	/* Of the fair class. */
	struct irq hrtick, hrtick_start, balance, unthrottle;
	struct irq server_timer;
	bool tick_is_armed;

	/* What irq_work has to do. */
	struct mask kick, kick_if_idle, kick_preempt;
	bool any_kick, any_kick_if_idle, wake_policy;

	const void *carried_out; /* the decision that is being carried out just now, or NULL */
	struct task *inserting;	 /* the task that a call of select_cpu or enqueue is about */
	int distribute_last;	 /* where the last search for an idle CPU ended */

	u64 random;
};

/* ---- The machine ---------------------------------------------------------------------------- */

enum sim_kernel {
	SIM_KERNEL_6_12,
	SIM_KERNEL_7_3,
};

struct sim_topology {
	u32 nr_cpus;
	u32 nr_llcs;  /* of equal size; at least 1 */
	u32 nr_nodes; /* likewise */
	bool smt;     /* CPUs 2n and 2n + 1 are one core */
	bool hybrid;  /* the second half of them are slower */
};

/* What is counted for reports. */
struct sim_counters {
	u64 events, switches, wakeups, preemptions, migrations, llc_migrations, forks, exits, ticks;
	u64 idle_kicks, kicks;
	u64 lock_wait_ns; /* for queues and rings */
};

struct machine {
	u64 now_ns;
	u64 end_ns;
	struct events events;
	enum sim_kernel kernel;
	struct sim_topology topology;
	const struct costs *costs;
	u32 hz;
	u64 timer_slack_ns;
	bool interleave;
	bool take_turns; /* see turns.c */
	u64 seed, random;

	struct cpu *cpus;
	struct cpu *this_cpu; /* whose coroutine runs, or NULL */
	struct mask possible, online, active, idle, idle_smt;
	u64 hotplug_seq; /* how many CPUs have come or gone */

	struct task **by_pid;
	s32 last_pid;
	struct task *all, *free_tasks, *dead;
	u32 nr_tasks;

	struct control_group **groups; /* those above one before it; the root is the first */
	u32 nr_groups;

	struct dsq *dsqs; /* by id, from 0 */
	u32 nr_dsqs;

	bool scx_enabled;	/* a backend is loaded */
	bool scx_switching_all; /* new tasks begin with it */
	bool scx_switched_all;	/* and no task is of the fair class */
	const struct sched_class
		*classes[SIM_CLASSES + 1]; /* that can have tasks, from above; then NULL */
	struct sched_ext_ops *ops;	   /* NULL: no scheduler is loaded */
	u64 ops_flags;
	struct loading loading;
	bool failed; /* the kernel has ended the scheduler */
	char failure[256];

	struct task *policy; /* the scheduler thread */

	struct sim_counters counters;
	u64 hash;
	/* Told of what happens, in this order. */
	const struct sim_observer *observers[SIM_OBSERVERS];
	u32 nr_observers;
};

/*
 * A CPU has interrupts off while the backend chooses for it, and others wait for what it holds. 512 decisions
 * (DRAIN_MAX of bpf/) beside 127 CPUs that want the same queues take 2.1 ms.
 */
#define CALLBACK_MAX_NS (5 * MSEC)

/* Watches the machine, for reports and checks. It must not change anything. NULL: not wanted. */
struct sim_observer {
	/* cpu has changed from prev to next; NULL: the idle thread. */
	void (*switched)(const struct cpu *cpu, const struct task *prev, const struct task *next);
	/* t has run for so long, up to now. */
	void (*ran)(const struct task *t, u64 ns);
	void (*woken)(const struct task *t);
	/* The backend has submitted a record for user space. */
	void (*submitted)(const void *record, size_t size);
	/* The backend has a decision from user space before it. */
	void (*decided)(const void *decision);
	/* t was moved from one DSQ to another one, while the decision given was carried out (or NULL). */
	void (*moved)(const struct task *t, const void *decision);
	/* A callback of the backend has kept cpu for so long, which is more than CALLBACK_MAX_NS. */
	void (*kept_cpu)(const struct cpu *cpu, const char *callback, u64 ns);
	/* A target was given a class (enum rl_class), and had one before or not. */
	void (*classed)(u32 scope, u64 id, u32 class, bool had_one);
};

#define OBSERVE(callback, ...)                                                                     \
	do {                                                                                       \
		for (u32 __i = 0; __i < machine.nr_observers; __i++)                               \
			if (machine.observers[__i]->callback)                                      \
				machine.observers[__i]->callback(__VA_ARGS__);                     \
	} while (0)

extern struct machine machine; /* the one of this process */

/* The time on the CPU whose work this is, or of the event. */
static inline u64 machine_now(const struct machine *m)
{
	return m->now_ns + (m->this_cpu ? m->this_cpu->ahead_ns : 0);
}

static inline bool cpus_share_cache(const struct machine *m, int a, int b)
{
	return m->cpus[a].llc == m->cpus[b].llc;
}

struct sim_settings {
	struct sim_topology topology;
	enum sim_kernel kernel;
	u32 hz;		    /* of the tick */
	u64 timer_slack_ns; /* a sleep ends so much later */
	u64 seed;
	bool interleave; /* see above */
	bool take_turns; /* see turns.c */
	const struct costs *costs;
};

/* machine.c: 0 or -ENOMEM. */
int machine_init(const struct sim_settings *settings);
/* Until time end_ns, or the kernel ends the scheduler. */
void machine_run(u64 end_ns);
/* The kernel ends the scheduler: the first reason is kept. */
void machine_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* After machine_init(). */
void machine_observe(const struct sim_observer *observer);
/* Into the hash of the run. */
void machine_hash(u64 a, u64 b);

/* task.c */
struct task *task_new(const char *comm, behavior_fn *behavior, struct task_stats *stats);
void task_get(struct task *t);
void task_put(struct task *t);
struct task *task_by_pid(s32 pid);
void task_set_allowed(struct task *t, const struct mask *allowed);
void task_set_comm(struct task *t, const char *comm);
/* It acts as this user from now on. */
void task_set_user(struct task *t, u32 uid);
/* A thread of leader's process; before it is started. */
void task_join(struct task *t, struct task *leader);
/* A kernel thread; flags: PF_KSWAPD and the like. */
void task_make_kthread(struct task *t, u32 flags);
static inline int task_nice(const struct task *t)
{
	return t->p.static_prio - DEFAULT_PRIO;
}
/* As the kernel has it: 1024 << 10 for nice 0. */
u32 task_weight(const struct task *t);
/* Before it is started. */
void task_set_params(struct task *t, const struct sched_params *params);
/* A task that is there from the beginning. Before load_at_start(). */
void task_start(struct task *t, s32 cpu);
/* The same, but it runs for the first time so much later. */
void task_start_later(struct task *t, s32 cpu, u64 delay_ns);

/* sched.c, on the present CPU. */
void sched_tick(struct cpu *cpu);
/* Its current task yields. */
void do_sched_yield(struct cpu *cpu);
void schedule(struct cpu *cpu);
void resched_cpu(struct cpu *cpu);
/* Wake t, from a task that does so (sync: and sleeps next) or from an interrupt. */
void wake_up(struct task *t, bool sync);
void wake_up_new(struct task *t);
/* Later, on t's CPU: it may use those CPUs only. Not if another such change is under way. */
void task_change_allowed(struct task *t, const struct mask *allowed);
/* Likewise, as sched_setscheduler(2) of another task; false: it is not said, because another one is under way. */
bool task_change_params(struct task *t, const struct sched_params *params);
/* At once: t goes to another control group. */
void task_change_cgroup(struct task *t, struct control_group *tg);

/* cpu.c */
int cpu_init(struct cpu *cpu);
/* The present CPU works for ns. */
static inline void cpu_spend(u64 ns)
{
	machine.this_cpu->ahead_ns += ns;
}
/* The nanoseconds that have passed for cpu; where CPUs take turns, without those of the others. */
static inline u64 cpu_time(const struct cpu *cpu)
{
	return (cpu->m->take_turns ? cpu->turn.done_ns : cpu->m->now_ns) + cpu->ahead_ns;
}
/* A callback of the backend, which began on cpu when cpu_time() was that, has returned. */
static inline void callback_returned(const struct cpu *cpu, const char *callback, u64 began_ns)
{
	if (cpu_time(cpu) - began_ns > CALLBACK_MAX_NS)
		OBSERVE(kept_cpu, cpu, callback, cpu_time(cpu) - began_ns);
}
/* Let others do what they do until the present CPU's time. Only with machine.interleave. */
void cpu_interleave(void);
/* For lock.c: the present CPU stands still until another one calls cpu_got_lock() for it. */
void cpu_wait_for_lock(void);
void cpu_got_lock(struct cpu *cpu);
/* irq happens on cpu, ns from the present CPU's time. Nothing if it is on its way already. */
void irq_raise(struct irq *irq, struct cpu *cpu, u64 ns);
/* The same for an interrupt that a CPU sends, to itself as well, and no timer. */
void irq_send(struct irq *irq, struct cpu *cpu, u64 ns);
void irq_cancel(struct irq *irq);
void tick_start(struct cpu *cpu);
/* What cpu did is done, or is not to be waited for any more: it goes on. */
void cpu_enter(struct cpu *cpu);

/* The dead that nobody holds any more. Between events only. */
void machine_bury(struct machine *m);

/* turns.c: as machine_run() does it, where CPUs take turns. */
void turns_run(struct machine *m, u64 end_ns);

/* idle.c */
void idle_set(struct cpu *cpu, bool idle);
bool idle_test_and_clear(s32 cpu);

/* timer.c: cpu goes offline. */
void bpf_timer_leave(struct cpu *cpu);

/* policy-thread.c */
void policy_thread_wake(void);

#endif /* RUSTLAND_SIM_KERNEL_MACHINE_H */
