/* SPDX-License-Identifier: GPL-2.0-only */
/* See focus.h. */

#include <stdbool.h>

#include "session/focus.h"

/*
 * If several have a desktop, the first of them counts. Compositors come before what can be there
 * besides: GNOME's may be seen through X11 as well, and anybody can call the name on the bus.
 */
static const struct focus_source *const sources[] = {
	&focus_sway,	 &focus_hyprland, &focus_niri, &focus_gnome,
#ifdef HAVE_X11
	&focus_x11,
#endif
	&focus_bus_name,
};

struct follower {
	struct focus *focus;
	gpointer source;
	bool has_desktop;
	pid_t pid;
	char *cgroup;
};

struct focus {
	focus_changed changed;
	gpointer userdata;
	struct follower followers[G_N_ELEMENTS(sources)];
};

static void on_report(gpointer userdata, const struct focus_target *target)
{
	struct follower *follower = userdata;
	struct focus *focus = follower->focus;
	struct focus_target counts = {0};

	g_free(follower->cgroup);
	follower->has_desktop = target != NULL;
	follower->pid = target ? target->pid : 0;
	follower->cgroup = target ? g_strdup(target->cgroup) : NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
		if (!focus->followers[i].has_desktop)
			continue;
		counts.pid = focus->followers[i].pid;
		counts.cgroup = focus->followers[i].cgroup;
		break;
	}
	focus->changed(focus->userdata, &counts);
}

struct focus *focus_new(const struct focus_buses *buses, focus_changed changed, gpointer userdata)
{
	struct focus *focus = g_new0(struct focus, 1);

	focus->changed = changed;
	focus->userdata = userdata;
	for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
		struct follower *follower = &focus->followers[i];

		follower->focus = focus;
		follower->source = sources[i]->start(buses, on_report, follower);
		if (follower->source)
			g_debug("looking for the focus of %s", sources[i]->name);
	}
	return focus;
}

void focus_free(struct focus *focus)
{
	if (!focus)
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
		if (focus->followers[i].source)
			sources[i]->stop(focus->followers[i].source);
		g_free(focus->followers[i].cgroup);
	}
	g_free(focus);
}
