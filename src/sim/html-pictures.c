/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two pictures of a run: the frame times of each group over time, and how long wakeups took. See html-parts.h.
 *
 * A missed frame must never be left out: it is what the first picture is for.
 */
#include "sim/html-parts.h"

#include <math.h>
#include <stdlib.h>

#include "sim/task-stats.h"

enum {
	LEFT = 64,
	RIGHT = HTML_WIDTH - 16,
	STRIPS_MAX = 6,
	STRIP_TOP = 36,
	STRIP = 110,
	TICKS = 3,
	CURVES_MAX = 8,
	CURVES_TOP = 14,
	CURVES = 250,
};

/* ---- Frame times ---------------------------------------------------------------------------- */

/* A scale that ends here has a few more frames than fit; they are cut, and their times are said. */
#define PERIODS_MAX 6

struct strip {
	const struct task_stats *stats;
	const struct frame_series *series;
	double from_ns, to_ns; /* of the run */
	double top_ns, worst_ns;
	bool is_cut;
};

static double x_of(const struct strip *s, double at_ns)
{
	double x = LEFT + (RIGHT - LEFT) * (at_ns - s->from_ns) / (s->to_ns - s->from_ns);

	return x < LEFT ? LEFT : x > RIGHT ? RIGHT : x;
}

static double y_of(const struct strip *s, double ns)
{
	return STRIP_TOP + STRIP * (1 - (ns < s->top_ns ? ns / s->top_ns : 1));
}

static void set_scale(struct strip *s)
{
	double period = (double)s->series->period_max_ns, most = PERIODS_MAX * period, step;

	s->worst_ns = 0;
	for (u32 i = 0; i < s->series->nr_bars; i++)
		s->worst_ns = fmax(s->worst_ns, (double)s->series->bars[i].worst_ns);
	s->is_cut = s->worst_ns > most;
	s->top_ns = fmax(1.2 * period, fmin(s->worst_ns, most));
	step = html_step(s->top_ns, TICKS);
	s->top_ns = step * ceil(s->top_ns / step - 1e-9);
}

/* Where the bar ends: at the next one, or when its last frame was done. */
static double end_of_bar(const struct strip *s, u32 i)
{
	const struct frame_bar *bar = &s->series->bars[i];
	double from = (double)bar->from_ns;
	double end =
		from + fmax((double)bar->worst_ns, (double)s->series->period_max_ns * bar->frames);

	if (i + 1 < s->series->nr_bars)
		end = fmin(end, (double)bar[1].from_ns);
	return end;
}

static void put_bars(FILE *f, const struct strip *s, bool is_late)
{
	const char *class = is_late ? "fill-bad" : "fill-good";
	int bottom = STRIP_TOP + STRIP;
	bool is_any = false;

	for (u32 i = 0; i < s->series->nr_bars; i++) {
		const struct frame_bar *bar = &s->series->bars[i];
		double x = x_of(s, (double)bar->from_ns);
		double width = x_of(s, end_of_bar(s, i)) - x;

		if ((bar->late > 0) != is_late)
			continue;
		if (!is_any)
			fprintf(f, "<path class=\"%s\" d=\"", class);
		is_any = true;
		fprintf(f, "M%.1f %dV%.1fh%.1fV%dz", x, bottom, y_of(s, (double)bar->worst_ns),
			fmax(width - (width > 3 ? 0.6 : 0), 0.7), bottom);
	}
	if (is_any)
		fputs("\"/>\n", f);
}

/* A mark above each missed frame, so that nobody needs the colour; and a gap in bars that are cut. */
static void put_marks(FILE *f, const struct strip *s)
{
	double last = -10;
	bool is_any = false;

	for (u32 i = 0; i < s->series->nr_bars; i++) {
		double x = x_of(s, (double)s->series->bars[i].from_ns);

		if (!s->series->bars[i].late || x - last < 4)
			continue;
		if (!is_any)
			fputs("<path class=\"fill-bad\" d=\"", f);
		is_any = true;
		last = x;
		fprintf(f, "M%.1f %dh6l-3 6z", x - 2.5, STRIP_TOP - 9);
	}
	if (is_any)
		fputs("\"/>\n", f);
	if (s->is_cut)
		fprintf(f, "<path class=\"cut\" d=\"M%d %dH%d\"/>\n", LEFT, STRIP_TOP + 6, RIGHT);
}

