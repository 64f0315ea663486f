/* SPDX-License-Identifier: GPL-2.0-only */
/* The page of a run: what a reader sees first, the tables, and the pictures in their order. See html.h. */
#include "sim/html.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/command.h"
#include "sim/group-stats.h"
#include "sim/html-parts.h"
#include "sim/invariants.h"
#include "sim/task-stats.h"

struct page {
	const struct run_options *options;
	const struct run_result *result;
	const struct highlights *highlights;
};

/* ---- At first sight ------------------------------------------------------------------------- */

static void put_alarms(FILE *f, const struct page *page)
{
	const struct run_result *r = page->result;

	if (r->failure) {
		fprintf(f,
			"<div class=\"alarm\" role=\"note\"><strong>\xe2\x9c\x97 The kernel ended "
			"the scheduler</strong> %.3f s "
			"after it was loaded.<p><data data-name=\"failure\" value=\"",
			(double)r->ran_ns / 1e9);
		html_text(f, r->failure);
		fputs("\">", f);
		html_text(f, r->failure);
		fputs("</data></p></div>\n", f);
	}
	if (r->violations) {
		fputs("<div class=\"alarm\" role=\"note\"><strong>\xe2\x9c\x97 ", f);
		html_count(f, "violations", r->violations);
		fprintf(f,
			" finding%s of what should never happen</strong><p>The first, by the "
			"machine&#39;s clock, which "
			"began at %.3f s: ",
			r->violations > 1 ? "s" : "", (double)page->highlights->began_ns / 1e9);
		html_text(f, invariants_first());
		fputs("</p></div>\n", f);
	}
}

static double percent(u64 part, u64 all)
{
	return all ? 100.0 * (double)part / (double)all : 0;
}

/* Of 3 in 1000 it must not say 0. */
static void put_percent(FILE *f, double value)
{
	if (value > 0 && value < 0.1)
		fputs("less than 0.1", f);
	else
		fprintf(f, "%.*f", value < 9.95 ? 1 : 0, value);
	fputs("\xc2\xa0%", f);
}

static void put_frame_tiles(FILE *f, const struct highlights *h)
{
	u64 frames = 0, missed = 0, most = 0, groups = 0;
	const struct task_stats *worst = NULL;

	for (const struct task_stats *s = task_stats_first; s; s = s->next) {
		u64 thousandths = s->missed ? 1 + 1000 * s->missed / (s->frames + s->missed) : 0;

		groups += s->has_frames;
		frames += s->frames;
		missed += s->missed;
		if (thousandths > most) {
			most = thousandths;
			worst = s;
		}
	}
	if (!frames)
		return;
	fprintf(f, "<li class=\"%s\"><span>Frames missed</span><strong>%s ",
		missed ? "bad" : "good", missed ? "\xe2\x9c\x97" : "\xe2\x9c\x93");
	html_count(f, "missed_of_all", missed);
	fputs(" of ", f);
	html_count(f, "frames_of_all", frames + missed);
	fputs("</strong><span>", f);
	if (worst) {
		put_percent(f, percent(missed, frames + missed));
		fputs(groups > 1 ? "; most of <b>" : "", f);
		if (groups > 1) {
			html_text(f, worst->name);
			fputs("</b>: ", f);
			put_percent(f, percent(worst->missed, worst->frames + worst->missed));
		}
	} else {
		fputs("all were done before the next one was due", f);
	}
	fputs("</span></li>\n", f);
	if (h->worst != WORST_FRAME)
		return;
	fprintf(f, "<li class=\"%s\"><span>Worst frame</span><strong>%s ",
		h->to_ns - h->from_ns >= h->period_ns ? "bad" : "good",
		h->to_ns - h->from_ns >= h->period_ns ? "\xe2\x9c\x97" : "\xe2\x9c\x93");
	html_time(f, (double)(h->to_ns - h->from_ns));
	fputs("</strong><span><b>", f);
	html_text(f, h->comm);
	fputs("</b>, the next one was due after ", f);
	html_time(f, (double)h->period_ns);
	fputs("</span></li>\n", f);
}

static void put_wakeup_tile(FILE *f)
{
	const struct task_stats *worst = NULL;

	for (const struct task_stats *s = task_stats_first; s; s = s->next)
		if (s->wakeup.count && (!worst || s->wakeup.max > worst->wakeup.max))
			worst = s;
	if (!worst)
		return;
	fputs("<li><span>Longest wakeup</span><strong>", f);
	html_time(f, (double)worst->wakeup.max);
	fputs("</strong><span><b>", f);
	html_text(f, worst->name);
	fputs("</b>; 99\xc2\xa0% of its wakeups ran within ", f);
	html_time(f, (double)histogram_permille(&worst->wakeup, 990));
	fputs("</span></li>\n", f);
}

