/* SPDX-License-Identifier: GPL-2.0-only */
/* See options.h. */
#include "sim/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/module.h"
#include "policy/policy.h"
#include "sim/faults.h"
#include "sim/nearest.h"
#include "sim/rt-app.h"

/* ---- Which there are -------------------------------------------------------------------------- */

enum option_id {
	OPT_CPUS,
	OPT_LLCS,
	OPT_SMT,
	OPT_HYBRID,
	OPT_NUMA,
	OPT_HZ,
	OPT_TIMER_SLACK,
	OPT_COSTS,
	OPT_KERNEL,
	OPT_TAKE_TURNS,
	OPT_SLICE,
	OPT_SLICE_MIN,
	OPT_PERCPU_LOCAL,
	OPT_NUMA_LOCAL,
	OPT_NO_IDLE_FILL,
	OPT_SECONDS,
	OPT_INTERLEAVE,
	OPT_BOOST,
	OPT_FOREGROUND,
	OPT_FAULTS,
	OPT_SEED,
	OPT_HTML,
	OPT_TRACE,
	OPT_JSON,
	OPT_SEEDS,
	OPT_RUNS,
	OPT_HOST_SECONDS,
	OPT_JOBS,
	OPT_FINDINGS,
	OPT_HELP,
	OPT_VERSION,
	OPTIONS,
};

#define RUN	(1U << COMMAND_RUN)
#define COMPARE (1U << COMMAND_COMPARE)
#define SWARM	(1U << COMMAND_SWARM)
#define LIST	(1U << COMMAND_LIST)

static const char *const command_names[COMMANDS] = {
	[COMMAND_RUN] = "run",
	[COMMAND_COMPARE] = "compare",
	[COMMAND_SWARM] = "swarm",
	[COMMAND_LIST] = "list",
};

const char *options_command_name(enum command command)
{
	return command_names[command];
}

