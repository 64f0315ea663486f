/* SPDX-License-Identifier: GPL-2.0-only */
/* Pinning processes, with real ones, and the paths of control groups. */

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <gio/gio.h>

#include "daemon/boost/cgroup.h"
#include "dbus/errors.h"
#include "daemon/boost/proc-text.h"
#include "daemon/boost/process.h"

/* A child that does nothing, and dies with us. */
static pid_t start_child(const char *name)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (name)
			prctl(PR_SET_NAME, name);
		(void)!write(ready[1], "", 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void assert_error(GError **error, GQuark domain, int code)
{
	assert_non_null(*error);
	if (!g_error_matches(*error, domain, code))
		fail_msg("another error: %s", (*error)->message);
	g_clear_error(error);
}

static void test_facts(void **state)
{
	uint64_t start_ticks;
	pid_t pid = start_child("some name");
	struct process *process = process_pin((uint32_t)pid, NULL), *again;
	GError *error = NULL;

	(void)state;
	assert_non_null(process);
	assert_int_equal(process->pid, pid);
	assert_int_equal(process->uid, getuid());
	assert_string_equal(process->name, "some name");
	assert_true(process->start_ticks > 0);
	assert_true(process_alive(process));
	assert_int_equal(process_parent(pid, &start_ticks), getpid());
	assert_true(start_ticks == process->start_ticks);

	again = process_pin_fd(process->pidfd, NULL);
	assert_non_null(again);
	assert_int_not_equal(again->pidfd, process->pidfd);
	assert_int_equal(again->start_ticks, process->start_ticks);
	process_free(again);

	/* A zombie has ended. */
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT);
	assert_false(process_alive(process));
	assert_null(process_pin((uint32_t)pid, &error));
	assert_error(&error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS);
	assert_null(process_pin_fd(process->pidfd, &error));
	assert_error(&error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS);
	waitpid(pid, NULL, 0);
	assert_null(process_pin_fd(process->pidfd, &error));
	assert_error(&error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS);
	process_free(process);
}

static void test_strange_names(void **state)
{
	/* What could be taken for the end of the name, or for another field. */
	static const struct {
		const char *name, *shown;
	} names[] = {
		{"a) R 1 (b", "a) R 1 (b"},
		{"\nUid:\t0", "?Uid:?0"},
		{"\x1b[31mred", "?[31mred"},
		{"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		pid_t pid = start_child(names[i].name);
		uint64_t start_ticks;
		struct process *process = process_pin((uint32_t)pid, NULL);

		assert_non_null(process);
		assert_string_equal(process->name, names[i].shown);
		assert_int_equal(process->uid, getuid());
		assert_int_equal(process_parent(pid, &start_ticks), getpid());
		process_free(process);
		end_child(pid);
	}
}

static void test_numbers_that_are_none(void **state)
{
	static const uint32_t gone[] = {4194305, INT32_MAX, (uint32_t)INT32_MAX + 1, UINT32_MAX};
	GError *error = NULL;

	(void)state;
	assert_null(process_pin(0, &error));
	assert_error(&error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS);
	for (size_t i = 0; i < G_N_ELEMENTS(gone); i++) {
		assert_null(process_pin(gone[i], &error));
		assert_error(&error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS);
	}
	assert_null(process_pin(1, &error));
	assert_error(&error, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED);
}

static pid_t thread_id;
static pthread_barrier_t barrier;

static void *thread_main(void *arg)
{
	thread_id = gettid();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return arg;
}

static void test_thread(void **state)
{
	GError *error = NULL;
	pthread_t thread;
	char where[64];

	(void)state;
	pthread_barrier_init(&barrier, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, thread_main, NULL), 0);
	pthread_barrier_wait(&barrier);
	assert_null(process_pin((uint32_t)thread_id, &error));
	/* It says where to find what would be right, to those who may look there. */
	snprintf(where, sizeof(where), "Tgid in /proc/%d/status", thread_id);
	assert_non_null(strstr(error->message, where));
	assert_error(&error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&barrier);
}

static void *pause_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* A child whose first thread has ended, while another one goes on. */
static pid_t start_headless(void)
{
	siginfo_t info = {0};
	pthread_t thread;
	char path[64], stat[512];
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (pthread_create(&thread, NULL, pause_for_ever, NULL) == 0)
			syscall(SYS_exit, 0);
		_exit(1);
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	do {
		FILE *f = fopen(path, "re");

		assert_non_null(f);
		assert_non_null(fgets(stat, sizeof(stat), f));
		fclose(f);
		assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG), 0);
		assert_int_equal(info.si_pid, 0);
	} while (!strstr(stat, ") Z"));
	return pid;
}

/* O_EXCL is PIDFD_THREAD, which headers before Linux 6.9 do not know. */
static void test_pidfds_of_threads(void **state)
{
	pid_t pid = start_headless();
	int pidfd = pidfd_open(pid, O_EXCL), own;
	struct process *process;
	GError *error = NULL;
	pthread_t thread;

	(void)state;
	if (pidfd < 0) {
		end_child(pid);
		skip(); /* before 6.9 there are none */
	}
	/* The process has not ended, and that is what is boosted. */
	process = process_pin_fd(pidfd, &error);
	if (!process)
		fail_msg("%s", error->message);
	assert_true(process_alive(process));
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT);
	assert_false(process_alive(process));
	process_free(process);
	waitpid(pid, NULL, 0);
	assert_null(process_pin_fd(pidfd, &error));
	assert_error(&error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS);
	close(pidfd);

	/* Of any other thread: there the process is named. */
	pthread_barrier_init(&barrier, NULL, 2);
	assert_int_equal(pthread_create(&thread, NULL, thread_main, NULL), 0);
	pthread_barrier_wait(&barrier);
	own = pidfd_open(thread_id, O_EXCL);
	assert_true(own >= 0);
	assert_null(process_pin_fd(own, &error));
	assert_non_null(strstr(error->message, "is a thread"));
	assert_error(&error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&barrier);
	close(own);
}

