/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * librustland: write a CPU scheduling policy for Linux as an ordinary program.
 *
 * How it works. The library loads a small sched_ext scheduler into the kernel. Whenever a task
 * needs a CPU and none is idle, the kernel queues it and sends its facts here; the policy answers
 * with a decision: which CPU or any, for how long, how urgent (its deadline), preempting or not.
 *
 *       kernel                                   this process
 *   task wakes up ----- struct rl_task ------>  policy->enqueue()
 *   task runs    <----- struct rl_decision ---  policy->next()
 *
 * A task never depends on the policy being alive. While it is asked about it waits in a queue that
 * the kernel owns, in the order of an estimated deadline; a decision moves it. If the policy stops
 * answering (a bug, SIGSTOP, a debugger) the kernel goes on alone with estimates and counts that in
 * rl_stats.nr_late.
 *
 * A policy is a struct rl_policy. The smallest useful one is about 40 lines: see examples/fifo.c.
 * Real-time safety: enqueue(), next() and undo() run on the scheduler's loop, and the thread that
 * runs them schedules everybody else. They must not allocate, lock, log, read files, ask for the
 * time, or do anything that may sleep or fault; all memory they need is given to init() and stays
 * locked. tick() obeys the same rule. rustland-sim(1) names the function and the callback where a
 * policy breaks it.
 *
 * Two levels: rl_run() drives a policy; rl_take(), rl_decide(), rl_complete(), rl_wait() are the
 * loop's own steps, for programs that want to write the loop themselves.
 *
 * Threads: one thread, the one that calls rl_attach(), is the scheduler thread, and only it may
 * call the functions marked [loop]. Functions marked [any] may be called from every thread at any
 * time between rl_open() and rl_free().
 *
 * Errors: functions that return int return 0 or a positive value on success and a negative errno on
 * failure; ret_ parameters are written only on success.
 */
#ifndef RUSTLAND_H
#define RUSTLAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rustland-task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Part of the library's ABI; everything else in it is hidden. */
#define RL_API __attribute__((visibility("default")))

/* ---- Policies ------------------------------------------------------------------------------- */

/*
 * What a policy is told when it starts, by whoever calls rl_run(). It belongs to the caller and is valid
 * during init(), which may copy it.
 */
struct rl_policy_config {
	size_t sz;	       /* sizeof(struct rl_policy_config) */
	uint64_t slice_ns;     /* the longest time slice to give, as in rl_open_opts */
	uint64_t slice_min_ns; /* the shortest one; at least 1 */
	uint32_t nr_cpus;      /* CPUs online; at least 1 */
	bool percpu_local;     /* keep tasks on the CPU they last ran on */
};

/*
 * Another number only where a policy that was compiled before would do something else now. What struct
 * rl_policy grows by is told by its size: a library takes a shorter one, and sees the rest as NULL. The
 * records grow into their spare words.
 */
#define RL_POLICY_VERSION 1

struct rl_policy {
	uint32_t version;    /* RL_POLICY_VERSION */
	size_t sz;	     /* sizeof(struct rl_policy) */
	const char *name;    /* [a-z0-9_-], at most 31 characters */
	const char *summary; /* one line for --help */
	size_t state_size;   /* bytes of locked, zeroed memory that every callback gets as state */

	/*
	 * Prepare the state. May allocate (the memory is locked afterwards). Returns 0 or a
	 * negative errno, which ends rl_run(). NULL: nothing to prepare.
	 */
	int (*init)(void *state, const struct rl_policy_config *config);

	/* Free what init() allocated. NULL: nothing to free. */
	void (*fini)(void *state);

	/*
	 * [loop] A task waits for a decision: exactly one for each call, sooner or later. A task that
	 * gets none runs after half a second under the kernel's estimate. task is valid until this
	 * call returns.
	 */
	void (*enqueue)(void *state, const struct rl_task *task);

