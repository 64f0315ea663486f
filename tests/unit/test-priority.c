/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The priority of a thread that loads a scheduler: raised for as long as that takes, where it may be,
 * and never left raised.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/priority.h"

static int nice_now(void)
{
	return getpriority(PRIO_PROCESS, 0);
}

/* Each in a process of its own: a nice value that was raised cannot always be taken back. */
static int in_child(int (*test)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(test());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int raise_and_restore(void)
{
	int before = nice_now(), saved = rl_priority_raise();

	if (saved == RL_PRIORITY_KEPT)
		return nice_now() == before ? 0 : 1;
	if (saved != before || nice_now() >= before)
		return 2;
	rl_priority_restore(saved);
	return nice_now() == before ? 0 : 3;
}

static void it_is_restored(void **state)
{
	(void)state;
	assert_int_equal(in_child(raise_and_restore), 0);
}

/* What an administrator set higher, or what was raised already, is not lowered. */
static int raise_twice(void)
{
	int saved = rl_priority_raise(), again = rl_priority_raise(), raised = nice_now();

	rl_priority_restore(again);
	if (again != RL_PRIORITY_KEPT || nice_now() != raised)
		return 1;
	rl_priority_restore(saved);
	return 0;
}

static void it_is_raised_once(void **state)
{
	(void)state;
	assert_int_equal(in_child(raise_twice), 0);
}

/* As a user without rights: nothing changes, nothing is an error. */
static int without_rights(void)
{
	const struct rlimit none = {0, 0};
	int before = nice_now();

	if (setrlimit(RLIMIT_NICE, &none) || (!geteuid() && setuid(65534)))
		return 0;
	if (rl_priority_raise() != RL_PRIORITY_KEPT || nice_now() != before)
		return 1;
	rl_priority_restore(RL_PRIORITY_KEPT);
	return nice_now() == before ? 0 : 2;
}

static void it_may_be_refused(void **state)
{
	(void)state;
	assert_int_equal(in_child(without_rights), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_restored),
		cmocka_unit_test(it_is_raised_once),
		cmocka_unit_test(it_may_be_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
