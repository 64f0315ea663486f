/* SPDX-License-Identifier: GPL-2.0-only */
/* Who may have how much under way at the bus, with a clock of the test's own. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/bus/gate-ledger.h"

#define OWN_UID 900
#define SECOND	INT64_C(1000000)

static int64_t now_us;

static int set_up(void **state)
{
	now_us = 1000 * SECOND;
	*state = ledger_new(OWN_UID);
	return 0;
}

static int tear_down(void **state)
{
	ledger_free(*state);
	return 0;
}

/* A connection of that user. */
static char *join(struct ledger *ledger, uid_t uid)
{
	static unsigned int nr;
	char *name = g_strdup_printf(":1.%u", ++nr);

	assert_false(ledger_find(ledger, name, NULL));
	ledger_learn(ledger, name, uid);
	assert_true(ledger_find(ledger, name, NULL));
	return name;
}

static bool begin(struct ledger *ledger, const char *name, uint32_t serial, size_t bytes)
{
	g_autofree char *refusal = ledger_begin(ledger, name, serial, bytes, false, now_us);

	return !refusal;
}

/* Calls until one is refused, with time enough between them; how many were not. */
static unsigned int fill(struct ledger *ledger, const char *name, size_t bytes)
{
	unsigned int n = 0;

	while (n < 10000 && begin(ledger, name, n + 1, bytes)) {
		n++;
		now_us += SECOND;
	}
	return n;
}

static void assert_under_way(const struct ledger *ledger, unsigned int calls, size_t bytes)
{
	unsigned int found_calls;
	size_t found_bytes;

	ledger_count(ledger, &found_calls, &found_bytes);
	assert_int_equal(found_calls, calls);
	assert_int_equal(found_bytes, bytes);
}

static void test_connection(void **state)
{
	g_autofree char *name = join(*state, 1000), *refusal = NULL;

	assert_int_equal(fill(*state, name, 100), LEDGER_SENDER_CALLS);
	refusal = ledger_begin(*state, name, 99, 100, false, now_us);
	assert_non_null(strstr(refusal, "this connection"));
	assert_under_way(*state, LEDGER_SENDER_CALLS, 100 * LEDGER_SENDER_CALLS);
	assert_true(ledger_end(*state, name, 7));
	assert_true(begin(*state, name, 99, 100));
	assert_false(begin(*state, name, 100, 100));
}

static void test_user(void **state)
{
	g_autofree char *one = join(*state, 1000), *two = join(*state, 1000),
			*three = join(*state, 1000), *other = join(*state, 1001);

	assert_int_equal(fill(*state, one, 100) + fill(*state, two, 100), LEDGER_USER_CALLS);
	assert_int_equal(fill(*state, three, 100), 0);
	assert_int_equal(fill(*state, other, 100), LEDGER_SENDER_CALLS);
}

static void test_bytes(void **state)
{
	g_autofree char *name = join(*state, 1000), *other = join(*state, 1001);

	assert_int_equal(fill(*state, name, 64 * 1024), LEDGER_USER_BYTES / (64 * 1024));
	assert_false(begin(*state, name, 99, 1));
	assert_true(begin(*state, other, 1, 64 * 1024));
}

/* All users together; whoever has little under way, root and the service itself get through. */
static void test_all(void **state)
{
	g_autofree char *last = NULL, *root = join(*state, 0), *own = join(*state, OWN_UID);
	unsigned int n = 0;

	for (uid_t uid = 1000; n < LEDGER_ALL_CALLS; uid++) {
		g_autofree char *one = join(*state, uid), *two = join(*state, uid);

		n += fill(*state, one, 100) + fill(*state, two, 100);
	}
	assert_int_equal(n, LEDGER_ALL_CALLS);
	last = join(*state, 5000);
	assert_int_equal(fill(*state, last, 100), LEDGER_FEW_CALLS);
	assert_int_equal(fill(*state, root, 100), LEDGER_PRIVILEGED_CALLS);
	assert_int_equal(fill(*state, own, 100), LEDGER_PRIVILEGED_CALLS);
	/* A crowd of users with few calls has an end as well. */
	for (uid_t uid = 10000; n < 2 * LEDGER_ALL_CALLS; uid++) {
		g_autofree char *one = join(*state, uid);
		unsigned int more = fill(*state, one, 100);

		if (!more)
			break;
		n += more;
	}
	assert_int_equal(n, 2 * LEDGER_ALL_CALLS - LEDGER_FEW_CALLS);
}

