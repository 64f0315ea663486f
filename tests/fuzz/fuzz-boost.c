/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The arguments of BoostProcess, a GVariant of type (ssa{sv}) made from raw bytes, as GDBus makes it
 * of a message. What is accepted lies within its limits; a refusal is one line for the caller.
 *
 * Covers: src/daemon/bus/boost-options.c
 */
#include "tests/fuzz/fuzz-glib.h"

#include <gio/gio.h>

#include "daemon/bus/boost-options.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	fuzz_glib_init();
	return 0;
}

static void check(const struct boost *boost)
{
	require(boost->target.scope <= RL_SCOPE_CGROUP && boost->class == RL_CLASS_NORMAL);
	require(strlen(boost->reason) <= BOOST_REASON_MAX);
	require(strlen(boost->app_id) <= BOOST_APP_ID_MAX);
	require(g_utf8_validate(boost->reason, -1, NULL));
	require(g_utf8_validate(boost->app_id, -1, NULL));
	require(boost->timeout_us == 0 || (boost->timeout_us >= BOOST_TIMEOUT_MIN_US &&
					   boost->timeout_us <= BOOST_TIMEOUT_MAX_US));
}

/* From text where it is text, as gdbus(1) takes it: that is where a fuzzer gets far. */
static GVariant *make_variant(const uint8_t *data, size_t size)
{
	g_autoptr(GBytes) bytes = g_bytes_new(data, size);
	g_autoptr(GVariant) raw = NULL;

	if (size && data[0] == '(') {
		g_autofree char *text = g_strndup((const char *)data, size);

		return fuzz_variant("(ssa{sv})", text);
	}
	raw = g_variant_ref_sink(
		g_variant_new_from_bytes(G_VARIANT_TYPE("(ssa{sv})"), bytes, FALSE));
	/* GDBus checks messages, and hands on normal forms only. */
	return g_variant_get_normal_form(raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GVariant) arguments = make_variant(data, size), options = NULL;
	g_autoptr(GError) error = NULL;
	const char *scope, *reason;
	struct boost *boost;
	gboolean by_client, ok;

	if (!arguments)
		return 0;
	g_variant_get(arguments, "(&s&s@a{sv})", &scope, &reason, &options);
	boost = boost_new();
	ok = boost_options_parse(boost, &by_client, scope, reason, options, &error);
	require(!ok == !!error);
	if (ok)
		check(boost);
	else
		require(error->domain == G_DBUS_ERROR && error->code == G_DBUS_ERROR_INVALID_ARGS &&
			!strchr(error->message, '\n'));
	boost_free(boost);
	return 0;
}
