/* SPDX-License-Identifier: GPL-2.0-only */
/* rustlandctl stats: the scheduler's counters since it started. */

#include "ctl/client.h"
#include "ctl/convert.h"
#include "ctl/screen.h"

int cmd_stats(const struct arguments *args, GError **error)
{
	g_autoptr(GDBusConnection) bus = client_connect(error);
	g_autoptr(GVariant) dict = NULL;
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(JsonObject) statistics = NULL;
	struct view view;

	if (bus)
		dict = client_statistics(bus, error);
	if (!dict)
		return EXIT_FAILED;
	statistics = convert_dict(dict);
	if (args->json) {
		print_object(statistics, FALSE);
	} else {
		screen_view(&view);
		format_statistics(text, statistics, &view);
		screen_print(text);
	}
	return EXIT_DONE;
}
