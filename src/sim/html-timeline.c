/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The picture of the worst moment of a run: a lane for the task that it is about, with when it ran, waited and slept,
 * lanes for requests and decisions, and one for each CPU. See html-parts.h and highlights.h.
 *
 * What is too short to be seen is not drawn, but for the task that the picture is about: of each column of a CPU's
 * lane what ran longest is shown.
 */
#include "sim/html-parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/kernel/machine.h"
#include "sim/task-stats.h"

enum {
	LEFT = 76,
	RIGHT = HTML_WIDTH - 12,
	COLUMNS = 2 * (RIGHT - LEFT),
	TOP = 58, /* three lines of labels above */
	TASK_LANE = 22,
	LANE_GAP = 6,
	MARK_LANE = 12,
	TASKS_MAX = 4,
	CPUS_MAX = 128,
	LEGEND_MAX = 30,
};

/* Something that ran on a CPU. */
struct piece {
	u64 from_ns, to_ns;
	s32 pid;
	uint16_t group;
};

/* What the picture says about each kind of moment. */
static const struct words {
	const char *label; /* for people who do not see it */
	const char *zero;  /* 0 ms is when ... */
	const char *from, *to;
} words[] = {
	[WORST_FRAME] = {"What each CPU ran around the worst frame, and when its task ran, waited "
			 "and slept",
			 "the frame was due", "due", "done"},
	[WORST_WAKEUP] = {"What each CPU ran around the longest wait, and when the task ran, "
			  "waited and slept",
			  "the task was woken", "woken", "runs"},
	[WORST_END] = {"What each CPU ran before the kernel ended the scheduler",
		       "the kernel ended the scheduler", NULL, NULL},
};

struct timeline {
	const struct highlights *h;
	u32 first_cpu, nr_cpus; /* that are shown */
	double row;		/* height of a CPU's lane */
	s32 tasks[TASKS_MAX];	/* the one that it is about, and others of its group */
	u32 nr_tasks;
	bool *groups; /* that are seen, by index */
	u32 nr_groups;
	bool policy_is_seen;
	/* By CPU: its moments are chain[first[cpu]] and so on. */
	u32 *first, *chain;
};

static double x_of(const struct timeline *t, u64 at_ns)
{
	const struct highlights *h = t->h;
	double at = (double)at_ns - (double)h->window_from_ns;
	double x = LEFT + (RIGHT - LEFT) * at / (double)(h->window_to_ns - h->window_from_ns);

	return x < LEFT ? LEFT : x > RIGHT ? RIGHT : x;
}

static const char *group_name(u32 group)
{
	const struct task_stats *s = task_stats_first;

	if (group == HIGHLIGHTS_POLICY)
		return "scheduler thread";
	while (s && s->index != group)
		s = s->next;
	return s ? s->name : "other";
}

static void class_of(u32 group, char ret[12])
{
	if (group == HIGHLIGHTS_POLICY)
		snprintf(ret, 12, "policy");
	else if (group == HIGHLIGHTS_NO_GROUP)
		snprintf(ret, 12, "fill-ink");
	else
		snprintf(ret, 12, "c%u", html_key(group).colour);
}

/* ---- The lanes of tasks --------------------------------------------------------------------- */

enum task_is {
	IS_UNKNOWN,
	IS_SLEEPING,
	IS_WAITING,
	IS_RUNNING,
};

