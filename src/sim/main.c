/* SPDX-License-Identifier: GPL-2.0-only */
/* rustland-sim: a policy on a simulated machine. */
#include <stdio.h>

#include "policy/policy.h"
#include "sim/faults.h"
#include "sim/options.h"
#include "sim/report.h"

static void list(void)
{
	const struct rl_policy *policy;
	const struct workload *workload;

	puts("Policies:");
	for (size_t i = 0; (policy = rl_policy_at(i)); i++)
		printf("  %-14s %s\n", policy->name, policy->summary);
	puts("\nWorkloads:");
	for (size_t i = 0; (workload = workload_at(i)); i++)
		printf("  %-14s %s\n", workload->name, workload->summary);
	puts("\nFaults:");
	for (uint32_t i = 0; i < FAULTS; i++)
		printf("  %-14s %s\n", fault_name(i), fault_summary(i));
}

int main(int argc, char **argv)
{
	struct comparison comparison;
	struct run_result result;
	struct options options;
	const char *why;
	int status;

	if (!options_parse(&options, argc, argv, &status))
		return status;
	if (options.list) {
		list();
		return EXIT_DONE;
	}
	if (options.is_compare) {
		if (compare(&options.compare, &comparison, &why)) {
			fprintf(stderr, "rustland-sim: %s\n", why);
			return EXIT_USAGE;
		}
		compare_print(&comparison);
		comparison_free(&comparison);
		return EXIT_DONE;
	}
	if (options.is_swarm) {
		status = swarm(&options.swarm);
		return status < 0 ? EXIT_USAGE : status ? EXIT_FINDING : EXIT_DONE;
	}
	if (run(&options.run, &result, &why)) {
		fprintf(stderr, "rustland-sim: %s\n", why);
		return EXIT_USAGE;
	}
	if (options.json)
		report_json(&options.run, &result);
	else
		report_table(&options.run, &result);
	return result.failure || result.violations ? EXIT_FINDING : EXIT_DONE;
}
