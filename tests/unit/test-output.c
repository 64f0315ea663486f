/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines that must not make the helper thread wait for who reads them.
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "scheduler/output.h"

static void check_full(int fd, int reader)
{
	struct output out;
	char line[512];
	size_t written = 0;
	int r;

	memset(line, 'x', sizeof(line));
	output_open(&out, fd);
	while ((r = output_write(&out, line, sizeof(line))) == 0)
		assert_true((written += sizeof(line)) < (16 << 20));
	assert_int_equal(r, -EAGAIN);
	/* The others who write there are not made non-blocking. */
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	close(reader);
	assert_true(output_write(&out, line, sizeof(line)) < 0);
	output_close(&out);
	close(fd);
}

static void test_output(void **state)
{
	static char big[1 << 20];
	struct output out;
	int fds[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	/* More than there is room for is cut, not waited for. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	output_open(&out, fds[1]);
	assert_int_equal(output_write(&out, big, sizeof(big)), 0);
	output_close(&out);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(pipe(fds), 0);
	output_open(&out, fds[1]);
	assert_int_equal(output_write(&out, big, sizeof(big)), 0);
	output_close(&out);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(pipe(fds), 0);
	check_full(fds[1], fds[0]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	check_full(fds[1], fds[0]);
}

/* A file is continued, not written over from its start. */
static void test_output_file(void **state)
{
	char name[] = "/tmp/test-stats-XXXXXX", text[16] = "";
	int fd = mkstemp(name);
	struct output out;

	(void)state;
	assert_int_equal(write(fd, "one\n", 4), 4);
	output_open(&out, fd);
	assert_int_equal(output_write(&out, "two\n", 4), 0);
	output_close(&out);
	assert_int_equal(pread(fd, text, sizeof(text) - 1, 0), 8);
	assert_string_equal(text, "one\ntwo\n");
	close(fd);
	unlink(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_output_file),
	};

	alarm(120); /* what waits here waits for ever */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
