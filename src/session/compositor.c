/* SPDX-License-Identifier: GPL-2.0-only */
/* See compositor.h. */

#include <stdbool.h>

#include "session/compositor.h"

struct compositor_candidate {
	struct compositor *compositor;
	char *path;
	gpointer connection;
	guint limit; /* 0: it has answered */
};

struct compositor {
	const struct compositor_kind *kind;
	focus_report report;
	gpointer userdata;
	struct socket_finder *finder;
	GPtrArray *candidates;		       /* connected ones */
	struct compositor_candidate *followed; /* one of them; NULL: none has answered */
};

static void candidate_free(gpointer data)
{
	struct compositor_candidate *candidate = data;

	g_clear_handle_id(&candidate->limit, g_source_remove);
	if (candidate->connection)
		candidate->compositor->kind->close(candidate->connection);
	g_free(candidate->path);
	g_free(candidate);
}

static gboolean on_limit(gpointer userdata)
{
	struct compositor_candidate *candidate = userdata;

	candidate->limit = 0;
	g_message("%s: it does not answer; not waited for", candidate->path);
	compositor_ended(candidate);
	return G_SOURCE_REMOVE;
}

static void follow(struct compositor *compositor, struct compositor_candidate *candidate)
{
	compositor->followed = candidate;
	g_clear_handle_id(&candidate->limit, g_source_remove);
	g_debug("%s: connected to %s", candidate->path, compositor->kind->name);
	for (guint i = compositor->candidates->len; i-- > 0;)
		if (compositor->candidates->pdata[i] != candidate)
			g_ptr_array_remove_index_fast(compositor->candidates, i);
}

void compositor_says(struct compositor_candidate *candidate, pid_t pid)
{
	const struct focus_target target = {.pid = pid};
	struct compositor *compositor = candidate->compositor;

	if (!compositor->followed)
		follow(compositor, candidate);
	compositor->report(compositor->userdata, &target);
}

void compositor_ended(struct compositor_candidate *candidate)
{
	struct compositor *compositor = candidate->compositor;
	bool was_followed = candidate == compositor->followed;

	if (was_followed)
		compositor->followed = NULL;
	g_ptr_array_remove_fast(compositor->candidates, candidate);
	if (was_followed) {
		g_debug("%s hung up", compositor->kind->name);
		compositor->report(compositor->userdata, NULL);
	}
	if (was_followed && compositor->finder)
		socket_finder_lost(compositor->finder);
	else if (compositor->finder)
		socket_finder_retry(compositor->finder);
}

static bool is_candidate(const struct compositor *compositor, const char *path)
{
	for (guint i = 0; i < compositor->candidates->len; i++) {
		const struct compositor_candidate *one = compositor->candidates->pdata[i];

		if (g_str_equal(one->path, path))
			return true;
	}
	return false;
}

void compositor_found(struct socket_finder *finder, const char *path, gpointer userdata)
{
	struct compositor *compositor = userdata;
	struct compositor_candidate *candidate;

	if (compositor->followed || is_candidate(compositor, path))
		return;
	if (compositor->candidates->len == COMPOSITOR_CANDIDATES) {
		socket_finder_retry(finder);
		return;
	}
	candidate = g_new0(struct compositor_candidate, 1);
	candidate->compositor = compositor;
	candidate->path = g_strdup(path);
	candidate->connection = compositor->kind->open(candidate, path);
	if (!candidate->connection) {
		candidate_free(candidate);
		socket_finder_retry(finder);
		return;
	}
	candidate->limit = g_timeout_add(COMPOSITOR_ANSWER_MS, on_limit, candidate);
	g_ptr_array_add(compositor->candidates, candidate);
}

void compositor_set_finder(struct compositor *compositor, struct socket_finder *finder)
{
	socket_finder_free(compositor->finder);
	compositor->finder = finder;
}

struct compositor *compositor_new(const struct compositor_kind *kind, focus_report report,
				  gpointer userdata)
{
	struct compositor *compositor = g_new0(struct compositor, 1);

	compositor->kind = kind;
	compositor->report = report;
	compositor->userdata = userdata;
	compositor->candidates = g_ptr_array_new_with_free_func(candidate_free);
	return compositor;
}

void compositor_free(struct compositor *compositor)
{
	socket_finder_free(compositor->finder);
	g_ptr_array_unref(compositor->candidates);
	g_free(compositor);
}
