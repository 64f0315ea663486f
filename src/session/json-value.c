/* SPDX-License-Identifier: GPL-2.0-only */
/* See json-value.h. */

#include <stdint.h>

#include "session/json-value.h"

JsonObject *json_value_parse(JsonParser *parser, const char *text, size_t size)
{
	JsonNode *root;

	if (!json_parser_load_from_data(parser, text, (gssize)size, NULL))
		return NULL;
	root = json_parser_get_root(parser);
	return root && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
}

JsonObject *json_value_object(JsonObject *object, const char *name)
{
	JsonNode *node = json_object_get_member(object, name);

	return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

JsonArray *json_value_array(JsonObject *object, const char *name)
{
	JsonNode *node = json_object_get_member(object, name);

	return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

JsonObject *json_value_element(JsonArray *array, guint index)
{
	JsonNode *node = json_array_get_element(array, index);

	return JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static JsonNode *get_value(JsonObject *object, const char *name)
{
	JsonNode *node = json_object_get_member(object, name);

	return node && JSON_NODE_HOLDS_VALUE(node) ? node : NULL;
}

bool json_value_is_string(JsonObject *object, const char *name, const char *value)
{
	JsonNode *node = get_value(object, name);

	return node && g_strcmp0(json_node_get_string(node), value) == 0;
}

bool json_value_is_true(JsonObject *object, const char *name)
{
	JsonNode *node = get_value(object, name);

	return node && json_node_get_boolean(node);
}

bool json_value_number(JsonObject *object, const char *name, gint64 *ret_number)
{
	JsonNode *node = get_value(object, name);

	if (!node || json_node_get_value_type(node) != G_TYPE_INT64)
		return false;
	*ret_number = json_node_get_int(node);
	return true;
}

pid_t json_value_pid(JsonObject *object)
{
	gint64 pid;

	return json_value_number(object, "pid", &pid) && pid > 0 && pid <= INT32_MAX ? (pid_t)pid
										     : 0;
}
