/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looking into JSON that others wrote: nothing may be there, or be of another type, and json-glib's
 * own functions complain of that. These never do.
 */
#ifndef RUSTLAND_SESSION_JSON_VALUE_H
#define RUSTLAND_SESSION_JSON_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <json-glib/json-glib.h>

/* The object that a text is; NULL if it is something else. It belongs to the parser. */
JsonObject *json_value_parse(JsonParser *parser, const char *text, size_t size);

/* A member of that type; NULL if there is none. */
JsonObject *json_value_object(JsonObject *object, const char *name);
JsonArray *json_value_array(JsonObject *object, const char *name);

/* An element of an array that is an object, or NULL. */
JsonObject *json_value_element(JsonArray *array, guint index);

bool json_value_is_string(JsonObject *object, const char *name, const char *value);
bool json_value_is_true(JsonObject *object, const char *name);

/* False if there is no such number. */
bool json_value_number(JsonObject *object, const char *name, gint64 *ret_number);

/* The member "pid"; 0 for what cannot be one. */
pid_t json_value_pid(JsonObject *object);

#endif /* RUSTLAND_SESSION_JSON_VALUE_H */