static void put_tiles(FILE *f, const struct page *page)
{
	const struct run_result *r = page->result;
	double seconds = (double)r->ran_ns / 1e9;

	fputs("<ul class=\"tiles\">\n", f);
	put_frame_tiles(f, page->highlights);
	put_wakeup_tile(f);
	if (run_has_policy(page->options))
		fprintf(f,
			"<li><span>Scheduler thread</span><strong>%.2f\xc2\xa0%%</strong><span>of "
			"a CPU, "
			"for %.0f decisions a second</span></li>\n",
			(double)r->policy_ns / 1e7 / seconds, (double)r->decided / seconds);
	if (!r->failure && !r->violations)
		fputs("<li class=\"good\"><span>Checks while it ran</span><strong>\xe2\x9c\x93 "
		      "passed</strong><span>nothing "
		      "happened that never should</span></li>\n",
		      f);
	fputs("</ul>\n", f);
}

/* ---- What was run --------------------------------------------------------------------------- */

static void put_facts(FILE *f, const struct page *page)
{
	const struct run_options *o = page->options;
	char *command = command_of_run(o);

	fputs("<dl>\n", f);
	html_fact_begin(f, "Policy");
	fputs("<b><data data-name=\"policy\" value=\"", f);
	html_text(f, o->policy->name);
	fputs("\">", f);
	html_text(f, o->policy->name);
	fputs("</data></b>", f);
	if (strcmp(o->policy_name, o->policy->name) != 0) {
		fputs(" from <code>", f);
		html_text(f, o->policy_name);
		fputs("</code>", f);
	}
	if (o->policy->summary) {
		fputs(": ", f);
		html_text(f, o->policy->summary);
	}
	html_fact_end(f);
	html_fact_begin(f, "Run");
	html_count(f, "seconds", o->seconds);
	fprintf(f,
		" s measured, after %.0f s to settle; seed <data data-name=\"seed\" "
		"value=\"%llu\">%llu</data>; hash "
		"<code><data data-name=\"hash\" value=\"%016llx\">%016llx</data></code>",
		(double)o->settle_ns / 1e9, (unsigned long long)o->machine.seed,
		(unsigned long long)o->machine.seed, (unsigned long long)page->result->hash,
		(unsigned long long)page->result->hash);
	html_fact_end(f);
	html_facts(f, o, run_has_policy(o), command);
	fputs("</dl>\n", f);
	free(command);
}

/* ---- The tables ----------------------------------------------------------------------------- */

static void put_times(FILE *f, const char *name, const struct histogram *h, double unit)
{
	static const struct {
		const char *name;
		u32 permille;
	} points[] = {{"p50", 500}, {"p99", 990}, {"p999", 999}};
	char full[32];

	if (!h->count) {
		fputs("<td>-</td><td>-</td><td>-</td><td>-</td>", f);
		return;
	}
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		double us = (double)histogram_permille(h, points[i].permille) / 1e3;

		snprintf(full, sizeof(full), "%s.%s", name, points[i].name);
		fprintf(f, "<td><data data-name=\"%s\" value=\"%.17g\">%.*f</data></td>", full, us,
			unit > 1 ? 2 : 1, us / unit);
	}
	fprintf(f, "<td><data data-name=\"%s.max\" value=\"%.17g\">%.*f</data></td>", name,
		(double)h->max / 1e3, unit > 1 ? 2 : 1, (double)h->max / 1e3 / unit);
}

static void put_group(FILE *f, const struct run_options *o, const struct task_stats *s)
{
	fputs("<tr><th scope=\"row\">", f);
	html_put_key(f, s->index);
	fputs("<data data-name=\"name\" value=\"", f);
	html_text(f, s->name);
	fputs("\">", f);
	html_text(f, s->name);
	fputs("</data></th><td>", f);
	html_count(f, "n", s->nr_tasks);
	fputs("</td><td>", f);
	html_figure(f, "cpu_share", (double)s->exec_ns / 1e9 / (double)o->seconds, 2);
	fputs("</td><td>", f);
	html_count(f, "slept", s->slept);
	fputs("</td><td>", f);
	html_count(f, "preempted", s->preempted);
	fputs("</td>", f);
	put_times(f, "wakeup_us", &s->wakeup, 1);
	put_times(f, "frame_us", &s->frame, 1e3);
	if (!s->has_frames) {
		fputs("<td>-</td><td>-</td></tr>\n", f);
		return;
	}
	fputs("<td>", f);
	html_count(f, "frames", s->frames);
	fprintf(f, "</td><td%s>%s", s->missed ? " class=\"bad-text\"" : "",
		s->missed ? "\xe2\x9c\x97 " : "");
	html_count(f, "missed", s->missed);
	fputs("</td></tr>\n", f);
}