/* In the order of --help, where a heading stands before the first option of each section. */
static const struct {
	const char *heading;
	const char *name;
	const char *argument;  /* NULL: it has none */
	unsigned int commands; /* that take it */
	const char *help;
} table[OPTIONS] = {
	[OPT_CPUS] = {"The machine (run, compare)", "cpus", "N", RUN | COMPARE,
		      "CPUs, 1 to 1024 (8)"},
	[OPT_LLCS] = {NULL, "llcs", "N", RUN | COMPARE,
		      "last-level caches among which they are divided (1)"},
	[OPT_SMT] = {NULL, "smt", NULL, RUN | COMPARE, "two CPUs are one core"},
	[OPT_HYBRID] = {NULL, "hybrid", NULL, RUN | COMPARE,
			"the second half of the CPUs are slower"},
	[OPT_NUMA] = {NULL, "numa", "N", RUN | COMPARE, "NUMA nodes (1)"},
	[OPT_HZ] = {NULL, "hz", "N", RUN | COMPARE, "ticks a second: 100, 250, 300 or 1000 (250)"},
	[OPT_TIMER_SLACK] = {NULL, "timer-slack-us", "N", RUN | COMPARE,
			     "how late sleeps end, as prctl(2) sets it (50)"},
	[OPT_COSTS] = {NULL, "costs", "FILE", RUN | COMPARE,
		       "what operations cost, as tests/vm/calibrate.sh writes it"},
	[OPT_KERNEL] = {NULL, "kernel", "VERSION", RUN | COMPARE, "6.12 or 7.3 (7.3)"},
	[OPT_TAKE_TURNS] = {NULL, "take-turns", NULL, RUN | COMPARE,
			    "all CPUs share the speed of one, as those of an emulator do"},
	[OPT_SLICE] = {"The scheduler, as in scx_rustland(8) (run, compare)", "slice-us", "N",
		       RUN | COMPARE, "the longest time slice (20000)"},
	[OPT_SLICE_MIN] = {NULL, "slice-us-min", "N", RUN | COMPARE,
			   "the shortest time slice (1000)"},
	[OPT_PERCPU_LOCAL] = {NULL, "percpu-local", NULL, RUN | COMPARE,
			      "tasks stay on the CPU that they last ran on"},
	[OPT_NUMA_LOCAL] = {NULL, "numa-local", NULL, RUN | COMPARE,
			    "idle CPUs are looked for in the task's node first"},
	[OPT_NO_IDLE_FILL] = {NULL, "no-idle-fill", NULL, RUN | COMPARE,
			      "the policy is asked also when a CPU is idle"},
	[OPT_SECONDS] = {"The run (run, compare)", "seconds", "N", RUN | COMPARE,
			 "how long it is measured, after one second to settle (10)"},
	[OPT_INTERLEAVE] = {NULL, "interleave", NULL, RUN | COMPARE,
			    "CPUs come in between each other's kernel work, too; slower"},
	[OPT_BOOST] = {NULL, "boost", "LIST", RUN | COMPARE,
		       "tasks of these names, and those that they start, are boosted"},
	[OPT_FOREGROUND] = {NULL, "foreground", "LIST", RUN | COMPARE,
			    "the same as for the window in front"},
	[OPT_FAULTS] = {NULL, "faults", "LIST", RUN | COMPARE,
			"what goes wrong on purpose, with commas between; see the list"},
	[OPT_SEED] = {"What is random (run, compare, swarm)", "seed", "N", RUN | COMPARE | SWARM,
		      "the number from which it is made, or the first one (1)"},
	[OPT_HTML] = {"What comes out", "html", "FILE", RUN | COMPARE,
		      "a page for a browser as well, with pictures (run, compare)"},
	[OPT_TRACE] = {NULL, "trace", "FILE", RUN,
		       "what ran when, and decisions, for https://ui.perfetto.dev (run)"},
	[OPT_JSON] = {NULL, "json", NULL, RUN, "one JSON object instead of a table (run)"},
	[OPT_SEEDS] = {"A comparison, which says what is more than noise (compare)", "seeds", "N",
		       COMPARE, "so many runs of each policy (11)"},
	[OPT_RUNS] = {"A swarm, which shrinks what it finds to one command (swarm)", "runs", "N",
		      SWARM, "so many (200)"},
	[OPT_HOST_SECONDS] = {NULL, "host-seconds", "N", SWARM, "or for so long"},
	[OPT_JOBS] = {NULL, "jobs", "N", SWARM,
		      "at the same time (one for each CPU of this machine)"},
	[OPT_FINDINGS] = {NULL, "findings", "N", SWARM, "end after so many (1)"},
	[OPT_HELP] = {"Other", "help", NULL, RUN | COMPARE | SWARM | LIST,
		      "this, and nothing else"},
	[OPT_VERSION] = {NULL, "version", NULL, RUN | COMPARE | SWARM | LIST, "likewise"},
};

enum {
	HELP_COLUMN = 22,
};

static void print_help(void)
{
	int width;

	puts("Usage: rustland-sim [run] [OPTION]... POLICY [WORKLOAD]\n"
	     "       rustland-sim compare [OPTION]... POLICY POLICY... [WORKLOAD]\n"
	     "       rustland-sim swarm [OPTION]... [POLICY]\n"
	     "       rustland-sim list\n"
	     "Runs a scheduling policy on a simulated machine, in virtual time: the sources of the "
	     "BPF\n"
	     "backend, librustland's loop and the policy itself, in one process. Needs no "
	     "privileges and\n"
	     "no sched_ext; the same seed gives the same run everywhere.\n\n"
	     "run reports how one policy did. compare runs several with the same seeds, side by "
	     "side. swarm\n"
	     "makes runs with machines, tasks and faults at random, until one shows what should "
	     "never happen.\n"
	     "list shows the policies, workloads and faults that have names.\n\n"
	     "POLICY is a name (rustland), a shared object with a slash in it (./fifo.so), or "
	     "eevdf, the\n"
	     "kernel's own scheduler.\n"
	     "WORKLOAD is a name, or a file of rt-app (./mine.json); frames-hogs if there is "
	     "none.");
	for (size_t i = 0; i < OPTIONS; i++) {
		if (table[i].heading)
			printf("\n%s:\n", table[i].heading);
		width = printf("  --%s %s", table[i].name,
			       table[i].argument ? table[i].argument : "");
		printf("%*s%s\n", HELP_COLUMN - width, "", table[i].help);
	}
	puts("\nExit status: 0; 1: the kernel ended the scheduler, or something happened that "
	     "never\n"
	     "should; 2: it could not be run.\n\n"
	     "Example: rustland-sim --cpus 16 --smt ./fifo.so game");
}

