// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks to which something is done all the time, from outside, while they run, wait or sleep: their
 * class, nice value, affinity, cpuset or control group changes, they are stopped and continued,
 * traced, or frozen. Each of these is a way in which the kernel takes a task from a scheduler and
 * gives it back.
 *
 * What is refused is counted and no failure. In the end each task must still make progress. This
 * program itself must never be in the group that it freezes.
 */
#include "bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NSEC_PER_MSEC 1000000ULL

/* After the window each task gets this long to show that it goes on. */
#define GRACE_NS (30 * NSEC_PER_SEC)

enum {
	POLICY_DEADLINE = 6,
	POLICY_EXT = 7
};

struct victim {
	pid_t pid;
	_Atomic uint64_t units;
	uint64_t seen;
	bool sleeps; /* now and then; the others are always busy */
} __attribute__((aligned(64)));

/* <linux/sched/types.h>; glibc 2.41 is the first that has it. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static uint64_t unit_iterations;
static int nr_cpus;
static const char *group;

static void usage(FILE *file)
{
	fputs("usage: churn [OPTION]... ACTIONS\n"
	      "Does something to tasks all the time, and writes one JSON object. Ends with status "
	      "1\n"
	      "when one of them makes no progress any more. ACTIONS are, separated by commas,\n"
	      "class, deadline, nice, affinity, stop, trace, and with --group freeze, move, "
	      "cpuset.\n\n",
	      file);
	fputs(BENCH_WINDOW_HELP, file);
	fputs("  --tasks N     this many (default: two for each CPU); every other sleeps in "
	      "between\n"
	      "  --group DIR   a control group with two in it, a and b, that they are put into\n"
	      "  --help\n",
	      file);
}

/* Writes to a file of the group; false when that was refused. */
static bool set(const char *file, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool set(const char *file, const char *format, ...)
{
	char path[PATH_MAX], value[64];
	bool done;
	va_list args;
	int fd, length;

	if (!group)
		return false;
	snprintf(path, sizeof(path), "%s/%s", group, file);
	va_start(args, format);
	length = vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	done = write(fd, value, (size_t)length) == length;
	close(fd);
	return done;
}

static void run(struct victim *victim)
{
	for (;;) {
		for (int i = 0; i < 20; i++) {
			bench_work(unit_iterations);
			victim->units++;
		}
		if (victim->sleeps)
			bench_sleep_until(bench_now() + 2 * NSEC_PER_MSEC);
	}
}

static void start(struct victim *victim)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		bench_die("cannot fork: %s", strerror(errno));
	if (pid) {
		victim->pid = pid;
		if (group && !set("a/cgroup.procs", "%d", pid))
			bench_die("cannot put a task into %s/a: %s", group, strerror(errno));
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		run(victim);
	_exit(127);
}

/* ---- What is done to them; false when it was refused ----------------------------------------- */

/* Busy tasks never get a real-time class: they would starve all others, under any scheduler. */
static bool change_class(const struct victim *victim)
{
	static const uint32_t policies[] = {SCHED_OTHER, SCHED_BATCH, SCHED_IDLE,
					    POLICY_EXT,	 SCHED_FIFO,  SCHED_RR};
	struct attributes a = {.size = sizeof(a)};

	a.policy = policies[random() % (victim->sleeps ? 6 : 4)];
	if (a.policy == SCHED_FIFO || a.policy == SCHED_RR)
		a.priority = 1 + (uint32_t)random() % 50;
	return !syscall(SYS_sched_setattr, victim->pid, &a, 0);
}

/* A deadline, or an ordinary class again. */
static bool change_deadline(const struct victim *victim)
{
	struct attributes a = {.size = sizeof(a)};

	if (random() % 2) {
		a.policy = POLICY_DEADLINE;
		a.runtime = NSEC_PER_MSEC;
		a.deadline = a.period = 20 * NSEC_PER_MSEC;
	}
	return !syscall(SYS_sched_setattr, victim->pid, &a, 0);
}

static bool change_nice(const struct victim *victim)
{
	return !setpriority(PRIO_PROCESS, (id_t)victim->pid, (int)(random() % 40) - 20);
}

static bool change_affinity(const struct victim *victim)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < nr_cpus; i++)
		if (random() % 2)
			CPU_SET(i, &set);
	CPU_SET(random() % nr_cpus, &set);
	return !sched_setaffinity(victim->pid, sizeof(set), &set);
}

static bool stop(const struct victim *victim)
{
	if (kill(victim->pid, SIGSTOP))
		return false;
	bench_sleep_until(bench_now() + (uint64_t)random() % NSEC_PER_MSEC);
	return !kill(victim->pid, SIGCONT);
}

/* Waits until it is stopped for its tracer. */
static bool halted(const struct victim *victim)
{
	int status;

	return waitpid(victim->pid, &status, __WALL) == victim->pid && WIFSTOPPED(status);
}

/* Interrupted and continued, then some single steps. */
static bool trace(const struct victim *victim)
{
	if (ptrace(PTRACE_SEIZE, victim->pid, NULL, NULL))
		return false;
	for (int i = 0; i < 3; i++) {
		ptrace(PTRACE_INTERRUPT, victim->pid, NULL, NULL);
		if (halted(victim))
			ptrace(PTRACE_CONT, victim->pid, NULL, NULL);
	}
	ptrace(PTRACE_INTERRUPT, victim->pid, NULL, NULL);
	for (int i = 0; i < 3 && halted(victim); i++)
		ptrace(PTRACE_SINGLESTEP, victim->pid, NULL, NULL);
	halted(victim);
	return !ptrace(PTRACE_DETACH, victim->pid, NULL, NULL);
}