static void put_groups(FILE *f, const struct run_options *o)
{
	fputs("<h2 id=\"tasks\">Tasks</h2>\n"
	      "<p class=\"note\">By groups of tasks that do the same. "
	      "CPUs: the time they used, 1.00 is one whole CPU.</p>\n"
	      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"tasks\">\n"
	      "<table id=\"groups\" aria-labelledby=\"tasks\">\n<thead>\n"
	      "<tr><th rowspan=\"2\" scope=\"col\" class=\"left\">group</th><th rowspan=\"2\" "
	      "scope=\"col\">tasks</th>"
	      "<th rowspan=\"2\" scope=\"col\">CPUs</th>"
	      "<th rowspan=\"2\" scope=\"col\">slept</th>"
	      "<th rowspan=\"2\" scope=\"col\">preempted</th>"
	      "<th colspan=\"4\" scope=\"colgroup\">from wakeup to running, \xc2\xb5s</th>"
	      "<th colspan=\"4\" scope=\"colgroup\">frame, from due to done, ms</th>"
	      "<th rowspan=\"2\" scope=\"col\">frames</th><th rowspan=\"2\" "
	      "scope=\"col\">missed</th></tr>\n<tr>",
	      f);
	for (int i = 0; i < 2; i++)
		fputs("<th scope=\"col\">p50</th><th scope=\"col\">p99</th><th "
		      "scope=\"col\">p99.9</th><th scope=\"col\">max</th>",
		      f);
	fputs("</tr>\n</thead>\n<tbody>\n", f);
	for (const struct task_stats *s = task_stats_first; s; s = s->next)
		put_group(f, o, s);
	fputs("</tbody>\n</table>\n</div>\n", f);
}

static void put_cgroup(FILE *f, const struct run_options *o, const struct control_group *tg)
{
	const struct group_stats *stats = group_stats_of(tg);
	double ns = (double)o->seconds * 1e9;

	fputs("<tr><th scope=\"row\"><data data-name=\"path\" value=\"", f);
	html_text(f, tg->path);
	fputs("\">", f);
	html_text(f, tg->path);
	fputs("</data></th><td>", f);
	if (tg->idle)
		fputs("idle", f);
	else
		html_count(f, "weight", tg->weight);
	fputs("</td><td>", f);
	if (tg->max.quota_ns)
		fprintf(f, "%.2f", (double)tg->max.quota_ns / (double)tg->max.period_ns);
	else
		fputs("-", f);
	fputs("</td><td>", f);
	html_figure(f, "cpu_share", (double)stats->exec_ns / ns, 2);
	fputs("</td><td>", f);
	html_figure(f, "cpu_promised", (double)stats->promised_ns / ns, 2);
	fputs("</td></tr>\n", f);
}

static void put_cgroups(FILE *f, const struct run_options *o)
{
	const struct control_group *tg = group_stats_next(NULL);

	if (!tg)
		return;
	fputs("<h2 id=\"control-groups\">Control groups</h2>\n"
	      "<p class=\"note\">With the groups below them. Promised: what weights and limits "
	      "leave "
	      "to the group whenever it wants to run.</p>\n"
	      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
	      "aria-labelledby=\"control-groups\">\n"
	      "<table id=\"cgroups\" aria-labelledby=\"control-groups\">\n<thead>\n"
	      "<tr><th scope=\"col\" class=\"left\">group</th><th scope=\"col\">weight</th>"
	      "<th scope=\"col\">limit, CPUs</th><th scope=\"col\">CPUs</th>"
	      "<th scope=\"col\">promised</th></tr>\n</thead>\n<tbody>\n",
	      f);
	for (; tg; tg = group_stats_next(tg))
		put_cgroup(f, o, tg);
	fputs("</tbody>\n</table>\n</div>\n", f);
}

struct row {
	const char *name, *text;
	u64 value;
	const char *what;
};

static void put_rows(FILE *f, const struct row *rows, size_t n, double seconds)
{
	for (size_t i = 0; i < n; i++) {
		fprintf(f, "<tr><th scope=\"row\">%s</th><td>", rows[i].text);
		html_count(f, rows[i].name, rows[i].value);
		fprintf(f, "</td><td>%.0f</td><td class=\"wrap\">%s</td></tr>\n",
			(double)rows[i].value / seconds, rows[i].what);
	}
}