/* "run and compare" */
static void print_commands(FILE *out, unsigned int commands)
{
	const char *separator = "";

	for (size_t i = 0; i < COMMANDS; i++) {
		if (!(commands & 1U << i))
			continue;
		commands &= ~(1U << i);
		fprintf(out, "%s%s", separator, command_names[i]);
		separator = commands & (commands - 1) ? ", " : " and ";
	}
}

/* given: a bit for each option. */
static bool command_takes(enum command command, uint64_t given)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		unsigned int commands = table[i].commands;

		if (!(given & 1ULL << i) || commands & 1U << command)
			continue;
		fprintf(stderr, "rustland-sim: %s takes no --%s; ", command_names[command],
			table[i].name);
		print_commands(stderr, commands);
		fputs(commands & (commands - 1) ? " do\n" : " does\n", stderr);
		if (command == COMMAND_SWARM && commands & RUN)
			fputs("A swarm chooses the machine and the run; the command that it prints "
			      "for a finding is a run.\n",
			      stderr);
		return false;
	}
	return true;
}

/* ---- Their arguments -------------------------------------------------------------------------- */

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
	static const u32 all[] = {100, 250, 300, 1000};

	for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
		g_autofree char *this = g_strdup_printf("%u", all[i]);

		if (strcmp(text, this) == 0) {
			*ret = all[i];
			return true;
		}
	}
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

static bool take_faults(const char *list, u32 *ret)
{
	g_auto(GStrv) names = g_strsplit(list, ",", -1);

	*ret = 0;
	if (!names[0]) {
		fputs("rustland-sim: --faults has an empty list\n", stderr);
		return false;
	}
	for (char **name = names; *name; name++) {
		struct nearest nearest = {.word = *name};
		u32 i = 0;

		for (; i < FAULTS && strcmp(fault_name(i), *name) != 0; i++)
			nearest_try(&nearest, fault_name(i));
		if (!**name)
			fprintf(stderr, "rustland-sim: --faults: '%s' has an empty name\n", list);
		else if (i == FAULTS)
			fprintf(stderr,
				"rustland-sim: --faults: there is no '%s'%s%s; see rustland-sim "
				"list\n",
				*name, nearest.name ? ", but there is " : "",
				nearest.name ? nearest.name : "");
		else if (*ret & 1U << i)
			fprintf(stderr, "rustland-sim: --faults: '%s' has %s twice\n", list, *name);
		else {
			*ret |= 1U << i;
			continue;
		}
		return false;
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

static bool take_path(const char *name, const char *path, const char **ret)
{
	*ret = path;
	if (*path)
		return true;
	fprintf(stderr, "rustland-sim: --%s must name a file\n", name);
	return false;
}

static bool take(struct options *o, enum option_id option, const char *argument)
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
		return take_path("costs", argument, &o->run.costs_path) &&
		       take_costs(argument, &settings->costs);
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
		return take_path("trace", argument, &o->run.trace_path);
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
		o->run.highlights = true;
		return take_path("html", argument, &o->html_path);
	case OPT_JSON:
		o->json = true;
		return true;
	default: /* said and done, see options_parse() */
		return false;
	}
}

/* ---- What fits together ----------------------------------------------------------------------- */

static bool fits(const struct options *o)
{
	const struct sim_topology *t = &o->run.machine.topology;

	if (o->run.slice_min_ns > o->run.slice_ns) {
		fprintf(stderr,
			"rustland-sim: --slice-us-min must not be more than --slice-us, which is "
			"%llu\n",
			(unsigned long long)(o->run.slice_ns / USEC));
		return false;
	}
	if (t->nr_llcs > t->nr_cpus || t->nr_nodes > t->nr_cpus) {
		fprintf(stderr,
			"rustland-sim: there cannot be more caches or nodes than CPUs, of which "
			"there are %u\n",
			t->nr_cpus);
		return false;
	}
	if (o->html_path && o->run.trace_path && strcmp(o->html_path, o->run.trace_path) == 0) {
		fputs("rustland-sim: --html and --trace must not name the same file\n", stderr);
		return false;
	}
	return true;
}

