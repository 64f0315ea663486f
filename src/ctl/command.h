/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of commands: their names, options, help, and the functions that carry them out. What is
 * not in it does not exist; the completions and the manual page are checked against it
 * (tests/unit/test-ctl-commands.c).
 */
#ifndef RUSTLANDCTL_COMMAND_H
#define RUSTLANDCTL_COMMAND_H

#include <glib.h>

#include "common/option-table.h"

struct arguments;

/* In the order in which help shows them. */
enum option_id {
	OPTION_SCOPE,
	OPTION_REASON,
	OPTION_APP_ID,
	OPTION_LIFETIME,
	OPTION_TIMEOUT,
	OPTION_REQUIRE,
	OPTION_CGROUP,
	OPTION_CLEAR,
	OPTION_INTERVAL,
	OPTION_JSON,
	OPTION_HELP,
	OPTION_VERSION, /* without a command only */
	NR_OPTIONS,
};

/* What stands on the command line after the options. */
enum operands {
	OPERANDS_NONE,
	OPERANDS_PID,
	OPERANDS_FOREGROUND, /* a PID, or none with --cgroup or --clear */
	OPERANDS_COOKIES,
	OPERANDS_PROFILE, /* a name, or none */
	OPERANDS_COMMAND, /* a program and its arguments, which are not ours to read */
};

struct command {
	const char *name;
	const char *synopsis; /* of the operands */
	const char *about;    /* in one line */
	const char *details;  /* more lines, for its own help */
	guint options;	      /* bits 1 << enum option_id; --json and --help are everybody's */
	enum operands operands;
	/* Prints what it found. Returns the exit status, or sets error, whose code is one. */
	int (*run)(const struct arguments *args, GError **error);
};

extern const struct option_spec option_specs[NR_OPTIONS];
/* Ends with one whose name is NULL. */
extern const struct command commands[];

/* NULL: there is none of that name. */
const struct command *command_find(const char *name);
gboolean command_takes(const struct command *command, enum option_id option);

/* What --help prints; command NULL: the help of the whole program. */
void command_help(GString *out, const struct command *command);

/* The functions of the table, one file for each subject. */
int cmd_status(const struct arguments *args, GError **error);
int cmd_list(const struct arguments *args, GError **error);
int cmd_boost(const struct arguments *args, GError **error);
int cmd_release(const struct arguments *args, GError **error);
int cmd_run(const struct arguments *args, GError **error);
int cmd_foreground(const struct arguments *args, GError **error);
int cmd_profile(const struct arguments *args, GError **error);
int cmd_monitor(const struct arguments *args, GError **error);
int cmd_stats(const struct arguments *args, GError **error);
int cmd_reload(const struct arguments *args, GError **error);

#endif /* RUSTLANDCTL_COMMAND_H */
