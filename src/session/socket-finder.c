/* SPDX-License-Identifier: GPL-2.0-only */
/* See socket-finder.h. */

#include <errno.h>
#include <stdbool.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib-unix.h>

#include "session/owner.h"
#include "session/socket-finder.h"

/* 50 ms, and twice as long each time: 51 s altogether, which is longer than any desktop's start. */
#define RETRY_FIRST_MS 50
#define RETRY_MAX      10
/* After a loss; what has hung up once may do so again and again. Doubled up to 32 s ... */
#define LOST_DELAY_MS	 500
#define LOST_DOUBLED_MAX 6
/* ... until it was followed for so long. */
#define LOST_FORGIVEN_S 60

struct socket_finder {
	char *dir, *prefix, *suffix;
	socket_found found;
	gpointer userdata;
	int fd; /* of inotify; -1: nothing is heard of what is made later */
	guint watch;
	guint timer;	/* of the next look; 0: none is due */
	guint tries;	/* looks since something new was there */
	guint losses;	/* in a row */
	gint64 lost_at; /* the last one, of the monotonic clock */
};

/* ---- Listing -------------------------------------------------------------------------------- */

struct candidate {
	char *path;
	bool ours;
	struct timespec changed;
};

static void candidate_free(gpointer data)
{
	struct candidate *candidate = data;

	g_free(candidate->path);
	g_free(candidate);
}

static gint compare(gconstpointer a, gconstpointer b)
{
	const struct candidate *x = *(const struct candidate *const *)a;
	const struct candidate *y = *(const struct candidate *const *)b;

	if (x->ours != y->ours)
		return x->ours ? -1 : 1;
	if (x->changed.tv_sec != y->changed.tv_sec)
		return x->changed.tv_sec > y->changed.tv_sec ? -1 : 1;
	return (x->changed.tv_nsec < y->changed.tv_nsec) -
	       (x->changed.tv_nsec > y->changed.tv_nsec);
}

/* NULL for what is not to be told: a symbolic link, another user's file, ... */
static struct candidate *examine(char *path, socket_wanted wanted, gpointer userdata)
{
	g_autofree char *owned = path;
	struct candidate *candidate;
	enum owner owner;
	struct stat st;

	if (lstat(path, &st) < 0 || !(S_ISSOCK(st.st_mode) || S_ISDIR(st.st_mode)))
		return NULL;
	owner = owner_of(st.st_uid);
	/* Whose a hidden one is may be asked by others; a foreign one is named when it is refused. */
	if (wanted && !wanted(path, owner == OWNER_OURS, userdata))
		return NULL;
	candidate = g_new0(struct candidate, 1);
	candidate->path = g_steal_pointer(&owned);
	candidate->ours = owner == OWNER_OURS;
	candidate->changed = st.st_ctim;
	return candidate;
}

GPtrArray *socket_finder_list(const char *dir, const char *prefix, const char *suffix,
			      socket_wanted wanted, gpointer userdata)
{
	g_autoptr(GPtrArray) candidates = g_ptr_array_new_with_free_func(candidate_free);
	GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);
	const char *name;

	for (guint n = 0; entries && n < SOCKET_FINDER_NAMES; n++) {
		struct candidate *candidate;

		name = g_dir_read_name(entries);
		if (!name)
			break;
		if (!g_str_has_prefix(name, prefix) || !g_str_has_suffix(name, suffix))
			continue;
		candidate = examine(g_build_filename(dir, name, NULL), wanted, userdata);
		if (candidate)
			g_ptr_array_add(candidates, candidate);
	}
	g_ptr_array_sort(candidates, compare);
	for (guint i = 0; i < MIN(candidates->len, SOCKET_FINDER_TOLD); i++) {
		struct candidate *candidate = candidates->pdata[i];

		g_ptr_array_add(paths, g_steal_pointer(&candidate->path));
	}
	return paths;
}

/* ---- When to look --------------------------------------------------------------------------- */

static void look_in(struct socket_finder *finder, guint ms);

