/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who has the focus. Each desktop has its own way to tell, a file of its own and an entry in the
 * table in focus.c; whatever they hear they say with focus_report, and know nothing else. A desktop
 * that comes and goes is the source's own business: it must wait for it without polling.
 */
#ifndef RUSTLAND_SESSION_FOCUS_H
#define RUSTLAND_SESSION_FOCUS_H

#include <sys/types.h>

#include <glib.h>

/* pid: the process of the focused window; 0: no window has the focus. May be called as often as the
 * focus changes, and repeat itself. */
typedef void (*focus_report)(gpointer userdata, pid_t pid);

struct focus_source {
	const char *name;
	/* NULL, and a message, if it cannot work here. */
	gpointer (*start)(focus_report report, gpointer userdata);
	void (*stop)(gpointer source);
};

extern const struct focus_source focus_sway;

struct focus;

/* Starts all sources: at most one of them has a desktop to follow. */
struct focus *focus_new(focus_report report, gpointer userdata);
void focus_free(struct focus *focus);

#endif /* RUSTLAND_SESSION_FOCUS_H */
