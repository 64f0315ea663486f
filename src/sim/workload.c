/* SPDX-License-Identifier: GPL-2.0-only */
/* See workload.h. */
#include "sim/workload.h"

#include <stdlib.h>
#include <string.h>

#include "sim/behaviors.h"
#include "sim/kernel/cgroup.h"
#include "sim/kernel/random.h"

#define FRAME_NS 16666667ULL /* 60 Hz */

static uint32_t nr_cpus(void)
{
	return machine.topology.nr_cpus;
}

static void start(struct task *t)
{
	task_start(t, (s32)random_below(&machine.random, nr_cpus()));
}

static void start_all(struct task **tasks, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		start(tasks[i]);
}

static void hogs(uint32_t n)
{
	struct task_stats *stats = task_stats_new("hog");

	while (n--)
		start(hog_new(stats));
}

static void build(uint32_t jobs)
{
	struct task_stats *stats = task_stats_new("cc");

	while (jobs--)
		start(build_slot_new(stats));
}

/* A window to draw, a bus, a few services: awake now and then. */
static void desktop(uint32_t n)
{
	struct task_stats *stats = task_stats_new("desktop");

	for (uint32_t i = 0; i < n; i++)
		start(sleeper_new(stats, 50 * USEC + 20 * USEC * (i % 10),
				  50 * MSEC + 37 * MSEC * (i % 25), 50));
}

static void frames(void)
{
	start(frames_new(task_stats_new("frames"), FRAME_NS, 2300 * USEC, 5));
}

static void frames_hogs(void)
{
	frames();
	hogs(2 * nr_cpus());
}

static void frames_build(void)
{
	frames();
	build(nr_cpus());
}

static void game(void)
{
	static struct task *workers[64];
	uint32_t n = nr_cpus() > 1 ? nr_cpus() / 2 : 1;

	n = n < 16 ? n : 16;
	start(game_new(task_stats_new("game"), task_stats_new("worker"), FRAME_NS, 5 * MSEC, n,
		       workers));
	start_all(workers, n);
	hogs(nr_cpus());
	desktop(20);
}

static void set_cgroup(struct task **tasks, uint32_t n, struct control_group *tg)
{
	for (uint32_t i = 0; i < n; i++)
		task_set_cgroup(tasks[i], tg);
}

static void game_build(void)
{
	static struct task *workers[64];
	struct control_group *build_group = cgroup_at("/build");
	struct task_stats *cc = task_stats_new("cc");
	uint32_t n = nr_cpus() > 1 ? nr_cpus() / 2 : 1;
	struct task *t;

	n = n < 16 ? n : 16;
	t = game_new(task_stats_new("game"), task_stats_new("worker"), FRAME_NS, 5 * MSEC, n,
		     workers);
	set_cgroup(&t, 1, cgroup_at("/game"));
	set_cgroup(workers, n, cgroup_at("/game"));
	start(t);
	start_all(workers, n);
	/* As much of it as people give to make. */
	for (uint32_t i = 0; i < 2 * nr_cpus(); i++) {
		t = build_slot_new(cc);
		set_cgroup(&t, 1, build_group);
		start(t);
	}
	desktop(20);
}

static void audio(void)
{
	static const uint64_t work_ns[] = {150 * USEC, 300 * USEC, 100 * USEC};
	static struct task *stages[3];

	graph_new(task_stats_new("audio"), 5333 * USEC, work_ns, 3, stages);
	start_all(stages, 3);
	hogs(2 * nr_cpus());
}

/* As PipeWire's data threads, which rtkit makes real-time. */
static void audio_realtime(void)
{
	static const uint64_t work_ns[] = {150 * USEC, 300 * USEC, 100 * USEC};
	static const struct sched_params params = {.policy = POLICY_FIFO, .priority = 20};
	static struct task *stages[3];

	graph_new(task_stats_new("audio"), 5333 * USEC, work_ns, 3, stages);
	for (u32 i = 0; i < 3; i++)
		task_set_params(stages[i], &params);
	start_all(stages, 3);
	frames_hogs();
}

