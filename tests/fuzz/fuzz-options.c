/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scx_rustland's command line: the first line is SCX_TIMEOUT_MS, each other one a word. A value is
 * within its range or refused with one line that names what would help.
 *
 * Covers: src/scheduler/options.c src/common/option-table.c
 */
#include "tests/fuzz/fuzz.h"

#include "common/policy-name.h"
#include "scheduler/options.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	FILE *null = fopen("/dev/null", "we");

	(void)argc, (void)argv;
	require(null);
	options_help(null);
	fclose(null);
	return 0;
}

static void check(const struct options *o)
{
	require(o->slice_us >= 100 && o->slice_us <= 1000000);
	require(o->slice_min_us >= 100 && o->slice_min_us <= o->slice_us);
	require(!o->interval_ms || (o->interval_ms >= 100 && o->interval_ms <= 86400000));
	require(!o->timeout_ms || (o->timeout_ms >= 1000 && o->timeout_ms <= 30000));
	require(o->exit_dump_len <= 16 << 20);
	require(strchr(o->policy, '/') || policy_name_is_valid(o->policy));
	require(!o->json || o->interval_ms);
	require(!o->have_class_fds || o->class_fds[0] != o->class_fds[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	char error[OPTIONS_ERROR_MAX] = "";
	struct fuzz_arguments a;
	struct options o;
	char *timeout;

	if (!end)
		return 0;
	timeout = fuzz_text(data, (size_t)(end - data));
	if (*timeout)
		setenv("SCX_TIMEOUT_MS", timeout, 1);
	else
		unsetenv("SCX_TIMEOUT_MS");
	a = fuzz_arguments(end + 1, size - (size_t)(end + 1 - data));
	if (options_parse(&o, a.argc, a.argv, error) == 0) {
		check(&o);
	} else {
		require(*error && memchr(error, 0, sizeof(error)));
	}
	fuzz_arguments_free(&a);
	free(timeout);
	return 0;
}
