/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The focus of an X11 desktop: finding its server.
 *
 * Everybody may make sockets where X servers listen, so a server is spoken to only if it is this user's
 * or root's; if it is root's, only if it is known to be for this session: there is a cookie for its
 * number, or DISPLAY names it. All that come into question are tried at the same time, and the first
 * that lets us in is followed, or the one that DISPLAY names when that does.
 *
 * In a Wayland session the X server is Xwayland, whose compositor knows better; most start it when the
 * first client connects, and that must not be us.
 */

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "session/focus.h"
#include "session/peer-witness.h"
#include "session/session-environment.h"
#include "session/socket-finder.h"
#include "session/unix-socket.h"
#include "session/x11-server.h"
#include "session/x11-windows.h"

#define SOCKET_DIR "/tmp/.X11-unix"
/* A compositor may make the socket for X clients before its own. It is also how often a look is taken at
 * most, whatever others do in that directory. */
#define SETTLE_MS 500
/* A look that found what may work later: 100 ms, and twice as long each time: 51 s altogether. */
#define AGAIN_FIRST_MS 100
#define AGAIN_MAX      9
/* After a loss; what has hung up once may do so again and again. Doubled up to 32 s, until a server was
 * followed for a minute. */
#define LOST_DELAY_MS	 500
#define LOST_DOUBLED_MAX 6
#define LOST_FORGIVEN_S	 60
/* So many servers at once. */
#define ATTEMPTS_MAX 8
/* Sockets of Xwayland; whoever makes more is looked at again. */
#define XWAYLAND_MAX 64

struct x11 {
	focus_report report;
	gpointer userdata;
	struct socket_finder *finder; /* says that something has changed */
	GDBusConnection *session_bus;
	struct peer_witness *witness;
	GCancellable *end;
	guint settle, again; /* timers of the next look; 0: none is due */
	guint tries;	     /* looks since something has changed */
	guint losses;	     /* in a row */
	gint64 followed_at;  /* since when there is one, of the monotonic clock */
	bool looking;	     /* the environment is being asked for */
	bool wants_again;    /* something that may work later was seen */
	struct session_environment *environment; /* as of the last look */
	GHashTable *xwayland;			 /* what identify() says of them */
	GPtrArray *attempts;			 /* struct x11_attempt */
	GPtrArray *questions;			 /* struct question */
	struct x11_windows *windows;		 /* of the server that is followed; NULL: none is */
	char *followed;				 /* its path */
};

/* A connection whose listener another one has to name, as it is hidden from us. */
struct question {
	struct x11 *x11;
	char *path;
	int fd;
	struct peer_question *asked;
};

static void look_soon(struct x11 *x11);

static const char *number_of(const char *path)
{
	return strrchr(path, '/') + strlen("/X");
}

static bool is_of_display(const struct x11 *x11, const char *path)
{
	return x11->environment && g_strcmp0(x11->environment->display, number_of(path)) == 0;
}

/* There is nothing to be found that would be better. */
static bool is_content(const struct x11 *x11)
{
	return x11->windows && is_of_display(x11, x11->followed);
}

/* Another server may have the same path later. NULL: it is gone. */
static char *identify(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return NULL;
	return g_strdup_printf("%s %lld.%09ld", path, (long long)st.st_ctim.tv_sec,
			       st.st_ctim.tv_nsec);
}

static bool is_xwayland(struct x11 *x11, const char *path)
{
	g_autofree char *identity = identify(path);

	return identity && g_hash_table_contains(x11->xwayland, identity);
}

static void add_xwayland(struct x11 *x11, const char *path)
{
	char *identity = identify(path);

	if (g_hash_table_size(x11->xwayland) == XWAYLAND_MAX)
		g_hash_table_remove_all(x11->xwayland);
	if (identity)
		g_hash_table_add(x11->xwayland, identity);
}

/* ---- Following ------------------------------------------------------------------------------ */

static void leave(struct x11 *x11)
{
	g_clear_pointer(&x11->windows, x11_windows_free);
	g_clear_pointer(&x11->followed, g_free);
}

static void on_report(gpointer userdata, const struct focus_target *target)
{
	struct x11 *x11 = userdata;

	x11->report(x11->userdata, target);
}

static gboolean on_again(gpointer userdata)
{
	struct x11 *x11 = userdata;

	x11->again = 0;
	look_soon(x11);
	return G_SOURCE_REMOVE;
}

