/* SPDX-License-Identifier: GPL-2.0-only */
/* The page of a comparison: who is better in what, the table, and a picture for each figure. See html.h. */
#include "sim/html.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/command.h"
#include "sim/html-parts.h"

enum {
	/* A picture is half as wide as one of a run. */
	WIDTH = HTML_WIDTH / 2,
	LEFT = 88,
	RIGHT = WIDTH - 26,
	TOP = 26,
	LANE = 30,
};

/* Against the first policy. */
enum verdict {
	VERDICT_NONE, /* it is the first one, or there is nothing to compare */
	VERDICT_NOISE,
	VERDICT_SAME, /* within half a per cent */
	VERDICT_BETTER,
	VERDICT_WORSE,
	VERDICT_OTHER, /* more or less, and neither is better */
};

struct axis {
	double from, to, step;
};

static double x_of(const struct axis *a, double value)
{
	return LEFT + (RIGHT - LEFT) * (value - a->from) / (a->to - a->from);
}

/* False: all runs have one value, which needs no picture. */
static bool set_axis(const struct comparison *c, u32 group, enum compare_figure figure,
		     struct axis *ret)
{
	double least = INFINITY, most = -INFINITY;

	for (u32 p = 0; p < c->options->nr_policies; p++)
		for (u32 i = 0; i < c->options->nr_seeds; i++) {
			double value = compare_run_of(c, p, i)->values[group][figure];

			if (value < 0)
				continue;
			least = fmin(least, value);
			most = fmax(most, value);
		}
	if (most - least < 0.005)
		return false;
	/* From zero on, unless all that can be seen is far from it. */
	if (most - least > most / 4)
		least = 0;
	ret->step = html_step(most - least, 5);
	ret->from = ret->step * floor(least / ret->step);
	ret->to = ret->step * ceil(most / ret->step);
	return true;
}

static enum verdict verdict_on(const struct comparison *c, u32 policy, u32 group,
			       enum compare_figure figure)
{
	double first = compare_spread(c, 0, group, figure).median;
	struct compare_spread s = compare_spread(c, policy, group, figure);
	struct axis axis;

	if (!policy || !s.n || !compare_spread(c, 0, group, figure).n)
		return VERDICT_NONE;
	if (!set_axis(c, group, figure, &axis))
		return VERDICT_SAME;
	if (compare_is_noise(c, policy, group, figure))
		return VERDICT_NOISE;
	if (fabs(s.median - first) < 0.005 * first || (first <= 0 && s.median <= 0))
		return VERDICT_SAME;
	if (figure == COMPARE_CPUS)
		return VERDICT_OTHER;
	return s.median < first ? VERDICT_BETTER : VERDICT_WORSE;
}

static void put_policy(FILE *f, const struct comparison *c, u32 policy)
{
	fprintf(f, "<b>%c</b> ", 'A' + (int)policy);
	html_text(f, c->options->policies[policy]->name);
}

/* ---- At first sight ------------------------------------------------------------------------- */

static void put_alarms(FILE *f, const struct comparison *c)
{
	bool is_any = false;

	for (u32 p = 0; p < c->options->nr_policies; p++)
		for (u32 i = 0; i < c->options->nr_seeds; i++) {
			const struct compare_run *run = compare_run_of(c, p, i);

			if (!run->failure[0])
				continue;
			if (!is_any)
				fputs("<div class=\"alarm\" role=\"note\"><strong>\xe2\x9c\x97 "
				      "Runs that failed</strong>\n<ul>\n",
				      f);
			is_any = true;
			fputs("<li>", f);
			put_policy(f, c, p);
			fprintf(f, ", seed %llu: ",
				(unsigned long long)c->options->run.machine.seed + i);
			html_text(f, run->failure);
			fputs("</li>\n", f);
		}
	if (is_any)
		fputs("</ul></div>\n", f);
}