static void put_state(FILE *f, const struct timeline *t, double y, enum task_is is, u64 from_ns,
		      u64 to_ns, u32 cpu, u32 group)
{
	double x = x_of(t, from_ns), width = x_of(t, to_ns) - x;
	double ms = (double)(to_ns - from_ns) / 1e6;
	char class[12];

	if (to_ns <= from_ns || is == IS_UNKNOWN)
		return;
	if (is == IS_SLEEPING) {
		fprintf(f, "<path class=\"axis\" d=\"M%.1f %.1fh%.1f\"/>\n", x, y + TASK_LANE / 2.0,
			width);
		return;
	}
	if (is == IS_WAITING) {
		fprintf(f,
			"<g><title>waits for %.3f ms</title><rect class=\"wait%s\" x=\"%.1f\" "
			"y=\"%.1f\" width=\"%.1f\" height=\"%d\"/>",
			ms, width > 3 ? " edge" : "", x, y + 3, fmax(width, 0.5), TASK_LANE - 6);
		if (width > 42)
			fprintf(f, "<text class=\"small m\" x=\"%.1f\" y=\"%.1f\">waits</text>",
				x + width / 2, y + TASK_LANE / 2.0 + 4);
		fputs("</g>\n", f);
		return;
	}
	class_of(group, class);
	fprintf(f,
		"<g><title>runs on CPU %u for %.3f ms</title><rect class=\"%s\" x=\"%.1f\" "
		"y=\"%.1f\" width=\"%.1f\" height=\"%d\"/>",
		cpu, ms, class, x, y, fmax(width, 0.8), TASK_LANE);
	if (width > 22)
		fprintf(f, "<text class=\"tag\" x=\"%.1f\" y=\"%.1f\">%s%u</text>", x + width / 2,
			y + TASK_LANE / 2.0 + 4, width > 48 ? "CPU " : "", cpu);
	fputs("</g>\n", f);
}

static void put_task_marks(FILE *f, const struct timeline *t, double y, s32 pid)
{
	double last[2] = {-10, -10};

	for (u32 i = 0; i < t->h->nr_moments; i++) {
		const struct moment *m = &t->h->moments[i];
		bool is_decision = m->kind == MOMENT_DECISION;
		double x = x_of(t, m->at_ns);

		if (m->pid != pid || (m->kind != MOMENT_REQUEST && !is_decision) ||
		    x - last[is_decision] < 6)
			continue;
		last[is_decision] = x;
		if (is_decision)
			fprintf(f, "<path class=\"fill-ink\" d=\"M%.1f %.1fl-3 -6h6z\"/>\n", x, y);
		else
			fprintf(f, "<path class=\"fill-ink\" d=\"M%.1f %.1fl-3 6h6z\"/>\n", x,
				y + TASK_LANE);
	}
}

static void put_task(FILE *f, const struct timeline *t, double y, s32 pid)
{
	const struct highlights *h = t->h;
	u64 since_ns = h->window_from_ns;
	enum task_is is = IS_UNKNOWN;
	bool is_first = true;
	u32 cpu = 0, group = h->group;

	fprintf(f, "<text class=\"scale r\" x=\"%d\" y=\"%.1f\">", LEFT - 6,
		y + TASK_LANE / 2.0 + 4);
	fprintf(f, "%s [%d]</text>\n", html_key(group).text, pid);
	for (u32 i = 0; i < h->nr_moments; i++) {
		const struct moment *m = &h->moments[i];
		enum task_is then;

		if (m->kind == MOMENT_SWITCH && m->pid == pid)
			then = IS_RUNNING;
		else if (m->kind == MOMENT_SWITCH && m->prev_pid == pid)
			then = m->waits ? IS_WAITING : IS_SLEEPING;
		else if (m->kind == MOMENT_WOKEN && m->pid == pid && is != IS_RUNNING)
			then = IS_WAITING;
		else
			continue;
		/* What it did until then can only have been this. */
		if (is_first) {
			is = then == IS_RUNNING				     ? IS_WAITING
			     : then == IS_WAITING && m->kind == MOMENT_WOKEN ? IS_SLEEPING
									     : IS_RUNNING;
			cpu = m->cpu;
		}
		is_first = false;
		/* It was woken at once when it began to wait, but that is told later. */
		put_state(f, t, y, is, since_ns, m->at_ns, cpu, group);
		is = then;
		since_ns = m->at_ns > since_ns ? m->at_ns : since_ns;
		cpu = m->cpu;
	}
	/* It did not change: it waits, if the moment is about it. */
	if (is_first && pid == h->pid)
		is = IS_WAITING;
	put_state(f, t, y, is, since_ns, h->window_to_ns, cpu, group);
	put_task_marks(f, t, y, pid);
}