static void test_rate(void **state)
{
	g_autofree char *name = join(*state, 1000), *again = join(*state, 1000),
			*other = join(*state, 1001), *root = join(*state, 0), *refusal = NULL;

	for (uint32_t i = 0; i < LEDGER_BURST; i++) {
		assert_true(begin(*state, i % 2 ? name : again, i, 100));
		assert_true(ledger_end(*state, i % 2 ? name : again, i));
	}
	refusal = ledger_begin(*state, name, 1, 100, false, now_us);
	assert_non_null(strstr(refusal, "in 10 ms"));
	assert_false(begin(*state, again, 1, 100));
	assert_true(begin(*state, other, 1, 100));
	for (uint32_t i = 0; i < 100 * LEDGER_BURST; i++) {
		assert_true(begin(*state, root, i, 100));
		assert_true(ledger_end(*state, root, i));
	}
	/* What is refused costs nothing: who waits gets through. */
	now_us += SECOND;
	for (uint32_t i = 0; i < LEDGER_RATE; i++) {
		assert_true(begin(*state, name, i, 100));
		assert_true(ledger_end(*state, name, i));
	}
	assert_false(begin(*state, name, 1, 100));
	/* A large one counts for several. */
	now_us += SECOND / LEDGER_RATE * 5;
	assert_false(begin(*state, name, 1, 5 * LEDGER_BYTES_A_CALL));
	assert_true(begin(*state, name, 1, 4 * LEDGER_BYTES_A_CALL));
}

static void test_unwanted(void **state)
{
	g_autofree char *name = join(*state, 1000);

	assert_null(ledger_begin(*state, name, 5, 100, true, now_us));
	assert_null(ledger_begin(*state, name, 6, 200, false, now_us));
	assert_true(ledger_end(*state, name, 6));
	assert_false(ledger_end(*state, name, 5));
	/* Answers to nothing that is known here go their way. */
	assert_true(ledger_end(*state, name, 5));
	assert_true(ledger_end(*state, ":1.999999", 5));
	assert_under_way(*state, 0, 0);
}

static void test_signals(void **state)
{
	g_autofree char *name = join(*state, 1000), *root = join(*state, 0);
	int n = 0;

	while (n < 1000 && ledger_take_signal(*state, name, 100, now_us))
		n++;
	assert_int_equal(n, LEDGER_BURST);
	assert_true(ledger_take_signal(*state, root, 100, now_us));
	assert_under_way(*state, 0, 0);
}

/* Connections that come and go leave nothing behind, and take nobody's place. */
static void test_many_names(void **state)
{
	g_autofree char *busy = join(*state, 1000);

	assert_true(begin(*state, busy, 1, 100));
	for (int i = 0; i < 20000; i++) {
		g_autofree char *name = join(*state, 1000 + (uid_t)i);

		assert_true(begin(*state, name, 1, 100));
		assert_true(ledger_end(*state, name, 1));
		now_us += SECOND;
	}
	assert_true(ledger_find(*state, busy, NULL));
	assert_under_way(*state, 1, 100);
	assert_true(ledger_end(*state, busy, 1));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_connection), TEST(test_user),	      TEST(test_bytes),
		TEST(test_all),	       TEST(test_rate),	      TEST(test_unwanted),
		TEST(test_signals),    TEST(test_many_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