static void put_tile(FILE *f, const struct comparison *c, u32 policy)
{
	u32 n[VERDICT_OTHER + 1] = {0};
	const char *class = "";

	for (u32 group = 0; group < c->runs->nr_groups; group++)
		for (u32 figure = 0; figure < COMPARE_FIGURES; figure++)
			n[verdict_on(c, policy, group, figure)]++;
	if (n[VERDICT_BETTER] && !n[VERDICT_WORSE])
		class = " class=\"good\"";
	if (n[VERDICT_WORSE] && !n[VERDICT_BETTER])
		class = " class=\"bad\"";
	fprintf(f, "<li%s><span>", class);
	put_policy(f, c, policy);
	fputs(" against ", f);
	put_policy(f, c, 0);
	fputs("</span><strong>", f);
	if (c->options->nr_seeds < COMPARE_SEEDS_ENOUGH)
		fputs("too few seeds to tell", f);
	else if (!n[VERDICT_BETTER] && !n[VERDICT_WORSE])
		fputs("no difference", f);
	if (n[VERDICT_BETTER])
		fprintf(f, "\xe2\x9c\x93 better in %u", n[VERDICT_BETTER]);
	if (n[VERDICT_BETTER] && n[VERDICT_WORSE])
		fputs(", ", f);
	if (n[VERDICT_WORSE])
		fprintf(f, "\xe2\x9c\x97 worse in %u", n[VERDICT_WORSE]);
	fprintf(f, "</strong><span>the same in %u, no more than noise in %u", n[VERDICT_SAME],
		n[VERDICT_NOISE]);
	if (n[VERDICT_OTHER])
		fprintf(f, "; other CPU time in %u", n[VERDICT_OTHER]);
	fputs("</span></li>\n", f);
}

static void put_facts(FILE *f, const struct comparison *c)
{
	const struct compare_options *o = c->options;
	char *command = command_of_comparison(o);
	bool has_policy = false;

	for (u32 p = 0; p < o->nr_policies; p++)
		has_policy |= o->policies[p] != &run_eevdf;
	fputs("<dl>\n", f);
	html_fact_begin(f, "Policies");
	for (u32 p = 0; p < o->nr_policies; p++) {
		fputs(p ? "<br/>" : "", f);
		put_policy(f, c, p);
		if (strcmp(o->policies[p]->name, o->policy_names[p]) != 0) {
			fputs(" from <code>", f);
			html_text(f, o->policy_names[p]);
			fputs("</code>", f);
		}
		if (o->policies[p]->summary) {
			fputs(": ", f);
			html_text(f, o->policies[p]->summary);
		}
	}
	html_fact_end(f);
	html_fact_begin(f, "Runs");
	fprintf(f,
		"%u seeds from %llu, each with every policy; %llu s measured, after %.0f s to "
		"settle",
		o->nr_seeds, (unsigned long long)o->run.machine.seed,
		(unsigned long long)o->run.seconds, (double)o->run.settle_ns / 1e9);
	html_fact_end(f);
	html_facts(f, &o->run, has_policy, command);
	fputs("</dl>\n", f);
	free(command);
}

/* ---- The table ------------------------------------------------------------------------------ */

static void put_verdict(FILE *f, const struct comparison *c, u32 policy, u32 group,
			enum compare_figure figure)
{
	static const char *const before[] = {
		[VERDICT_BETTER] = "<td class=\"left good-text\">\xe2\x9c\x93 better, ",
		[VERDICT_WORSE] = "<td class=\"left bad-text\">\xe2\x9c\x97 worse, ",
		[VERDICT_OTHER] = "<td class=\"left\">",
	};
	enum verdict verdict = verdict_on(c, policy, group, figure);
	double first = compare_spread(c, 0, group, figure).median;
	double median = compare_spread(c, policy, group, figure).median;

	if (verdict == VERDICT_NONE) {
		fputs("<td></td>", f);
		return;
	}
	if (verdict == VERDICT_NOISE || verdict == VERDICT_SAME) {
		fprintf(f, "<td class=\"left\">%s</td>",
			verdict == VERDICT_SAME ? "same" : "noise");
		return;
	}
	fputs(before[verdict], f);
	if (first > 0)
		fprintf(f, "\xc3\x97\xc2\xa0%.2f</td>", median / first);
	else
		fprintf(f, "%+.2f</td>", median - first);
}

static bool has_figure(const struct comparison *c, u32 group, enum compare_figure figure)
{
	for (u32 p = 0; p < c->options->nr_policies; p++)
		if (compare_spread(c, p, group, figure).n)
			return true;
	return false;
}

static int digits_of(double value)
{
	return value < 10 ? 2 : value < 1000 ? 1 : 0;
}

