/* SPDX-License-Identifier: GPL-2.0-only */
/* See screen.h. */

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl/screen.h"
#include "ctl/text.h"

static gboolean want_colour(void)
{
	const char *no_color = g_getenv("NO_COLOR"), *term = g_getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) && g_strcmp0(term, "dumb") != 0;
}

static char *user_name(guint uid)
{
	const struct passwd *user = getpwuid(uid);

	return user ? g_strdup(user->pw_name) : NULL;
}

void screen_view(struct view *ret)
{
	ret->colour = want_colour();
	ret->now_usec = (guint64)g_get_real_time();
	ret->user_name = user_name;
}

void screen_print(const GString *text)
{
	fwrite(text->str, 1, text->len, stdout);
}

/* Also when an earlier write has failed with EPIPE, which nobody looked at. */
static gboolean reader_left(int err)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return err == EPIPE || (poll(&p, 1, 0) == 1 && (p.revents & POLLERR));
}

gboolean screen_flush(GError **error)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return TRUE;
	if (reader_left(errno)) {
		/* GDBus ignores it; without us having GDBus the program would have ended so. */
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	g_set_error(error, CTL_ERROR, EXIT_FAILED, "cannot write to standard output: %s",
		    errno ? g_strerror(errno) : "it has failed before");
	return FALSE;
}

void screen_error(const GError *error)
{
	g_auto(GStrv) lines = g_strsplit(error->message, "\n", -1);

	for (guint i = 0; lines[i]; i++) {
		g_autofree char *clean = text_clean(lines[i]);

		fprintf(stderr, "%s%s\n", i ? "" : "rustlandctl: ", clean);
	}
}