static void put_scheduler_thread(FILE *f, const struct run_result *r, double seconds)
{
	fputs("<p>The scheduler thread used ", f);
	html_time(f, (double)r->policy_ns);
	fprintf(f,
		" of CPU time (<data data-name=\"policy_runtime_ns\" "
		"value=\"%llu\">%.2f\xc2\xa0%%</data> of a CPU) and took "
		"%.1f requests in one round.</p>\n",
		(unsigned long long)r->policy_ns, (double)r->policy_ns / 1e7 / seconds,
		r->rounds ? (double)r->asked / (double)r->rounds : 0);
	fprintf(f,
		"<p>The scheduler was loaded again <data data-name=\"loaded_again\" "
		"value=\"%llu\">%llu</data> times; the longest time without it was ",
		(unsigned long long)r->loaded_again, (unsigned long long)r->loaded_again);
	fprintf(f, "<data data-name=\"away_max_ns\" value=\"%llu\">%.0f\xc2\xa0ms</data>.</p>\n",
		(unsigned long long)r->away_max_ns, (double)r->away_max_ns / 1e6);
	fprintf(f,
		"<p>Behind real-time tasks a task waited on a CPU's own queue, beside an idle CPU, "
		"for up to <data data-name=\"held_max_ns\" "
		"value=\"%llu\">%.0f\xc2\xa0ms</data>.</p>\n",
		(unsigned long long)r->held_max_ns, (double)r->held_max_ns / 1e6);
}

static void put_scheduler(FILE *f, const struct page *page)
{
	bool has_policy = run_has_policy(page->options);
	const struct run_result *r = page->result;
	const struct sim_counters *c = &machine.counters;
	double seconds = (double)r->ran_ns / 1e9;
	const struct row policy_rows[] = {
		{"asked", "asked", r->asked,
		 "the policy was asked, and the task waited for its decision"},
		{"decisions", "decisions", r->decided,
		 "decisions of the policy that were carried out"},
		{"standing", "granted", r->standing,
		 "wakeups that the policy had granted before: it was not asked"},
		{"resumed", "resumed", r->resumed,
		 "the slice of a decision was not used up: the policy was not asked"},
		{"by_estimate", "by estimate", r->by_estimate,
		 "a CPU was idle, or the task is exempt: the policy was not asked"},
		{"late", "late", r->late, "the policy had not answered in time"},
		{"flushed", "flushed", r->flushed, "a task ran before its decision came"},
		{"cancelled", "cancelled", r->cancelled, "decisions that came too late"},
		{"failed", "failed", r->failed,
		 "decisions about a task that did not wait any more"},
		{"congested", "congested", r->congested, "requests that found the ring full"},
	};
	const struct row rows[] = {
		{"switches", "switches", c->switches, "a CPU changed from one task to another"},
		{"wakeups", "wakeups", c->wakeups, "a sleeping task was woken"},
		{"preemptions", "preemptions", c->preemptions,
		 "a slice was ended for a more urgent task"},
		{"migrations", "migrations", c->migrations, "a task went on on another CPU"},
		{"llc_migrations", "... to another cache", c->llc_migrations,
		 "and that has another last-level cache"},
	};

	fputs("<h2 id=\"scheduler\">Scheduler</h2>\n", f);
	if (has_policy)
		put_scheduler_thread(f, r, seconds);
	fputs("<p class=\"note\">How tasks came to run, and what the kernel did; "
	      "of the whole run, with the time to settle.</p>\n"
	      "<table id=\"counters\" aria-labelledby=\"scheduler\">\n<thead>\n"
	      "<tr><th scope=\"col\" class=\"left\">what</th><th scope=\"col\">times</th>"
	      "<th scope=\"col\">a second</th><th scope=\"col\" class=\"wrap\">that is</th></tr>\n"
	      "</thead>\n<tbody>\n",
	      f);
	if (has_policy)
		put_rows(f, policy_rows, sizeof(policy_rows) / sizeof(policy_rows[0]), seconds);
	put_rows(f, rows, sizeof(rows) / sizeof(rows[0]), seconds);
	fputs("</tbody>\n</table>\n", f);
}

/* ---- The page ------------------------------------------------------------------------------- */

static void put_content(FILE *f, const void *data)
{
	const struct page *page = data;

	fputs("<header>\n<p class=\"kind\">A scheduling policy on a simulated machine</p>\n<h1>",
	      f);
	html_text(f, page->options->workload->name);
	fputs(", scheduled by ", f);
	html_text(f, page->options->policy->name);
	fputs("</h1>\n</header>\n", f);
	put_alarms(f, page);
	put_tiles(f, page);
	put_facts(f, page);
	html_frames(f, page->options, page->result, page->highlights);
	put_groups(f, page->options);
	put_cgroups(f, page->options);
	html_timeline(f, page->highlights);
	html_wakeups(f);
	put_scheduler(f, page);
}

int html_write_run(const char *path, const struct run_options *options,
		   const struct run_result *result)
{
	const struct page page = {options, result, highlights_finish()};
	size_t size;
	char *title;
	FILE *f = open_memstream(&title, &size);
	int err;

	if (!f)
		return -ENOMEM;
	fprintf(f, "%s, scheduled by %s", options->workload->name, options->policy->name);
	if (fclose(f))
		return -ENOMEM;
	err = html_write(path, title, put_content, &page);
	free(title);
	return err;
}
