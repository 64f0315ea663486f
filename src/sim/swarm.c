/* SPDX-License-Identifier: GPL-2.0-only */
/* See swarm.h. */
#include "sim/swarm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/child.h"
#include "sim/command.h"
#include "sim/faults.h"
#include "sim/invariants.h"
#include "sim/kernel/random.h"

enum {
	JOBS_MAX = 64,
	TIME_LIMIT_S = 120, /* of the host's CPU, for one run */
};

/* What a child tells of its run. */
struct verdict {
	bool is_finding;
	u64 decisions;
	char what[320];
};

struct job {
	struct child child;
	struct run_options options;
};

/* ---- One run in a process of its own --------------------------------------------------------- */

static void run_here(const void *options, void *result)
{
	struct verdict *verdict = result;
	struct run_result done;
	const char *why = "";

	if (run(options, &done, &why)) {
		verdict->is_finding = true;
		snprintf(verdict->what, sizeof(verdict->what), "it cannot be run: %s", why);
		return;
	}
	verdict->decisions = done.decided;
	if (done.failure)
		snprintf(verdict->what, sizeof(verdict->what), "the kernel ends the scheduler: %s",
			 done.failure);
	else if (done.violations)
		snprintf(verdict->what, sizeof(verdict->what), "%s", invariants_first());
	verdict->is_finding = verdict->what[0];
}

static int start(struct job *job, const struct run_options *options)
{
	job->options = *options;
	return child_start(&job->child, run_here, options, sizeof(struct verdict), TIME_LIMIT_S);
}

static void finish(struct job *job, struct verdict *ret)
{
	const char *why;

	if (child_finish(&job->child, ret, &why))
		return;
	ret->is_finding = true;
	snprintf(ret->what, sizeof(ret->what), "%s", why);
}

static bool is_finding(const struct run_options *options, struct verdict *ret)
{
	struct job job;

	if (start(&job, options))
		return false;
	finish(&job, ret);
	return ret->is_finding;
}

/* ---- Cases ---------------------------------------------------------------------------------- */

/* Small machines more often than large ones: faults show there as well, and sooner. */
static u32 some_cpus(u64 *random)
{
	static const u32 sizes[] = {1, 2, 2, 3, 4, 4, 6, 8, 8, 12, 16, 16, 32, 64, 128};

	return sizes[random_below(random, sizeof(sizes) / sizeof(sizes[0]))];
}

static u32 some_faults(u64 *random)
{
	u32 faults = 0, n = (u32)random_below(random, 4);

	while (n--)
		faults |= 1U << random_below(random, FAULTS);
	return faults;
}

static void make_case(const struct swarm_options *o, u64 seed, struct run_options *ret)
{
	u64 random = random_start(seed, 1ULL << 42);
	u32 cpus = some_cpus(&random);

	*ret = (struct run_options){
		.machine =
			{
				.topology = {.nr_cpus = cpus, .nr_llcs = 1, .nr_nodes = 1},
				.kernel =
					random_below(&random, 2) ? SIM_KERNEL_6_12 : SIM_KERNEL_7_3,
				.hz = random_below(&random, 3) ? 250 : 1000,
				.seed = seed,
				.interleave = random_below(&random, 4) > 0,
				.timer_slack_ns = TIMER_SLACK_NS,
				.costs = &costs_measured,
			},
		.policy = o->policy,
		.policy_name = o->policy_name,
		.workload = workload_find("mix"),
		.seconds = 1 + random_below(&random, 8),
		.settle_ns = SEC_NS,
		.slice_ns = 20 * MSEC,
		.slice_min_ns = MSEC,
		.faults = some_faults(&random),
	};
	if (cpus > 1)
		ret->machine.topology.smt = random_below(&random, 2);
	if (cpus > 1)
		ret->machine.topology.hybrid = random_below(&random, 4) == 0;
	ret->percpu_local = random_below(&random, 8) == 0;
	ret->numa_local = random_below(&random, 4) == 0;
	ret->no_idle_fill = random_below(&random, 8) == 0;
	if (random_below(&random, 4) == 0) {
		ret->slice_min_ns = 100 * USEC << random_below(&random, 5);
		ret->slice_ns = ret->slice_min_ns << random_below(&random, 7);
	}
	if (cpus >= 4)
		ret->machine.topology.nr_llcs = 1 + (u32)random_below(&random, 4);
	if (cpus >= 8)
		ret->machine.topology.nr_nodes = 1 + (u32)random_below(&random, 2);
}

static u64 cpu_seconds(const struct run_options *o)
{
	return o->machine.topology.nr_cpus * (o->seconds + o->settle_ns / SEC_NS);
}

/* ---- Making a finding smaller ---------------------------------------------------------------- */

static bool try(struct run_options *o, const struct run_options *smaller, struct verdict *verdict)
{
	struct verdict v;

	if (!is_finding(smaller, &v))
		return false;
	*o = *smaller;
	*verdict = v;
	return true;
}