/* For what is not given. */
static void take_defaults(struct options *o)
{
	/* As scx_rustland has it. */
	if (!o->run.slice_min_ns)
		o->run.slice_min_ns = o->run.slice_ns < MSEC ? o->run.slice_ns : MSEC;
	if (!o->compare.nr_seeds)
		o->compare.nr_seeds = 11;
	o->swarm.first_seed = o->run.machine.seed;
	if (!o->swarm.runs && !o->swarm.host_seconds)
		o->swarm.runs = 200;
	if (!o->swarm.jobs)
		o->swarm.jobs = (u32)sysconf(_SC_NPROCESSORS_ONLN);
	if (!o->swarm.findings_max)
		o->swarm.findings_max = 1;
}

/* ---- Policies and workloads ------------------------------------------------------------------- */

static bool is_file(const char *workload)
{
	return strchr(workload, '/') || g_str_has_suffix(workload, ".json");
}

static void try_policies(struct nearest *nearest)
{
	for (size_t i = 0; rl_policy_at(i); i++)
		nearest_try(nearest, rl_policy_at(i)->name);
	nearest_try(nearest, run_eevdf.name);
}

static void try_workloads(struct nearest *nearest)
{
	for (size_t i = 0; workload_at(i); i++)
		nearest_try(nearest, workload_at(i)->name);
}

/* What the name may have been meant to be: a file here, or a name that is nearly the same. */
static void hint(const char *name, const struct nearest *nearest, const char *suffix)
{
	if (g_file_test(name, G_FILE_TEST_IS_REGULAR))
		fprintf(stderr, ", but a file of this name: give it as ./%s\n", name);
	else if (nearest->name)
		fprintf(stderr, "; did you mean %s?\n", nearest->name);
	else
		fprintf(stderr, "; see rustland-sim list, or give a file such as ./%s%s\n", name,
			suffix);
}

static const struct rl_policy *find_policy(const char *name)
{
	return strcmp(name, run_eevdf.name) == 0 ? &run_eevdf : rl_policy_find(name);
}

static const struct rl_policy *open_policy(const char *name, const char *volatile *loading)
{
	struct nearest nearest = {.word = name};
	const struct rl_policy *policy;
	const char *fault;

	if (strchr(name, '/')) {
		*loading = name;
		policy = policy_module_open(name, &fault);
		*loading = NULL;
		if (!policy)
			fprintf(stderr, "rustland-sim: cannot use %s: %s\n", name, fault);
		return policy;
	}
	policy = find_policy(name);
	if (policy)
		return policy;
	if (workload_find(name)) {
		fprintf(stderr,
			"rustland-sim: %s is a workload, and no policy: a workload comes last\n",
			name);
		return NULL;
	}
	try_policies(&nearest);
	fprintf(stderr, "rustland-sim: there is no policy '%s'", name);
	hint(name, &nearest, ".so");
	return NULL;
}

/* A file of rt-app, which may say how long it is to be run. */
static bool open_workload_file(struct run_options *run, const char *path)
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

static bool open_workload(struct run_options *run, const char *name)
{
	struct nearest nearest = {.word = name};

	if (is_file(name)) {
		if (!open_workload_file(run, name))
			return false;
	} else {
		run->workload = workload_find(name);
	}
	if (!run->seconds)
		run->seconds = 10;
	if (run->workload)
		return true;
	if (find_policy(name)) {
		fprintf(stderr,
			"rustland-sim: %s is a policy, and no workload: compare takes several "
			"policies\n",
			name);
		return false;
	}
	try_workloads(&nearest);
	fprintf(stderr, "rustland-sim: there is no workload '%s'", name);
	hint(name, &nearest, ".json");
	return false;
}

bool options_open(struct options *o, const char *volatile *loading)
{
	struct compare_options *c = &o->compare;

	if (o->command != COMMAND_COMPARE) {
		o->run.policy = open_policy(o->run.policy_name, loading);
		if (!o->run.policy)
			return false;
		o->swarm.policy = o->run.policy;
		o->swarm.policy_name = o->run.policy_name;
		return o->command == COMMAND_SWARM || open_workload(&o->run, o->workload);
	}
	for (u32 i = 0; i < c->nr_policies; i++) {
		c->policies[i] = open_policy(c->policy_names[i], loading);
		if (!c->policies[i])
			return false;
	}
	if (!open_workload(&o->run, o->workload))
		return false;
	c->run = o->run;
	c->run.highlights = false;
	return true;
}

/* ---- The words ------------------------------------------------------------------------------- */