static void test_descriptors_that_are_none(void **state)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	GError *error = NULL;

	(void)state;
	assert_null(process_pin_fd(null, &error));
	assert_error(&error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS);
	close(null);
	assert_null(process_pin_fd(null, &error));
	assert_error(&error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS);
}

static void test_name_behind_a_pidfd(void **state)
{
	pid_t pid = start_child("caller");
	int pidfd = pidfd_open(pid, 0);
	char name[64];

	(void)state;
	process_name_of_fd(pidfd, name, sizeof(name));
	assert_string_equal(name, "caller");
	end_child(pid);
	process_name_of_fd(pidfd, name, sizeof(name));
	assert_string_equal(name, "");
	close(pidfd);
	process_name_of_fd(-1, name, sizeof(name));
	assert_string_equal(name, "");
}

static void test_numbers_of_namespaces(void **state)
{
	pid_t pid = start_child(NULL);
	int pidfd = pidfd_open(pid, 0);

	(void)state;
	assert_true(process_shares_numbers(pidfd));
	end_child(pid);
	/* Of one that has ended nobody knows where it was. */
	assert_false(process_shares_numbers(pidfd));
	close(pidfd);
	assert_false(process_shares_numbers(pidfd));
	assert_false(process_shares_numbers(-1));
	/* What the kernel says of others, where tests cannot make a namespace. */
	assert_true(proc_text_nested("flags:\t02000002\nPid:\t4711\nNSpid:\t4711\t2\n"));
	assert_true(proc_text_nested("NSpid:\t4711\t17\t1"));
	assert_false(proc_text_nested("Pid:\t4711\nNSpid:\t4711\n5\n"));
	assert_false(proc_text_nested("Pid:\t0\nNSpid:\t0\n"));
	assert_false(proc_text_nested("Pid:\t-1\nNSpid:\t-1"));
	assert_false(proc_text_nested("Pid:\t4711\n"));
	assert_false(proc_text_nested(""));
}

static void test_group_paths(void **state)
{
	static const char *const bad[] = {
		"",    "a",	"a/b",	   "../a", "/",	    "//",
		"/..", "/a/..", "/a/../b", "/./a", "/a\nb", "/sys/fs/cgroup/../../etc",
	};
	GError *error = NULL;

	(void)state;
	assert_true(cgroup_path_is_below("/a/b", "/a"));
	assert_true(cgroup_path_is_below("/a", "/a"));
	assert_false(cgroup_path_is_below("/ab", "/a"));
	assert_false(cgroup_path_is_below("/", "/a"));
	if (cgroup_id_of("/") == 0)
		skip(); /* no control groups of version 2 */
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		assert_null(cgroup_open(bad[i], &error));
		assert_error(&error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS);
	}
	assert_null(cgroup_open("/there/is/none", &error));
	assert_error(&error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS);
}

static void test_whose_group(void **state)
{
	static const struct {
		const char *path;
		enum cgroup_owner owner;
	} groups[] = {
		{"/user.slice/user-5.slice/user@5.service/app.slice/app-a.scope",
		 CGROUP_APPLICATION},
		{"/user.slice/user-5.slice/user@5.service/app.slice/app-t.slice/vte-1.scope",
		 CGROUP_APPLICATION},
		{"/user.slice/user-5.slice/user@5.service/session.slice/plasma-kwin.service",
		 CGROUP_APPLICATION},
		{"/user.slice/user-5.slice/user@5.service/app.slice/libpod.scope/container/x",
		 CGROUP_APPLICATION},
		{"/user.slice/user-5.slice/run-7.scope", CGROUP_APPLICATION},
		{"/user.slice/user-5.slice/session-2.scope/game", CGROUP_APPLICATION},
		{"/user.slice/user-5.slice", CGROUP_TOO_WIDE},
		{"/user.slice/user-5.slice/user@5.service", CGROUP_TOO_WIDE},
		{"/user.slice/user-5.slice/user@5.service/app.slice", CGROUP_TOO_WIDE},
		{"/user.slice/user-5.slice/user@5.service/app.slice/app-a.slice", CGROUP_TOO_WIDE},
		{"/user.slice/user-5.slice/user@5.service.d", CGROUP_TOO_WIDE},
		{"/user.slice/user-5.slice/session-2.scope", CGROUP_TOO_WIDE},
		{"/user.slice", CGROUP_OTHERS},
		{"/user.slice/user-55.slice/user@55.service/app.slice/app-a.scope", CGROUP_OTHERS},
		{"/user.slice/user-5.slice.d/a.scope", CGROUP_OTHERS},
		{"/system.slice/gdm.service", CGROUP_OTHERS},
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(groups); i++)
		if (cgroup_owner_of(groups[i].path, 5) != groups[i].owner)
			fail_msg("%s", groups[i].path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_strange_names),
		cmocka_unit_test(test_numbers_that_are_none),
		cmocka_unit_test(test_thread),
		cmocka_unit_test(test_pidfds_of_threads),
		cmocka_unit_test(test_descriptors_that_are_none),
		cmocka_unit_test(test_name_behind_a_pidfd),
		cmocka_unit_test(test_numbers_of_namespaces),
		cmocka_unit_test(test_group_paths),
		cmocka_unit_test(test_whose_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
