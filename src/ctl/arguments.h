/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line, read according to the table of commands. Every value is checked here as far as
 * that is possible without the service. Reading has no side effects and prints nothing.
 */
#ifndef RUSTLANDCTL_ARGUMENTS_H
#define RUSTLANDCTL_ARGUMENTS_H

#include <sys/types.h>

#include <glib.h>

#include "ctl/command.h"

#define INTERVAL_DEFAULT_MS 2000

struct arguments {
	const struct command *command; /* NULL: help or version is set */
	gboolean help, version, json;
	/* Strings point into argv; NULL where the option was not given. */
	const char *scope, *reason, *app_id, *lifetime, *cgroup;
	guint64 timeout_us; /* 0: none */
	guint interval_ms;  /* 0: no statistics */
	gboolean require, clear;
	pid_t pid;	 /* 0: none was given */
	GArray *cookies; /* guint32; owned */
	const char *profile;
	char **argv; /* of the command to run; points into argv, ends with NULL */
};

/* An error has the code EXIT_USAGE. *ret is to be cleared in any case; command and json are set as
 * far as they were understood. */
gboolean arguments_parse(struct arguments *ret, int argc, char **argv, GError **error);
void arguments_clear(struct arguments *args);

#endif /* RUSTLANDCTL_ARGUMENTS_H */
