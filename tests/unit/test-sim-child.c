/* SPDX-License-Identifier: GPL-2.0-only */
/* Work in a process of its own (sim/child.h): whatever becomes of the process, its end is seen, and told. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/child.h"

/* What f tells of 7, and in *ret_why how it has ended where it has not told all. */
static int finish(child_fn *f, unsigned int limit_s, const char **ret_why)
{
	const int argument = 7;
	struct child child;
	int result = -1;

	*ret_why = NULL;
	assert_int_equal(child_start(&child, f, &argument, sizeof(result), limit_s), 0);
	assert_true(child.pid > 0);
	if (child_finish(&child, &result, ret_why))
		assert_null(*ret_why);
	assert_int_equal(child.pid, 0);
	return result;
}

static void tell_more(const void *argument, void *result)
{
	*(int *)result = *(const int *)argument + 1;
}

static void test_tells(void **state)
{
	const char *why;

	(void)state;
	assert_int_equal(finish(tell_more, 0, &why), 8);
	assert_null(why);
	assert_int_equal(finish(tell_more, 5, &why), 8);
	assert_null(why);
}

static void tell_and_exit(const void *argument, void *result)
{
	tell_more(argument, result);
	_exit(3);
}

static void test_exits(void **state)
{
	const char *why;

	(void)state;
	assert_int_equal(finish(tell_and_exit, 0, &why), 8);
	assert_string_equal(why, "its process ended too early, with exit status 3");
}

static void be_killed(const void *argument, void *result)
{
	(void)argument;
	(void)result;
	raise(SIGKILL);
}

static void test_is_killed(void **state)
{
	const char *why;

	(void)state;
	assert_int_equal(finish(be_killed, 0, &why), 0);
	assert_string_equal(why, "its process was ended by a signal: Killed");
}

static void hang(const void *argument, void *result)
{
	(void)argument;
	for (;;)
		*(volatile int *)result = 0;
}

static void test_hangs(void **state)
{
	const char *why;

	(void)state;
	finish(hang, 1, &why);
	assert_string_equal(why, "it does not come to an end, in 1 s of CPU time");
}

/* The process that it makes has all that it had itself, and is there for longer. */
static void leave_one_behind(const void *argument, void *result)
{
	pid_t pid = fork();

	(void)argument;
	if (!pid) {
		pause();
		_exit(0);
	}
	*(int *)result = pid;
	_exit(0);
}

static void test_leaves_one_behind(void **state)
{
	const char *why;
	int left;

	(void)state;
	/* Else a test that waits for it would not end. */
	alarm(60);
	left = finish(leave_one_behind, 0, &why);
	alarm(0);
	assert_string_equal(why, "its process ended too early, with exit status 0");
	assert_true(left > 0);
	assert_int_equal(kill(left, SIGKILL), 0);
}

static void test_ignores_its_children(void **state)
{
	const char *why;

	(void)state;
	/* As the code of a policy may do it; then the kernel tells nobody how a process ended. */
	signal(SIGCHLD, SIG_IGN);
	assert_int_equal(finish(tell_and_exit, 0, &why), 8);
	assert_string_equal(why, "its process ended too early, with exit status 3");
}

static void test_which_one_ends(void **state)
{
	const int argument = 7;
	struct child hanging, done;
	const char *why;
	int result;

	(void)state;
	assert_int_equal(child_start(&hanging, hang, &argument, sizeof(result), 0), 0);
	assert_int_equal(child_start(&done, tell_more, &argument, sizeof(result), 0), 0);
	assert_int_equal(child_wait_for_any(), done.pid);
	assert_true(child_finish(&done, &result, &why));
	assert_int_equal(kill(hanging.pid, SIGTERM), 0);
	assert_int_equal(child_wait_for_any(), hanging.pid);
	assert_false(child_finish(&hanging, &result, &why));
	assert_string_equal(why, "its process was ended by a signal: Terminated");
	assert_int_equal(child_wait_for_any(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tells),
		cmocka_unit_test(test_exits),
		cmocka_unit_test(test_is_killed),
		cmocka_unit_test(test_hangs),
		cmocka_unit_test(test_leaves_one_behind),
		cmocka_unit_test(test_which_one_ends),
		/* The last one: it changes what the others rely on. */
		cmocka_unit_test(test_ignores_its_children),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