	/*
	 * [loop] Fill in the next decision and return true, or return false when there is none for
	 * now. Called until it returns false or the ring to the kernel is full. ret is zeroed.
	 */
	bool (*next)(void *state, struct rl_decision *ret);

	/*
	 * [loop] The ring to the kernel was full: next() gave this decision, it was not sent, and
	 * has to be given again. NULL: the library keeps the one decision and sends it first next
	 * time.
	 */
	void (*undo)(void *state, const struct rl_decision *decision);

	/*
	 * [loop] At most once a second, and only after tasks came: an idle machine has none. now_ns
	 * is the enqueued_at_ns of the last one. NULL: not wanted.
	 */
	void (*tick)(void *state, uint64_t now_ns);
};

/*
 * Why a policy cannot be run, as the end of a sentence and with the remedy; NULL when it can. Reads no
 * more of it than its version and its size say that there is. [any]
 */
RL_API const char *rl_policy_fault(const struct rl_policy *policy);

/* Start a decision about a task: any CPU, default slice, everything that has to be echoed. */
static inline struct rl_decision rl_decide_for(const struct rl_task *task)
{
	struct rl_decision d;

	memset(&d, 0, sizeof(d));
	d.pid = task->pid;
	d.cpu = RL_CPU_ANY;
	if (task->flags & RL_TASK_NOTICE)
		d.flags = RL_DECISION_NOTICE;
	d.generation = task->generation;
	d.request = task->request;
	memcpy(d.state, task->state, sizeof(d.state));
	return d;
}

/* ---- An ordered pool for policies that hold tasks ------------------------------------------- */

/*
 * Decisions ordered by (deadline, time of enqueue, pid). All memory comes from rl_pool_new();
 * push and pop are O(log n) and never allocate.
 */
struct rl_pool;

/* capacity: 1 to 1048576. Returns -EINVAL or -ENOMEM. */
RL_API int rl_pool_new(struct rl_pool **ret, uint32_t capacity);
/* Frees the pool and sets *pool to NULL; *pool may be NULL. */
RL_API void rl_pool_free(struct rl_pool **pool);
/* -ENOSPC when the pool is full; the pool is unchanged then. */
RL_API int rl_pool_push(struct rl_pool *pool, const struct rl_decision *decision,
			uint64_t enqueued_at_ns);
/* Takes out the decision with the earliest deadline; false when the pool is empty. */
RL_API bool rl_pool_pop(struct rl_pool *pool, struct rl_decision *ret);
/* Decisions in the pool. */
RL_API uint32_t rl_pool_len(const struct rl_pool *pool);

/* ---- The kernel's state --------------------------------------------------------------------- */

/* /sys/kernel/sched_ext/state, in the kernel's own words. */
enum rl_kernel_state {
	RL_KERNEL_UNSUPPORTED, /* this kernel has no sched_ext */
	RL_KERNEL_DISABLED,
	RL_KERNEL_ENABLING,
	RL_KERNEL_ENABLED,
	RL_KERNEL_DISABLING,
};

/*
 * What the kernel runs now. ops_name (may be NULL) receives the name of the loaded scheduler, or ""
 * when none is loaded. Returns the state, or a negative errno when it cannot be read. [any]
 */
RL_API int rl_kernel_state(char *ops_name, size_t ops_name_len);

/* ---- Classes -------------------------------------------------------------------------------- */

/*
 * What the person at the machine cares about, said by whoever knows (a service, a game launcher, the
 * policy author's own experiment), and seen by the policy in rl_task.class. The table can be made
 * by another process than the scheduler, and then outlives it: that one hands the descriptors on,
 * see rl_open_opts.class_fds.
 *
 *	struct rl_target game = {.sz = sizeof(game), .scope = RL_SCOPE_TREE, .tgid = pid};
 *
 *	rl_classes_new(&classes);
 *	rl_classes_set(classes, &game, RL_CLASS_BOOSTED);
 *
 * All of it in one thread at a time, and never in the scheduler loop.
 */
