/* SPDX-License-Identifier: GPL-2.0-only */
/* rustland-sim: a policy on a simulated machine. */
#include <stdio.h>
#include <string.h>

#include "policy/policy.h"
#include "sim/child.h"
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

static int run_swarm(const struct options *options)
{
	int findings = swarm(&options->swarm);

	if (findings < 0)
		fprintf(stderr, "rustland-sim: a run cannot be started: %s\n", strerror(-findings));
	return findings < 0 ? EXIT_USAGE : findings ? EXIT_FINDING : EXIT_DONE;
}

/* ---- With the code of policies ---------------------------------------------------------------- */

/* What the process tells that has the policies in it. */
struct outcome {
	const char *volatile loading; /* see options_open() */
	int status;
};

static void work(const void *argument, void *result)
{
	struct options options = *(const struct options *)argument;
	struct outcome *outcome = result;

	outcome->status = EXIT_USAGE;
	if (!options_open(&options, &outcome->loading))
		return;
	/* Here once, and not in each process that a comparison or a swarm makes of this one. */
	forbidden_watch();
	if (options.command == COMMAND_COMPARE)
		outcome->status = end(run_comparison(&options));
	else if (options.command == COMMAND_SWARM)
		outcome->status = end(run_swarm(&options));
	else
		outcome->status = end(run_one(&options));
}

/* A policy may end the process that it is in at any time, even with success. */
static int work_elsewhere(const struct options *options)
{
	struct child child;
	struct outcome outcome;
	const char *why;
	int err = child_start(&child, work, options, sizeof(outcome), 0);

	if (err) {
		fprintf(stderr, "rustland-sim: a process cannot be started: %s\n", strerror(-err));
		return EXIT_USAGE;
	}
	child_end_as(&child);
	if (child_finish(&child, &outcome, &why))
		return outcome.status;
	if (outcome.loading) {
		fprintf(stderr, "rustland-sim: cannot use %s: as it was loaded %s\n",
			outcome.loading, why);
		return EXIT_USAGE;
	}
	fprintf(stderr, "rustland-sim: there is no result of the %s with %s: %s\n",
		options_command_name(options->command),
		options->command == COMMAND_COMPARE ? "these policies" : options->run.policy_name,
		why);
	return EXIT_FINDING;
}

int main(int argc, char **argv)
{
	struct options options;
	int status;

	if (!options_parse(&options, argc, argv, &status))
		return end(status);
	if (options.command == COMMAND_LIST) {
		list();
		return end(EXIT_DONE);
	}
	if (options.html_path && !page_is_fine(options.html_path, html_check(options.html_path)))
		return EXIT_USAGE;
	return work_elsewhere(&options);
}
