/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rustlandctl's command line, a word on each line. What is accepted can be sent as it is.
 *
 * Covers: src/ctl/arguments.c
 */
#include "tests/fuzz/fuzz-glib.h"

#include "ctl/arguments.h"
#include "ctl/error.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	fuzz_glib_init();
	return 0;
}

static void check(const struct arguments *a)
{
	const char *const texts[] = {a->scope,	  a->reason, a->app_id,
				     a->lifetime, a->cgroup, a->profile};

	require(a->command || a->help || a->version);
	require(a->pid >= 0 && a->timeout_us <= UINT64_C(604800) * 1000000);
	require(!a->interval_ms || (a->interval_ms >= 100 && a->interval_ms <= 86400000));
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		require(!texts[i] || g_utf8_validate(texts[i], -1, NULL));
	require(!a->cgroup || *a->cgroup == '/');
	for (guint i = 0; a->cookies && i < a->cookies->len; i++)
		require(g_array_index(a->cookies, guint32, i) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_arguments words = fuzz_arguments(data, size);
	g_autoptr(GError) error = NULL;
	struct arguments a;
	gboolean ok = arguments_parse(&a, words.argc, words.argv, &error);

	require(!ok == !!error);
	if (ok)
		check(&a);
	else
		require(error->domain == CTL_ERROR && *error->message);
	arguments_clear(&a);
	fuzz_arguments_free(&words);
	return 0;
}