static void on_gone(gpointer userdata)
{
	struct x11 *x11 = userdata;

	g_debug("%s: the X server is gone", x11->followed);
	if (g_get_monotonic_time() - x11->followed_at > LOST_FORGIVEN_S * G_USEC_PER_SEC)
		x11->losses = 0;
	leave(x11);
	x11->report(x11->userdata, NULL);
	x11->tries = 0;
	g_clear_handle_id(&x11->again, g_source_remove);
	x11->again = g_timeout_add(LOST_DELAY_MS << x11->losses, on_again, x11);
	x11->losses = MIN(x11->losses + 1, LOST_DOUBLED_MAX);
}

static void follow(struct x11 *x11, const char *path, struct x11_server *server)
{
	g_debug("%s: connected%s", path,
		server->has_res ? "" : "; it has no XRes 1.2, so _NET_WM_PID is believed");
	leave(x11);
	x11->followed = g_strdup(path);
	x11->followed_at = g_get_monotonic_time();
	x11->windows = x11_windows_new(server, on_report, on_gone, x11);
}

/* ---- Connecting ----------------------------------------------------------------------------- */

/* When all that was tried has come to nothing. */
static void look_again_later(struct x11 *x11)
{
	if (!x11->wants_again || is_content(x11) || x11->again || x11->looking ||
	    x11->attempts->len || x11->questions->len || x11->tries == AGAIN_MAX)
		return;
	x11->again = g_timeout_add(AGAIN_FIRST_MS << x11->tries++, on_again, x11);
}

static void on_attempted(struct x11_attempt *attempt, enum x11_kind kind, struct x11_server *server,
			 gpointer userdata)
{
	const char *path = x11_attempt_path(attempt);
	struct x11 *x11 = userdata;

	switch (kind) {
	case X11_USABLE:
		if (!x11->windows || is_of_display(x11, path))
			follow(x11, path, server);
		else
			x11_server_free(server);
		break;
	case X11_NOT_YET:
		g_debug("%s: it does not let us in, or does not listen yet", path);
		x11->wants_again = true;
		break;
	case X11_XWAYLAND:
		add_xwayland(x11, path);
		break;
	}
	g_ptr_array_remove_fast(x11->attempts, attempt);
	look_again_later(x11);
}

static bool find_cookie(const struct x11 *x11, const char *path, struct xauthority_cookie *ret)
{
	const GByteArray *cookies = x11->environment->cookies;
	char host[HOST_NAME_MAX + 1] = "";

	/* Not GLib's, which remembers the first one. */
	gethostname(host, sizeof(host) - 1);
	return xauthority_find(cookies->data, cookies->len, number_of(path), host, ret);
}

/* Takes fd over. */
static void attempt(struct x11 *x11, const char *path, int fd)
{
	struct xauthority_cookie cookie;
	bool found = find_cookie(x11, path, &cookie);
	struct x11_attempt *one;

	one = x11_attempt_new(path, fd, found ? &cookie : NULL, on_attempted, x11);
	if (one)
		g_ptr_array_add(x11->attempts, one);
	else
		x11->wants_again = true;
}

static void question_free(gpointer data)
{
	struct question *question = data;

	peer_question_free(question->asked);
	if (question->fd >= 0)
		close(question->fd);
	g_free(question->path);
	g_free(question);
}

static void on_named(enum peer_answer answer, gpointer userdata)
{
	struct question *question = userdata;
	struct x11 *x11 = question->x11;

	if (answer == PEER_ROOT) {
		attempt(x11, question->path, question->fd);
		question->fd = -1;
	} else if (answer == PEER_UNKNOWN) {
		x11->wants_again = true;
	}
	g_ptr_array_remove_fast(x11->questions, question);
	look_again_later(x11);
}

static void ask_whose(struct x11 *x11, const char *path, int fd)
{
	struct question *question = g_new0(struct question, 1);

	question->x11 = x11;
	question->path = g_strdup(path);
	question->fd = fd;
	g_ptr_array_add(x11->questions, question);
	question->asked = peer_witness_ask(x11->witness, path, fd, on_named, question);
}

static bool is_tried(struct x11 *x11, const char *path)
{
	for (guint i = 0; i < x11->attempts->len; i++)
		if (g_str_equal(x11_attempt_path(x11->attempts->pdata[i]), path))
			return true;
	for (guint i = 0; i < x11->questions->len; i++)
		if (g_str_equal(((struct question *)x11->questions->pdata[i])->path, path))
			return true;
	return false;
}

static void try_server(struct x11 *x11, const char *path)
{
	enum owner listener;
	int fd;

	if (x11->attempts->len + x11->questions->len >= ATTEMPTS_MAX) {
		x11->wants_again = true;
		return;
	}
	fd = unix_socket_connect(path, &listener);
	if (fd < 0) {
		g_debug("%s: %s", path, g_strerror(errno));
		x11->wants_again = x11->wants_again || errno != EPERM;
	} else if (listener == OWNER_HIDDEN) {
		ask_whose(x11, path, fd);
	} else {
		attempt(x11, path, fd);
	}
}