/* The command that is named first, or run. */
static enum command take_command(char ***words, int *nr_words)
{
	for (enum command command = 0; *nr_words && command < COMMANDS; command++)
		if (strcmp((*words)[0], command_names[command]) == 0) {
			++*words;
			--*nr_words;
			return command;
		}
	return COMMAND_RUN;
}

/* As a line on standard error, and where there is more. */
static bool __attribute__((format(printf, 1, 2))) refuse(const char *format, ...)
{
	va_list args;

	fputs("rustland-sim: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\nTry 'rustland-sim --help'.\n", stderr);
	return false;
}

static bool take_run(struct options *o, char **words, int n)
{
	if (!n)
		return refuse("which policy? A name such as rustland, or a shared object such as "
			      "./fifo.so");
	if (n > 2)
		return refuse("run takes one policy and at most one workload; what about '%s'?",
			      words[2]);
	o->run.policy_name = words[0];
	if (n == 2)
		o->workload = words[1];
	return true;
}

static bool is_workload(const char *word)
{
	return workload_find(word) || g_str_has_suffix(word, ".json");
}

/* POLICY POLICY... WORKLOAD: what is no policy at the end is the workload. */
static bool take_compare(struct options *o, char **words, int n)
{
	struct compare_options *c = &o->compare;

	if (n && is_workload(words[n - 1]))
		o->workload = words[--n];
	if (n < 2 || n > COMPARE_MAX)
		return refuse("compare takes 2 to %d policies, not %d, and at most one workload",
			      COMPARE_MAX, n);
	if (!strchr(words[n - 1], '/') && !find_policy(words[n - 1])) {
		struct nearest nearest = {.word = words[n - 1]};

		try_policies(&nearest);
		try_workloads(&nearest);
		fprintf(stderr, "rustland-sim: '%s' is neither a policy nor a workload",
			words[n - 1]);
		hint(words[n - 1], &nearest, ".so");
		return false;
	}
	c->nr_policies = (u32)n;
	for (int i = 0; i < n; i++)
		c->policy_names[i] = words[i];
	return true;
}

static bool take_swarm(struct options *o, char **words, int n)
{
	if (n > 1)
		return refuse("swarm takes one policy and no workload; what about '%s'?", words[1]);
	o->run.policy_name = n ? words[0] : "rustland";
	return true;
}

static bool take_words(struct options *o, char **words, int n)
{
	for (int i = 0; i < n; i++)
		if (!words[i][0])
			return refuse("a word is empty, and is neither a policy nor a workload");
	switch (o->command) {
	case COMMAND_LIST:
		return !n || refuse("list takes nothing; what about '%s'?", words[0]);
	case COMMAND_COMPARE:
		return take_compare(o, words, n);
	case COMMAND_SWARM:
		return take_swarm(o, words, n);
	default:
		return take_run(o, words, n);
	}
}

enum {
	FIRST_OPTION = 256, /* getopt_long() has characters below */
};

static void name_options(struct option ret[OPTIONS + 1])
{
	for (int i = 0; i < OPTIONS; i++)
		ret[i] = (struct option){
			.name = table[i].name,
			.has_arg = table[i].argument ? required_argument : no_argument,
			.val = FIRST_OPTION + i,
		};
	ret[OPTIONS] = (struct option){0};
}

bool options_parse(struct options *ret, int argc, char **argv, int *ret_status)
{
	struct option names[OPTIONS + 1];
	uint64_t given = 0;
	int value;

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
		.workload = "frames-hogs",
	};
	*ret_status = EXIT_USAGE;
	name_options(names);
	while ((value = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		enum option_id option = (enum option_id)(value - FIRST_OPTION);

		if (value < FIRST_OPTION) {
			fputs("Try 'rustland-sim --help'.\n", stderr);
			return false;
		}
		if (option == OPT_HELP || option == OPT_VERSION) {
			if (option == OPT_HELP)
				print_help();
			else
				puts("rustland-sim " PACKAGE_VERSION);
			*ret_status = EXIT_DONE;
			return false;
		}
		given |= 1ULL << option;
		if (!take(ret, option, optarg))
			return false;
	}
	argv += optind;
	argc -= optind;
	ret->command = take_command(&argv, &argc);
	take_defaults(ret);
	return command_takes(ret->command, given) && take_words(ret, argv, argc) && fits(ret);
}
