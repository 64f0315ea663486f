/* SPDX-License-Identifier: GPL-2.0-only */
/* See html-parts.h: the page's frame and style, and its smallest parts. */
#include "sim/html-parts.h"
#include "sim/utf8.h"

#include <math.h>

#include "sim/faults.h"

/*
 * Fonts and colours are those of bench/frames_svg.py. The colours of groups differ in lightness, too, and each goes
 * with a letter. Pages are printed in light colours.
 */
static const char style[] =
	":root { color-scheme: light dark; --paper: #ffffff; --ink: #222222;\n"
	"  --faint: #666666; --line: #d5d5d5; --soft: #f3f4f6; --good: #4477aa;\n"
	"  --bad: #cc3311; --wait: #f6d5cc; --c0: #4477aa; --c1: #946c00; --c2: #1f7a33;\n"
	"  --c3: #aa3377; --c4: #007a87; --c5: #7a5233; --c6: #6650b0; --c7: #5f6b76;\n"
	"  --policy: #222222 }\n"
	"@media screen and (prefers-color-scheme: dark) {\n"
	"  :root { --paper: #17191c; --ink: #e8e8e8; --faint: #a5a9b0; --line: #3b4048;\n"
	"    --soft: #22262b; --good: #77aadd; --bad: #ff7a5c; --wait: #5c2c22;\n"
	"    --c0: #77aadd; --c1: #dcb040; --c2: #5fbf70; --c3: #e080b0; --c4: #4cc3d0;\n"
	"    --c5: #c8a888; --c6: #b0a0f0; --c7: #a8b2bd; --policy: #e8e8e8 }\n"
	"}\n"
	"* { box-sizing: border-box; print-color-adjust: exact;\n"
	"  -webkit-print-color-adjust: exact }\n"
	"body { font: 15px/1.45 sans-serif; color: var(--ink); background: var(--paper);\n"
	"  margin: 0 }\n"
	"main { max-width: 960px; margin: 0 auto; padding: 20px 24px 40px }\n"
	"h1 { font-size: 24px; line-height: 1.25; margin: 2px 0 14px;\n"
	"  overflow-wrap: anywhere }\n"
	"h2 { font-size: 17px; margin: 30px 0 6px }\n"
	"p { margin: 6px 0 }\n"
	".kind, figcaption, .note { color: var(--faint); font-size: 13px }\n"
	".tiles { list-style: none; display: flex; flex-wrap: wrap; gap: 10px; padding: 0;\n"
	"  margin: 0 0 14px }\n"
	".tiles li { flex: 1 1 170px; background: var(--soft);\n"
	"  border-left: 5px solid var(--line); padding: 8px 12px; break-inside: avoid }\n"
	".tiles strong { display: block; font-size: 21px; line-height: 1.3;\n"
	"  overflow-wrap: anywhere }\n"
	".tiles .good { border-color: var(--good) }\n"
	".tiles .bad { border-color: var(--bad) }\n"
	".bad strong, .bad-text { color: var(--bad); font-weight: bold }\n"
	".good-text { color: var(--good); font-weight: bold }\n"
	".alarm { border: 2px solid var(--bad); padding: 8px 14px; margin: 0 0 14px;\n"
	"  overflow-wrap: anywhere }\n"
	".alarm strong { color: var(--bad); font-size: 17px }\n"
	"dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 16px;\n"
	"  margin: 8px 0 }\n"
	"dt { color: var(--faint) } dd { margin: 0; overflow-wrap: anywhere; min-width: 0 }\n"
	"code { font: 13px monospace } dd code { white-space: pre-wrap }\n"
	".scroll { overflow-x: auto }\n"
	"table { border-collapse: collapse; font-size: 13px; width: 100%;\n"
	"  font-variant-numeric: tabular-nums }\n"
	"th, td { padding: 3px 7px; text-align: right;\n"
	"  border-bottom: 1px solid var(--line); white-space: nowrap }\n"
	"thead th { font-weight: normal; color: var(--faint); vertical-align: bottom }\n"
	"thead th[colspan] { text-align: center } tr { break-inside: avoid }\n"
	"tbody th, .left { text-align: left }\n"
	".wrap { white-space: normal; text-align: left; color: var(--faint) }\n"
	"tbody th { font-weight: bold; vertical-align: top; overflow-wrap: anywhere;\n"
	"  white-space: normal; min-width: 90px }\n"
	"tbody .plain { font-weight: normal; white-space: nowrap }\n"
	".key { display: inline-block; min-width: 20px; padding: 0 3px; margin-right: 6px;\n"
	"  text-align: center; font: bold 12px/18px sans-serif; color: var(--paper) }\n"
	"span.c0 { background: var(--c0) } span.c1 { background: var(--c1) }\n"
	"span.c2 { background: var(--c2) } span.c3 { background: var(--c3) }\n"
	"span.c4 { background: var(--c4) } span.c5 { background: var(--c5) }\n"
	"span.c6 { background: var(--c6) } span.c7 { background: var(--c7) }\n"
	"span.policy { background: var(--policy) }\n"
	"figure { margin: 8px 0 18px; break-inside: avoid }\n"
	".legend { font-size: 13px; margin: 4px 0 }\n"
	".legend span.item { margin-right: 14px; white-space: nowrap;\n"
	"  display: inline-block; line-height: 22px }\n"
	"svg { display: block; width: 100%; height: auto; min-width: 640px; margin: 4px 0 }\n"
	"text { font: 13px sans-serif; fill: var(--ink) } .name { font-weight: bold }\n"
	".scale { fill: var(--faint) } .r { text-anchor: end } .m { text-anchor: middle }\n"
	".small { font-size: 11px }\n"
	".tag { font: bold 10px sans-serif; fill: var(--paper); text-anchor: middle }\n"
	".grid { stroke: var(--line); fill: none }\n"
	".axis { stroke: var(--faint); fill: none }\n"
	".due { stroke: var(--ink); stroke-dasharray: 4 3; fill: none }\n"
	".lane { fill: var(--soft) } .fill-good { fill: var(--good) }\n"
	".fill-bad { fill: var(--bad) } .fill-ink { fill: var(--ink) }\n"
	".cut { stroke: var(--paper); stroke-width: 2; fill: none }\n"
	".mark { stroke: var(--ink); fill: none }\n"
	".late { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 6 3; fill: none }\n"
	".wait { fill: var(--wait) } .edge { stroke: var(--bad) }\n"
	".own { fill: none; stroke: var(--ink); stroke-width: 2 }\n"
	".thin { stroke-width: 0.7 } .other { stroke: var(--line); fill: none }\n"
	".curve { fill: none; stroke-width: 2 } .d1 { stroke-dasharray: 7 3 }\n"
	".d2 { stroke-dasharray: 2 2 } .d3 { stroke-dasharray: 9 3 2 3 }\n"
	"path.c0, rect.c0, circle.c0 { fill: var(--c0) }\n"
	"path.c1, rect.c1, circle.c1 { fill: var(--c1) }\n"
	"path.c2, rect.c2, circle.c2 { fill: var(--c2) }\n"
	"path.c3, rect.c3, circle.c3 { fill: var(--c3) }\n"
	"path.c4, rect.c4, circle.c4 { fill: var(--c4) }\n"
	"path.c5, rect.c5, circle.c5 { fill: var(--c5) }\n"
	"path.c6, rect.c6, circle.c6 { fill: var(--c6) }\n"
	"path.c7, rect.c7, circle.c7 { fill: var(--c7) }\n"
	"path.policy, rect.policy { fill: var(--policy) } path.s0 { stroke: var(--c0) }\n"
	"path.s1 { stroke: var(--c1) } path.s2 { stroke: var(--c2) }\n"
	"path.s3 { stroke: var(--c3) } path.s4 { stroke: var(--c4) }\n"
	"path.s5 { stroke: var(--c5) } path.s6 { stroke: var(--c6) }\n"
	"path.s7 { stroke: var(--c7) }\n"
	".pictures { display: grid;\n"
	"  grid-template-columns: repeat(auto-fill, minmax(400px, 1fr)); gap: 4px 20px }\n"
	".pictures figure { margin: 4px 0 } .pictures svg { min-width: 0 }\n"
	".link { stroke: var(--faint); opacity: 0.45; fill: none }\n"
	".median { stroke: var(--ink); stroke-width: 2.5; fill: none }\n"
	".half { fill: var(--line) } circle { opacity: 0.75 }\n"
	"footer { margin-top: 32px; border-top: 1px solid var(--line); padding-top: 8px }\n"
	"@media (max-width: 640px) {\n"
	"  main { padding: 12px } dl { grid-template-columns: 1fr } dt { margin-top: 4px }\n"
	"  .pictures { grid-template-columns: 1fr }\n"
	"}\n"
	"@media print {\n"
	"  main { max-width: none; padding: 0 } body { font-size: 11pt }\n"
	"  .scroll { overflow: visible } table { font-size: 8.5pt }\n"
	"  th, td { padding: 2px 4px } h2 { break-after: avoid } svg { min-width: 0 }\n"
	"}\n";

