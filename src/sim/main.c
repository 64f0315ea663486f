/* SPDX-License-Identifier: GPL-2.0-only */
/* rustland-sim: a policy on a simulated machine. */
#include <stdio.h>
#include <string.h>

#include "policy/policy.h"
#include "sim/faults.h"
#include "sim/forbidden.h"
#include "sim/html.h"
#include "sim/options.h"
#include "sim/report.h"

static void list(void)
{
	const struct rl_policy *policy;
	const struct workload *workload;

	puts("Policies:");
	for (size_t i = 0; (policy = rl_policy_at(i)); i++)
		printf("  %-14s %s\n", policy->name, policy->summary);
	printf("  %-14s %s\n", run_eevdf.name, run_eevdf.summary);
	puts("\nWorkloads:");
	for (size_t i = 0; (workload = workload_at(i)); i++)
		printf("  %-14s %s\n", workload->name, workload->summary);
	puts("\nFaults:");
	for (uint32_t i = 0; i < FAULTS; i++)
		printf("  %-14s %s\n", fault_name(i), fault_summary(i));
}

/* An error about the page, if there was one. */
static bool page_is_fine(const char *path, int err)
{
	if (err)
		fprintf(stderr, "rustland-sim: cannot write %s: %s\n", path, strerror(-err));
	return !err;
}

static int run_comparison(const struct options *options)
{
	struct comparison comparison;
	const char *why;
	bool is_fine;

	if (compare(&options->compare, &comparison, &why)) {
		fprintf(stderr, "rustland-sim: %s\n", why);
		return EXIT_USAGE;
	}
	compare_print(&comparison);
	is_fine = !options->html_path ||
		  page_is_fine(options->html_path,
			       html_write_comparison(options->html_path, &comparison));
	comparison_free(&comparison);
	return is_fine ? EXIT_DONE : EXIT_USAGE;
}

static int run_one(const struct options *options)
{
	struct run_result result;
	const char *why;

	if (run(&options->run, &result, &why)) {
		fprintf(stderr, "rustland-sim: %s\n", why);
		return EXIT_USAGE;
	}
	if (options->json)
		report_json(&options->run, &result);
	else
		report_table(&options->run, &result);
	if (options->html_path &&
	    !page_is_fine(options->html_path,
			  html_write_run(options->html_path, &options->run, &result)))
		return EXIT_USAGE;
	return result.failure || result.violations ? EXIT_FINDING : EXIT_DONE;
}

/* A full disk must not look like success; and what a policy does as it is unloaded must not lose the report. */
static int end(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	perror("rustland-sim: cannot write to the standard output");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct options options;
	int status;

	if (!options_parse(&options, argc, argv, &status))
		return status;
	if (options.list) {
		list();
		return end(EXIT_DONE);
	}
	if (options.html_path && !page_is_fine(options.html_path, html_check(options.html_path)))
		return EXIT_USAGE;
	/* Here once, and not in each process that a comparison or a swarm makes of this one. */
	forbidden_watch();
	if (options.is_compare)
		return end(run_comparison(&options));
	if (options.is_swarm) {
		status = swarm(&options.swarm);
		return end(status < 0 ? EXIT_USAGE : status ? EXIT_FINDING : EXIT_DONE);
	}
	return end(run_one(&options));
}
