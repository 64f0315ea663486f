/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Errors as the person at the terminal gets them: what went wrong, and what to do about it. The code
 * of every error that leaves a command is the exit status of the program.
 *
 * What comes from the bus is put into these words here and nowhere else. Nothing here talks to the
 * bus, so that all of it can be tested.
 */
#ifndef RUSTLANDCTL_ERROR_H
#define RUSTLANDCTL_ERROR_H

#include <gio/gio.h>

/* Documented in rustlandctl(1); scripts rely on them. 3 and 4 are those of systemctl and LSB. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_RUNNING = 3,
	EXIT_DENIED = 4,
	/* "run" only, like env(1) and nohup(1): its other values are those of the command. */
	EXIT_RUN_FAILED = 125,
	EXIT_RUN_CANNOT_EXECUTE = 126,
	EXIT_RUN_NOT_FOUND = 127,
};

/* The domain of those codes. */
#define CTL_ERROR ctl_error_quark()
GQuark ctl_error_quark(void);

/* True for all the ways in which the bus says that nobody owns the service's name. */
gboolean error_is_not_there(const GError *error);

/*
 * Put an error of a D-Bus call into words; takes error, returns one of CTL_ERROR. Not for an absent
 * service: facts_absence() knows why that is. subject: what the call was about, such as "process 4711",
 * or NULL. is_root: there is no point in telling the caller to use sudo.
 */
GError *error_explain(GError *error, const char *subject, gboolean is_root);

/* How to start the service. */
#define HOW_TO_START "systemctl enable --now scx-rustland"

#endif /* RUSTLANDCTL_ERROR_H */