/* The task that it is about, and some others of its group that do something in the window, by their pids. */
static void find_tasks(struct timeline *t)
{
	const struct highlights *h = t->h;

	if (h->worst == WORST_END)
		return;
	t->tasks[t->nr_tasks++] = h->pid;
	for (u32 i = 0; i < h->nr_moments && t->nr_tasks < TASKS_MAX; i++) {
		const struct moment *m = &h->moments[i];
		bool is_known = false;

		if (m->kind != MOMENT_SWITCH || m->group != h->group || h->worst != WORST_FRAME)
			continue;
		for (u32 j = 0; j < t->nr_tasks; j++)
			is_known |= t->tasks[j] == m->pid;
		if (!is_known)
			t->tasks[t->nr_tasks++] = m->pid;
	}
}

/* ---- The lanes of CPUs ---------------------------------------------------------------------- */

static void sort_by_cpu(struct timeline *t)
{
	const struct highlights *h = t->h;
	u32 cpus = machine.topology.nr_cpus, n = 0;

	t->first = calloc(cpus + 1, sizeof(*t->first));
	t->chain = calloc(h->nr_moments + 1, sizeof(*t->chain));
	if (!t->first || !t->chain)
		abort();
	for (u32 i = 0; i < h->nr_moments; i++)
		if (h->moments[i].kind == MOMENT_SWITCH)
			t->first[h->moments[i].cpu + 1]++;
	for (u32 cpu = 0; cpu < cpus; cpu++) {
		n = t->first[cpu + 1];
		t->first[cpu + 1] = t->first[cpu] + n;
	}
	for (u32 i = 0; i < h->nr_moments; i++)
		if (h->moments[i].kind == MOMENT_SWITCH)
			t->chain[t->first[h->moments[i].cpu]++] = i;
	for (u32 cpu = cpus; cpu > 0; cpu--)
		t->first[cpu] = t->first[cpu - 1];
	t->first[0] = 0;
}

/* Of a CPU, in their order; what idles is a piece, too. Returns how many. */
static u32 pieces_of(const struct timeline *t, u32 cpu, struct piece *ret)
{
	const struct highlights *h = t->h;
	u64 since_ns = h->window_from_ns;
	u32 n = 0;

	for (u32 i = t->first[cpu]; i < t->first[cpu + 1]; i++) {
		const struct moment *m = &h->moments[t->chain[i]];

		if (m->at_ns <= since_ns)
			continue;
		ret[n++] = (struct piece){since_ns, m->at_ns, m->prev_pid, m->prev_group};
		since_ns = m->at_ns;
	}
	if (t->first[cpu + 1] > t->first[cpu]) {
		const struct moment *m = &h->moments[t->chain[t->first[cpu + 1] - 1]];

		ret[n++] = (struct piece){since_ns, h->window_to_ns, m->pid, m->group};
	} else {
		ret[n++] = (struct piece){since_ns, h->window_to_ns, h->last[cpu].pid,
					  h->last[cpu].group};
	}
	return n;
}

/* For each column the piece that has most of it. */
static void fill_columns(const struct timeline *t, const struct piece *pieces, u32 n,
			 u32 columns[COLUMNS])
{
	double best[COLUMNS] = {0};

	for (u32 i = 0; i < n; i++) {
		double from = 2 * (x_of(t, pieces[i].from_ns) - LEFT),
		       to = 2 * (x_of(t, pieces[i].to_ns) - LEFT);

		for (int column = (int)from; column < COLUMNS && column < to; column++) {
			double part = fmin(to, column + 1) - fmax(from, column);

			if (part <= best[column])
				continue;
			best[column] = part;
			columns[column] = i;
		}
	}
}

static void see(struct timeline *t, u32 group)
{
	if (group == HIGHLIGHTS_POLICY)
		t->policy_is_seen = true;
	else if (group < t->nr_groups)
		t->groups[group] = true;
}

