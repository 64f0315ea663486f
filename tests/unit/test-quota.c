/* SPDX-License-Identifier: GPL-2.0-only */
/* How much one user may ask for, with a clock of the test's own. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "dbus/errors.h"
#include "daemon/boost/quota.h"

#define SECOND INT64_C(1000000)

static struct quota *quota_with(uint32_t boosts, uint32_t changes, int64_t window_us)
{
	struct quota *quota = quota_new();

	quota_set(quota, boosts, changes, window_us);
	return quota;
}

static void assert_refused(struct quota *quota, uid_t uid, int64_t now_us, const char *wait)
{
	GError *error = NULL;

	assert_false(quota_take_change(quota, uid, now_us, &error));
	assert_true(g_error_matches(error, RUSTLAND_ERROR, RUSTLAND_ERROR_RATE_LIMITED));
	assert_non_null(strstr(error->message, wait));
	g_error_free(error);
}

static void test_window_slides(void **state)
{
	struct quota *quota = quota_with(1, 3, 20 * SECOND);

	(void)state;
	assert_true(quota_take_change(quota, 1000, 100 * SECOND, NULL));
	assert_true(quota_take_change(quota, 1000, 105 * SECOND, NULL));
	assert_true(quota_take_change(quota, 1000, 110 * SECOND, NULL));
	assert_refused(quota, 1000, 110 * SECOND, "in 10 s");
	assert_refused(quota, 1000, 119 * SECOND + 1, "in 1 s");
	/* The first is forgotten, and a refused call was not counted. */
	assert_true(quota_take_change(quota, 1000, 120 * SECOND, NULL));
	assert_refused(quota, 1000, 124 * SECOND, "in 1 s");
	assert_true(quota_take_change(quota, 1000, 125 * SECOND, NULL));
	quota_free(quota);
}

static void test_users_do_not_share(void **state)
{
	struct quota *quota = quota_with(1, 1, 20 * SECOND);

	(void)state;
	assert_true(quota_take_change(quota, 1000, 0, NULL));
	assert_refused(quota, 1000, 1, "user 1000");
	assert_true(quota_take_change(quota, 1001, 1, NULL));
	assert_true(quota_take_change(quota, 0, 1, NULL));
	assert_refused(quota, 0, 1, "user 0");
	assert_refused(quota, 1001, 2, "user 1001");
	quota_free(quota);
}

static void test_new_limits_count_what_was(void **state)
{
	struct quota *quota = quota_with(1, 5, 20 * SECOND);

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(quota_take_change(quota, 1000, i * SECOND, NULL));
	quota_set(quota, 1, 2, 20 * SECOND);
	/* Of five calls the fourth has to be forgotten before there is room. */
	assert_refused(quota, 1000, 5 * SECOND, "in 18 s");
	assert_true(quota_take_change(quota, 1000, 23 * SECOND, NULL));
	quota_set(quota, 1, 10, 20 * SECOND);
	assert_true(quota_take_change(quota, 1000, 23 * SECOND, NULL));
	quota_free(quota);
}

static void test_boosts(void **state)
{
	struct quota *quota = quota_with(2, 1, SECOND);
	GError *error = NULL;

	(void)state;
	assert_true(quota_allows_boost(quota, 0, NULL));
	assert_true(quota_allows_boost(quota, 1, NULL));
	assert_false(quota_allows_boost(quota, 2, &error));
	assert_true(g_error_matches(error, RUSTLAND_ERROR, RUSTLAND_ERROR_LIMIT_EXCEEDED));
	g_error_free(error);
	quota_free(quota);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window_slides),
		cmocka_unit_test(test_users_do_not_share),
		cmocka_unit_test(test_new_limits_count_what_was),
		cmocka_unit_test(test_boosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
