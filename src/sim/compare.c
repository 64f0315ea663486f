/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See compare.h. Each run is a process of its own, see run.h. The runs of two policies with one seed are a pair:
 * what is compared is the difference in each pair, by the sign test (Arbuthnott 1710): where there is no
 * difference, each sign is as likely as the other.
 */
#include "sim/compare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/child.h"
#include "sim/invariants.h"
#include "sim/task-stats.h"
#include "sim/utf8.h"

static const char *const figure_names[COMPARE_FIGURES] = {
	"CPUs", "wakeup p99, us", "frame p50, ms", "frame p99, ms", "missed, %",
};

const char *compare_figure_name(enum compare_figure figure)
{
	return figure_names[figure];
}

/* ---- One run in a process of its own --------------------------------------------------------- */

static void measure(const void *argument, void *result)
{
	const struct run_options *options = argument;
	struct compare_run *ret = result;
	struct run_result done;
	const char *why = "";

	if (run(options, &done, &why)) {
		snprintf(ret->failure, sizeof(ret->failure), "%s", why);
		return;
	}
	if (done.failure)
		snprintf(ret->failure, sizeof(ret->failure), "the kernel ended the scheduler: %s",
			 done.failure);
	if (done.cut_short) {
		snprintf(ret->failure, sizeof(ret->failure), "%s", invariants_first());
		return;
	}
	for (struct task_stats *s = task_stats_first; s; s = s->next) {
		double *values;

		if (ret->nr_groups == COMPARE_GROUPS_MAX) {
			ret->nr_left_out++;
			continue;
		}
		values = ret->values[ret->nr_groups];
		snprintf(ret->names[ret->nr_groups++], COMPARE_NAME_MAX, "%s", s->name);
		values[COMPARE_CPUS] = (double)s->exec_ns / 1e9 / (double)options->seconds;
		values[COMPARE_WAKEUP_P99] =
			s->wakeup.count ? (double)histogram_permille(&s->wakeup, 990) / 1e3 : -1;
		values[COMPARE_FRAME_P50] =
			s->has_frames ? (double)histogram_permille(&s->frame, 500) / 1e6 : -1;
		values[COMPARE_FRAME_P99] =
			s->has_frames ? (double)histogram_permille(&s->frame, 990) / 1e6 : -1;
		values[COMPARE_MISSED] =
			s->frames + s->missed
				? 100.0 * (double)s->missed / (double)(s->frames + s->missed)
				: -1;
	}
}

/* Of the host's CPU, for one run: far more than any takes. */
static unsigned int time_limit_s(const struct run_options *o)
{
	u64 cpu_seconds = o->machine.topology.nr_cpus * (o->seconds + o->settle_ns / SEC_NS);

	return (unsigned int)(120 + 2 * cpu_seconds);
}

static int measure_elsewhere(const struct run_options *options, struct compare_run *ret)
{
	struct child child;
	const char *why;
	int err = child_start(&child, measure, options, sizeof(*ret), time_limit_s(options));

	if (err || child_finish(&child, ret, &why))
		return err;
	*ret = (struct compare_run){0};
	snprintf(ret->failure, sizeof(ret->failure), "%s", why);
	return 0;
}

/* The policy's name; where another one has the same, as two versions of one do, what it was called by. */
static const char *label_of(const struct compare_options *o, u32 policy)
{
	const char *name = o->policies[policy]->name;

	for (u32 i = 0; i < o->nr_policies; i++)
		if (i != policy && strcmp(o->policies[i]->name, name) == 0)
			return o->policy_names[policy];
	return name;
}

/* ---- All runs ------------------------------------------------------------------------------- */

static void tell_failure(const char *policy, u64 seed, const char *failure)
{
	utf8_print(stdout, policy, 0);
	printf(", seed %llu: ", (unsigned long long)seed);
	utf8_print(stdout, failure, 0);
	putchar('\n');
}

