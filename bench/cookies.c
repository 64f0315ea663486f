// SPDX-License-Identifier: GPL-2.0-only
/*
 * Core scheduling: busy programs that each have a cookie of their own, so that no two of them may
 * run on one core at the same time. They come and go and change their cookies, and now and then
 * none is left, which makes the kernel switch core scheduling on and off.
 *
 * The longest time that a thread had to wait for a CPU is counted, and programs that did not get
 * any.
 */
#include "bench/bench.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NSEC_PER_MSEC 1000000ULL

/* As other test programs say that they cannot run here. */
#define STATUS_SKIP 77

/* So many are started for each place before all places are left empty once. */
#define LIVES_PER_ROUND 4

struct busy {
	pthread_t thread;
	uint64_t units;
	uint64_t longest_gap;
} __attribute__((aligned(64)));

/* What a place for a program is told and tells; shared with it. */
struct place {
	pid_t pid;
	uint64_t ends_at;
	uint64_t units;
	uint64_t longest_gap;
};

static uint64_t unit_iterations;
static _Atomic uint64_t busy_until;

static void usage(FILE *file)
{
	fputs("usage: cookies [OPTION]...\n"
	      "Keeps programs busy that have core-scheduling cookies of their own, and writes one\n"
	      "JSON object. Ends with status 1 when one of them got no CPU, with 77 where there\n"
	      "is no core scheduling.\n\n",
	      file);
	fputs(BENCH_WINDOW_HELP, file);
	fputs("  --programs N   this many at the same time (default 3)\n"
	      "  --threads N    threads in each of them (default 2)\n"
	      "  --life-ms N    each lives about that long, then another takes its place; in the\n"
	      "                 middle of its life it has no cookie (default: all live for ever)\n"
	      "  --hold         only have a cookie and sleep until a signal comes, so that the\n"
	      "                 kernel does not switch core scheduling off\n"
	      "  --help\n",
	      file);
}

/* False where the kernel or the machine has no core scheduling. */
static bool take_cookie(void)
{
	if (!prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, PR_SCHED_CORE_SCOPE_THREAD_GROUP, 0))
		return true;
	if (errno != EINVAL && errno != ENODEV)
		bench_die("cannot create a cookie: %s", strerror(errno));
	return false;
}

/* The parent has none. */
static void drop_cookie(pid_t parent)
{
	if (prctl(PR_SCHED_CORE, PR_SCHED_CORE_SHARE_FROM, parent, PR_SCHED_CORE_SCOPE_THREAD, 0) ||
	    prctl(PR_SCHED_CORE, PR_SCHED_CORE_SHARE_TO, getpid(), PR_SCHED_CORE_SCOPE_THREAD_GROUP,
		  0))
		bench_die("cannot drop a cookie: %s", strerror(errno));
}

static void *keep_busy(void *arg)
{
	struct busy *busy = arg;
	uint64_t last = bench_now(), now;

	do {
		bench_work(unit_iterations);
		now = bench_now();
		busy->longest_gap = MAX(busy->longest_gap, now - last);
		last = now;
		busy->units++;
	} while (now < busy_until);
	return NULL;
}

static void live(struct place *place, uint64_t threads, pid_t parent, bool changes)
{
	uint64_t start = bench_now();
	uint64_t life = place->ends_at > start ? place->ends_at - start : 0;
	struct busy *busy = bench_alloc(threads * sizeof(*busy));

	busy_until = place->ends_at;
	for (uint64_t i = 0; i < threads; i++) {
		int r = pthread_create(&busy[i].thread, NULL, keep_busy, &busy[i]);

		if (r)
			bench_die("cannot start a thread: %s", strerror(r));
	}
	if (!take_cookie())
		_exit(STATUS_SKIP);
	if (changes) {
		bench_sleep_until(start + life / 3);
		drop_cookie(parent);
		bench_sleep_until(start + 2 * life / 3);
		take_cookie();
	}
	for (uint64_t i = 0; i < threads; i++) {
		pthread_join(busy[i].thread, NULL);
		place->units += busy[i].units;
		place->longest_gap = MAX(place->longest_gap, busy[i].longest_gap);
	}
}

static void start(struct place *place, uint64_t ends_at, uint64_t threads, bool changes)
{
	pid_t parent = getpid(), pid;

	*place = (struct place){.ends_at = ends_at};
	pid = fork();
	if (pid < 0)
		bench_die("cannot fork: %s", strerror(errno));
	if (pid) {
		place->pid = pid;
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	live(place, threads, parent, changes);
	_exit(0);
}

/* From half to one and a half of a life, so that they do not keep in step. */
static uint64_t end_of_life(uint64_t now, uint64_t life_ms)
{
	if (!life_ms)
		return UINT64_MAX;
	return now + NSEC_PER_MSEC * (life_ms / 2 + (uint64_t)random() % (life_ms + 1));
}

int main(int argc, char **argv)
{
	struct bench_window_args args = BENCH_WINDOW_DEFAULT;
	uint64_t programs = 3, threads = 2, life_ms = 0, running = 0, lives = 0, started = 0;
	uint64_t units = 0, gap = 0, idle = 0;
	bool hold = false;
	const struct bench_option options[] = {
		BENCH_NUMBER("programs", &programs, 1, 10000),
		BENCH_NUMBER("threads", &threads, 1, 1000),
		BENCH_NUMBER("life-ms", &life_ms, 1, 1000000),
		BENCH_FLAG("hold", &hold),
		{0},
	};
	struct bench_window window;
	struct bench_json json;
	struct place *places;

	bench_parse(argc, argv, "cookies", usage, options, &args);
	if (hold) {
		if (!take_cookie())
			return STATUS_SKIP;
		pause();
		return 0;
	}
	unit_iterations = bench_calibrate(20 * NSEC_PER_USEC);
	places = bench_alloc(programs * sizeof(*places));
	window = bench_window_resolve(&args);

	for (;;) {
		uint64_t now = bench_now();
		pid_t pid;
		int status;

		if (!running)
			lives = programs * LIVES_PER_ROUND;
		for (uint64_t i = 0; i < programs && lives && now < window.until; i++) {
			if (places[i].pid)
				continue;
			start(&places[i], MIN(window.until, end_of_life(now, life_ms)), threads,
			      life_ms);
			running++;
			lives--;
			started++;
		}
		if (!running)
			break;
		pid = wait(&status);
		if (pid < 0)
			bench_die("cannot wait: %s", strerror(errno));
		for (uint64_t i = 0; i < programs; i++) {
			if (places[i].pid != pid)
				continue;
			if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_SKIP) {
				fprintf(stderr, "cookies: there is no core scheduling here\n");
				return STATUS_SKIP;
			}
			if (status)
				bench_die("program %d ended with status %d", pid, status);
			places[i].pid = 0;
			running--;
			units += places[i].units;
			gap = MAX(gap, places[i].longest_gap);
			idle += !places[i].units;
		}
	}
	bench_json_open(&json, stdout);
	bench_json_u64(&json, "programs", programs);
	bench_json_u64(&json, "threads", threads);
	bench_json_u64(&json, "started", started);
	bench_json_u64(&json, "unit_iterations", unit_iterations);
	bench_json_u64(&json, "units", units);
	bench_json_u64(&json, "without_progress", idle);
	bench_json_us(&json, "longest_gap_us", gap);
	bench_json_close(&json);
	return idle ? 1 : 0;
}