/* ---- Text and figures ----------------------------------------------------------------------- */

void html_text(FILE *f, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t n = utf8_character(s);

		if (!n)
			fputs("\xef\xbf\xbd", f); /* REPLACEMENT CHARACTER */
		else if (*s == '&')
			fputs("&amp;", f);
		else if (*s == '<')
			fputs("&lt;", f);
		else if (*s == '>')
			fputs("&gt;", f);
		else if (*s == '"')
			fputs("&quot;", f);
		else if (*s == '\'')
			fputs("&#39;", f);
		else
			fwrite(s, 1, n, f);
		s += n ? n : 1;
	}
}

/* In groups of three, from 10,000 on. */
static void put_grouped(FILE *f, u64 value)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);

	for (int i = 0; i < n; i++) {
		if (i && n > 4 && (n - i) % 3 == 0)
			fputs("\xe2\x80\xaf", f); /* NARROW NO-BREAK SPACE */
		fputc(digits[i], f);
	}
}

void html_count(FILE *f, const char *name, u64 value)
{
	fprintf(f, "<data data-name=\"%s\" value=\"%llu\">", name, (unsigned long long)value);
	put_grouped(f, value);
	fputs("</data>", f);
}

void html_figure(FILE *f, const char *name, double value, int digits)
{
	fprintf(f, "<data data-name=\"%s\" value=\"%.17g\">", name, value);
	if (digits)
		fprintf(f, "%.*f", digits, value);
	else
		put_grouped(f, (u64)(value + 0.5));
	fputs("</data>", f);
}