static void put_figures(FILE *f, const struct comparison *c, u32 group, enum compare_figure figure)
{
	fprintf(f, "<th scope=\"row\" class=\"plain\">%s</th>", compare_figure_name(figure));
	for (u32 p = 0; p < c->options->nr_policies; p++) {
		struct compare_spread s = compare_spread(c, p, group, figure);

		if (!s.n) {
			fputs(p ? "<td>-</td><td></td><td></td>" : "<td>-</td><td></td>", f);
			continue;
		}
		fputs("<td>", f);
		html_figure(f, "median", s.median, digits_of(s.median));
		fprintf(f, "</td><td class=\"note\">%.*f to %.*f</td>", digits_of(s.high), s.low,
			digits_of(s.high), s.high);
		if (p)
			put_verdict(f, c, p, group, figure);
	}
	fputs("</tr>\n", f);
}

static void put_group(FILE *f, const struct comparison *c, u32 group)
{
	bool is_first = true;
	u32 n = 0;

	for (u32 figure = 0; figure < COMPARE_FIGURES; figure++)
		n += has_figure(c, group, figure);
	if (!n)
		return;
	fputs("<tbody>\n", f);
	for (u32 figure = 0; figure < COMPARE_FIGURES; figure++) {
		if (!has_figure(c, group, figure))
			continue;
		fputs("<tr>", f);
		if (is_first) {
			fprintf(f, "<th scope=\"rowgroup\" rowspan=\"%u\">", n);
			html_text(f, c->runs->names[group]);
			fputs("</th>", f);
		}
		is_first = false;
		put_figures(f, c, group, figure);
	}
	fputs("</tbody>\n", f);
}

static void put_table(FILE *f, const struct comparison *c)
{
	fputs("<h2 id=\"figures\">Figures</h2>\n"
	      "<p class=\"note\">The median of the seeds, and the values between which the middle "
	      "half of them are. "
	      "Noise: the seeds do not agree on which one is more (sign test, 5\xc2\xa0%). "
	      "Same: within 0.5\xc2\xa0%.</p>\n",
	      f);
	if (c->options->nr_seeds < COMPARE_SEEDS_ENOUGH)
		fprintf(f,
			"<p class=\"note\">So few seeds are not enough to tell any difference from "
			"noise; "
			"that takes %d.</p>\n",
			COMPARE_SEEDS_ENOUGH);
	fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"figures\">\n"
	      "<table aria-labelledby=\"figures\">\n<thead>\n"
	      "<tr><th scope=\"col\" class=\"left\">group</th><th scope=\"col\" "
	      "class=\"left\">figure</th>",
	      f);
	for (u32 p = 0; p < c->options->nr_policies; p++) {
		fprintf(f, "<th scope=\"colgroup\" colspan=\"%d\">", p ? 3 : 2);
		put_policy(f, c, p);
		fputs("</th>", f);
	}
	fputs("</tr>\n</thead>\n", f);
	for (u32 group = 0; group < c->runs->nr_groups; group++)
		put_group(f, c, group);
	fputs("</table>\n</div>\n", f);
	if (c->runs->nr_left_out)
		fprintf(f, "<p>%u groups of tasks are left out.</p>\n", c->runs->nr_left_out);
}

/* ---- The pictures --------------------------------------------------------------------------- */

static void put_axis(FILE *f, const struct axis *a, int bottom)
{
	for (double at = a->from; at <= a->to + a->step / 1000; at += a->step)
		fprintf(f,
			"<path class=\"grid\" d=\"M%.1f %dV%d\"/><text class=\"scale m\" "
			"x=\"%.1f\" y=\"%d\">%g</text>\n",
			x_of(a, at), TOP - 4, bottom, x_of(a, at), bottom + 16,
			fabs(at) < a->step / 1000 ? 0 : at);
}

/* The runs of one seed are linked: lines that lean all to one side are a difference, others are noise. */
static void put_links(FILE *f, const struct comparison *c, const struct axis *a, u32 group,
		      enum compare_figure figure)
{
	for (u32 i = 0; i < c->options->nr_seeds; i++) {
		bool is_any = false;

		for (u32 p = 0; p < c->options->nr_policies; p++) {
			double value = compare_run_of(c, p, i)->values[group][figure];

			if (value < 0)
				continue;
			fprintf(f, is_any ? "L%.1f %d" : "<path class=\"link\" d=\"M%.1f %d",
				x_of(a, value), TOP + (int)p * LANE + LANE / 2);
			is_any = true;
		}
		if (is_any)
			fputs("\"/>\n", f);
	}
}

