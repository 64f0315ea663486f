/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rustlandctl: the service scx-rustland on the command line. It does nothing that a D-Bus client of
 * any user could not do; what is allowed is for the service and polkit to say.
 */

#include <locale.h>
#include <stdio.h>

#include "ctl/arguments.h"
#include "ctl/error.h"
#include "ctl/screen.h"

static int carry_out(const struct arguments *args, GError **error)
{
	g_autoptr(GString) help = g_string_new(NULL);

	if (args->version && args->json) {
		puts("{\"version\":\"" PACKAGE_VERSION "\"}");
	} else if (args->version) {
		puts("rustlandctl " PACKAGE_VERSION);
	} else if (args->help) {
		command_help(help, args->command);
		screen_print(help);
	} else {
		return args->command->run(args, error);
	}
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	struct arguments args;
	g_autoptr(GError) error = NULL;
	int status = EXIT_DONE;

	setlocale(LC_ALL, "");
	if (arguments_parse(&args, argc, argv, &error))
		status = carry_out(&args, &error);
	/* A full disk must not look like success. */
	if (!error)
		screen_flush(&error);
	if (error) {
		screen_error(error);
		status = error->code;
		/* What else comes from there is the status of the command that is run. */
		if (args.command && args.command->run == cmd_run && status < EXIT_RUN_FAILED)
			status = EXIT_RUN_FAILED;
	}
	arguments_clear(&args);
	return status;
}