struct rl_classes;

struct rl_target {
	size_t sz; /* sizeof(struct rl_target) */
	enum rl_scope scope;
	int32_t tgid; /* process and tree: the process id, in the initial pid namespace */
	uint64_t
		start_ticks; /* process and tree: field 22 of /proc/PID/stat; a process that got the
				 same id later is not meant then. 0: whoever has the id */
	uint64_t cgroup_id;  /* cgroup: the inode number of its directory, as rl_task.cgroup_id */
	bool of_user;	     /* the class holds only for tasks whose real and effective user is uid:
				not for a set-uid program among them, or another user's in the cgroup */
	uint32_t uid;
	uint32_t owner; /* the user who asked for the class */
	size_t : 0;
};

enum {
	RL_CLASSES_FDS = 2,
};

/* An empty table. Needs CAP_BPF: -EPERM; -ENOMEM and others as the kernel says. */
RL_API int rl_classes_new(struct rl_classes **ret);

/* Frees the table, but for a scheduler that still uses it, and sets *classes to NULL. */
RL_API void rl_classes_free(struct rl_classes **classes);

/*
 * Give a class to a target, or take it away (RL_CLASS_NORMAL). Of several classes that a task has
 * in this way the highest counts. Tasks notice at their next scheduling decision, and so does a
 * task whose user or cgroup changes. A target has one class: the next one given takes its place,
 * also for another user. -EINVAL: no such scope or class, no id, or of_user with RL_ANY_UID;
 * -ENOSPC: 8192 targets have a class. Others as the kernel says, -ENOMEM for one: then it may be
 * done in part, and whoever calls again, with the same class or another one, brings the target into
 * order.
 */
RL_API int rl_classes_set(struct rl_classes *classes, const struct rl_target *target,
			  enum rl_class value);

/*
 * A target stays known without a class: a tree goes on to be followed, see below, and can have a class
 * again. Errors as above.
 */
RL_API int rl_classes_suspend(struct rl_classes *classes, const struct rl_target *target);

/* The table's two descriptors. They stay the table's own. */
RL_API void rl_classes_fds(const struct rl_classes *classes, int ret_fds[RL_CLASSES_FDS]);

/*
 * Who belongs to a tree is recorded: all that are forked in it while a scheduler runs, for parents may
 * exit, and with them the way from a process to the tree's root. At most 16384 processes at a time;
 * what is forked beyond has the class as well, but cannot be found here.
 *
 * A process is a target of scope RL_SCOPE_PROCESS with its start_ticks; so is the tree's root.
 */

/*
 * Up to n of a tree's processes, those that were started first: the number of them. They may have ended
 * just now. 0: there is none; -EAGAIN: none was seen, but somebody forked meanwhile.
 */
RL_API int rl_classes_members(struct rl_classes *classes, const struct rl_target *root,
			      struct rl_target *ret, size_t n);

/* Whether this process has been recorded for the tree. */
RL_API bool rl_classes_is_member(struct rl_classes *classes, const struct rl_target *root,
				 const struct rl_target *process);

/* For what was forked before the tree had a class. -ENOSPC: there is no room. */
RL_API int rl_classes_add_member(struct rl_classes *classes, const struct rl_target *root,
				 const struct rl_target *process);

/* For what has ended unseen. */
RL_API void rl_classes_remove_member(struct rl_classes *classes, const struct rl_target *process);

/* How many processes have found no room so far. */
RL_API uint64_t rl_classes_members_refused(const struct rl_classes *classes);

/*
 * The record's descriptor, which stays the table's own; and a table goes on with the record of an
 * earlier one (which may then be closed), under the same descriptor as before. -EINVAL: that is
 * no such record.
 */
RL_API int rl_classes_members_fd(const struct rl_classes *classes);
RL_API int rl_classes_use_members(struct rl_classes *classes, int fd);

/* ---- The scheduler -------------------------------------------------------------------------- */

