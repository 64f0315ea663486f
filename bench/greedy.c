// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a user may start, and have boosted, to get more of the CPUs than is due: the same load is run with
 * and without boosts, beside somebody else's. Each form is one process and its children, so that one
 * boost of the tree (of the process alone for "helpers", of the control group for "threads") takes in
 * all that shall be boosted. Runs until it is killed, and prints nothing.
 *
 * It must never use more than it can without a boost by other means: no priority, no real-time class.
 */
#include "bench/bench.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A unit of work takes about 100 us, and twice as long on an emulator's CPUs when two of them share one
 * clock. So that no run is longer than the longest slice (20 ms), none is meant to take more than 8 ms.
 */
#define UNITS_PER_MS 10

struct work {
	uint64_t count;	    /* tasks */
	uint64_t units;	    /* between two sleeps; 0: for ever */
	uint64_t sleep_ns;  /* after each */
	uint64_t period_ns; /* or: until its next multiple, so that all wake up together */
};

static uint64_t unit_iterations;

static void run_units(uint64_t units)
{
	for (uint64_t i = 0; i < units; i++)
		bench_work(unit_iterations);
}

static void sleep_ns(uint64_t ns)
{
	struct timespec ts = {.tv_sec = (time_t)(ns / NSEC_PER_SEC),
			      .tv_nsec = (long)(ns % NSEC_PER_SEC)};

	nanosleep(&ts, NULL);
}

/* ---- Tasks ---------------------------------------------------------------------------------- */

/* A child that ends with its parent; true in the child. */
static bool start_child(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		bench_die("cannot fork: %s", strerror(errno));
	if (pid)
		return false;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	/* Without it the kernel wakes up a task 50 us after the end of its sleep. */
	prctl(PR_SET_TIMERSLACK, 1);
	return true;
}

static void *work(void *arg)
{
	const struct work *w = arg;

	for (;;) {
		run_units(w->units ? w->units : 1);
		if (w->period_ns)
			bench_sleep_until((bench_now() / w->period_ns + 1) * w->period_ns);
		else if (w->sleep_ns)
			sleep_ns(w->sleep_ns);
	}
	return NULL;
}

static void start_processes(struct work *w)
{
	for (uint64_t i = 0; i < w->count; i++)
		if (start_child())
			work(w);
}

static void start_threads(struct work *w)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, MAX((size_t)PTHREAD_STACK_MIN, (size_t)64 * 1024));
	for (uint64_t i = 0; i < w->count; i++) {
		int r = pthread_create(&thread, &attr, work, w);

		if (r)
			bench_die("cannot start a thread: %s", strerror(r));
	}
}

/* Children that work for a moment and are gone before they are asked about a second time. */
static void start_parents(struct work *w)
{
	for (uint64_t i = 0; i < w->count; i++) {
		if (!start_child())
			continue;
		for (;;) {
			if (start_child()) {
				run_units(w->units);
				_exit(0);
			}
			wait(NULL);
		}
	}
}

/* Rings of tasks, of which one works and then wakes the next. */
static void start_relays(struct work *w, unsigned int members)
{
	for (uint64_t i = 0; i < w->count; i++) {
		int pipes[16][2];
		char token = 0;

		for (unsigned int m = 0; m < members; m++)
			if (pipe(pipes[m]))
				bench_die("cannot make a pipe: %s", strerror(errno));
		for (unsigned int m = 0; m < members; m++) {
			if (!start_child())
				continue;
			while (read(pipes[m][0], &token, 1) == 1) {
				run_units(w->units);
				if (write(pipes[(m + 1) % members][1], &token, 1) != 1)
					break;
			}
			_exit(1);
		}
		if (write(pipes[0][1], &token, 1) != 1)
			bench_die("cannot start a ring");
	}
}

/* This process wakes helpers all the time, who then have its class for once. */
static void wake_helpers(struct work *w)
{
	int fds[64];
	char token = 0;

	for (uint64_t i = 0; i < w->count && i < 64; i++) {
		int ends[2];

		if (pipe(ends))
			bench_die("cannot make a pipe: %s", strerror(errno));
		if (start_child()) {
			while (read(ends[0], &token, 1) == 1)
				run_units(w->units);
			_exit(1);
		}
		fds[i] = ends[1];
	}
	for (;;) {
		for (uint64_t i = 0; i < w->count && i < 64; i++)
			if (write(fds[i], &token, 1) != 1)
				bench_die("a helper is gone");
		sleep_ns(w->sleep_ns);
	}
}

/* Whatever makes a scheduler look at a task anew, as often as it can be done. */
static void start_tricksters(struct work *w)
{
	static const int classes[] = {SCHED_BATCH, SCHED_OTHER};
	const struct sched_param param = {0};

	for (uint64_t i = 0; i < w->count; i++) {
		if (!start_child())
			continue;
		for (unsigned int n = 0;; n++) {
			run_units(w->units);
			sched_setscheduler(0, classes[n % 2], &param);
			sched_yield();
			sleep_ns(w->sleep_ns);
		}
	}
}