static void call(void)
{
	static const uint64_t work_ns[] = {100 * USEC, 400 * USEC};
	static struct task *stages[2];

	start(frames_new(task_stats_new("encode"), 33333 * USEC, 8 * MSEC, 30));
	start(frames_new(task_stats_new("decode"), 33333 * USEC, 4 * MSEC, 30));
	graph_new(task_stats_new("audio"), 10 * MSEC, work_ns, 2, stages);
	start_all(stages, 2);
	build(nr_cpus());
	desktop(20);
}

static void pipes(void)
{
	struct task_stats *stats = task_stats_new("pair");
	struct task *pair[2];

	for (uint32_t i = 0; i < nr_cpus(); i++) {
		pair_new(stats, 5 * USEC, pair);
		start_all(pair, 2);
	}
	hogs(2 * nr_cpus());
}

static void fork_storm(void)
{
	struct task_stats *stats = task_stats_new("forker");

	frames();
	for (uint32_t i = 0; i < 4 * nr_cpus(); i++)
		start(forker_new(stats, 4 * MSEC));
	stats = task_stats_new("chain");
	for (uint32_t i = 0; i < 2 * nr_cpus(); i++)
		start(chain_new(stats, 3 * MSEC));
	hogs(nr_cpus());
}

static void idle_desktop(void)
{
	desktop(150);
}

static void crowd(void)
{
	struct task_stats *stats = task_stats_new("sleeper");

	frames();
	for (uint32_t i = 0; i < 20000; i++)
		start(sleeper_new(stats, 20 * USEC, 2000 * MSEC, 50));
	hogs(nr_cpus());
}

static void thousand(void)
{
	struct task_stats *stats = task_stats_new("sleeper");

	frames();
	for (uint32_t i = 0; i < 900; i++)
		start(sleeper_new(stats, 500 * USEC, 20 * MSEC, 50));
	hogs(99);
}

static bool mix_is_even; /* all weigh the same and may run everywhere */

/* Anything: for swarms. A task's weight and CPUs are random as well. */
static void start_somehow(struct task *t)
{
	static const int nices[] = {19, 16, 9, 5, 0, 0, 0, 0, 0, -5, -10, -20};
	u64 *random = &machine.random;
	struct mask allowed = {0};

	if (mix_is_even) {
		start(t);
		return;
	}
	task_set_params(
		t, &(struct sched_params){
			   .nice = nices[random_below(random, sizeof(nices) / sizeof(nices[0]))]});
	if (random_below(random, 5) == 0) {
		for (u32 i = 0; i < nr_cpus(); i++)
			if (random_below(random, 2))
				mask_add(&allowed, (int)i);
		if (random_below(random, 2) || mask_is_empty(&allowed, (int)nr_cpus())) {
			mask_clear(&allowed);
			mask_add(&allowed, (int)random_below(random, nr_cpus()));
		}
		task_set_allowed(t, &allowed);
	}
	start(t);
}

/* None, few or many. */
static u32 some(u32 most)
{
	u64 *random = &machine.random;

	switch (random_below(random, 4)) {
	case 0:
		return 0;
	case 1:
		return 1;
	default:
		return 1 + (u32)random_below(random, most);
	}
}

/* One bound to each CPU, and some that may run anywhere. */
static void kthreads(void)
{
	static const char *const names[] = {"kswapd0", "khugepaged", "kworker/u8:1", "kcompactd0"};
	static const u32 flags[] = {PF_KSWAPD, 0, 0, PF_KCOMPACTD};
	struct task_stats *stats = task_stats_new("kthread");
	struct mask one;
	struct task *t;

	for (u32 i = 0; i < nr_cpus() + 4; i++) {
		t = sleeper_new(stats, 20 * USEC, 2 * MSEC << (i % 6), 80);
		task_make_kthread(t, i < 4 ? flags[i] : 0);
		if (i < 4) {
			task_set_comm(t, names[i]);
		} else {
			mask_clear(&one);
			mask_add(&one, (int)i - 4);
			task_set_allowed(t, &one);
		}
		task_start(t, i < 4 ? 0 : (s32)i - 4);
	}
}

