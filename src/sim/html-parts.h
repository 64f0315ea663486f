/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pages are made of: text that is escaped, figures that a program can read as well, keys of groups, axes.
 * Only html.c knows the page's colours; everything else names classes of its style.
 */
#ifndef RUSTLAND_SIM_HTML_PARTS_H
#define RUSTLAND_SIM_HTML_PARTS_H

#include <stdio.h>

#include "sim/highlights.h"
#include "sim/run.h"

enum {
	HTML_WIDTH = 880, /* of a picture */
	HTML_COLOURS = 8,
};

/* Any bytes, as text or within the quotes of an attribute. */
void html_text(FILE *f, const char *text);

/*
 * A figure as people read it, in an element data that has its exact value and, as data-name, the name that it has
 * with --json.
 */
void html_count(FILE *f, const char *name, u64 value);
void html_figure(FILE *f, const char *name, double value, int digits);
/* With a unit that fits: 4.5 us, 16.7 ms, 3.01 s. */
void html_time(FILE *f, double ns);

/* A group of tasks is known by a letter (a number after 52) and a colour, class c0 to c7. */
struct html_key {
	char text[12];
	u32 colour;
};
struct html_key html_key(u32 group);
/* The key as an element; HIGHLIGHTS_POLICY has one, too. */
void html_put_key(FILE *f, u32 group);

/* A step of 1, 2 or 5 times a power of ten, so that about so many of them are in range. */
double html_step(double range, double steps);

/* A picture, of so many pixels; label: what it shows, for people who do not see it. Raw text of ours. */
void html_picture_begin(FILE *f, int height, const char *label);
void html_picture_end(FILE *f);

/* What both pages say of the machine, the scheduler's options (where there is a policy) and the run. */
void html_facts(FILE *f, const struct run_options *options, bool has_policy, const char *command);
void html_fact_begin(FILE *f, const char *term);
void html_fact_end(FILE *f);

/* The whole page around content(f, data). */
void html_page(FILE *f, const char *title, void (*content)(FILE *f, const void *data),
	       const void *data);

/* html-file.c: the same as a file, see html.h. */
int html_write(const char *path, const char *title, void (*content)(FILE *f, const void *data),
	       const void *data);

/* html-pictures.c: frame times, and wakeups. */
void html_frames(FILE *f, const struct run_options *options, const struct run_result *result,
		 const struct highlights *highlights);
void html_wakeups(FILE *f);

/* html-timeline.c: which group ran where around the worst moment. */
void html_timeline(FILE *f, const struct highlights *highlights);

#endif /* RUSTLAND_SIM_HTML_PARTS_H */