static bool freeze(const struct victim *victim)
{
	(void)victim;
	if (!set("cgroup.freeze", "1"))
		return false;
	bench_sleep_until(bench_now() + (uint64_t)random() % (5 * NSEC_PER_MSEC));
	return set("cgroup.freeze", "0");
}

static bool move(const struct victim *victim)
{
	return set(random() % 2 ? "a/cgroup.procs" : "b/cgroup.procs", "%d", victim->pid);
}

/* From some CPU on, for one of the groups or for both. */
static bool change_cpuset(const struct victim *victim)
{
	static const char *const files[] = {"cpuset.cpus", "a/cpuset.cpus", "b/cpuset.cpus"};
	int first = (int)(random() % nr_cpus), last = first + (int)(random() % (nr_cpus - first));

	(void)victim;
	return set(files[random() % 3], "%d-%d", first, last);
}

static const struct action {
	const char *name;
	bool (*act)(const struct victim *victim);
} actions[] = {
	{"class", change_class},
	{"deadline", change_deadline},
	{"nice", change_nice},
	{"affinity", change_affinity},
	{"stop", stop},
	{"trace", trace},
	{"freeze", freeze},
	{"move", move},
	{"cpuset", change_cpuset},
};

#define NR_ACTIONS (sizeof(actions) / sizeof(actions[0]))

/* The actions named in the list, which is taken apart. */
static size_t choose(char *list, const struct action **chosen)
{
	size_t nr = 0;

	for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
		size_t i;

		for (i = 0; i < NR_ACTIONS && strcmp(actions[i].name, name); i++)
			;
		if (i == NR_ACTIONS || nr == NR_ACTIONS)
			bench_die("there is no action %s", name);
		chosen[nr++] = &actions[i];
	}
	if (!nr)
		bench_die("an action has to be named; see churn --help");
	return nr;
}

/* All as they were at first, and on with them. */
static void let_go(const struct victim *victim)
{
	struct attributes a = {.size = sizeof(a), .policy = SCHED_OTHER};
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	set("cgroup.freeze", "0");
	set("cpuset.cpus", "0-%d", nr_cpus - 1);
	set("a/cpuset.cpus", "0-%d", nr_cpus - 1);
	set("b/cpuset.cpus", "0-%d", nr_cpus - 1);
	kill(victim->pid, SIGCONT);
	syscall(SYS_sched_setattr, victim->pid, &a, 0);
	sched_setaffinity(victim->pid, sizeof(all), &all);
}

/* How many of them do no unit more within the time that they get for it. */
static uint64_t count_stuck(struct victim *victims, uint64_t tasks)
{
	uint64_t stuck = 0;

	for (uint64_t i = 0; i < tasks; i++) {
		let_go(&victims[i]);
		victims[i].seen = victims[i].units;
	}
	for (uint64_t i = 0; i < tasks; i++) {
		uint64_t end = bench_now() + GRACE_NS;

		while (victims[i].units == victims[i].seen && bench_now() < end)
			bench_sleep_until(bench_now() + NSEC_PER_MSEC);
		stuck += victims[i].units == victims[i].seen;
	}
	return stuck;
}

int main(int argc, char **argv)
{
	struct bench_window_args args = {.settle_seconds = 0, .seconds = 10};
	uint64_t tasks = 2 * (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t done[NR_ACTIONS] = {0}, refused = 0, never = 0, stuck;
	const struct action *chosen[NR_ACTIONS] = {NULL};
	const struct bench_option options[] = {
		BENCH_NUMBER("tasks", &tasks, 1, 100000),
		BENCH_TEXT("group", &group),
		{0},
	};
	struct bench_window window;
	struct victim *victims;
	struct bench_json json;
	size_t nr;

	if (argc < 2 || argv[argc - 1][0] == '-') {
		bool help = argc == 2 && !strcmp(argv[1], "--help");

		usage(help ? stdout : stderr);
		return help ? 0 : 2;
	}
	bench_name = "churn";
	nr = choose(argv[argc - 1], chosen);
	bench_parse(argc - 1, argv, "churn", usage, options, &args);
	nr_cpus = (int)sysconf(_SC_NPROCESSORS_CONF);
	unit_iterations = bench_calibrate(20 * NSEC_PER_USEC);
	victims = bench_alloc(tasks * sizeof(*victims));
	for (uint64_t i = 0; i < tasks; i++) {
		victims[i].sleeps = i % 2;
		start(&victims[i]);
	}
	/* It shall not have to wait for those that it keeps busy. */
	setpriority(PRIO_PROCESS, 0, -20);
	window = bench_window_resolve(&args);
	for (size_t i = 0; bench_now() < window.until; i = i + 1 < nr ? i + 1 : 0) {
		if (chosen[i]->act(&victims[(uint64_t)random() % tasks]))
			done[i]++;
		else
			refused++;
	}
	stuck = count_stuck(victims, tasks);

	for (uint64_t i = 0; i < tasks; i++)
		kill(victims[i].pid, SIGKILL);
	while (wait(NULL) > 0)
		;
	bench_json_open(&json, stdout);
	bench_json_u64(&json, "tasks", tasks);
	for (size_t i = 0; i < nr; i++) {
		bench_json_u64(&json, chosen[i]->name, done[i]);
		never += !done[i];
	}
	bench_json_u64(&json, "refused", refused);
	bench_json_u64(&json, "without_progress", stuck);
	bench_json_u64(&json, "actions_never_done", never);
	bench_json_close(&json);
	return stuck || never ? 1 : 0;
}