/* ---- Forms ---------------------------------------------------------------------------------- */

static const struct form {
	const char *name, *help;
	struct work work;
	enum {
		PROCESSES,
		THREADS,
		PARENTS,
		PAIRS,
		RELAYS,
		HELPERS,
		TRICKS
	} kind;
} forms[] = {
	{"hogs", "32 that never sleep", {.count = 32}, PROCESSES},
	{"dozers",
	 "32 hogs that sleep for 0.05 ms after 8 ms",
	 {.count = 32, .units = 8 * UNITS_PER_MS, .sleep_ns = 50000},
	 PROCESSES},
	{"few-dozers",
	 "the same, 4",
	 {.count = 4, .units = 8 * UNITS_PER_MS, .sleep_ns = 50000},
	 PROCESSES},
	{"sleepers",
	 "4 that sleep for 4 ms after 8 ms: enough for a boost",
	 {.count = 4, .units = 8 * UNITS_PER_MS, .sleep_ns = 4000000},
	 PROCESSES},
	{"loops",
	 "32 frame loops at 60 Hz, of 2.2 ms, which wake up together",
	 {.count = 32, .units = 22, .period_ns = 16667000},
	 PROCESSES},
	{"alarms",
	 "32 that wake up together ten times a second, for 8 ms",
	 {.count = 32, .units = 8 * UNITS_PER_MS, .period_ns = 100000000},
	 PROCESSES},
	{"threads",
	 "100 threads, loops at 30 Hz of 2 ms",
	 {.count = 100, .units = 2 * UNITS_PER_MS, .period_ns = 33333000},
	 THREADS},
	{"children",
	 "16 that start one child of 5 ms after the other",
	 {.count = 16, .units = 5 * UNITS_PER_MS},
	 PARENTS},
	{"pairs", "16 pairs that wake each other, for 0.1 ms", {.count = 16, .units = 1}, PAIRS},
	{"relays",
	 "4 rings of 8 that hand 8 ms of work on",
	 {.count = 4, .units = 8 * UNITS_PER_MS},
	 RELAYS},
	{"helpers",
	 "one that wakes 32 others every millisecond, for 5 ms",
	 {.count = 32, .units = 5 * UNITS_PER_MS, .sleep_ns = 1000000},
	 HELPERS},
	{"tricks",
	 "16 that change their class, yield and sleep for 0.05 ms after 1 ms",
	 {.count = 16, .units = UNITS_PER_MS, .sleep_ns = 50000},
	 TRICKS},
};

#define NR_FORMS (sizeof(forms) / sizeof(forms[0]))

static void usage(FILE *file)
{
	fputs("usage: greedy [OPTION]...\n"
	      "Takes as much of the CPUs as it can, until it is killed.\n\n"
	      "  --form NAME          how:\n",
	      file);
	for (size_t i = 0; i < NR_FORMS; i++)
		fprintf(file, "      %-12s%s\n", forms[i].name, forms[i].help);
	fputs("  --unit-iterations N  size of a unit of work (default: what takes 100 us here, "
	      "now)\n"
	      "  --delay-seconds N    begin N seconds later: until then it can be boosted quickly\n"
	      "  --help\n",
	      file);
}

static void start(const struct form *form)
{
	struct work w = form->work;

	switch (form->kind) {
	case PROCESSES:
		start_processes(&w);
		break;
	case THREADS:
		start_threads(&w);
		break;
	case PARENTS:
		start_parents(&w);
		break;
	case PAIRS:
		start_relays(&w, 2);
		break;
	case RELAYS:
		start_relays(&w, 8);
		break;
	case HELPERS:
		wake_helpers(&w);
		break;
	case TRICKS:
		start_tricksters(&w);
		break;
	}
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	const char *name = NULL;
	uint64_t delay_s = 0;
	const struct bench_option options[] = {
		BENCH_TEXT("form", &name),
		BENCH_NUMBER("unit-iterations", &unit_iterations, 1, INT64_MAX),
		BENCH_NUMBER("delay-seconds", &delay_s, 0, 3600),
		{0},
	};

	bench_parse(argc, argv, "greedy", usage, options, NULL);
	if (!unit_iterations)
		unit_iterations = bench_calibrate(100 * NSEC_PER_USEC);
	signal(SIGPIPE, SIG_IGN);
	sleep_ns(delay_s * NSEC_PER_SEC);
	for (size_t i = 0; name && i < NR_FORMS; i++)
		if (!strcmp(name, forms[i].name))
			start(&forms[i]);
	bench_die("--form takes a name that --help lists");
}