/* Narrow lanes and narrow pieces have no letters and no titles. */
static void put_piece(FILE *f, struct timeline *t, u32 cpu, double y, const struct piece *piece,
		      double x, double width)
{
	const char *name = group_name(piece->group);
	char class[12];

	class_of(piece->group, class);
	see(t, piece->group);
	if (width > 4)
		width -= 0.6;
	if (t->row < 10 || width < 4) {
		fprintf(f, "<path class=\"%s\" d=\"M%.1f %.1fh%.1fv%.1fh-%.1fz\"/>\n", class, x, y,
			width, t->row - 1, width);
		return;
	}
	fputs("<g><title>", f);
	html_text(f, name);
	fprintf(f,
		" [%d], CPU %u, %.3f ms</title><rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" "
		"width=\"%.1f\" height=\"%.1f\"/>",
		piece->pid, cpu, (double)(piece->to_ns - piece->from_ns) / 1e6, class, x, y, width,
		t->row - 1);
	if (width >= 12)
		fprintf(f, "<text class=\"tag\" x=\"%.1f\" y=\"%.1f\">%s</text>", x + width / 2,
			y + t->row / 2 + 3, html_key(piece->group).text);
	fputs("</g>\n", f);
}

static void put_cpu(FILE *f, struct timeline *t, u32 cpu, double y, struct piece *pieces)
{
	u32 columns[COLUMNS] = {0}, n = pieces_of(t, cpu, pieces);

	fprintf(f, "<path class=\"lane\" d=\"M%d %.1fH%dv%.1fH%dz\"/>\n", LEFT, y, RIGHT,
		t->row - 1, LEFT);
	fill_columns(t, pieces, n, columns);
	for (u32 from = 0, to; from < COLUMNS; from = to) {
		for (to = from + 1; to < COLUMNS && columns[to] == columns[from]; to++)
			;
		if (pieces[columns[from]].group != HIGHLIGHTS_NO_GROUP || pieces[columns[from]].pid)
			put_piece(f, t, cpu, y, &pieces[columns[from]], LEFT + from / 2.0,
				  (to - from) / 2.0);
	}
	/* The task that it is about, however short it runs. */
	for (u32 i = 0; i < n; i++)
		if (pieces[i].pid == t->h->pid) {
			double x = x_of(t, pieces[i].from_ns);
			double width = fmax(x_of(t, pieces[i].to_ns) - x, 0.5);

			fprintf(f, "<path class=\"%s\" d=\"M%.1f %.1fh%.1fv%.1fh-%.1fz\"/>\n",
				width > 4 ? "own" : "own thin", x, y, width, t->row - 1, width);
		}
}

/* Where a cache begins there is room. */
static double y_of_cpu(const struct timeline *t, double top, u32 cpu)
{
	u32 caches = (u32)(machine.cpus[cpu].llc - machine.cpus[t->first_cpu].llc);

	return top + t->row * (cpu - t->first_cpu) + LANE_GAP * caches;
}

static void put_cpus(FILE *f, struct timeline *t, double top)
{
	struct piece *pieces = calloc(t->h->nr_moments + 1, sizeof(*pieces));
	u32 every = t->row >= 13 ? 1 : t->row >= 7 ? 2 : 4;

	if (!pieces)
		abort();
	for (u32 cpu = t->first_cpu; cpu < t->first_cpu + t->nr_cpus; cpu++) {
		double y = y_of_cpu(t, top, cpu);

		if (cpu % every == 0)
			fprintf(f, "<text class=\"scale r%s\" x=\"%d\" y=\"%.1f\">CPU %u</text>\n",
				t->row < 13 ? " small" : "", LEFT - 6, y + t->row / 2 + 4, cpu);
		put_cpu(f, t, cpu, y, pieces);
	}
	free(pieces);
}

/* ---- All of it ------------------------------------------------------------------------------ */

