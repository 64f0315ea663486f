/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is read from a kernel's type information, with types made up for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/kernel-btf.h"

static int setup(void **state)
{
	*state = btf__new_empty();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	btf__free(*state);
	return 0;
}

static void add_rq(struct btf *btf, const char *const *members)
{
	int type = btf__add_int(btf, "unsigned int", 4, 0);
	uint32_t offset = 0;

	assert_true(btf__add_struct(btf, "rq", 16) > 0);
	for (; *members; members++, offset += 32)
		assert_int_equal(btf__add_field(btf, *members, type, offset, 0), 0);
}

static void core_scheduling_is_broken(void **state)
{
	add_rq(*state, (const char *const[]){"nr_running", "core_cookie", NULL});
	assert_true(rl_btf_core_sched_broken(*state));
}

static void core_scheduling_is_mended(void **state)
{
	add_rq(*state, (const char *const[]){"core_cookie", "core_pick_in_flight", NULL});
	assert_false(rl_btf_core_sched_broken(*state));
}

static void there_is_no_core_scheduling(void **state)
{
	assert_false(rl_btf_core_sched_broken(*state));
	add_rq(*state, (const char *const[]){"nr_running", NULL});
	assert_false(rl_btf_core_sched_broken(*state));
}

static void constants(void **state)
{
	assert_true(btf__add_enum(*state, "small", 4) > 0);
	assert_int_equal(btf__add_enum_value(*state, "SMALL", 7), 0);
	assert_true(btf__add_enum64(*state, "big", 8, false) > 0);
	assert_int_equal(btf__add_enum64_value(*state, "BIG", 1ULL << 63), 0);
	assert_int_equal(rl_btf_constant(*state, "SMALL"), 7);
	assert_true(rl_btf_constant(*state, "BIG") == 1ULL << 63);
	assert_int_equal(rl_btf_constant(*state, "NONE"), 0);
}

static void problems(void **state)
{
	assert_non_null(strstr(rl_btf_problem(*state), "without sched_ext"));
	assert_true(btf__add_struct(*state, "sched_ext_ops", 8) > 0);
	assert_non_null(strstr(rl_btf_problem(*state), "truncated"));
	assert_true(btf__add_enum64(*state, "scx_dsq_id_flags", 8, false) > 0);
	assert_int_equal(btf__add_enum64_value(*state, "SCX_DSQ_LOCAL", 3ULL << 62), 0);
	assert_null(rl_btf_problem(*state));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(core_scheduling_is_broken),
		TEST(core_scheduling_is_mended),
		TEST(there_is_no_core_scheduling),
		TEST(constants),
		TEST(problems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
