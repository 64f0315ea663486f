/* SPDX-License-Identifier: GPL-2.0-only */
/* See trace.h. Processes of the format are groups of tracks here, its threads the tracks. */
#include "sim/trace.h"

#include <errno.h>
#include <rustland.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/kernel/machine.h"

enum {
	GROUP_CPUS = 1,
	GROUP_SCHEDULER,
	GROUP_FRAMES,
	GROUP_BOOSTS,
	TRACK_REQUESTS = 1,
	TRACK_DECISIONS,
};

static struct {
	FILE *file;
	uint64_t began_ns; /* of the run */
	/* What runs on each CPU: a task may be gone when it has stopped. */
	struct {
		uint64_t since_ns;
		char name[40];
		int32_t pid;
	} *cpus;
} the;

/* In microseconds since the run began. */
static double at(uint64_t ns)
{
	return (double)(ns - the.began_ns) / 1e3;
}

static void name_track(int group, int track, const char *kind, const char *name)
{
	fprintf(the.file,
		"{\"ph\":\"M\",\"pid\":%d,\"tid\":%d,\"name\":\"%s\",\"args\":{\"name\":\"%s\"}},"
		"\n",
		group, track, kind, name);
}

/*
 * A task's name as JSON takes it, valid until the next call. It may be of a file, be anything, and end in the middle of
 * a character.
 */
static const char *plain(const char *comm)
{
	static char ret[32];
	size_t i = 0;

	for (; i < sizeof(ret) - 1 && comm[i]; i++)
		ret[i] = comm[i] < ' ' || comm[i] > '~' || strchr("\"\\", comm[i]) ? '?' : comm[i];
	ret[i] = 0;
	return ret;
}

static void end_run(int cpu, uint64_t now_ns)
{
	if (the.cpus[cpu].pid)
		fprintf(the.file,
			"{\"ph\":\"X\",\"pid\":%d,\"tid\":%d,\"name\":\"%s\",\"ts\":%.3f,\"dur\":%."
			"3f,"
			"\"args\":{\"pid\":%d}},\n",
			GROUP_CPUS, cpu, the.cpus[cpu].name, at(the.cpus[cpu].since_ns),
			(double)(now_ns - the.cpus[cpu].since_ns) / 1e3, the.cpus[cpu].pid);
	the.cpus[cpu].pid = 0;
}

static void on_switch(const struct cpu *cpu, const struct task *prev, const struct task *next)
{
	uint64_t now_ns = machine_now(&machine);

	(void)prev;
	end_run(cpu->id, now_ns);
	if (!next)
		return;
	the.cpus[cpu->id].since_ns = now_ns;
	the.cpus[cpu->id].pid = next->p.pid;
	snprintf(the.cpus[cpu->id].name, sizeof(the.cpus[cpu->id].name), "%s[%d]",
		 plain(next->p.comm), next->p.pid);
}

static void instant(int track, const char *comm, int32_t pid, const char *what, uint64_t value)
{
	fprintf(the.file,
		"{\"ph\":\"i\",\"s\":\"t\",\"pid\":%d,\"tid\":%d,\"name\":\"%s[%d]\",\"ts\":%.3f,"
		"\"args\":{\"%s\":%llu}},\n",
		GROUP_SCHEDULER, track, plain(comm), pid, at(machine_now(&machine)), what,
		(unsigned long long)value);
}

static void on_submit(const void *record, size_t size)
{
	const struct rl_task *task = record;

	if (size == sizeof(*task))
		instant(TRACK_REQUESTS, task->comm, task->pid, "class", task->boost_class);
}

static void on_move(const struct task *t, const void *record)
{
	const struct rl_decision *decision = record;

	if (decision)
		instant(TRACK_DECISIONS, t->p.comm, t->p.pid, "slice_ns", decision->slice_ns);
}

/* A track for each target that ever had a boost. */
static void boost(u32 scope, u64 id, char phase, u32 class)
{
	static const char *const scopes[] = {"process", "tree", "cgroup"};
	static const char *const classes[] = {"", "boosted", "foreground"};
	const struct task *t = scope == RL_SCOPE_CGROUP ? NULL : task_by_pid((s32)id);

	fprintf(the.file,
		"{\"ph\":\"%c\",\"cat\":\"boost\",\"id\":\"%s %llu\",\"pid\":%d,\"tid\":0,"
		"\"name\":\"%s %s[%llu]\",\"ts\":%.3f,\"args\":{\"class\":\"%s\"}},\n",
		phase, scopes[scope], (unsigned long long)id, GROUP_BOOSTS, scopes[scope],
		t ? plain(t->p.comm) : "", (unsigned long long)id, at(machine_now(&machine)),
		classes[class]);
}

static void on_class(u32 scope, u64 id, u32 class, bool had_one)
{
	if (had_one)
		boost(scope, id, 'e', RL_CLASS_NORMAL);
	if (class)
		boost(scope, id, 'b', class);
}

static const struct sim_observer observer = {
	.switched = on_switch,
	.submitted = on_submit,
	.moved = on_move,
	.classed = on_class,
};

int trace_start(const char *path)
{
	char name[32];

	the.file = fopen(path, "w");
	if (!the.file)
		return -errno;
	the.cpus = calloc(machine.topology.nr_cpus, sizeof(*the.cpus));
	if (!the.cpus)
		return -ENOMEM;
	the.began_ns = machine.now_ns;
	fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", the.file);
	name_track(GROUP_CPUS, 0, "process_name", "CPUs");
	for (uint32_t i = 0; i < machine.topology.nr_cpus; i++) {
		snprintf(name, sizeof(name), "CPU %u", i);
		name_track(GROUP_CPUS, (int)i, "thread_name", name);
	}
	if (machine.policy) {
		name_track(GROUP_SCHEDULER, 0, "process_name", "Scheduler");
		name_track(GROUP_SCHEDULER, TRACK_REQUESTS, "thread_name", "requests");
		name_track(GROUP_SCHEDULER, TRACK_DECISIONS, "thread_name",
			   "decisions carried out");
	}
	name_track(GROUP_FRAMES, 0, "process_name", "Frames");
	if (machine.policy)
		name_track(GROUP_BOOSTS, 0, "process_name", "Boosts");
	machine_observe(&observer);
	return 0;
}

void trace_frame(const struct task *t, uint64_t due_ns)
{
	if (!the.file)
		return;
	fprintf(the.file,
		"{\"ph\":\"X\",\"pid\":%d,\"tid\":%d,\"name\":\"%s\",\"ts\":%.3f,\"dur\":%.3f},\n",
		GROUP_FRAMES, t->p.pid, plain(t->p.comm), at(due_ns),
		(double)(machine_now(&machine) - due_ns) / 1e3);
}

int trace_finish(void)
{
	int err = 0;

	if (!the.file)
		return 0;
	for (uint32_t i = 0; i < machine.topology.nr_cpus; i++)
		end_run((int)i, machine.now_ns);
	/* The last one has no comma after it. */
	fputs("{\"ph\":\"M\",\"pid\":1,\"name\":\"process_sort_index\",\"args\":{\"sort_index\":0}}"
	      "\n]}\n",
	      the.file);
	if (ferror(the.file))
		err = -EIO;
	if (fclose(the.file))
		err = -errno;
	the.file = NULL;
	free(the.cpus);
	return err;
}