static void put_strip_axes(FILE *f, const struct strip *s)
{
	double from = s->from_ns / 1e9, to = s->to_ns / 1e9, step = html_step(to - from, 10);
	double due = y_of(s, (double)s->series->period_max_ns);
	int bottom = STRIP_TOP + STRIP;

	fprintf(f, "<path class=\"axis\" d=\"M%d %d.5H%d\"/>\n", LEFT, bottom, RIGHT);
	for (double at = step * ceil(from / step); at <= to + step / 1000; at += step)
		fprintf(f, "<text class=\"scale m\" x=\"%.1f\" y=\"%d\">%g%s</text>\n",
			x_of(s, at * 1e9), bottom + 18, at,
			at + step > to + step / 1000 ? " s" : "");
	step = html_step(s->top_ns / 1e6, TICKS);
	for (double ms = 0; ms <= s->top_ns / 1e6 + step / 1000; ms += step) {
		double y = y_of(s, ms * 1e6);

		/* The due line has a label of its own. */
		if (fabs(y - due) >= 14 || s->series->period_min_ns != s->series->period_max_ns)
			fprintf(f, "<text class=\"scale r\" x=\"%d\" y=\"%.1f\">%g%s</text>\n",
				LEFT - 6, y + 4, ms, ms > 0 ? " ms" : "");
		if (ms > 0)
			fprintf(f, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>\n", LEFT, y, RIGHT);
	}
}

static void put_due(FILE *f, const struct strip *s)
{
	double period = (double)s->series->period_max_ns, y = y_of(s, period);

	if (s->series->period_min_ns != s->series->period_max_ns)
		return;
	fprintf(f,
		"<path class=\"due\" d=\"M%d %.1fH%d\"/><text class=\"r\" x=\"%d\" y=\"%.1f\">%.*f "
		"ms</text>\n",
		LEFT, y, RIGHT, LEFT - 6, y + 4, period < 1e7 ? 2 : 1, period / 1e6);
}

static void put_strip(FILE *f, const struct strip *s)
{
	static const char word[] = "frame times over the run, worst";
	const struct task_stats *stats = s->stats;
	size_t size;
	char *label;
	FILE *text = open_memstream(&label, &size);

	if (!text)
		abort();
	fprintf(text, "%s: %s %.2f ms; %llu frames done, %llu missed", stats->name, word,
		s->worst_ns / 1e6, (unsigned long long)stats->frames,
		(unsigned long long)stats->missed);
	if (fclose(text))
		abort();
	html_picture_begin(f, STRIP_TOP + STRIP + 26, label);
	free(label);
	fprintf(f, "<text class=\"name\" x=\"%d\" y=\"18\">", LEFT);
	html_text(f, stats->name);
	fprintf(f, ": %llu of %llu missed", (unsigned long long)stats->missed,
		(unsigned long long)(stats->frames + stats->missed));
	if (s->is_cut)
		fprintf(f, "; bars are cut, the worst is %.0f ms", s->worst_ns / 1e6);
	if (s->series->period_min_ns != s->series->period_max_ns)
		fprintf(f, "; due after %.1f to %.1f ms", (double)s->series->period_min_ns / 1e6,
			(double)s->series->period_max_ns / 1e6);
	fputs("</text>\n", f);
	put_strip_axes(f, s);
	put_bars(f, s, false);
	put_bars(f, s, true);
	put_due(f, s);
	put_marks(f, s);
	html_picture_end(f);
}

/* Of frames in a thousand, and then by the worst of them. */
static int worse_strip(const void *a, const void *b)
{
	const struct strip *x = a, *y = b;
	double missed_x = (double)x->stats->missed / (double)(x->stats->frames + x->stats->missed);
	double missed_y = (double)y->stats->missed / (double)(y->stats->frames + y->stats->missed);
	double part_x = x->worst_ns / (double)x->series->period_max_ns;
	double part_y = y->worst_ns / (double)y->series->period_max_ns;

	if (missed_x > missed_y || missed_x < missed_y)
		return missed_x > missed_y ? -1 : 1;
	if (part_x > part_y || part_x < part_y)
		return part_x > part_y ? -1 : 1;
	return x->stats->index < y->stats->index ? -1 : 1;
}

static int earlier_strip(const void *a, const void *b)
{
	const struct strip *x = a, *y = b;

	return x->stats->index < y->stats->index ? -1 : 1;
}

void html_frames(FILE *f, const struct run_options *options, const struct run_result *result,
		 const struct highlights *h)
{
	struct strip strips[HIGHLIGHTS_GROUPS];
	u32 n = 0, shown, all = 0, most = 1;

	for (const struct task_stats *s = task_stats_first; s; s = s->next) {
		all += s->has_frames;
		if (!s->has_frames || s->index >= HIGHLIGHTS_GROUPS || !h->series[s->index])
			continue;
		strips[n] = (struct strip){
			.stats = s,
			.series = h->series[s->index],
			.from_ns = (double)options->settle_ns,
			.to_ns = (double)result->ran_ns,
		};
		set_scale(&strips[n]);
		if (strips[n].series->frames_per_bar > most)
			most = strips[n].series->frames_per_bar;
		n++;
	}
	if (!n)
		return;
	shown = n < STRIPS_MAX ? n : STRIPS_MAX;
	qsort(strips, n, sizeof(strips[0]), worse_strip);
	qsort(strips, shown, sizeof(strips[0]), earlier_strip);
	fputs("<h2>Frame times</h2>\n<figure>\n<div class=\"scroll\">\n", f);
	for (u32 i = 0; i < shown; i++)
		put_strip(f, &strips[i]);
	fputs("</div>\n<figcaption>From when a frame was due until it was done, over the run&#39;s "
	      "time (its first second is for "
	      "settling). Dashed: the next frame is due. Red with a <span "
	      "class=\"bad-text\">\xe2\x96\xbc</span> above: another "
	      "frame was missed.",
	      f);
	if (most > 1)
		fprintf(f, " A bar stands for up to %u frames, and shows the worst of them.", most);
	if (all > shown)
		fprintf(f, " The %u worst of %u groups with frames; the others are in the table.",
			shown, all);
	fputs("</figcaption>\n</figure>\n", f);
}

/* ---- Wakeups -------------------------------------------------------------------------------- */

struct curves {
	double from, to; /* decades of nanoseconds */
	double nines;	 /* the axis ends at 1 - 10^-nines */
};

static double x_of_wait(const struct curves *c, double ns)
{
	double decade = fmin(fmax(log10(ns > 0 ? ns : 1), c->from), c->to);

	return LEFT + (RIGHT - 30 - LEFT) * (decade - c->from) / (c->to - c->from);
}

/* Of the wakeups so many in one took longer. */
static double y_of_rest(const struct curves *c, double rest)
{
	double nines = rest > 0 ? -log10(rest) : c->nines;

	return CURVES_TOP + CURVES * (1 - fmin(nines, c->nines) / c->nines);
}

static void put_curve_axes(FILE *f, const struct curves *c)
{
	static const char *const shares[] = {"0 %",    "90 %",	  "99 %",
					     "99.9 %", "99.99 %", "99.999 %"};
	static const char *const times[] = {
		"1 ns", "10 ns", "100 ns", "1 \xc2\xb5s", "10 \xc2\xb5s", "100 \xc2\xb5s",
		"1 ms", "10 ms", "100 ms", "1 s",	  "10 s",	  "100 s"};
	double half = y_of_rest(c, 0.5);

	for (int i = 0; i <= (int)c->nines; i++) {
		double y = y_of_rest(c, pow(10, -i));

		fprintf(f,
			"<path class=\"%s\" d=\"M%d %.1fH%d\"/><text class=\"scale r\" x=\"%d\" "
			"y=\"%.1f\">%s</text>\n",
			i ? "grid" : "axis", LEFT, y, RIGHT - 30, LEFT - 6, y + 4, shares[i]);
	}
	fprintf(f,
		"<path class=\"grid\" d=\"M%d %.1fH%d\"/><text class=\"scale r\" x=\"%d\" "
		"y=\"%.1f\">50 %%</text>\n",
		LEFT, half, RIGHT - 30, LEFT - 6, half + 4);
	for (int decade = (int)c->from; decade <= (int)c->to && decade < 12; decade++) {
		double x = x_of_wait(c, pow(10, decade));

		for (int part = 2; part < 10 && decade < c->to; part++) {
			double at = x_of_wait(c, part * pow(10, decade));

			fprintf(f, "<path class=\"axis\" d=\"M%.1f %dv4\"/>", at,
				CURVES_TOP + CURVES);
			/* With few decades there is room for some more labels. */
			if (c->to - c->from <= 2 && (part == 2 || part == 5))
				fprintf(f,
					"<text class=\"scale m small\" x=\"%.1f\" "
					"y=\"%d\">%d</text>",
					at, CURVES_TOP + CURVES + 16, part);
		}

		fprintf(f,
			"<path class=\"grid\" d=\"M%.1f %dV%d\"/><text class=\"scale m\" "
			"x=\"%.1f\" y=\"%d\">%s</text>\n",
			x, CURVES_TOP, CURVES_TOP + CURVES, x, CURVES_TOP + CURVES + 18,
			times[decade]);
	}
}

static void put_curve(FILE *f, const struct curves *c, const struct task_stats *s,
		      const char *class)
{
	u64 value, seen, before = 0;
	double last_x = -10, last_y = -10;
	bool is_first = true;

	fprintf(f, "<path class=\"%s\" d=\"", class);
	for (u32 bucket = 0; histogram_next(&s->wakeup, &bucket, &value, &seen);) {
		double x = x_of_wait(c, (double)value);
		double y = y_of_rest(c, 1 - (double)before / (double)s->wakeup.count);

		/* Steps: between two values the share is that of the lower one. */
		if (is_first || x - last_x > 0.4 || last_y - y > 0.4 || seen == s->wakeup.count) {
			if (is_first)
				fprintf(f, "M%.1f %.1f", x, y);
			else
				fprintf(f, "V%.1fH%.1f", y, x);
			last_x = x;
			last_y = y;
			is_first = false;
		}
		before = seen;
	}
	/* Up to the last one of them: a share of all has no place on this scale. */
	fprintf(f, "V%.1f\"/>\n", y_of_rest(c, 1 / (double)s->wakeup.count));
}

/* Groups with frames first: others wait for what they do. Then by the longest waits. */
static int more_wanted(const void *a, const void *b)
{
	const struct task_stats *x = *(const struct task_stats *const *)a;
	const struct task_stats *y = *(const struct task_stats *const *)b;
	u64 p99_x = histogram_permille(&x->wakeup, 990),
	    p99_y = histogram_permille(&y->wakeup, 990);

	if (x->has_frames != y->has_frames)
		return x->has_frames ? -1 : 1;
	if (p99_x != p99_y)
		return p99_x > p99_y ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

/* The keys at the ends of the curves, none over another one. */
static void put_ends(FILE *f, const struct curves *c, const struct task_stats **shown, u32 n)
{
	struct {
		double x, y;
	} done[CURVES_MAX];

	for (u32 i = 0; i < n; i++) {
		const struct task_stats *s = shown[i];
		struct html_key key = html_key(s->index);
		double x = x_of_wait(c, (double)s->wakeup.max) + 4;
		double y = y_of_rest(c, 1 / (double)s->wakeup.count) - 7;

		for (u32 j = 0; j < i; j++)
			if (fabs(done[j].x - x) < 22 && fabs(done[j].y - y) < 15) {
				x = done[j].x + 22;
				if (x > RIGHT - 20) {
					x = done[j].x;
					y = done[j].y + 16;
				}
				j = UINT32_MAX;
			}
		done[i].x = x;
		done[i].y = y;
		fprintf(f,
			"<rect class=\"c%u\" x=\"%.1f\" y=\"%.1f\" width=\"20\" height=\"14\"/>"
			"<text class=\"tag\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
			key.colour, x, y, x + 10, y + 10.5, key.text);
	}
}

static void set_curve_scale(struct curves *c)
{
	double least = INFINITY, most = 1, count = 1;

	for (const struct task_stats *s = task_stats_first; s; s = s->next) {
		if (!s->wakeup.count)
			continue;
		least = fmin(least, fmax(1, (double)histogram_permille(&s->wakeup, 1)));
		most = fmax(most, (double)s->wakeup.max);
		count = fmax(count, (double)s->wakeup.count);
	}
	c->from = floor(log10(least));
	c->to = ceil(log10(most));
	if (c->to <= c->from)
		c->to = c->from + 1;
	c->nines = fmin(fmax(ceil(log10(count)), 2), 5);
}

void html_wakeups(FILE *f)
{
	const struct task_stats **groups = NULL;
	struct curves c;
	u32 n = 0, shown;

	for (const struct task_stats *s = task_stats_first; s; s = s->next)
		n += s->wakeup.count > 0;
	if (!n)
		return;
	groups = calloc(n, sizeof(struct task_stats *));
	if (!groups)
		abort();
	n = 0;
	for (const struct task_stats *s = task_stats_first; s; s = s->next)
		if (s->wakeup.count)
			groups[n++] = s;
	qsort(groups, n, sizeof(struct task_stats *), more_wanted);
	shown = n < CURVES_MAX ? n : CURVES_MAX;
	set_curve_scale(&c);
	fputs("<h2>From wakeup to running</h2>\n<figure>\n<div class=\"scroll\">\n", f);
	html_picture_begin(f, CURVES_TOP + CURVES + 26,
			   "Cumulative distribution of the time from wakeup to running, by group; "
			   "the table of tasks has the "
			   "percentiles");
	put_curve_axes(f, &c);
	for (u32 i = n; i-- > 0;) {
		char class[32] = "other";

		if (i < shown)
			snprintf(class, sizeof(class), "curve s%u d%u",
				 html_key(groups[i]->index).colour, i % 4);
		put_curve(f, &c, groups[i], class);
	}
	put_ends(f, &c, groups, shown);
	html_picture_end(f);
	fputs("</div>\n<p class=\"legend\">", f);
	for (u32 i = 0; i < shown; i++) {
		fputs("<span class=\"item\">", f);
		html_put_key(f, groups[i]->index);
		html_text(f, groups[i]->name);
		fputs("</span> ", f);
	}
	fputs("</p>\n<figcaption>Which share of the wakeups ran within that time: the further left "
	      "a curve, and the steeper, the "
	      "better. The letter stands at the longest wait.",
	      f);
	if (n > shown)
		fprintf(f, " %u other groups are lines without a letter.", n - shown);
	fputs("</figcaption>\n</figure>\n", f);
	free(groups);
}