/* All runs, those of the first policy first. */
static int run_all(const struct compare_options *o, struct compare_run *ret)
{
	for (u32 i = 0; i < o->nr_seeds; i++) {
		for (u32 p = 0; p < o->nr_policies; p++) {
			struct compare_run *one = &ret[p * o->nr_seeds + i];
			struct run_options options = o->run;
			int err;

			options.machine.seed += i;
			options.policy = o->policies[p];
			err = measure_elsewhere(&options, one);
			if (err)
				return err;
			if (one->failure[0])
				tell_failure(label_of(o, p), options.machine.seed, one->failure);
		}
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\rseed %u of %u ", i + 1, o->nr_seeds);
	}
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	return 0;
}

static u32 index_of(const struct compare_run *run, const char *name)
{
	u32 i = 0;

	while (i < run->nr_groups && strcmp(run->names[i], name) != 0)
		i++;
	return i;
}

/* A workload may have other groups with another seed: what has one index in two runs has to be one group. */
static int align_groups(struct compare_run *runs, u32 n)
{
	struct compare_run *all = calloc(1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	for (u32 i = 0; i < n; i++)
		for (u32 group = 0; group < runs[i].nr_groups; group++) {
			const char *name = runs[i].names[group];

			if (index_of(all, name) < all->nr_groups)
				continue;
			if (all->nr_groups == COMPARE_GROUPS_MAX)
				all->nr_left_out++;
			else
				memcpy(all->names[all->nr_groups++], name, COMPARE_NAME_MAX);
		}
	for (u32 i = 0; i < n; i++) {
		struct compare_run aligned = *all;

		for (u32 group = 0; group < all->nr_groups; group++) {
			u32 here = index_of(&runs[i], all->names[group]);

			for (u32 figure = 0; figure < COMPARE_FIGURES; figure++)
				aligned.values[group][figure] =
					here < runs[i].nr_groups ? runs[i].values[here][figure]
								 : -1;
		}
		aligned.nr_left_out += runs[i].nr_left_out;
		memcpy(aligned.failure, runs[i].failure, sizeof(aligned.failure));
		runs[i] = aligned;
	}
	free(all);
	return 0;
}

static const char *why_of(const char *what, int err)
{
	static char why[128];

	snprintf(why, sizeof(why), "%s: %s", what, strerror(-err));
	return why;
}

int compare(const struct compare_options *o, struct comparison *ret, const char **ret_why)
{
	u32 n = o->nr_policies * o->nr_seeds;
	int err;

	ret->options = o;
	ret->runs = calloc(n, sizeof(*ret->runs));
	if (!ret->runs) {
		*ret_why = "there is no memory";
		return -ENOMEM;
	}
	err = run_all(o, ret->runs);
	if (err)
		*ret_why = why_of("a run cannot be started", err);
	else if ((err = align_groups(ret->runs, n)))
		*ret_why = "there is no memory";
	if (err)
		comparison_free(ret);
	return err;
}

void comparison_free(struct comparison *comparison)
{
	free(comparison->runs);
	comparison->runs = NULL;
}

const struct compare_run *compare_run_of(const struct comparison *c, u32 policy, u32 seed)
{
	return &c->runs[policy * c->options->nr_seeds + seed];
}

/* ---- What they say -------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct compare_spread compare_spread(const struct comparison *c, u32 policy, u32 group,
				     enum compare_figure figure)
{
	double values[COMPARE_SEEDS_MAX];
	struct compare_spread ret = {0};

	for (u32 i = 0; i < c->options->nr_seeds; i++) {
		double value = compare_run_of(c, policy, i)->values[group][figure];

		if (value >= 0)
			values[ret.n++] = value;
	}
	if (!ret.n)
		return ret;
	qsort(values, ret.n, sizeof(values[0]), by_value);
	ret.median = values[ret.n / 2];
	ret.low = values[ret.n / 4];
	ret.high = values[(3 * ret.n) / 4 < ret.n ? (3 * ret.n) / 4 : ret.n - 1];
	return ret;
}

/*
 * How likely it is that of all pairs so many or more have the same sign by chance, either way; ties count for
 * neither.
 */
static double sign_test(const struct comparison *c, u32 policy, u32 group,
			enum compare_figure figure)
{
	u32 more = 0, less = 0, pairs, extreme;
	double chance = 0, ways = 1;

	for (u32 i = 0; i < c->options->nr_seeds; i++) {
		double x = compare_run_of(c, 0, i)->values[group][figure];
		double y = compare_run_of(c, policy, i)->values[group][figure];

		if (x < 0 || y < 0)
			continue;
		more += y > x;
		less += y < x;
	}
	pairs = more + less;
	extreme = more > less ? less : more;
	for (u32 i = 0; i <= extreme; i++) {
		chance += ways;
		ways = ways * (pairs - i) / (i + 1);
	}
	for (u32 i = 0; i < pairs; i++)
		chance /= 2;
	return 2 * chance < 1 ? 2 * chance : 1;
}

bool compare_is_noise(const struct comparison *c, u32 policy, u32 group, enum compare_figure figure)
{
	return sign_test(c, policy, group, figure) > 0.05;
}

/* ---- The table ------------------------------------------------------------------------------ */

static void print_row(const struct comparison *c, u32 group, enum compare_figure figure)
{
	const struct compare_spread first = compare_spread(c, 0, group, figure);

	if (!first.n)
		return;
	utf8_print(stdout, c->runs->names[group], 10);
	printf(" %-15s", figure_names[figure]);
	for (u32 p = 0; p < c->options->nr_policies; p++) {
		struct compare_spread s = compare_spread(c, p, group, figure);
		char text[64], verdict[24] = "";

		if (!s.n) {
			printf(" %10s %-32s", "-", "");
			continue;
		}
		if (!p)
			;
		else if (compare_is_noise(c, p, group, figure))
			snprintf(verdict, sizeof(verdict), "noise");
		else if (first.median > 0)
			snprintf(verdict, sizeof(verdict), "x %.2f", s.median / first.median);
		else
			snprintf(verdict, sizeof(verdict), "%+.2f", s.median - first.median);
		snprintf(text, sizeof(text), "(%.2f to %.2f)", s.low, s.high);
		printf(" %10.2f %-22s %-9s", s.median, text, verdict);
	}
	putchar('\n');
}

void compare_print(const struct comparison *c)
{
	const struct compare_options *o = c->options;

	utf8_print(stdout, o->run.workload->name, 0);
	printf(", %u CPUs, %llu s, %u seeds from %llu: median (and the middle half of the "
	       "seeds)\n\n",
	       o->run.machine.topology.nr_cpus, (unsigned long long)o->run.seconds, o->nr_seeds,
	       (unsigned long long)o->run.machine.seed);
	printf("%-10s %-15s", "tasks", "");
	for (u32 p = 0; p < o->nr_policies; p++) {
		const char *label = label_of(o, p);

		printf(" %*s", (int)strlen(label) < 10 ? 10 - (int)strlen(label) : 0, "");
		utf8_print(stdout, label, strlen(label) < 10 ? (int)strlen(label) + 33 : 43);
	}
	putchar('\n');
	for (u32 group = 0; group < c->runs->nr_groups; group++)
		for (u32 figure = 0; figure < COMPARE_FIGURES; figure++)
			print_row(c, group, figure);
	if (c->runs->nr_left_out)
		printf("\n%u groups of tasks are left out\n", c->runs->nr_left_out);
	if (o->nr_seeds < COMPARE_SEEDS_ENOUGH)
		printf("\nnoise: so few seeds are not enough to tell any difference from it; that "
		       "takes %d (--seeds)\n",
		       COMPARE_SEEDS_ENOUGH);
	else
		puts("\nnoise: the seeds do not agree on which one is more (sign test, 5 %)");
}
