/* SPDX-License-Identifier: GPL-2.0-only */
/* See sway-message.h. */
#include <config.h>

#include <string.h>

#include <json-glib/json-glib.h>

#include "sway-message.h"

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

static JsonObject *get_object(JsonObject *object, const char *name)
{
	JsonNode *node = json_object_get_member(object, name);

	return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static JsonArray *get_array(JsonObject *object, const char *name)
{
	JsonNode *node = json_object_get_member(object, name);

	return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

/* json_object_get_string_member() and the like complain of what is of another type. */
static bool string_is(JsonObject *object, const char *name, const char *value)
{
	JsonNode *node = json_object_get_member(object, name);

	return node && JSON_NODE_HOLDS_VALUE(node) &&
	       g_strcmp0(json_node_get_string(node), value) == 0;
}

static pid_t pid_of(JsonObject *container)
{
	JsonNode *node = json_object_get_member(container, "pid");
	gint64 pid = node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_int(node) : 0;

	return pid > 0 && pid <= INT32_MAX ? (pid_t)pid : 0;
}

static bool is_focused(JsonObject *container)
{
	JsonNode *node = json_object_get_member(container, "focused");

	return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_boolean(node);
}

/* json-glib bounds how deep a document may be, so this is bounded too. */
static JsonObject *find_focused(JsonObject *container)
{
	static const char *const children[] = {"nodes", "floating_nodes"};

	if (is_focused(container))
		return container;
	for (size_t i = 0; i < G_N_ELEMENTS(children); i++) {
		JsonArray *array = get_array(container, children[i]);
		guint n = array ? json_array_get_length(array) : 0;

		for (guint k = 0; k < n; k++) {
			JsonNode *node = json_array_get_element(array, k);
			JsonObject *found = JSON_NODE_HOLDS_OBJECT(node)
						    ? find_focused(json_node_get_object(node))
						    : NULL;
			if (found)
				return found;
		}
	}
	return NULL;
}

static bool is_empty(JsonObject *object, const char *name)
{
	JsonArray *array = get_array(object, name);

	return !array || json_array_get_length(array) == 0;
}

bool sway_message_focus(enum sway_type type, const char *payload, size_t size, pid_t *ret_pid)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	JsonObject *object, *container;
	JsonNode *root;

	if (!json_parser_load_from_data(parser, payload, (gssize)size, NULL))
		return false;
	root = json_parser_get_root(parser);
	if (!root || !JSON_NODE_HOLDS_OBJECT(root))
		return false;
	object = json_node_get_object(root);

	switch (type) {
	case SWAY_GET_TREE:
		container = find_focused(object);
		*ret_pid = container ? pid_of(container) : 0;
		return true;
	case SWAY_EVENT_WINDOW:
		container = get_object(object, "container");
		if (!container)
			return false;
		if (string_is(object, "change", "focus")) {
			*ret_pid = pid_of(container);
			return true;
		}
		if (!string_is(object, "change", "close") || !is_focused(container))
			return false;
		*ret_pid = 0;
		return true;
	case SWAY_EVENT_WORKSPACE:
		/* A workspace with windows gives the focus to one of them, which is told next. */
		container = get_object(object, "current");
		if (!container || !string_is(object, "change", "focus") ||
		    !is_empty(container, "nodes") || !is_empty(container, "floating_nodes"))
			return false;
		*ret_pid = 0;
		return true;
	default:
		return false;
	}
}