void html_time(FILE *f, double ns)
{
	static const char *const units[] = {"\xc2\xb5s", "ms", "s"};
	double value = ns / 1e3;
	u32 unit = 0;

	while (unit < 2 && value >= 999.5) {
		value /= 1e3;
		unit++;
	}
	fprintf(f, "%.*f\xc2\xa0%s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, units[unit]);
}

struct html_key html_key(u32 group)
{
	struct html_key key = {.colour = group % HTML_COLOURS};

	if (group == HIGHLIGHTS_POLICY)
		snprintf(key.text, sizeof(key.text), "\xe2\x97\x86");
	else if (group < 26)
		snprintf(key.text, sizeof(key.text), "%c", 'A' + (int)group);
	else if (group < 52)
		snprintf(key.text, sizeof(key.text), "%c", 'a' + (int)group - 26);
	else
		snprintf(key.text, sizeof(key.text), "%u", group + 1);
	return key;
}

void html_put_key(FILE *f, u32 group)
{
	struct html_key key = html_key(group);

	if (group == HIGHLIGHTS_POLICY)
		fprintf(f, "<span class=\"key policy\">%s</span>", key.text);
	else
		fprintf(f, "<span class=\"key c%u\">%s</span>", key.colour, key.text);
}

double html_step(double range, double steps)
{
	double step = pow(10, floor(log10(range / steps)));
	double more = range / steps / step;

	return step * (more > 5 ? 10 : more > 2 ? 5 : more > 1 ? 2 : 1);
}

void html_picture_begin(FILE *f, int height, const char *label)
{
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
		"aria-label=\"",
		HTML_WIDTH, height);
	html_text(f, label);
	fputs("\">\n", f);
}

void html_picture_end(FILE *f)
{
	fputs("</svg>\n", f);
}

