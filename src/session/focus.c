/* SPDX-License-Identifier: GPL-2.0-only */
/* See focus.h. */
#include <config.h>

#include "focus.h"

static const struct focus_source *const sources[] = {
	&focus_sway,
};

struct focus {
	gpointer running[G_N_ELEMENTS(sources)];
};

struct focus *focus_new(focus_report report, gpointer userdata)
{
	struct focus *focus = g_new0(struct focus, 1);

	for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
		focus->running[i] = sources[i]->start(report, userdata);
		if (focus->running[i])
			g_debug("following the focus of %s", sources[i]->name);
	}
	return focus;
}

void focus_free(struct focus *focus)
{
	if (!focus)
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
		if (focus->running[i])
			sources[i]->stop(focus->running[i]);
	g_free(focus);
}
