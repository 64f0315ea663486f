/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prints a line for each seed: what was run, made from the seed, and the hash that came of it. Programs that
 * were made by different compilers have to print the same; tests/sim/hashes compares them.
 *
 * A run is shorter than a second, which no option of rustland-sim asks for. It must never print what a machine
 * or a compiler decides: no addresses, no real time.
 *
 * usage: hashes FIRST_SEED LAST_SEED MILLISECONDS [POLICY.so]...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/module.h"
#include "policy/policy.h"
#include "sim/faults.h"
#include "sim/kernel/random.h"
#include "sim/run.h"

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "hashes: %s: %s\n", what, why);
	exit(1);
}

/* Three of four runs are mix, which has some of everything. */
static const struct workload *some_workload(u64 *random)
{
	u64 n = 0;

	if (random_below(random, 4))
		return workload_find("mix");
	while (workload_at(n))
		n++;
	return workload_at(random_below(random, n));
}

static const struct rl_policy *some_policy(u64 *random, char **modules, u64 nr_modules)
{
	const struct rl_policy *policy = &rl_policy_rustland;
	const char *fault;
	u64 choice = random_below(random, 2 * nr_modules + 1);

	if (random_below(random, 6) == 0)
		return &run_eevdf;
	if (choice >= nr_modules)
		return policy;
	policy = policy_module_open(modules[choice], &fault);
	if (!policy)
		fail(modules[choice], fault);
	return policy;
}

static u32 some_faults(u64 *random)
{
	u32 faults = 0;

	for (u64 n = random_below(random, 3); n; n--)
		faults |= 1U << random_below(random, FAULTS);
	return faults;
}

static void make_case(u64 seed, u64 ms, char **modules, u64 nr_modules, struct run_options *ret)
{
	u64 random = random_start(seed, 1ULL << 43);
	u32 cpus = 1 + (u32)random_below(&random, 16);

	*ret = (struct run_options){
		.machine =
			{
				.topology = {.nr_cpus = cpus, .nr_llcs = 1, .nr_nodes = 1},
				.costs = &costs_measured,
				.seed = seed,
			},
		.settle_ns = ms * MSEC,
		.slice_ns = 20 * MSEC,
		.slice_min_ns = MSEC,
	};
	ret->machine.kernel = random_below(&random, 2) ? SIM_KERNEL_6_12 : SIM_KERNEL_7_3;
	ret->machine.hz = random_below(&random, 3) ? 250 : 1000;
	ret->machine.interleave = random_below(&random, 2);
	ret->machine.topology.smt = random_below(&random, 3) == 0;
	ret->machine.topology.hybrid = random_below(&random, 4) == 0;
	if (random_below(&random, 2))
		ret->machine.topology.nr_llcs = 1 + (u32)random_below(&random, cpus);
	if (random_below(&random, 3) == 0)
		ret->machine.topology.nr_nodes =
			1 + (u32)random_below(&random, cpus < 4 ? cpus : 4);
	ret->percpu_local = random_below(&random, 8) == 0;
	ret->numa_local = random_below(&random, 4) == 0;
	ret->no_idle_fill = random_below(&random, 4) == 0;
	ret->faults = some_faults(&random);
	ret->workload = some_workload(&random);
	ret->policy = some_policy(&random, modules, nr_modules);
}

static void print_run(u64 seed, u64 ms, char **modules, u64 nr_modules)
{
	struct run_options o;
	const struct sim_topology *t = &o.machine.topology;
	struct run_result result;
	const char *why;

	make_case(seed, ms, modules, nr_modules, &o);
	printf("%llu %s %s %s cpus=%u llcs=%u nodes=%u hz=%u smt=%d hybrid=%d interleave=%d "
	       "faults=%x",
	       (unsigned long long)seed, o.workload->name, o.policy->name,
	       o.machine.kernel == SIM_KERNEL_6_12 ? "6.12" : "7.3", t->nr_cpus, t->nr_llcs,
	       t->nr_nodes, o.machine.hz, t->smt, t->hybrid, o.machine.interleave, o.faults);
	if (run(&o, &result, &why))
		fail("a run", why);
	printf(" decisions=%llu events=%llu %016llx\n", (unsigned long long)result.decided,
	       (unsigned long long)machine.counters.events, (unsigned long long)result.hash);
}

int main(int argc, char **argv)
{
	u64 last;
	int status;

	if (argc < 4)
		fail("usage", "hashes FIRST_SEED LAST_SEED MILLISECONDS [POLICY.so]...");
	last = strtoull(argv[2], NULL, 10);
	for (u64 seed = strtoull(argv[1], NULL, 10); seed <= last; seed++) {
		pid_t pid = fork();

		if (!pid) {
			print_run(seed, strtoull(argv[3], NULL, 10), argv + 4, (u64)argc - 4);
			return 0;
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			fail("a run", "it cannot be started");
		if (status) {
			fprintf(stderr, "hashes: seed %llu ended with status 0x%x\n",
				(unsigned long long)seed, (unsigned int)status);
			return 1;
		}
	}
	return 0;
}
