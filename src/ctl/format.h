/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What people read: the screens of the commands, made from the same objects that --json prints.
 * It must never print, or ask the bus, the clock or the system about anything; what it cannot do
 * without comes in struct view.
 */
#ifndef RUSTLANDCTL_FORMAT_H
#define RUSTLANDCTL_FORMAT_H

#include <glib.h>
#include <json-glib/json-glib.h>

struct view {
	gboolean colour;
	guint64 now_usec; /* since 1970 */
	/* A user's name, owned by the caller of it; NULL: there is none. */
	char *(*user_name)(guint uid);
};

/* The object that `status --json` prints, see cmd_status(). */
void format_status(GString *out, JsonObject *status, const struct view *view);
/* Objects as ListBoosts returns them. */
void format_boosts(GString *out, JsonArray *boosts, const struct view *view, const char *indent);
/* "profile" and "profiles". */
void format_profiles(GString *out, JsonObject *profiles, const struct view *view);
/* Names and numbers as GetStatistics returns them. */
void format_statistics(GString *out, JsonObject *statistics, const struct view *view);

/* One line about a boost, such as "boost 5: game (process 4711), tree, boosted". */
void format_boost_line(GString *out, JsonObject *boost);
/* What a counter counted since prev, and how everything else stands; zeros are left out. */
void format_statistics_line(GString *out, JsonObject *now, JsonObject *prev);

#endif /* RUSTLANDCTL_FORMAT_H */
