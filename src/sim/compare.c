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
#include <sys/wait.h>
#include <unistd.h>

#include "sim/invariants.h"
#include "sim/task-stats.h"

enum {
	GROUPS_MAX = 16,
	SEEDS_MAX = 64,
	FIGURES = 5,
};

static const char *const figure_names[FIGURES] = {
	"CPUs", "wakeup p99, us", "frame p50, ms", "frame p99, ms", "missed, %",
};

/* What a child tells: the figures of each group; below zero where a group has none. */
struct figures {
	u32 nr_groups;
	char names[GROUPS_MAX][24];
	double values[GROUPS_MAX][FIGURES];
	char failure[320];
};

/* ---- One run in a process of its own --------------------------------------------------------- */

static void measure(const struct run_options *options, struct figures *ret)
{
	struct run_result result;
	const char *why = "";

	memset(ret, 0, sizeof(*ret));
	if (run(options, &result, &why)) {
		snprintf(ret->failure, sizeof(ret->failure), "%s", why);
		return;
	}
	if (result.failure)
		snprintf(ret->failure, sizeof(ret->failure), "the kernel ended the scheduler: %s",
			 result.failure);
	if (result.cut_short) {
		snprintf(ret->failure, sizeof(ret->failure), "%s", invariants_first());
		return;
	}
	for (struct task_stats *s = task_stats_first; s && ret->nr_groups < GROUPS_MAX;
	     s = s->next) {
		double *values = ret->values[ret->nr_groups];

		snprintf(ret->names[ret->nr_groups++], sizeof(ret->names[0]), "%s", s->name);
		values[0] = (double)s->exec_ns / 1e9 / (double)options->seconds;
		values[1] =
			s->wakeup.count ? (double)histogram_permille(&s->wakeup, 990) / 1e3 : -1;
		values[2] = s->has_frames ? (double)histogram_permille(&s->frame, 500) / 1e6 : -1;
		values[3] = s->has_frames ? (double)histogram_permille(&s->frame, 990) / 1e6 : -1;
		values[4] = s->frames + s->missed
				    ? 100.0 * (double)s->missed / (double)(s->frames + s->missed)
				    : -1;
	}
}

static int measure_elsewhere(const struct run_options *options, struct figures *ret)
{
	size_t done = 0;
	int fds[2], status;
	pid_t pid;

	if (pipe(fds) < 0)
		return -errno;
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		close(fds[0]);
		measure(options, ret);
		while (done < sizeof(*ret)) {
			ssize_t n = write(fds[1], (char *)ret + done, sizeof(*ret) - done);

			if (n <= 0)
				exit(1);
			done += (size_t)n;
		}
		exit(0);
	}
	close(fds[1]);
	while (done < sizeof(*ret)) {
		ssize_t n = read(fds[0], (char *)ret + done, sizeof(*ret) - done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	close(fds[0]);
	waitpid(pid, &status, 0);
	if (done == sizeof(*ret))
		return 0;
	memset(ret, 0, sizeof(*ret));
	snprintf(ret->failure, sizeof(ret->failure), "%s",
		 WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "the run has ended");
	return 0;
}

/* ---- The table ------------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct spread {
	double median, low, high; /* a quarter of the values is below low, one above high */
	u32 n;
};

static struct spread spread_of(const struct figures *runs, u32 n, u32 group, u32 figure)
{
	double values[SEEDS_MAX];
	struct spread ret = {0};

	for (u32 i = 0; i < n; i++)
		if (group < runs[i].nr_groups && runs[i].values[group][figure] >= 0)
			values[ret.n++] = runs[i].values[group][figure];
	if (!ret.n)
		return ret;
	qsort(values, ret.n, sizeof(values[0]), by_value);
	ret.median = values[ret.n / 2];
	ret.low = values[ret.n / 4];
	ret.high = values[(3 * ret.n) / 4 < ret.n ? (3 * ret.n) / 4 : ret.n - 1];
	return ret;
}

/*
 * How likely it is that of n pairs so many or more have the same sign by chance, either way; ties count for
 * neither.
 */
static double sign_test(const struct figures *a, const struct figures *b, u32 n, u32 group,
			u32 figure)
{
	u32 more = 0, less = 0, pairs, extreme;
	double chance = 0, ways = 1;

	for (u32 i = 0; i < n; i++) {
		double x = a[i].values[group][figure], y = b[i].values[group][figure];

		if (group >= a[i].nr_groups || group >= b[i].nr_groups || x < 0 || y < 0)
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

static void print_row(const struct compare_options *o, const struct figures *runs, u32 group,
		      u32 figure)
{
	const struct spread first = spread_of(runs, o->nr_seeds, group, figure);

	if (!first.n)
		return;
	printf("%-10s %-15s", runs->names[group], figure_names[figure]);
	for (u32 p = 0; p < o->nr_policies; p++) {
		const struct figures *others = &runs[p * o->nr_seeds];
		struct spread s = spread_of(others, o->nr_seeds, group, figure);
		char text[64], verdict[24] = "";

		if (!s.n) {
			printf(" %10s %-32s", "-", "");
			continue;
		}
		if (!p)
			;
		else if (sign_test(runs, others, o->nr_seeds, group, figure) > 0.05)
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

/* All runs, those of the first policy first. */
static int run_all(const struct compare_options *o, struct figures *ret)
{
	for (u32 i = 0; i < o->nr_seeds; i++) {
		for (u32 p = 0; p < o->nr_policies; p++) {
			struct figures *figures = &ret[p * o->nr_seeds + i];
			struct run_options options = o->run;
			int err;

			options.machine.seed += i;
			options.policy = o->policies[p];
			err = measure_elsewhere(&options, figures);
			if (err)
				return err;
			if (figures->failure[0])
				printf("%s, seed %llu: %s\n", options.policy->name,
				       (unsigned long long)options.machine.seed, figures->failure);
		}
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\rseed %u of %u ", i + 1, o->nr_seeds);
	}
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	return 0;
}

int compare(const struct compare_options *o, const char **ret_why)
{
	struct figures *runs = calloc((size_t)o->nr_policies * o->nr_seeds, sizeof(*runs));
	int err;

	if (!runs) {
		*ret_why = "there is no memory";
		return -ENOMEM;
	}
	err = run_all(o, runs);
	if (err) {
		*ret_why = "a run cannot be started";
		free(runs);
		return err;
	}
	printf("%s, %u CPUs, %llu s, %u seeds from %llu: median (and the middle half of the "
	       "seeds)\n\n",
	       o->run.workload->name, o->run.machine.topology.nr_cpus,
	       (unsigned long long)o->run.seconds, o->nr_seeds,
	       (unsigned long long)o->run.machine.seed);
	printf("%-10s %-15s", "tasks", "");
	for (u32 p = 0; p < o->nr_policies; p++)
		printf(" %10s %-32s", o->policies[p]->name, "");
	putchar('\n');
	for (u32 group = 0; group < runs->nr_groups; group++)
		for (u32 figure = 0; figure < FIGURES; figure++)
			print_row(o, runs, group, figure);
	puts("\nnoise: the seeds do not agree on which one is more (sign test, 5 %)");
	free(runs);
	return 0;
}