static void put_marks(FILE *f, const struct timeline *t, double y, enum moment_kind kind,
		      const char *name)
{
	double last = -10;
	bool is_any = false;

	fprintf(f, "<text class=\"scale r\" x=\"%d\" y=\"%.1f\">%s</text>\n", LEFT - 6, y + 10,
		name);
	for (u32 i = 0; i < t->h->nr_moments; i++) {
		const struct moment *m = &t->h->moments[i];
		double x = x_of(t, m->at_ns);

		if (m->kind != kind || fabs(x - last) < 0.5)
			continue;
		fprintf(f, is_any ? "M%.1f %.1fv%d" : "<path class=\"mark\" d=\"M%.1f %.1fv%d", x,
			y, MARK_LANE - 2);
		is_any = true;
		last = x;
	}
	if (is_any)
		fputs("\"/>\n", f);
}

static void put_line(FILE *f, const struct timeline *t, const char *class, u64 at_ns, double bottom,
		     int line, const char *text)
{
	double x = x_of(t, at_ns);
	bool is_right = x > RIGHT - 160;

	if (at_ns < t->h->window_from_ns) {
		fprintf(f, "<text x=\"%d\" y=\"%d\">\xe2\x86\x90 %s</text>\n", LEFT, line * 17 - 2,
			text);
		return;
	}
	if (at_ns > t->h->window_to_ns)
		return;
	fprintf(f,
		"<path class=\"%s\" d=\"M%.1f %dV%.1f\"/><text class=\"%s\" x=\"%.1f\" "
		"y=\"%d\">%s</text>\n",
		class, x, line * 17 - 12, bottom, is_right ? "r" : "", is_right ? x - 5 : x + 5,
		line * 17 - 2, text);
}

static void put_time_axis(FILE *f, const struct timeline *t, double y)
{
	const struct highlights *h = t->h;
	double from = ((double)h->window_from_ns - (double)h->from_ns) / 1e6;
	double to = ((double)h->window_to_ns - (double)h->from_ns) / 1e6;
	double step = html_step(to - from, 8);

	fprintf(f, "<path class=\"axis\" d=\"M%d %.1fH%d\"/>\n", LEFT, y, RIGHT);
	for (double at = step * ceil(from / step); at <= to; at += step) {
		double x = LEFT + (RIGHT - LEFT) * (at - from) / (to - from);

		if (fabs(at) < step / 1000)
			at = 0;
		if (x > RIGHT - 24)
			break;
		fprintf(f, "<text class=\"scale m\" x=\"%.1f\" y=\"%.1f\">%g ms</text>\n", x,
			y + 17, at);
	}
}

static void put_legend(FILE *f, const struct timeline *t)
{
	u32 n = 0;

	fputs("<p class=\"legend\">", f);
	for (u32 group = 0; group < t->nr_groups; group++) {
		if (!t->groups[group] || ++n > LEGEND_MAX)
			continue;
		fputs("<span class=\"item\">", f);
		html_put_key(f, group);
		html_text(f, group_name(group));
		fputs("</span> ", f);
	}
	if (n > LEGEND_MAX)
		fprintf(f, "and %u more, see the table of tasks ", n - LEGEND_MAX);
	if (t->policy_is_seen) {
		fputs("<span class=\"item\">", f);
		html_put_key(f, HIGHLIGHTS_POLICY);
		fputs("scheduler thread</span> ", f);
	}
	fputs("</p>\n", f);
}

static void put_caption(FILE *f, const struct timeline *t)
{
	const struct highlights *h = t->h;

	fprintf(f, "<figcaption>0 ms is when %s, %.6f s after the run began (as in a trace). ",
		words[h->worst].zero, (double)h->from_ns / 1e9);
	if (t->nr_tasks)
		fprintf(f,
			"In the lane of a task a block is when it ran, a pale block when it waited "
			"for a CPU, a line when it slept%s. On the CPUs the task has a thick "
			"border. ",
			machine.policy ? "; \xe2\x96\xb2 is a request about it, \xe2\x96\xbc the "
					 "decision"
				       : "");
	fprintf(f,
		"Blocks on CPUs have the letter of the task&#39;s group; what ran shorter than "
		"%.0f \xc2\xb5s "
		"may not be seen.",
		(double)(h->window_to_ns - h->window_from_ns) / 1e3 / COLUMNS);
	if (h->is_cut)
		fputs(" More happened than is kept, so the picture begins late.", f);
	if (t->nr_cpus < machine.topology.nr_cpus)
		fprintf(f, " CPUs %u to %u of %u are shown.", t->first_cpu,
			t->first_cpu + t->nr_cpus - 1, machine.topology.nr_cpus);
	fputs("</figcaption>\n", f);
}