/* ---- What was run --------------------------------------------------------------------------- */

void html_fact_begin(FILE *f, const char *term)
{
	fprintf(f, "<dt>%s</dt><dd>", term);
}

void html_fact_end(FILE *f)
{
	fputs("</dd>\n", f);
}

static void put_machine(FILE *f, const struct sim_settings *m)
{
	const struct sim_topology *t = &m->topology;

	html_fact_begin(f, "Machine");
	html_count(f, "cpus", t->nr_cpus);
	fprintf(f, " CPU%s%s, ", t->nr_cpus > 1 ? "s" : "",
		t->smt ? " (SMT: two are one core)" : "");
	html_count(f, "llcs", t->nr_llcs);
	fprintf(f, " last-level cache%s, ", t->nr_llcs > 1 ? "s" : "");
	html_count(f, "nodes", t->nr_nodes);
	fprintf(f,
		" NUMA node%s%s; simulated, as Linux <data data-name=\"kernel\" "
		"value=\"%s\">%s</data> with %u Hz%s%s",
		t->nr_nodes > 1 ? "s" : "", t->hybrid ? ", the second half of the CPUs slower" : "",
		m->kernel == SIM_KERNEL_6_12 ? "6.12" : "7.3",
		m->kernel == SIM_KERNEL_6_12 ? "6.12" : "7.3", m->hz,
		m->interleave ? ", CPUs interleaved" : "",
		m->take_turns ? ", CPUs share the speed of one and take turns" : "");
	html_fact_end(f);
	html_fact_begin(f, "Costs of operations");
	html_text(f, m->costs->name);
	html_fact_end(f);
}

static void put_faults(FILE *f, u32 faults)
{
	const char *separator = "";

	if (!faults)
		return;
	html_fact_begin(f, "Faults");
	for (u32 i = 0; i < FAULTS; i++)
		if (faults & 1U << i) {
			fprintf(f, "%s<b>%s</b> (%s)", separator, fault_name(i), fault_summary(i));
			separator = ", ";
		}
	html_fact_end(f);
}

static void put_slices(FILE *f, const struct run_options *o)
{
	html_fact_begin(f, "Slices");
	html_time(f, (double)o->slice_min_ns);
	fputs(" to ", f);
	html_time(f, (double)o->slice_ns);
	fprintf(f, "%s%s%s", o->percpu_local ? "; tasks kept on their CPU" : "",
		o->numa_local ? "; idle CPUs by node" : "",
		o->no_idle_fill ? "; the policy asked about every task" : "");
	html_fact_end(f);
}

void html_facts(FILE *f, const struct run_options *o, bool has_policy, const char *command)
{
	html_fact_begin(f, "Workload");
	fputs("<b><data data-name=\"workload\" value=\"", f);
	html_text(f, o->workload->name);
	fputs("\">", f);
	html_text(f, o->workload->name);
	fputs("</data></b>: ", f);
	html_text(f, o->workload->summary);
	html_fact_end(f);
	put_machine(f, &o->machine);
	if (has_policy)
		put_slices(f, o);
	put_faults(f, o->faults);
	html_fact_begin(f, "To repeat it");
	fputs("<code>", f);
	html_text(f, command);
	fputs("</code>", f);
	html_fact_end(f);
}

/* ---- The page ------------------------------------------------------------------------------- */

void html_page(FILE *f, const char *title, void (*content)(FILE *f, const void *data),
	       const void *data)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
	      "<meta charset=\"utf-8\"/>\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; "
	      "style-src &#39;unsafe-inline&#39;\"/>\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>",
	      f);
	html_text(f, title);
	fprintf(f, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n", style);
	content(f, data);
	fputs("<footer>\n<p class=\"note\">This is a model: it leaves out caches and much else, "
	      "costs in it are partly "
	      "estimates, and the policy&#39;s own code takes no time in it. Proportions between "
	      "two runs say something, "
	      "microseconds are not those of a real machine. See rustland-sim(1).</p>\n"
	      "<p class=\"note\">Made by rustland-sim " PACKAGE_VERSION ".</p>\n</footer>\n"
	      "</main>\n</body>\n</html>\n",
	      f);
}
