/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the values of D-Bus to the objects of JSON that everything here is printed from, as JSON or
 * as text; so the two can never say different things. "AppId" on the bus is "app_id" in JSON.
 */
#ifndef RUSTLANDCTL_CONVERT_H
#define RUSTLANDCTL_CONVERT_H

#include <glib.h>
#include <json-glib/json-glib.h>

/* A name of D-Bus in JSON's spelling: an underscore where a small letter meets a capital. */
char *convert_name(const char *name);

/* A dictionary, a{s*}, with everything in it; in its order. The caller owns the result. */
JsonObject *convert_dict(GVariant *dict);
/*
 * What GetBoost returns, a{sv}, and ListBoosts, aa{sv}. The service tells nobody what others boost, and
 * why; such members are null, so that programs find them all the same.
 */
JsonObject *convert_boost(GVariant *boost);
JsonArray *convert_boosts(GVariant *boosts);

/* Text of a member; "" if it is not there or not a string. */
const char *object_text(JsonObject *object, const char *member);
/* A number; 0 if it is not there or not a number. */
guint64 object_number(JsonObject *object, const char *member);
gboolean object_is(JsonObject *object, const char *member);

/* On standard output, with a newline: indented, or in one line if compact. */
void print_object(JsonObject *object, gboolean compact);
void print_array(JsonArray *array);

#endif /* RUSTLANDCTL_CONVERT_H */
