/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rustlandctl run: boosts itself, then becomes the command. So the boost is there before the
 * command's first instruction, signals, terminal and exit status are the command's own, and nothing
 * is left to clean up: the service ends the boost when the process ends.
 *
 * It must never keep the command from running, nor run it in other surroundings than it would have
 * had without us.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/bus-words.h"
#include "ctl/client.h"
#include "ctl/convert.h"
#include "ctl/screen.h"

static guint32 boost_self(const struct arguments *args, GError **error)
{
	g_autoptr(GDBusConnection) bus = client_connect(error);

	return bus ? client_boost(bus, getpid(), SCOPE_WORD_TREE, args, RUN_TIMEOUT_MS, error) : 0;
}

static void print_cookie(guint32 cookie)
{
	fprintf(stderr, "{\"cookie\":%u,\"pid\":%d}\n", cookie, (int)getpid());
}

/* In one line, since what follows is the command's own. */
static void say_not_boosted(const char *program, const GError *why)
{
	g_auto(GStrv) lines = g_strsplit(why->message, "\n", -1);
	g_autofree char *joined = g_strjoinv(". ", lines);
	g_autoptr(GError) line = g_error_new(CTL_ERROR, why->code, "running %s without a boost: %s",
					     program, joined);

	screen_error(line);
}

int cmd_run(const struct arguments *args, GError **error)
{
	g_autofree char *name = g_path_get_basename(args->argv[0]);
	g_autoptr(GError) local = NULL;
	struct sigaction pipe_action;
	guint32 cookie;

	/* The service shows what is boosted by the name of now; execve(2) sets it again. */
	prctl(PR_SET_NAME, name);
	/* GDBus ignores SIGPIPE, which the command would inherit. */
	sigaction(SIGPIPE, NULL, &pipe_action);
	cookie = boost_self(args, &local);
	sigaction(SIGPIPE, &pipe_action, NULL);

	if (local && args->require) {
		g_propagate_error(error, g_steal_pointer(&local));
		return EXIT_RUN_FAILED;
	}
	if (local) {
		say_not_boosted(args->argv[0], local);
	} else if (args->json) {
		print_cookie(cookie);
	}
	execvp(args->argv[0], args->argv);
	g_set_error(error, CTL_ERROR,
		    errno == ENOENT ? EXIT_RUN_NOT_FOUND : EXIT_RUN_CANNOT_EXECUTE, "%s: %s",
		    args->argv[0], g_strerror(errno));
	return EXIT_RUN_FAILED;
}