static void mix(void)
{
	static struct task *workers[64], *stages[3];
	u64 *random = &machine.random;
	u64 work_ns[3];
	struct task *pair[2];
	struct task_stats *stats;
	u32 n;

	mix_is_even = random_below(random, 2);
	stats = task_stats_new("frames");
	for (n = some(3); n; n--) {
		/* One after the other: compilers differ in which argument of a call comes first. */
		u64 period_ns = SEC_NS / (30 + random_below(random, 115));
		u64 frame_ns = period_ns / 100 * (5 + random_below(random, 80));

		start_somehow(
			frames_new(stats, period_ns, frame_ns, (u32)random_below(random, 60)));
	}
	stats = task_stats_new("hog");
	for (n = some(3 * nr_cpus()); n; n--)
		start_somehow(hog_new(stats));
	stats = task_stats_new("sleeper");
	for (n = some(random_below(random, 8) ? 40 : 600); n; n--) {
		u64 run_ns =
			10 * USEC + random_below(random, 1ULL << (10 + random_below(random, 14)));
		u64 sleep_ns =
			50 * USEC + random_below(random, 1ULL << (14 + random_below(random, 15)));

		start_somehow(sleeper_new(stats, run_ns, sleep_ns, 50));
	}
	stats = task_stats_new("pair");
	for (n = some(random_below(random, 3) ? 1 : nr_cpus()); n; n--) {
		pair_new(stats, 1 * USEC + random_below(random, 200 * USEC), pair);
		start_somehow(pair[0]);
		start_somehow(pair[1]);
	}
	stats = task_stats_new("forker");
	for (n = some(2 * nr_cpus()); n; n--)
		start_somehow(forker_new(stats, random_below(random, 8 * MSEC)));
	stats = task_stats_new("chain");
	for (n = some(nr_cpus()); n; n--)
		start_somehow(chain_new(stats, random_below(random, 8 * MSEC)));
	if (random_below(random, 2))
		build(some(2 * nr_cpus()));
	kthreads();
	if (random_below(random, 3) == 0) {
		n = some(nr_cpus() < 16 ? nr_cpus() : 16);
		start_somehow(game_new(task_stats_new("game"), task_stats_new("worker"), FRAME_NS,
				       MSEC + random_below(random, 8 * MSEC), n, workers));
		while (n)
			start_somehow(workers[--n]);
	}
	if (random_below(random, 3) == 0) {
		for (n = 0; n < 3; n++)
			work_ns[n] = 50 * USEC + random_below(random, MSEC);
		graph_new(task_stats_new("audio"), 5333 * USEC, work_ns, 3, stages);
		for (n = 0; n < 3; n++)
			start_somehow(stages[n]);
	}
}

static const struct workload workloads[] = {
	{"frames-hogs", "a 60 Hz frame loop beside two hogs for each CPU", frames_hogs},
	{"frames-build", "a 60 Hz frame loop beside a parallel build, a job for each CPU",
	 frames_build},
	{"game", "a game with worker threads beside a hog for each CPU", game},
	{"game-build", "a game beside a parallel build, each in a control group of its own",
	 game_build},
	{"audio", "an audio graph of three stages, 5.3 ms, beside two hogs for each CPU", audio},
	{"audio-realtime", "the same with SCHED_FIFO, and a frame loop beside the hogs",
	 audio_realtime},
	{"call", "a video call (two video loops, audio) beside a parallel build", call},
	{"pipes", "pairs that wake each other, one for each CPU, beside two hogs for each", pipes},
	{"fork-storm", "a frame loop beside forkers and chains of forks", fork_storm},
	{"idle-desktop", "150 tasks that are seldom awake", idle_desktop},
	{"crowd", "a frame loop and a hog for each CPU beside 20,000 sleepers", crowd},
	{"mix", "anything, at random, with weights and affinities: what swarms run", mix},
	{"thousand", "a frame loop beside 900 sleepers and 99 hogs", thousand},
};

const struct workload *workload_at(size_t index)
{
	return index < sizeof(workloads) / sizeof(workloads[0]) ? &workloads[index] : NULL;
}

const struct workload *workload_find(const char *name)
{
	for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
		if (strcmp(workloads[i].name, name) == 0)
			return &workloads[i];
	return NULL;
}
