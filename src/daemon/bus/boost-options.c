/* SPDX-License-Identifier: GPL-2.0-only */
/* See boost-options.h. */

#include <inttypes.h>
#include <string.h>

#include <gio/gio.h>

#include "common/bus-words.h"
#include "daemon/bus/boost-options.h"

static gboolean check_text(const char *what, const char *text, size_t max, GError **error)
{
	if (strlen(text) > max) {
		g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
			    "%s has %zu bytes; at most %zu are accepted", what, strlen(text), max);
		return FALSE;
	}
	for (const char *c = text; *c; c = g_utf8_next_char(c)) {
		if (g_unichar_iscntrl(g_utf8_get_char(c))) {
			g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
				    "%s has a control character in it; leave it out", what);
			return FALSE;
		}
	}
	return TRUE;
}

static gboolean check_type(const char *key, GVariant *value, const char *type, GError **error)
{
	if (g_variant_is_of_type(value, G_VARIANT_TYPE(type)))
		return TRUE;
	g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
		    "Option %s has type %s; it must be %s", key, g_variant_get_type_string(value),
		    type);
	return FALSE;
}

static gboolean parse_lifetime(gboolean *ret_by_client, const char *lifetime, GError **error)
{
	*ret_by_client = strcmp(lifetime, LIFETIME_WORD_CLIENT) == 0;
	if (*ret_by_client || strcmp(lifetime, LIFETIME_WORD_PROCESS) == 0)
		return TRUE;
	g_set_error_literal(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
			    "Lifetime must be \"process\" or \"client\"");
	return FALSE;
}

static gboolean parse_timeout(struct boost *boost, uint64_t timeout_us, GError **error)
{
	boost->timeout_us = timeout_us;
	if (timeout_us >= BOOST_TIMEOUT_MIN_US && timeout_us <= BOOST_TIMEOUT_MAX_US)
		return TRUE;
	g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
		    "TimeoutUSec is %" PRIu64 "; it must be %" PRIu64 " to %" PRIu64
		    ", in microseconds; leave it out for none",
		    timeout_us, BOOST_TIMEOUT_MIN_US, BOOST_TIMEOUT_MAX_US);
	return FALSE;
}

static gboolean parse_option(struct boost *boost, gboolean *ret_by_client, const char *key,
			     GVariant *value, GError **error)
{
	if (strcmp(key, BOOST_KEY_APP_ID) == 0) {
		if (!check_type(key, value, "s", error))
			return FALSE;
		g_free(boost->app_id);
		boost->app_id = g_variant_dup_string(value, NULL);
		return check_text(key, boost->app_id, BOOST_APP_ID_MAX, error);
	}
	if (strcmp(key, BOOST_KEY_LIFETIME) == 0)
		return check_type(key, value, "s", error) &&
		       parse_lifetime(ret_by_client, g_variant_get_string(value, NULL), error);
	if (strcmp(key, BOOST_KEY_TIMEOUT) == 0)
		return check_type(key, value, "t", error) &&
		       parse_timeout(boost, g_variant_get_uint64(value), error);
	/* The key is not repeated: it may be of any length and content. */
	g_set_error_literal(
		error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
		"There is an unknown option; known are AppId, Lifetime and TimeoutUSec");
	return FALSE;
}

gboolean boost_options_parse(struct boost *boost, gboolean *ret_by_client, const char *scope,
			     const char *reason, GVariant *options, GError **error)
{
	GVariantIter iter;
	const char *key;
	GVariant *value;

	*ret_by_client = FALSE;
	if (!scope_parse(scope, &boost->target.scope)) {
		g_set_error_literal(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
				    "The scope must be \"process\", \"tree\" or \"cgroup\"");
		return FALSE;
	}
	if (!check_text("The reason", reason, BOOST_REASON_MAX, error))
		return FALSE;
	g_free(boost->reason);
	boost->reason = g_strdup(reason);
	g_variant_iter_init(&iter, options);
	while (g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
		gboolean ok = parse_option(boost, ret_by_client, key, value, error);

		g_variant_unref(value);
		if (!ok)
			return FALSE;
	}
	return TRUE;
}
