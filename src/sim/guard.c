/* SPDX-License-Identifier: GPL-2.0-only */
/* See guard.h. */
#include "sim/guard.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "sim/forbidden.h"
#include "sim/invariants.h"
#include "sim/policy-thread.h"

/*
 * CPU time of the host after which a callback has hung. enqueue() and next() take microseconds; init() may load
 * and compute something, once.
 */
enum {
	CALLBACK_SECONDS = 5,
	INIT_SECONDS = 60,
};

__thread uint8_t guard_callback;

/* A policy's own threads are in no callback, and say nothing about the one that is in it. */
static __thread bool is_scheduler;
static pthread_t scheduler;
static bool is_made_by_policy; /* this process */

static const char *const names[GUARD_CALLBACKS] = {
	[GUARD_FINI] = "fini", [GUARD_INIT] = "init", [GUARD_ENQUEUE] = "enqueue",
	[GUARD_NEXT] = "next", [GUARD_UNDO] = "undo", [GUARD_TICK] = "tick",
};

static struct {
	struct rl_policy policy, watched;
	void *state; /* that leak checkers find it where a callback was left in the middle */
	volatile uint64_t calls;
	uint64_t calls_then;  /* a second of CPU time ago */
	unsigned int seconds; /* that the present call has taken */
	bool has_ended;
} the;

enum guard_callback guard_leave(void)
{
	enum guard_callback callback = guard_callback;

	guard_callback = GUARD_OUTSIDE;
	return callback;
}

_Noreturn void guard_end(enum guard_callback callback, const char *what, const char *more)
{
	the.has_ended = true;
	invariants_end("the policy %s %s in %s()%s", the.policy.name, what, names[callback], more);
	policy_thread_abandon();
}

/* ---- The callbacks --------------------------------------------------------------------------- */

static void enter(enum guard_callback callback)
{
	the.calls++;
	guard_callback = callback;
}

/* In a process that init() has made: it may end, and is no simulator. */
static void on_fork(void)
{
	if (guard_leave() != GUARD_OUTSIDE)
		is_made_by_policy = true;
}

static int init(void *state, const struct rl_policy_config *config)
{
	int ret;

	the.state = state;
	if (!the.policy.init)
		return 0;
	forbidden_forget();
	enter(GUARD_INIT);
	ret = the.policy.init(state, config);
	guard_leave();
	if (is_made_by_policy) {
		fprintf(stderr,
			"rustland-sim: the policy %s started a process in init(), which returned "
			"from it\n",
			the.policy.name);
		_exit(1);
	}
	forbidden_tell(the.policy.name);
	/* It may have loaded a library. */
	forbidden_watch();
	return ret;
}

static void fini(void *state)
{
	enter(GUARD_FINI);
	the.policy.fini(state);
	guard_leave();
}

static void enqueue(void *state, const struct rl_task *task)
{
	enter(GUARD_ENQUEUE);
	the.policy.enqueue(state, task);
	guard_leave();
}

static bool next(void *state, struct rl_decision *decision)
{
	bool ret;

	enter(GUARD_NEXT);
	ret = the.policy.next(state, decision);
	guard_leave();
	return ret;
}

static void undo(void *state, const struct rl_decision *decision)
{
	enter(GUARD_UNDO);
	the.policy.undo(state, decision);
	guard_leave();
}

static void tick(void *state, uint64_t now_ns)
{
	enter(GUARD_TICK);
	the.policy.tick(state, now_ns);
	guard_leave();
}

/* ---- Signals --------------------------------------------------------------------------------- */

/* The stack of the policy may be what is used up. */
static char signal_stack[64 * 1024] __attribute__((aligned(16)));

/*
 * What runs goes on without the policy, on another stack than this one; this handler never returns. Where the
 * policy has destroyed memory of the simulator before, that may crash as well: then at least its end is told.
 */
static void on_crash(int number)
{
	enum guard_callback callback = guard_leave();
	/* strsignal() allocates memory. */
	const char *signal_name = sigdescr_np(number);
	char why[64];

	snprintf(why, sizeof(why), ": %s", signal_name ? signal_name : "a signal");
	if (callback != GUARD_OUTSIDE)
		guard_end(callback, "crashed", why);
	if (the.has_ended) {
		const char *first = invariants_first();

		if (write(STDERR_FILENO, first, strlen(first)) < 0 ||
		    write(STDERR_FILENO, "\n", 1) < 0)
			_exit(1);
	}
	signal(number, SIG_DFL);
	raise(number);
}

/* Each second of CPU time. */
static void on_second(int number)
{
	bool is_once = guard_callback <= GUARD_INIT;

	(void)number;
	if (!is_scheduler) {
		/* Else a thread that is busier would hear of every second. */
		pthread_kill(scheduler, number);
		return;
	}
	if (guard_callback == GUARD_OUTSIDE || the.calls != the.calls_then) {
		the.calls_then = the.calls;
		the.seconds = 0;
		return;
	}
	if (++the.seconds < (is_once ? INIT_SECONDS : CALLBACK_SECONDS))
		return;
	guard_end(guard_leave(), "has hung",
		  is_once ? ": it has not returned after 60 s of CPU time"
			  : ": it has not returned after 5 s of CPU time");
}

static void handle(int number, void (*handler)(int number))
{
	const struct sigaction action = {
		.sa_handler = handler,
		/* The handler does not return, and the signal has to come again after that. */
		.sa_flags = SA_ONSTACK | SA_NODEFER | SA_RESTART,
	};

	sigaction(number, &action, NULL);
}

static void watch_signals(void)
{
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT};
	const struct itimerval second = {.it_interval = {.tv_sec = 1}, .it_value = {.tv_sec = 1}};
	const stack_t stack = {.ss_sp = signal_stack, .ss_size = sizeof(signal_stack)};

	if (!is_scheduler)
		pthread_atfork(NULL, NULL, on_fork);
	is_scheduler = true;
	scheduler = pthread_self();
	sigaltstack(&stack, NULL);
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]) && !HAVE_SANITIZER; i++)
		handle(crashes[i], on_crash);
	handle(SIGPROF, on_second);
	setitimer(ITIMER_PROF, &second, NULL);
}

const struct rl_policy *guard_policy(const struct rl_policy *policy)
{
	size_t size = policy->sz < sizeof(the.policy) ? policy->sz : sizeof(the.policy);

	memset(&the, 0, sizeof(the));
	memcpy(&the.policy, policy, size);
	the.watched = the.policy;
	the.watched.sz = sizeof(the.watched);
	the.watched.init = init;
	the.watched.fini = the.policy.fini ? fini : NULL;
	the.watched.enqueue = enqueue;
	the.watched.next = next;
	the.watched.undo = the.policy.undo ? undo : NULL;
	the.watched.tick = the.policy.tick ? tick : NULL;
	forbidden_watch();
	watch_signals();
	return &the.watched;
}