struct rl;

enum rl_log_level {
	RL_LOG_ERROR,
	RL_LOG_WARNING,
	RL_LOG_INFO,
	RL_LOG_DEBUG,
};

/*
 * One message, one line, without a newline at its end. Never called after rl_attach() by the
 * loop.
 */
typedef void (*rl_log_fn)(enum rl_log_level level, const char *message, void *userdata);

/* Zero means the default for every member. */
struct rl_open_opts {
	size_t sz;	       /* sizeof(struct rl_open_opts) */
	const char *name;      /* the kernel's name for the scheduler begins with it; "rustland" */
	const char *version;   /* added to the name; PACKAGE_VERSION */
	uint64_t slice_ns;     /* default and longest slice; 20 ms; 100 us to 1 s */
	uint64_t slice_min_ns; /* shortest slice; 1 ms; 100 us to slice_ns */
	uint32_t timeout_ms; /* the kernel ejects a scheduler that lets a task wait longer; 5000; at
				most 30000 */
	uint32_t
		exit_dump_len; /* bytes kept of the kernel's debug dump; 0: the kernel's default, 32
				   KiB; at most 16 MiB */
	bool partial;	       /* schedule only tasks of policy SCHED_EXT */
	bool numa_local;       /* look for idle CPUs in the node of a task's last CPU first */
	bool no_builtin_idle;  /* ask the policy even when a CPU is idle; what it decides for
				  RL_CPU_ANY still wakes an idle CPU */
	bool verbose;	       /* pass on libbpf's debug output and the verifier log */
	const char *btf_path;  /* take the kernel's BTF from this file */
	rl_log_fn log;	       /* NULL: errors and warnings go to stderr */
	void *log_userdata;
	const int *class_fds;  /* take this table of classes, see rl_classes_fds(); the
				 descriptors may be closed afterwards. NULL: an empty one */
	const int *members_fd; /* with class_fds: its rl_classes_members_fd(). NULL: an empty one */
	size_t : 0;
};

/*
 * Load the scheduler into the kernel without starting it. The calling thread has a nice value of -10,
 * if it may, for as long as rl_open() and rl_attach() take. On failure the reason has been logged as
 * one line of level RL_LOG_ERROR, but for -ENOMEM and for an opts->sz that makes no sense.
 *   -EOPNOTSUPP  this kernel cannot run sched_ext schedulers
 *   -EPERM       privileges are missing (CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN)
 *   -EINVAL      an option is out of range
 *   other        what libbpf or the kernel said
 */
RL_API int rl_open(struct rl **ret, const struct rl_open_opts *opts);

/*
 * Start scheduling: from here on the calling thread is the scheduler thread. Locks and touches
 * all memory of the process. -EBUSY when another sched_ext scheduler is loaded (it is left alone).
 */
RL_API int rl_attach(struct rl *rl);

/*
 * Stop scheduling; the kernel's own scheduler takes over. Harmless when not attached. Not while another
 * thread is in rl_run() or in any other function with this rl.
 */
RL_API void rl_detach(struct rl *rl);

/* Detach, free, and set *rl to NULL; *rl may be NULL. Likewise. */
RL_API void rl_free(struct rl **rl);

/*
 * Run the policy until rl_stop() is called or the kernel ends the scheduler. Call after
 * rl_attach(). Returns 0 in both cases (see rl_exit_info()); -EINVAL for a policy with a fault, see
 * rl_policy_fault(), and for a config that is incomplete; -ENOMEM; or the policy's error from init().
 * [loop]
 */
RL_API int rl_run(struct rl *rl, const struct rl_policy *policy,
		  const struct rl_policy_config *config);

/* Make rl_run() return soon, for good: this rl runs no policy any more. Async-signal-safe. [any] */
RL_API void rl_stop(struct rl *rl);

/* Take the next queued task: 1, or 0 when there is none. [loop] */
RL_API int rl_take(struct rl *rl, struct rl_task *ret);

