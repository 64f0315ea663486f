/* SPDX-License-Identifier: GPL-2.0-only */
/* See hyprland-message.h. */

#include <string.h>

#include "session/hyprland-message.h"
#include "session/json-value.h"

bool hyprland_message_is_focus(const char *line, size_t size)
{
	static const char event[] = "activewindowv2>>";

	return size >= strlen(event) && memcmp(line, event, strlen(event)) == 0;
}

pid_t hyprland_message_pid(const char *answer, size_t size)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	JsonObject *window = json_value_parse(parser, answer, size);

	return window ? json_value_pid(window) : 0;
}
