/* SPDX-License-Identifier: GPL-2.0-only */
/* See run.h. */
#include "sim/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/child.h"
#include "sim/faults.h"
#include "sim/group-stats.h"
#include "sim/highlights.h"
#include "sim/invariants.h"
#include "sim/kernel/backend.h"
#include "sim/kernel/flags.h"
#include "sim/policy-thread.h"
#include "sim/task-stats.h"
#include "sim/trace.h"

/* As rl_open() has it. */
#define LATE_MARGIN_NS (5 * MSEC)

const struct rl_policy run_eevdf = {
	.version = RL_POLICY_VERSION,
	.sz = sizeof(run_eevdf),
	.name = "eevdf",
	.summary = "the kernel's own scheduler, for comparison; no policy",
};

static const char *__attribute__((format(printf, 2, 3))) why_of(int err, const char *format, ...)
{
	static char what[512], why[640];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(why, sizeof(why), "%s: %s (%d)", what,
		 strerror(err < 0 && err > -4096 ? -err : err), err);
	return why;
}

static const char *cannot_write(const char *path, int err)
{
	static char why[512];

	snprintf(why, sizeof(why), "cannot write %s: %s", path, strerror(-err));
	return why;
}

static void configure(const struct run_options *options)
{
	struct backend_options backend = {
		.slice_ns = options->slice_ns,
		.slice_min_ns = options->slice_min_ns,
		.late_ns = options->slice_ns + LATE_MARGIN_NS,
		.builtin_idle = !options->no_idle_fill,
		.numa_local = options->numa_local,
		.smt = options->machine.topology.smt,
	};

	backend_configure(&backend);
	backend_ops()->flags = OPS_ENQ_LAST | OPS_ALLOW_QUEUED_WAKEUP |
			       (options->numa_local ? OPS_BUILTIN_IDLE_PER_NODE : 0);
}

static void collect(bool has_policy, struct run_result *ret)
{
	struct rl_counters c;

	*ret = (struct run_result){
		.hash = machine.hash,
		.failure = machine.failure[0] ? machine.failure : NULL,
	};
	if (!has_policy)
		return;
	backend_counters(&c);
	*ret = (struct run_result){
		.hash = ret->hash,
		.failure = ret->failure,
		.asked = backend_asked(),
		.decided = c.nr_user_dispatches,
		.by_estimate = c.nr_kernel_dispatches,
		.standing = c.nr_standing,
		.resumed = c.nr_resumed,
		.late = c.nr_late,
		.flushed = c.nr_flushed,
		.cancelled = c.nr_cancel_dispatches,
		.failed = c.nr_failed_dispatches,
		.congested = c.nr_sched_congested,
		.policy_ns = c.policy_runtime_ns,
		.rounds = policy_thread_rounds(),
		.loaded_again = machine.loading.nr,
		.away_max_ns = machine.loading.away_max_ns,
	};
}

/* The scheduler thread, before the tasks of the workload. */
static int start_policy(const struct run_options *options)
{
	struct rl_policy_config config = {
		.sz = sizeof(config),
		.slice_ns = options->slice_ns,
		.slice_min_ns = options->slice_min_ns,
		.nr_cpus = options->machine.topology.nr_cpus,
		.percpu_local = options->percpu_local,
	};

	configure(options);
	return policy_thread_start(options->policy, &config);
}

static int load(const struct run_options *options)
{
	return load_at_start(run_has_policy(options) ? backend_ops() : NULL);
}

int run(const struct run_options *options, struct run_result *ret, const char **ret_why)
{
	bool has_policy = run_has_policy(options);
	u32 faults = options->faults & (has_policy ? ~0U : FAULTS_WITHOUT_POLICY);
	double began = host_seconds();
	u64 began_ns;
	int err;

	err = machine_init(&options->machine);
	if (err) {
		*ret_why = why_of(err, "the machine cannot be made");
		return err;
	}
	err = has_policy ? start_policy(options) : 0;
	if (err) {
		*ret_why = why_of(err, "the scheduler thread cannot be started");
		return err;
	}
	options->workload->start();
	task_stats_watch(machine.now_ns + options->settle_ns);
	invariants_watch(faults, options->percpu_local, options->slice_ns);
	err = options->trace_path ? trace_start(options->trace_path) : 0;
	if (err) {
		*ret_why = cannot_write(options->trace_path, err);
		return err;
	}
	err = options->highlights ? highlights_start(options->settle_ns) : 0;
	if (err) {
		*ret_why = "there is no memory";
		return err;
	}
	faults_start(faults);
	/* The groups that a fault makes matter to the kernel's own scheduler only. */
	if (group_stats_next(NULL) || (!has_policy && machine.nr_groups > 1))
		group_stats_watch(machine.now_ns + options->settle_ns);
	err = load(options);
	if (err) {
		*ret_why = why_of(err, "the init() of the backend failed");
		return err;
	}
	err = has_policy ? boosts_start(&options->boosts, ret_why) : 0;
	if (err)
		return err;
	began_ns = machine.now_ns;
	machine_run(machine.now_ns + options->settle_ns + options->seconds * SEC_NS);
	collect(has_policy, ret);
	ret->ran_ns = machine.now_ns - began_ns;
	ret->host_seconds = host_seconds() - began;
	err = has_policy ? policy_thread_finish() : 0;
	if (err) {
		*ret_why = why_of(err, "the init() of the policy %s failed", options->policy->name);
		return err;
	}
	ret->violations = invariants_violated();
	ret->held_max_ns = invariants_held_max_ns();
	ret->cut_short = invariants_ended();
	err = trace_finish();
	if (err)
		*ret_why = cannot_write(options->trace_path, err);
	return err;
}