static bool shrink_once(struct run_options *o, struct verdict *verdict)
{
	struct run_options s;

	for (u32 i = 0; i < FAULTS; i++) {
		s = *o;
		s.faults &= ~(1U << i);
		if (s.faults != o->faults && try(o, &s, verdict))
			return true;
	}
	s = *o;
	s.machine.interleave = false;
	if (o->machine.interleave && try(o, &s, verdict))
		return true;
	s = *o;
	s.percpu_local = s.numa_local = s.no_idle_fill = s.machine.topology.hybrid = false;
	s.slice_ns = 20 * MSEC;
	s.slice_min_ns = MSEC;
	if (memcmp(&s, o, sizeof(s)) != 0 && try(o, &s, verdict))
		return true;
	s = *o;
	s.seconds /= 2;
	if (s.seconds && try(o, &s, verdict))
		return true;
	s = *o;
	s.machine.topology.smt = false;
	s.machine.topology.nr_llcs = s.machine.topology.nr_nodes = 1;
	if (memcmp(&s.machine.topology, &o->machine.topology, sizeof(s.machine.topology)) != 0 &&
	    try(o, &s, verdict))
		return true;
	s = *o;
	s.machine.topology.nr_cpus /= 2;
	if (s.machine.topology.nr_cpus >= s.machine.topology.nr_llcs &&
	    s.machine.topology.nr_cpus >= s.machine.topology.nr_nodes && try(o, &s, verdict))
		return true;
	return false;
}

static void tell(struct run_options *o, struct verdict *verdict, u64 cpu_seconds_before,
		 double host_seconds)
{
	u64 seed = o->machine.seed;
	char *command;

	while (shrink_once(o, verdict))
		;
	printf("FOUND with seed %llu after %llu simulated CPU-seconds, %.1f s: %s\n  ",
	       (unsigned long long)seed, (unsigned long long)cpu_seconds_before, host_seconds,
	       verdict->what);
	command = command_of_run(o);
	puts(command);
	free(command);
	fflush(stdout);
}

/* ---- All runs ------------------------------------------------------------------------------- */

/* A run that has ended; NULL: there is none any more. */
static struct job *wait_for_one(struct job *jobs, u32 nr_jobs)
{
	struct job *any = NULL;
	pid_t ended;

	for (u32 i = 0; i < nr_jobs && !any; i++)
		if (jobs[i].child.pid)
			any = &jobs[i];
	while (any) {
		ended = child_wait_for_any();
		if (!ended)
			return any;
		for (u32 i = 0; i < nr_jobs; i++)
			if (jobs[i].child.pid == ended)
				return &jobs[i];
		/* One that the policy made as it was loaded. */
		waitpid(ended, NULL, 0);
	}
	return NULL;
}

int swarm(const struct swarm_options *o)
{
	u64 seed = o->first_seed, started = 0, done = 0, seconds = 0, decisions = 0;
	double began = host_seconds(), told = began, now = began;
	u32 nr_jobs = o->jobs < JOBS_MAX ? o->jobs : JOBS_MAX, findings = 0, running = 0;
	struct job jobs[JOBS_MAX] = {0}, *job;
	struct verdict verdict;
	bool more = true;
	int err;

	for (;;) {
		for (u32 i = 0; i < nr_jobs && more; i++) {
			struct run_options options;

			if (jobs[i].child.pid)
				continue;
			make_case(o, seed, &options);
			err = start(&jobs[i], &options);
			if (err && !running)
				return err;
			if (err) /* not so many at a time, then */
				break;
			seed++;
			started++;
			running++;
			more = (!o->runs || started < o->runs) &&
			       (!o->host_seconds || now - began < (double)o->host_seconds);
		}
		job = wait_for_one(jobs, nr_jobs);
		if (!job)
			break;
		finish(job, &verdict);
		running--;
		now = host_seconds();
		done++;
		decisions += verdict.decisions;
		if (verdict.is_finding) {
			findings++;
			tell(&job->options, &verdict, seconds, now - began);
			more = more && findings < o->findings_max;
		}
		seconds += cpu_seconds(&job->options);
		if (now - told > 2 && isatty(STDERR_FILENO)) {
			fprintf(stderr,
				"\r%llu runs, %llu simulated CPU-seconds, %u findings, %.0f s ",
				(unsigned long long)done, (unsigned long long)seconds, findings,
				now - began);
			told = now;
		}
		more = more && (!o->host_seconds || now - began < (double)o->host_seconds);
	}
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	printf("%llu runs from seed %llu, %llu simulated CPU-seconds, %llu decisions, %u findings, "
	       "%.0f s\n",
	       (unsigned long long)done, (unsigned long long)o->first_seed,
	       (unsigned long long)seconds, (unsigned long long)decisions, findings,
	       host_seconds() - began);
	return (int)findings;
}