static void put_dots(FILE *f, const struct comparison *c, const struct axis *a, u32 policy,
		     u32 group, enum compare_figure figure)
{
	struct compare_spread s = compare_spread(c, policy, group, figure);
	int y = TOP + (int)policy * LANE;

	fprintf(f, "<text class=\"r\" x=\"%d\" y=\"%d\">", LEFT - 8, y + LANE / 2 + 4);
	/* As much of the name as there is room for; it is ASCII. */
	fprintf(f, "%c %.10s</text>\n", 'A' + (int)policy, c->options->policies[policy]->name);
	if (!s.n)
		return;
	for (u32 i = 0; i < c->options->nr_seeds; i++) {
		double value = compare_run_of(c, policy, i)->values[group][figure];

		if (value >= 0)
			fprintf(f,
				"<circle class=\"c%u\" cx=\"%.1f\" cy=\"%d\" r=\"4\"><title>seed "
				"%llu: %.3f</title></circle>\n",
				policy % HTML_COLOURS, x_of(a, value), y + LANE / 2,
				(unsigned long long)c->options->run.machine.seed + i, value);
	}
	fprintf(f, "<path class=\"median\" d=\"M%.1f %dv%d\"/>\n", x_of(a, s.median), y + 4,
		LANE - 8);
}

static void put_picture(FILE *f, const struct comparison *c, u32 group, enum compare_figure figure)
{
	const char *name = c->runs->names[group];
	int bottom = TOP + (int)c->options->nr_policies * LANE;
	struct axis a;

	if (!set_axis(c, group, figure, &a))
		return;
	fprintf(f,
		"<figure><svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
		"role=\"img\" aria-label=\"%s of ",
		WIDTH, bottom + 22, compare_figure_name(figure));
	html_text(f, name);
	fputs(": a dot for each seed, a row for each policy; the table has the medians\">\n<text "
	      "class=\"name\" x=\"0\" y=\"14\">",
	      f);
	html_text(f, name);
	fprintf(f, ": %s</text>\n", compare_figure_name(figure));
	put_axis(f, &a, bottom);
	put_links(f, c, &a, group, figure);
	for (u32 p = 0; p < c->options->nr_policies; p++)
		put_dots(f, c, &a, p, group, figure);
	fputs("</svg></figure>\n", f);
}

static void put_pictures(FILE *f, const struct comparison *c)
{
	struct axis a;
	bool is_any = false;

	for (u32 group = 0; group < c->runs->nr_groups; group++)
		for (u32 figure = 0; figure < COMPARE_FIGURES; figure++)
			is_any |= set_axis(c, group, figure, &a);
	if (!is_any)
		return;
	fputs("<h2>Spread</h2>\n<p class=\"note\">A dot for each seed, a thick line at the median. "
	      "Thin lines link the runs of one "
	      "seed: where all of them lean to one side there is a difference, where they cross it "
	      "is noise. Figures that are "
	      "the same in all runs have no picture.</p>\n<div class=\"pictures\">\n",
	      f);
	for (u32 group = 0; group < c->runs->nr_groups; group++)
		for (u32 figure = 0; figure < COMPARE_FIGURES; figure++)
			put_picture(f, c, group, figure);
	fputs("</div>\n", f);
}

/* ---- The page ------------------------------------------------------------------------------- */

static void put_content(FILE *f, const void *data)
{
	const struct comparison *c = data;

	fputs("<header>\n<p class=\"kind\">Scheduling policies on a simulated machine</p>\n<h1>",
	      f);
	html_text(f, c->options->run.workload->name);
	fputs(": ", f);
	for (u32 p = 0; p < c->options->nr_policies; p++) {
		fputs(!p ? "" : p + 1 < c->options->nr_policies ? ", " : " and ", f);
		html_text(f, c->options->policies[p]->name);
	}
	fputs("</h1>\n</header>\n", f);
	put_alarms(f, c);
	fputs("<ul class=\"tiles\">\n", f);
	for (u32 p = 1; p < c->options->nr_policies; p++)
		put_tile(f, c, p);
	fputs("</ul>\n", f);
	put_facts(f, c);
	put_table(f, c);
	put_pictures(f, c);
}

int html_write_comparison(const char *path, const struct comparison *comparison)
{
	size_t size;
	char *title;
	FILE *f = open_memstream(&title, &size);
	int err;

	if (!f)
		return -ENOMEM;
	fprintf(f, "%s: a comparison of policies", comparison->options->run.workload->name);
	if (fclose(f))
		return -ENOMEM;
	err = html_write(path, title, put_content, comparison);
	free(title);
	return err;
}