static void look(struct socket_finder *finder)
{
	g_autoptr(GPtrArray) paths =
		socket_finder_list(finder->dir, finder->prefix, finder->suffix, NULL, NULL);

	for (guint i = 0; i < paths->len; i++)
		finder->found(finder, paths->pdata[i], finder->userdata);
}

static gboolean on_timer(gpointer userdata)
{
	struct socket_finder *finder = userdata;

	finder->timer = 0;
	look(finder);
	return G_SOURCE_REMOVE;
}

static void look_in(struct socket_finder *finder, guint ms)
{
	g_clear_handle_id(&finder->timer, g_source_remove);
	finder->timer = g_timeout_add(ms, on_timer, finder);
}

void socket_finder_retry(struct socket_finder *finder)
{
	if (!finder->timer && finder->tries < RETRY_MAX)
		look_in(finder, RETRY_FIRST_MS << finder->tries++);
}

void socket_finder_lost(struct socket_finder *finder)
{
	gint64 now = g_get_monotonic_time();

	if (now - finder->lost_at > LOST_FORGIVEN_S * G_USEC_PER_SEC)
		finder->losses = 0;
	finder->lost_at = now;
	finder->tries = 0;
	look_in(finder, LOST_DELAY_MS << finder->losses);
	finder->losses = MIN(finder->losses + 1, LOST_DOUBLED_MAX);
}

/* A program begins to listen after it has made the socket: whoever is quicker is refused. */
static void handle_new(struct socket_finder *finder, const char *name)
{
	g_autofree char *path = NULL;

	if (!g_str_has_prefix(name, finder->prefix) || !g_str_has_suffix(name, finder->suffix))
		return;
	path = g_build_filename(finder->dir, name, NULL);
	finder->tries = 0;
	/* A look that is due may be far away. */
	if (finder->timer)
		look_in(finder, RETRY_FIRST_MS);
	finder->found(finder, path, finder->userdata);
}

/*
 * A bounded number of events at a time, however fast others make files there; what waits for us, waits in
 * the kernel, which keeps a bounded number too and says when there were more.
 */
static gboolean on_readable(int fd, GIOCondition condition, gpointer userdata)
{
	union {
		struct inotify_event event;
		char bytes[16384];
	} buffer;
	ssize_t n = read(fd, &buffer, sizeof(buffer));
	struct socket_finder *finder = userdata;
	const struct inotify_event *event;

	(void)condition;
	for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof(*event) + event->len)) {
		event = (const struct inotify_event *)(buffer.bytes + at);
		if (event->mask & IN_Q_OVERFLOW && !finder->timer)
			look_in(finder, LOST_DELAY_MS);
		else if (event->len)
			handle_new(finder, event->name);
	}
	return G_SOURCE_CONTINUE;
}

static void watch(struct socket_finder *finder)
{
	finder->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (finder->fd < 0) {
		g_message("%s: what is made there later is not found: inotify: %s", finder->dir,
			  g_strerror(errno));
		return;
	}
	/* One that is not there yet is not waited for; it comes up with the machine. */
	if (inotify_add_watch(finder->fd, finder->dir, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
		g_debug("%s: %s", finder->dir, g_strerror(errno));
	finder->watch = g_unix_fd_add(finder->fd, G_IO_IN, on_readable, finder);
}

struct socket_finder *socket_finder_new(const char *dir, const char *prefix, const char *suffix,
					socket_found found, gpointer userdata)
{
	struct socket_finder *finder = g_new0(struct socket_finder, 1);

	finder->dir = g_strdup(dir);
	finder->prefix = g_strdup(prefix);
	finder->suffix = g_strdup(suffix);
	finder->found = found;
	finder->userdata = userdata;
	finder->lost_at = G_MININT64 / 2;
	watch(finder);
	look(finder);
	return finder;
}

void socket_finder_free(struct socket_finder *finder)
{
	if (!finder)
		return;
	g_clear_handle_id(&finder->watch, g_source_remove);
	if (finder->fd >= 0)
		close(finder->fd);
	g_clear_handle_id(&finder->timer, g_source_remove);
	g_free(finder->dir);
	g_free(finder->prefix);
	g_free(finder->suffix);
	g_free(finder);
}
