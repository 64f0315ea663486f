/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When scx_rustland is started, ended and started again, and what state the service is in: the
 * whole of that, and nothing else. Events and the time go in, actions come out; the supervisor
 * carries them out. It never reads a clock, a file or a process, so that a test can be everything
 * around it.
 *
 * Arguments are tried before they take the place of others: until the scheduler has run well with new
 * ones for a while, its first failure brings the former ones back.
 *
 * The state follows from what the kernel says and what the child did, never from what was asked.
 * Another scheduler is never replaced: as long as the kernel runs one, nothing is started.
 */
#ifndef RUSTLANDD_LIFECYCLE_H
#define RUSTLANDD_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include <rustland.h>

/* The child's WATCHDOG_USEC. It gives four signs of life in that time, while it makes progress. */
#define LIFECYCLE_HEARTBEAT_MS 4000
/* So many intervals without one, and it is replaced; until then the state is degraded. */
#define LIFECYCLE_HEARTBEATS 6
/*
 * Loading is 0.8 (Linux 6.12) to 1 (7.3) billion instructions of one CPU, so under a second. A machine
 * may be slow, and busy: three times as many once took 25 s in an emulated one with a load of four.
 */
#define LIFECYCLE_START_MS 60000
/* Detaching takes milliseconds. After that, SIGKILL; the kernel goes on with its own scheduler. */
#define LIFECYCLE_STOP_MS 5000
/* The kernel may still name the child's scheduler when the child has ended. */
#define LIFECYCLE_SETTLE_MS 1000
/* Until a child is started again that could not be for want of memory, processes or descriptors. */
#define LIFECYCLE_SHORTAGE_MS 1000
#define LIFECYCLE_LIMIT_MAX   100
/* New arguments are good when it is ready, and gives a sign of life after this time, ... */
#define LIFECYCLE_TRIAL_MS 2000
/* ... and bad when that has not come by then. */
#define LIFECYCLE_TRIAL_MAX_MS 10000

enum lifecycle_state {
	LIFECYCLE_STARTING,
	LIFECYCLE_ACTIVE,
	LIFECYCLE_DEGRADED,  /* the kernel goes on with estimates: the policy is late, or silent */
	LIFECYCLE_INHIBITED, /* another scheduler is loaded */
	LIFECYCLE_DISABLED,  /* this kernel has no sched_ext */
	LIFECYCLE_FAILED,    /* ended too often; the kernel's own scheduler runs */
};

struct lifecycle_limits {
	uint32_t restarts; /* in window_ms; one more end and it gives up */
	uint64_t window_ms;
	uint64_t delay_ms; /* before the first restart, doubled for each further one */
	uint64_t delay_max_ms;
};

enum lifecycle_event_type {
	LIFECYCLE_TICK,	     /* the time that lifecycle_due_ms() named has come */
	LIFECYCLE_KERNEL,    /* what the kernel runs has changed */
	LIFECYCLE_READY,     /* the child says that it schedules */
	LIFECYCLE_HEARTBEAT, /* the child gave a sign of life */
	LIFECYCLE_LATE,	     /* the child says that its policy answers too late */
	LIFECYCLE_IN_TIME,   /* and that it does so no more */
	LIFECYCLE_END,	     /* the child has ended, or could not be started */
	LIFECYCLE_CONFIG,    /* new limits; new arguments for the child perhaps */
	LIFECYCLE_RETRY,     /* somebody wants another try after it gave up */
	LIFECYCLE_QUIT,	     /* end the child for good */
};

struct lifecycle_event {
	enum lifecycle_event_type type;
	union {
		struct {
			enum rl_kernel_state state;
			const char *ops; /* the name of what is loaded, "" if nothing */
		} kernel;
		struct {
			int signal;	   /* that killed it, or 0 */
			int status;	   /* else its exit status, see scx_rustland(8) */
			const char *error; /* its last line about an error, "" if there was none */
			bool shortage;	   /* it could not be started for want of memory or so */
		} end;
		struct {
			struct lifecycle_limits limits;
			bool restart; /* the arguments are not what they were */
			/* With restart: there are arguments to go back to, with these limits. */
			bool fallback;
			struct lifecycle_limits fallback_limits;
		} config;
	};
};

/* What is to be done about the child. */
enum lifecycle_action {
	LIFECYCLE_START = 1,
	LIFECYCLE_TERM = 2,
	LIFECYCLE_KILL = 4,
	/* The new arguments did not do well: the former ones count again. Before LIFECYCLE_START. */
	LIFECYCLE_REVERT = 8,
};

enum lifecycle_phase {
	LIFECYCLE_PHASE_NONE, /* there is no child */
	LIFECYCLE_PHASE_STARTING,
	LIFECYCLE_PHASE_RUNNING,
	LIFECYCLE_PHASE_STOPPING,
};

/* For lifecycle.c; others read through the functions below. */
struct lifecycle {
	struct lifecycle_limits limits;
	enum rl_kernel_state kernel;
	char *ops;
	enum lifecycle_phase phase;
	uint64_t phase_ms;     /* when it began */
	uint64_t kill_ms;      /* stopping: when SIGTERM has been enough */
	uint64_t heartbeat_ms; /* the last sign of life */
	uint64_t retry_ms;     /* no child: not before */
	uint64_t settle_ms;    /* no child: until then the kernel may still name ours */
	uint64_t ends_ms[LIFECYCLE_LIMIT_MAX + 1];
	uint32_t nr_ends;
	uint32_t all_ends; /* that nobody ordered, ever */
	bool late, silent;
	bool proven;   /* it has run well with these arguments */
	bool fallback; /* there are others to go back to */
	bool was_late; /* with the former arguments as well: then that is no fault of the new */
	bool was_given_up;
	struct lifecycle_limits fallback_limits;
	bool ordered; /* stopping: not its own fault */
	bool given_up;
	bool quitting;
	char *reason;	     /* why it ended last, "" if it never did */
	char *kernel_reason; /* why nothing can be started, "" if it can */
};

void lifecycle_init(struct lifecycle *lc, const struct lifecycle_limits *limits, uint64_t now_ms);
void lifecycle_clear(struct lifecycle *lc);

/* Returns enum lifecycle_action, or'ed. now_ms never goes backwards. */
unsigned int lifecycle_handle(struct lifecycle *lc, const struct lifecycle_event *event,
			      uint64_t now_ms);

/* When LIFECYCLE_TICK has to come next; UINT64_MAX if it need not. */
uint64_t lifecycle_due_ms(const struct lifecycle *lc);

enum lifecycle_state lifecycle_state(const struct lifecycle *lc);
/* It will stay in that state if nothing happens: nothing is being started or stopped. */
bool lifecycle_settled(const struct lifecycle *lc);
/* It has run well with its arguments, be it in the past. */
bool lifecycle_proven(const struct lifecycle *lc);
/* Whether they are good is not known, but will be soon: nobody is in the way of trying them. */
bool lifecycle_trying(const struct lifecycle *lc);
const char *lifecycle_state_name(enum lifecycle_state state);

/* Why it does not run, or why it ended last, in plain words; "" if there is nothing to say. */
const char *lifecycle_reason(const struct lifecycle *lc);

/* False when the child could not be got rid of: nothing that this program can do will help. */
bool lifecycle_healthy(const struct lifecycle *lc, uint64_t now_ms);

/* No child any more, after LIFECYCLE_QUIT. */
bool lifecycle_ended(const struct lifecycle *lc);

#endif /* RUSTLANDD_LIFECYCLE_H */
