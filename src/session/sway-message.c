/* SPDX-License-Identifier: GPL-2.0-only */
/* See sway-message.h. */

#include <string.h>

#include "session/json-value.h"
#include "session/sway-message.h"

#define MAGIC "i3-ipc"

GBytes *sway_message_new(enum sway_type type, const char *payload)
{
	uint32_t numbers[2] = {payload ? (uint32_t)strlen(payload) : 0, (uint32_t)type};
	GByteArray *message = g_byte_array_new();

	g_byte_array_append(message, (const uint8_t *)MAGIC, strlen(MAGIC));
	g_byte_array_append(message, (const uint8_t *)numbers, sizeof(numbers));
	g_byte_array_append(message, (const uint8_t *)payload, numbers[0]);
	return g_byte_array_free_to_bytes(message);
}

bool sway_message_parse_header(const uint8_t header[SWAY_HEADER_SIZE], enum sway_type *ret_type,
			       uint32_t *ret_size)
{
	uint32_t numbers[2];

	memcpy(numbers, header + strlen(MAGIC), sizeof(numbers));
	if (memcmp(header, MAGIC, strlen(MAGIC)) != 0 || numbers[0] > SWAY_PAYLOAD_MAX)
		return false;
	*ret_size = numbers[0];
	*ret_type = (enum sway_type)numbers[1];
	return true;
}

/* json-glib bounds how deep a document may be, so this is bounded too. */
static JsonObject *find_focused(JsonObject *container)
{
	static const char *const children[] = {"nodes", "floating_nodes"};

	if (json_value_is_true(container, "focused"))
		return container;
	for (size_t i = 0; i < G_N_ELEMENTS(children); i++) {
		JsonArray *array = json_value_array(container, children[i]);
		guint n = array ? json_array_get_length(array) : 0;

		for (guint k = 0; k < n; k++) {
			JsonObject *child = json_value_element(array, k);
			JsonObject *found = child ? find_focused(child) : NULL;

			if (found)
				return found;
		}
	}
	return NULL;
}

static bool is_empty(JsonObject *object, const char *name)
{
	JsonArray *array = json_value_array(object, name);

	return !array || json_array_get_length(array) == 0;
}

bool sway_message_focus(enum sway_type type, const char *payload, size_t size, pid_t *ret_pid)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	JsonObject *object = json_value_parse(parser, payload, size);
	JsonObject *container;

	if (!object)
		return false;
	switch (type) {
	case SWAY_GET_TREE:
		container = find_focused(object);
		*ret_pid = container ? json_value_pid(container) : 0;
		return true;
	case SWAY_EVENT_WINDOW:
		container = json_value_object(object, "container");
		if (!container)
			return false;
		if (json_value_is_string(object, "change", "focus")) {
			*ret_pid = json_value_pid(container);
			return true;
		}
		if (!json_value_is_string(object, "change", "close") ||
		    !json_value_is_true(container, "focused"))
			return false;
		*ret_pid = 0;
		return true;
	case SWAY_EVENT_WORKSPACE:
		/* A workspace with windows gives the focus to one of them, which is told next. */
		container = json_value_object(object, "current");
		if (!container || !json_value_is_string(object, "change", "focus") ||
		    !is_empty(container, "nodes") || !is_empty(container, "floating_nodes"))
			return false;
		*ret_pid = 0;
		return true;
	default:
		return false;
	}
}