/* Send a decision: 0, or -EAGAIN when the ring is full (call rl_wait() and try again). [loop] */
RL_API int rl_decide(struct rl *rl, const struct rl_decision *decision);

/*
 * Say that all tasks taken so far were handled, and how many the policy still holds back, for half a
 * second at most; after that the kernel lets them run. [loop]
 */
RL_API void rl_complete(struct rl *rl, uint64_t nr_held);

/* Give up the CPU until the kernel has work for the scheduler thread. [loop] */
RL_API void rl_wait(struct rl *rl);

/* True once the kernel has ended the scheduler. [any] */
RL_API bool rl_exited(const struct rl *rl);

/*
 * Counters are totals since rl_attach(); the first eleven carry the names scx_rustland is known
 * by.
 */
struct rl_stats {
	size_t sz;		       /* sizeof(struct rl_stats), set by the caller */
	uint64_t nr_cpus;	       /* CPUs online */
	uint64_t nr_running;	       /* tasks running now */
	uint64_t nr_queued;	       /* requests waiting for the policy now */
	uint64_t nr_scheduled;	       /* tasks the policy holds back now */
	uint64_t nr_page_faults;       /* of this process since rl_attach(); has to stay 0 */
	uint64_t nr_user_dispatches;   /* decisions carried out */
	uint64_t nr_kernel_dispatches; /* tasks run without asking: idle CPU, or exempt */
	uint64_t nr_cancel_dispatches; /* decisions that came too late and were dropped */
	uint64_t nr_bounce_dispatches; /* decisions for a CPU that the task may not use */
	uint64_t nr_failed_dispatches; /* decisions about a task that was not waiting any more */
	uint64_t nr_sched_congested;   /* requests that found the ring full */
	uint64_t nr_standing;	       /* wakeups queued under a grant, see rl_decision.standing */
	uint64_t nr_late;	       /* tasks queued without asking because the policy was late */
	uint64_t nr_flushed;	       /* waiting tasks that ran before their decision came */
	uint64_t nr_asked;	       /* requests sent to the policy */
	uint64_t nr_preempt_kicks;     /* running tasks stopped for a more urgent one */
	uint64_t policy_runtime_ns;    /* CPU time of the scheduler thread */
	uint64_t nr_rounds;    /* calls of rl_complete(): one a second, if there is nothing to do */
	uint64_t nr_resumed;   /* tasks queued again for the rest of a slice, not asked about */
	uint64_t nr_hurried;   /* tasks that had waited for 2.5 s and were put first */
	uint64_t nr_throttled; /* tasks held back because a group had used up its cpu.max */
	uint64_t throttled_ns; /* for how long, all of them together */
	uint64_t nr_groups_refused; /* control groups that found no place: more than 4095 with
				       tasks are known. They share as a part of the group above */
	size_t : 0;
};

/*
 * Read the counters; fills at most ret->sz bytes. -EINVAL when sz is not set. [any, one thread at a
 * time]
 */
RL_API int rl_stats(struct rl *rl, struct rl_stats *ret);

struct rl_exit {
	size_t sz;	     /* sizeof(struct rl_exit), set by the caller */
	int64_t kind;	     /* the kernel's enum scx_exit_kind; 0: still running or detached */
	int64_t code;	     /* exit code given by the kernel */
	const char *reason;  /* owned by the library until rl_free(); never NULL */
	const char *message; /* likewise */
	const char *dump;    /* likewise; empty unless the kernel wrote a dump */
	bool by_user;	     /* it ended because rl_detach() asked for it */
	bool restart;	     /* the kernel asks for a restart (CPU hotplug) */
	size_t : 0;
};

/* Why the kernel ended the scheduler. [any, after rl_exited() or rl_detach()] */
RL_API int rl_exit_info(const struct rl *rl, struct rl_exit *ret);

#ifdef __cplusplus
}
#endif

#endif /* RUSTLAND_H */
