/* SPDX-License-Identifier: GPL-2.0-only */
/* See workload.h. */
#include "sim/workload.h"

#include <stdlib.h>
#include <string.h>

#include "sim/behaviors.h"
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

static void audio(void)
{
	static const uint64_t work_ns[] = {150 * USEC, 300 * USEC, 100 * USEC};
	static struct task *stages[3];

	graph_new(task_stats_new("audio"), 5333 * USEC, work_ns, 3, stages);
	start_all(stages, 3);
	hogs(2 * nr_cpus());
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

static const struct workload workloads[] = {
	{"frames-hogs", "a 60 Hz frame loop beside two hogs for each CPU", frames_hogs},
	{"frames-build", "a 60 Hz frame loop beside a parallel build, a job for each CPU",
	 frames_build},
	{"game", "a game with worker threads beside a hog for each CPU", game},
	{"audio", "an audio graph of three stages, 5.3 ms, beside two hogs for each CPU", audio},
	{"call", "a video call (two video loops, audio) beside a parallel build", call},
	{"pipes", "pairs that wake each other, one for each CPU, beside two hogs for each", pipes},
	{"fork-storm", "a frame loop beside forkers and chains of forks", fork_storm},
	{"idle-desktop", "150 tasks that are seldom awake", idle_desktop},
	{"crowd", "a frame loop and a hog for each CPU beside 20,000 sleepers", crowd},
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