/* All, or those around the one on which the task ran. */
static void choose_cpus(struct timeline *t)
{
	u32 cpus = machine.topology.nr_cpus, at = 0;

	t->nr_cpus = cpus < CPUS_MAX ? cpus : CPUS_MAX;
	for (u32 i = 0; i < t->h->nr_moments; i++)
		if (t->h->moments[i].kind == MOMENT_SWITCH && t->h->moments[i].pid == t->h->pid)
			at = t->h->moments[i].cpu;
	t->first_cpu = at / t->nr_cpus * t->nr_cpus;
	if (t->first_cpu + t->nr_cpus > cpus)
		t->first_cpu = cpus - t->nr_cpus;
	t->row = t->nr_cpus <= 8 ? 22 : t->nr_cpus <= 24 ? 16 : t->nr_cpus <= 48 ? 11 : 7;
}

static void put_heading(FILE *f, const struct highlights *h)
{
	if (h->worst == WORST_END) {
		fputs("<h2>The end</h2>\n", f);
		return;
	}
	fprintf(f, "<h2>The worst %s</h2>\n<p><b>",
		h->worst == WORST_FRAME ? "frame" : "wait after a wakeup");
	html_text(f, h->comm);
	fprintf(f, "</b> [%d]: %s after ", h->pid, h->worst == WORST_FRAME ? "done" : "it ran");
	html_time(f, (double)(h->to_ns - h->from_ns));
	if (h->worst == WORST_FRAME) {
		fputs("; the next frame was due after ", f);
		html_time(f, (double)h->period_ns);
	}
	fputs(".</p>\n", f);
}

void html_timeline(FILE *f, const struct highlights *h)
{
	struct timeline t = {.h = h};
	double top = h->worst == WORST_END ? 4 : TOP, cpus_top, bottom;
	double marks = machine.policy ? 2 * (MARK_LANE + 2) : 0; /* else nobody is asked */

	if (h->worst == WORST_NONE || h->window_to_ns <= h->window_from_ns)
		return;
	for (const struct task_stats *s = task_stats_first; s; s = s->next)
		t.nr_groups++;
	t.groups = calloc(t.nr_groups, sizeof(*t.groups));
	if (!t.groups)
		abort();
	sort_by_cpu(&t);
	choose_cpus(&t);
	find_tasks(&t);
	cpus_top = top + t.nr_tasks * (TASK_LANE + LANE_GAP) + marks + LANE_GAP;
	bottom = y_of_cpu(&t, cpus_top, t.first_cpu + t.nr_cpus - 1) + t.row;
	put_heading(f, h);
	fputs("<figure>\n<div class=\"scroll\">\n", f);
	html_picture_begin(f, (int)bottom + 26, words[h->worst].label);
	for (u32 i = 0; i < t.nr_tasks; i++, top += TASK_LANE + LANE_GAP)
		put_task(f, &t, top, t.tasks[i]);
	if (machine.policy) {
		put_marks(f, &t, top, MOMENT_REQUEST, "requests");
		put_marks(f, &t, top + MARK_LANE + 2, MOMENT_DECISION, "decisions");
	}
	put_cpus(f, &t, cpus_top);
	if (h->worst != WORST_END) {
		put_line(f, &t, "due", h->from_ns, bottom, 1, words[h->worst].from);
		put_line(f, &t, "due", h->to_ns, bottom, 3, words[h->worst].to);
	}
	if (h->worst == WORST_FRAME)
		put_line(f, &t, "late", h->from_ns + h->period_ns, bottom, 2, "next frame due");
	put_time_axis(f, &t, bottom + 4);
	html_picture_end(f);
	fputs("</div>\n", f);
	put_legend(f, &t);
	put_caption(f, &t);
	fputs("</figure>\n", f);
	free(t.groups);
	free(t.first);
	free(t.chain);
}
