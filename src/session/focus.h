/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who has the focus. Each desktop has its own way to tell, a file of its own and an entry in the
 * table in focus.c; whatever they hear they say with focus_report, and know nothing else. A desktop
 * that comes and goes is the source's own business: it must wait for it without polling.
 */
#ifndef RUSTLAND_SESSION_FOCUS_H
#define RUSTLAND_SESSION_FOCUS_H

#include <sys/types.h>

#include <gio/gio.h>

/* What the focused window belongs to; neither: no window has the focus. */
struct focus_target {
	pid_t pid;	    /* 0: not known */
	const char *cgroup; /* as org.scx.Rustland names it; NULL: not known */
};

/* target NULL: there is no such desktop now. May be called as often as the focus changes, and repeat
 * itself. */
typedef void (*focus_report)(gpointer userdata, const struct focus_target *target);

/* What sources may need to hear, and to ask. */
struct focus_buses {
	GDBusConnection *session, *system;
};

struct focus_source {
	const char *name;
	/* NULL, and a message, if it cannot work here. */
	gpointer (*start)(const struct focus_buses *buses, focus_report report, gpointer userdata);
	void (*stop)(gpointer source);
};

extern const struct focus_source focus_sway;
extern const struct focus_source focus_hyprland;
extern const struct focus_source focus_niri;
extern const struct focus_source focus_gnome;
extern const struct focus_source focus_x11;
extern const struct focus_source focus_bus_name;

struct focus;

/* Of all that has the focus somewhere, the one that counts; never NULL. */
typedef void (*focus_changed)(gpointer userdata, const struct focus_target *target);

/* Starts all sources: one of them has a desktop to follow, as a rule. */
struct focus *focus_new(const struct focus_buses *buses, focus_changed changed, gpointer userdata);
void focus_free(struct focus *focus);

#endif /* RUSTLAND_SESSION_FOCUS_H */
