/* SPDX-License-Identifier: GPL-2.0-only */
/* See options.h. */
#include "sim/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/module.h"
#include "policy/policy.h"
#include "sim/faults.h"
#include "sim/rt-app.h"

enum {
	OPT_CPUS = 256,
	OPT_LLCS,
	OPT_SMT,
	OPT_HYBRID,
	OPT_SLICE,
	OPT_SLICE_MIN,
	OPT_PERCPU_LOCAL,
	OPT_NUMA_LOCAL,
	OPT_NO_IDLE_FILL,
	OPT_NUMA,
	OPT_HZ,
	OPT_COSTS,
	OPT_TIMER_SLACK,
	OPT_SEED,
	OPT_SECONDS,
	OPT_KERNEL,
	OPT_INTERLEAVE,
	OPT_TAKE_TURNS,
	OPT_BOOST,
	OPT_FOREGROUND,
	OPT_FAULTS,
	OPT_TRACE,
	OPT_SEEDS,
	OPT_RUNS,
	OPT_HOST_SECONDS,
	OPT_JOBS,
	OPT_FINDINGS,
	OPT_JSON,
	OPT_HTML,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option names[] = {
	{"cpus", required_argument, NULL, OPT_CPUS},
	{"llcs", required_argument, NULL, OPT_LLCS},
	{"smt", no_argument, NULL, OPT_SMT},
	{"hybrid", no_argument, NULL, OPT_HYBRID},
	{"slice-us", required_argument, NULL, OPT_SLICE},
	{"slice-us-min", required_argument, NULL, OPT_SLICE_MIN},
	{"percpu-local", no_argument, NULL, OPT_PERCPU_LOCAL},
	{"numa-local", no_argument, NULL, OPT_NUMA_LOCAL},
	{"no-idle-fill", no_argument, NULL, OPT_NO_IDLE_FILL},
	{"numa", required_argument, NULL, OPT_NUMA},
	{"hz", required_argument, NULL, OPT_HZ},
	{"costs", required_argument, NULL, OPT_COSTS},
	{"timer-slack-us", required_argument, NULL, OPT_TIMER_SLACK},
	{"seed", required_argument, NULL, OPT_SEED},
	{"seconds", required_argument, NULL, OPT_SECONDS},
	{"kernel", required_argument, NULL, OPT_KERNEL},
	{"interleave", no_argument, NULL, OPT_INTERLEAVE},
	{"take-turns", no_argument, NULL, OPT_TAKE_TURNS},
	{"boost", required_argument, NULL, OPT_BOOST},
	{"foreground", required_argument, NULL, OPT_FOREGROUND},
	{"faults", required_argument, NULL, OPT_FAULTS},
	{"trace", required_argument, NULL, OPT_TRACE},
	{"seeds", required_argument, NULL, OPT_SEEDS},
	{"runs", required_argument, NULL, OPT_RUNS},
	{"host-seconds", required_argument, NULL, OPT_HOST_SECONDS},
	{"jobs", required_argument, NULL, OPT_JOBS},
	{"findings", required_argument, NULL, OPT_FINDINGS},
	{"json", no_argument, NULL, OPT_JSON},
	{"html", required_argument, NULL, OPT_HTML},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{0},
};

static void print_help(void)
{
	puts("Usage: rustland-sim [run] [OPTION]... POLICY [WORKLOAD]\n"
	     "       rustland-sim compare [OPTION]... POLICY POLICY... [WORKLOAD]\n"
	     "       rustland-sim swarm [OPTION]... [POLICY]\n"
	     "       rustland-sim list\n"
	     "Runs a scheduling policy on a simulated machine, in virtual time: the sources of the "
	     "BPF\n"
	     "backend, librustland's loop and the policy itself, in one process. Needs no "
	     "privileges and\n"
	     "no sched_ext; the same seed gives the same run everywhere.\n\n"
	     "POLICY is a name (rustland), a shared object with a slash in it (./fifo.so), or "
	     "eevdf, the\n"
	     "kernel's own scheduler.\n"
	     "WORKLOAD is a name that \"rustland-sim list\" shows, or a file of rt-app "
	     "(./mine.json);\n"
	     "frames-hogs if there is none.\n\n"
	     "The machine:\n"
	     "  --cpus N         CPUs, 1 to 1024 (8)\n"
	     "  --llcs N         last-level caches among which they are divided (1)\n"
	     "  --smt            two CPUs are one core\n"
	     "  --hybrid         the second half of the CPUs are slower\n"
	     "  --numa N         NUMA nodes (1)\n"
	     "  --hz N           ticks a second: 100, 250, 300 or 1000 (250)\n"
	     "  --timer-slack-us N  how late sleeps end, as prctl(2) sets it (50)\n"
	     "  --costs FILE     what operations cost, as tests/vm/calibrate.sh writes it\n"
	     "  --kernel VERSION 6.12 or 7.3 (7.3)\n\n"
	     "The scheduler, as in scx_rustland(8):\n"
	     "  --slice-us N, --slice-us-min N, --percpu-local, --numa-local, --no-idle-fill\n\n"
	     "The run:\n"
	     "  --seconds N      how long it is measured, after one second to settle (10)\n"
	     "  --seed N         of all that is random (1)\n"
	     "  --interleave     CPUs come in between each other's kernel work, too; slower\n"
	     "  --take-turns     all CPUs share the speed of one, as those of an emulator do\n"
	     "  --boost LIST     tasks of these names are boosted, with commas between; and what "
	     "they start\n"
	     "  --foreground LIST  the same as for the window in front\n"
	     "  --faults LIST    what goes wrong on purpose, with commas between; see the list\n"
	     "  --trace FILE     for https://ui.perfetto.dev: CPUs, tasks, requests, decisions, "
	     "frames\n"
	     "  --html FILE      a page for a browser as well, with pictures; also of a "
	     "comparison\n"
	     "  --json           one JSON object instead of a table\n"
	     "  --help, --version\n\n"
	     "compare runs all policies with the same seeds and says what is more than noise:\n"
	     "  --seeds N        so many (11)\n\n"
	     "A swarm makes runs from seeds, with machines, tasks and faults at random, and "
	     "shrinks what\n"
	     "it finds to one command:\n"
	     "  --runs N         so many (200)\n"
	     "  --host-seconds N or for so long\n"
	     "  --jobs N         at the same time (one for each CPU of this machine)\n"
	     "  --findings N     end after so many (1)\n\n"
	     "Exit status: 0; 1: the kernel ended the scheduler, or something happened that never\n"
	     "should; 2: it could not be run.\n\n"
	     "Example: rustland-sim --cpus 16 --smt ./fifo.so game");
}

static bool number(const char *name, const char *text, u64 min, u64 max, u64 *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (!errno && isdigit((unsigned char)*text) && !*end && *ret >= min && *ret <= max)
		return true;
	fprintf(stderr, "rustland-sim: --%s must be a number from %llu to %llu, not '%s'\n", name,
		(unsigned long long)min, (unsigned long long)max, text);
	return false;
}

static bool number32(const char *name, const char *text, u64 min, u64 max, u32 *ret)
{
	u64 value;

	if (!number(name, text, min, max, &value))
		return false;
	*ret = (u32)value;
	return true;
}

static bool take_hz(const char *text, u32 *ret)
{
	if (!number32("hz", text, 100, 1000, ret))
		return false;
	if (*ret == 100 || *ret == 250 || *ret == 300 || *ret == 1000)
		return true;
	fprintf(stderr, "rustland-sim: --hz must be 100, 250, 300 or 1000, not '%s'\n", text);
	return false;
}

static bool take_kernel(const char *text, enum sim_kernel *ret)
{
	if (strcmp(text, "6.12") == 0)
		*ret = SIM_KERNEL_6_12;
	else if (strcmp(text, "7.3") == 0)
		*ret = SIM_KERNEL_7_3;
	else {
		fprintf(stderr, "rustland-sim: --kernel must be 6.12 or 7.3, not '%s'\n", text);
		return false;
	}
	return true;
}

static bool take_costs(const char *path, const struct costs **ret)
{
	static struct costs costs;
	const char *fault;
	unsigned line;

	costs = costs_measured;
	costs.name = path;
	*ret = &costs;
	fault = costs_read(path, &costs, &line);
	if (!fault)
		return true;
	if (line)
		fprintf(stderr, "rustland-sim: %s, line %u: %s\n", path, line, fault);
	else
		fprintf(stderr, "rustland-sim: cannot use %s: %s\n", path, fault);
	return false;
}

static bool take_faults(const char *text, u32 *ret)
{
	size_t len;

	for (; *text; text += len + (text[len] == ',')) {
		u32 found = FAULTS;

		len = strcspn(text, ",");
		for (u32 i = 0; i < FAULTS; i++)
			if (strlen(fault_name(i)) == len && strncmp(fault_name(i), text, len) == 0)
				found = i;
		if (found == FAULTS) {
			fprintf(stderr,
				"rustland-sim: --faults: there is no '%.*s'; see rustland-sim "
				"list\n",
				(int)len, text);
			return false;
		}
		*ret |= 1U << found;
	}
	return true;
}

static bool take_boosts(struct run_options *run, const char *option, const char *list, u32 class)
{
	const char *fault = boosts_add(&run->boosts, list, class);

	if (fault)
		fprintf(stderr, "rustland-sim: --%s: '%s' has %s\n", option, list, fault);
	return !fault;
}

static bool take_policy(struct run_options *run, const char *name)
{
	const char *fault;

	run->policy_name = name;
	if (strcmp(name, run_eevdf.name) == 0) {
		run->policy = &run_eevdf;
		return true;
	}
	if (!strchr(name, '/')) {
		run->policy = rl_policy_find(name);
		if (!run->policy)
			fprintf(stderr,
				"rustland-sim: there is no policy '%s'; see rustland-sim list, or "
				"give "
				"a path such as ./%s\n",
				name, name);
		return run->policy;
	}
	run->policy = policy_module_open(name, &fault);
	if (!run->policy)
		fprintf(stderr, "rustland-sim: cannot use %s: %s\n", name, fault);
	return run->policy;
}

/* A file of rt-app, which may say how long it is to be run. */
static bool take_workload_file(struct run_options *run, const char *path)
{
	static struct workload file = {.summary = "a file of rt-app", .start = rt_app_start};
	u64 seconds;

	if (!rt_app_read(path, run->machine.topology.nr_cpus, &seconds))
		return false;
	if (!run->seconds)
		run->seconds = seconds;
	file.name = path;
	run->workload = &file;
	return true;
}

static bool is_file(const char *workload)
{
	return strchr(workload, '/') || g_str_has_suffix(workload, ".json");
}

static bool take_workload(struct run_options *run, const char *name)
{
	if (is_file(name)) {
		if (!take_workload_file(run, name))
			return false;
	} else {
		run->workload = workload_find(name);
		if (!run->workload) {
			fprintf(stderr,
				"rustland-sim: there is no workload '%s'; see rustland-sim list, "
				"or give a "
				"file of rt-app such as ./%s.json\n",
				name, name);
			return false;
		}
	}
	if (!run->seconds)
		run->seconds = 10;
	return true;
}

static bool take(struct options *o, int option, const char *argument)
{
	struct sim_settings *settings = &o->run.machine;

	switch (option) {
	case OPT_CPUS:
		return number32("cpus", argument, 1, SIM_MAX_CPUS, &settings->topology.nr_cpus);
	case OPT_LLCS:
		return number32("llcs", argument, 1, SIM_MAX_CPUS, &settings->topology.nr_llcs);
	case OPT_NUMA:
		return number32("numa", argument, 1, 64, &settings->topology.nr_nodes);
	case OPT_HZ:
		return take_hz(argument, &settings->hz);
	case OPT_COSTS:
		o->run.costs_path = argument;
		return take_costs(argument, &settings->costs);
	case OPT_TIMER_SLACK:
		if (!number("timer-slack-us", argument, 0, 1000000, &settings->timer_slack_ns))
			return false;
		settings->timer_slack_ns *= USEC;
		return true;
	case OPT_SEED:
		return number("seed", argument, 0, UINT64_MAX, &settings->seed);
	case OPT_SECONDS:
		return number("seconds", argument, 1, 100000, &o->run.seconds);
	case OPT_KERNEL:
		return take_kernel(argument, &settings->kernel);
	case OPT_HYBRID:
		settings->topology.hybrid = true;
		return true;
	case OPT_SLICE:
		if (!number("slice-us", argument, 100, 1000000, &o->run.slice_ns))
			return false;
		o->run.slice_ns *= USEC;
		return true;
	case OPT_SLICE_MIN:
		if (!number("slice-us-min", argument, 100, 1000000, &o->run.slice_min_ns))
			return false;
		o->run.slice_min_ns *= USEC;
		return true;
	case OPT_PERCPU_LOCAL:
		o->run.percpu_local = true;
		return true;
	case OPT_NUMA_LOCAL:
		o->run.numa_local = true;
		return true;
	case OPT_NO_IDLE_FILL:
		o->run.no_idle_fill = true;
		return true;
	case OPT_SMT:
		settings->topology.smt = true;
		return true;
	case OPT_INTERLEAVE:
		settings->interleave = true;
		return true;
	case OPT_TAKE_TURNS:
		settings->take_turns = true;
		return true;
	case OPT_FAULTS:
		return take_faults(argument, &o->run.faults);
	case OPT_BOOST:
		return take_boosts(&o->run, "boost", argument, RL_CLASS_BOOSTED);
	case OPT_FOREGROUND:
		return take_boosts(&o->run, "foreground", argument, RL_CLASS_FOREGROUND);
	case OPT_TRACE:
		o->run.trace_path = argument;
		return true;
	case OPT_SEEDS:
		return number32("seeds", argument, 1, 64, &o->compare.nr_seeds);
	case OPT_RUNS:
		return number("runs", argument, 1, UINT64_MAX, &o->swarm.runs);
	case OPT_HOST_SECONDS:
		return number("host-seconds", argument, 1, 10000000, &o->swarm.host_seconds);
	case OPT_JOBS:
		return number32("jobs", argument, 1, 64, &o->swarm.jobs);
	case OPT_FINDINGS:
		return number32("findings", argument, 1, 1000000, &o->swarm.findings_max);
	case OPT_HTML:
		o->html_path = argument;
		o->run.highlights = true;
		return true;
	case OPT_JSON:
		o->json = true;
		return true;
	default:
		fputs("Try 'rustland-sim --help'.\n", stderr);
		return false;
	}
}

static bool fits(struct run_options *run)
{
	const struct sim_topology *t = &run->machine.topology;

	/* As scx_rustland has it. */
	if (!run->slice_min_ns)
		run->slice_min_ns = run->slice_ns < MSEC ? run->slice_ns : MSEC;
	if (run->slice_min_ns > run->slice_ns) {
		fputs("rustland-sim: --slice-us-min must not be more than --slice-us\n", stderr);
		return false;
	}
	if (t->nr_llcs <= t->nr_cpus && t->nr_nodes <= t->nr_cpus)
		return true;
	fputs("rustland-sim: there cannot be more caches or nodes than CPUs\n", stderr);
	return false;
}

/* POLICY POLICY... WORKLOAD: what is no policy at the end is the workload. */
static bool take_compare(struct options *o, char **argv, int argc)
{
	struct compare_options *c = &o->compare;
	const char *workload = "frames-hogs";

	o->is_compare = true;
	if (argc && (workload_find(argv[argc - 1]) || g_str_has_suffix(argv[argc - 1], ".json")))
		workload = argv[--argc];
	if (argc < 2 || argc > COMPARE_MAX) {
		fprintf(stderr,
			"rustland-sim: compare takes 2 to %d policies and a workload\n"
			"Try 'rustland-sim --help'.\n",
			COMPARE_MAX);
		return false;
	}
	if (o->json || o->run.trace_path) {
		fputs("rustland-sim: compare has neither --json nor --trace; run the policies one "
		      "by one for these\n",
		      stderr);
		return false;
	}
	if (!c->nr_seeds)
		c->nr_seeds = 11;
	for (; c->nr_policies < (u32)argc; c->nr_policies++) {
		if (!take_policy(&o->run, argv[c->nr_policies]))
			return false;
		c->policies[c->nr_policies] = o->run.policy;
		c->policy_names[c->nr_policies] = argv[c->nr_policies];
	}
	if (!fits(&o->run) || !take_workload(&o->run, workload))
		return false;
	c->run = o->run;
	c->run.highlights = false;
	return true;
}

static bool take_swarm(struct options *o, char **argv, int argc)
{
	o->is_swarm = true;
	o->swarm.first_seed = o->run.machine.seed;
	if (!o->swarm.runs && !o->swarm.host_seconds)
		o->swarm.runs = 200;
	if (!o->swarm.jobs)
		o->swarm.jobs = (u32)sysconf(_SC_NPROCESSORS_ONLN);
	if (!o->swarm.findings_max)
		o->swarm.findings_max = 1;
	if (o->html_path || o->json || o->run.trace_path) {
		fputs("rustland-sim: swarm has no --html, --json or --trace; run the command that "
		      "it prints with them\n",
		      stderr);
		return false;
	}
	if (argc > 1) {
		fputs("rustland-sim: swarm takes one POLICY\n", stderr);
		return false;
	}
	if (!take_policy(&o->run, argc ? argv[0] : "rustland"))
		return false;
	o->swarm.policy = o->run.policy;
	o->swarm.policy_name = o->run.policy_name;
	return true;
}

bool options_parse(struct options *ret, int argc, char **argv, int *ret_status)
{
	const char *workload = "frames-hogs";
	int option;

	*ret = (struct options){
		.run =
			{
				.machine =
					{
						.topology = {.nr_cpus = 8,
							     .nr_llcs = 1,
							     .nr_nodes = 1},
						.kernel = SIM_KERNEL_7_3,
						.hz = 250,
						.timer_slack_ns = TIMER_SLACK_NS,
						.seed = 1,
						.costs = &costs_measured,
					},
				.settle_ns = SEC_NS,
				.slice_ns = 20 * MSEC,
			},
	};
	*ret_status = EXIT_USAGE;
	while ((option = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		if (option == OPT_HELP || option == OPT_VERSION) {
			if (option == OPT_HELP)
				print_help();
			else
				puts("rustland-sim " PACKAGE_VERSION);
			*ret_status = EXIT_DONE;
			return false;
		}
		if (!take(ret, option, optarg))
			return false;
	}
	argv += optind;
	argc -= optind;
	if (argc && strcmp(argv[0], "list") == 0) {
		ret->list = true;
		return true;
	}
	if (argc && strcmp(argv[0], "compare") == 0)
		return take_compare(ret, argv + 1, argc - 1);
	if (argc && strcmp(argv[0], "swarm") == 0)
		return take_swarm(ret, argv + 1, argc - 1);
	if (argc && strcmp(argv[0], "run") == 0) {
		argv++;
		argc--;
	}
	if (argc < 1 || argc > 2) {
		fputs(argc ? "rustland-sim: one POLICY and at most one WORKLOAD, please\n"
			   : "rustland-sim: which policy? A name such as rustland, or a shared "
			     "object such "
			     "as ./fifo.so\n",
		      stderr);
		fputs("Try 'rustland-sim --help'.\n", stderr);
		return false;
	}
	if (argc == 2)
		workload = argv[1];
	return fits(&ret->run) && take_policy(&ret->run, argv[0]) &&
	       take_workload(&ret->run, workload);
}