/* ---- Looking -------------------------------------------------------------------------------- */

/* Somebody of this user listens on a socket wayland-N. */
static bool has_wayland(void)
{
	g_autoptr(GPtrArray) paths =
		socket_finder_list(g_get_user_runtime_dir(), "wayland-", "", NULL, NULL);

	for (guint i = 0; i < paths->len; i++) {
		int fd = unix_socket_connect(paths->pdata[i], NULL);

		if (fd < 0)
			continue;
		close(fd);
		return true;
	}
	return false;
}

/* Of root there may be many: for other users, for the login screen. */
static bool is_wanted(const char *path, bool ours, gpointer userdata)
{
	struct x11 *x11 = userdata;
	struct xauthority_cookie cookie;

	if (is_tried(x11, path) || is_xwayland(x11, path))
		return false;
	if (is_of_display(x11, path))
		return true;
	if (ours || x11->windows)
		return !x11->windows;
	if (find_cookie(x11, path, &cookie) && cookie.names_number)
		return true;
	/* A login screen may hand its server, or the cookie, over later. */
	x11->wants_again = true;
	return false;
}

static void on_environment(struct session_environment *environment, gpointer userdata)
{
	g_autoptr(GPtrArray) paths = NULL;
	struct x11 *x11 = userdata;

	x11->looking = false;
	g_clear_pointer(&x11->environment, session_environment_free);
	x11->environment = environment;
	if (is_content(x11))
		return;
	if (has_wayland()) {
		g_debug("there is a Wayland session, so no X server is followed");
		return;
	}
	x11->wants_again = false;
	/* It has a place whoever else is there. */
	if (environment->display) {
		g_autofree char *path = g_strconcat(SOCKET_DIR "/X", environment->display, NULL);

		if (g_file_test(path, G_FILE_TEST_EXISTS) && is_wanted(path, false, x11))
			try_server(x11, path);
	}
	paths = socket_finder_list(SOCKET_DIR, "X", "", is_wanted, x11);
	for (guint i = 0; i < paths->len; i++)
		try_server(x11, paths->pdata[i]);
	look_again_later(x11);
}

static gboolean on_settled(gpointer userdata)
{
	struct x11 *x11 = userdata;

	x11->settle = 0;
	if (is_content(x11) || x11->looking)
		return G_SOURCE_REMOVE;
	x11->looking = true;
	session_environment_get(x11->session_bus, x11->end, on_environment, x11);
	return G_SOURCE_REMOVE;
}

static void look_soon(struct x11 *x11)
{
	if (!x11->settle && !is_content(x11))
		x11->settle = g_timeout_add(SETTLE_MS, on_settled, x11);
}

static void on_found(struct socket_finder *finder, const char *path, gpointer userdata)
{
	struct x11 *x11 = userdata;

	(void)finder, (void)path;
	x11->tries = 0;
	look_soon(x11);
}

static void on_witness(gpointer userdata)
{
	on_found(NULL, NULL, userdata);
}

static void free_attempt(gpointer data)
{
	x11_attempt_free(data);
}

static gpointer x11_start(const struct focus_buses *buses, focus_report report, gpointer userdata)
{
	struct x11 *x11 = g_new0(struct x11, 1);

	x11->report = report;
	x11->userdata = userdata;
	x11->session_bus = buses->session;
	x11->end = g_cancellable_new();
	x11->xwayland = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	x11->attempts = g_ptr_array_new_with_free_func(free_attempt);
	x11->questions = g_ptr_array_new_with_free_func(question_free);
	x11->witness = peer_witness_new(buses->system, on_witness, x11);
	x11->finder = socket_finder_new(SOCKET_DIR, "X", "", on_found, x11);
	return x11;
}

static void x11_stop(gpointer data)
{
	struct x11 *x11 = data;

	g_cancellable_cancel(x11->end);
	socket_finder_free(x11->finder);
	g_clear_handle_id(&x11->settle, g_source_remove);
	g_clear_handle_id(&x11->again, g_source_remove);
	g_ptr_array_unref(x11->attempts);
	g_ptr_array_unref(x11->questions);
	peer_witness_free(x11->witness);
	leave(x11);
	session_environment_free(x11->environment);
	g_hash_table_unref(x11->xwayland);
	g_object_unref(x11->end);
	g_free(x11);
}

const struct focus_source focus_x11 = {"X11", x11_start, x11_stop};
