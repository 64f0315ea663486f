/* SPDX-License-Identifier: GPL-2.0-only */
/* See convert.h. */

#include <stdio.h>

#include "ctl/convert.h"

char *convert_name(const char *name)
{
	GString *out = g_string_new(NULL);

	for (const char *p = name; *p; p++) {
		if (g_ascii_isupper(*p) && p > name && g_ascii_islower(p[-1]))
			g_string_append_c(out, '_');
		g_string_append_c(out, g_ascii_tolower(*p));
	}
	return g_string_free(out, FALSE);
}

JsonObject *convert_dict(GVariant *dict)
{
	g_autoptr(JsonObject) object = json_object_new();
	GVariantIter iter;
	GVariant *entry;

	g_variant_iter_init(&iter, dict);
	while ((entry = g_variant_iter_next_value(&iter))) {
		g_autoptr(GVariant) key = g_variant_get_child_value(entry, 0);
		g_autoptr(GVariant) value = g_variant_get_child_value(entry, 1);
		g_autofree char *name = convert_name(g_variant_get_string(key, NULL));

		json_object_set_member(object, name, json_gvariant_serialize(value));
		g_variant_unref(entry);
	}
	return g_steal_pointer(&object);
}

JsonObject *convert_boost(GVariant *dict)
{
	static const char *const members[] = {"pid",	  "name",   "uid",   "since",
					      "lifetime", "reason", "app_id"};
	JsonObject *boost = convert_dict(dict);

	for (gsize i = 0; i < G_N_ELEMENTS(members); i++)
		if (!json_object_has_member(boost, members[i]))
			json_object_set_null_member(boost, members[i]);
	return boost;
}

JsonArray *convert_boosts(GVariant *boosts)
{
	g_autoptr(JsonArray) array = json_array_new();

	for (gsize i = 0; i < g_variant_n_children(boosts); i++) {
		g_autoptr(GVariant) dict = g_variant_get_child_value(boosts, i);

		json_array_add_object_element(array, convert_boost(dict));
	}
	return g_steal_pointer(&array);
}

static JsonNode *find(JsonObject *object, const char *member, GType type)
{
	JsonNode *node = json_object_get_member(object, member);

	return node && json_node_get_value_type(node) == type ? node : NULL;
}

const char *object_text(JsonObject *object, const char *member)
{
	JsonNode *node = find(object, member, G_TYPE_STRING);

	return node ? json_node_get_string(node) : "";
}

gboolean object_is(JsonObject *object, const char *member)
{
	JsonNode *node = find(object, member, G_TYPE_BOOLEAN);

	return node && json_node_get_boolean(node);
}

guint64 object_number(JsonObject *object, const char *member)
{
	JsonNode *node = find(object, member, G_TYPE_INT64);

	/* json-glib has no unsigned numbers, but keeps all 64 bits. */
	return node ? (guint64)json_node_get_int(node) : 0;
}

static void print_node(JsonNode *node, gboolean compact)
{
	g_autofree char *text = json_to_string(node, !compact);

	puts(text);
}

void print_object(JsonObject *object, gboolean compact)
{
	g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), object);

	print_node(node, compact);
}

void print_array(JsonArray *array)
{
	g_autoptr(JsonNode) node = json_node_init_array(json_node_alloc(), array);

	print_node(node, FALSE);
}
