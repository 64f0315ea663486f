/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The supervisor with real processes, sockets and pipes around it. The kernel is a directory, and
 * the scheduler is this program itself, which does what the name of its policy says. Nothing here
 * depends on how long something takes; every wait has a bound so that a defect cannot hang it.
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "common/protocol.h"
#include "common/sched-ext.h"
#include "daemon/supervise/supervisor.h"

#define PATIENCE_S 60

/* ---- The fake scheduler, in a process of its own -------------------------------------------- */

static void fake_kernel(const char *dir, const char *state, const char *ops)
{
	g_autofree char *root = g_build_filename(dir, "root", NULL);
	g_autofree char *ops_path = g_build_filename(root, "ops", NULL);
	g_autofree char *state_path = g_build_filename(dir, "state", NULL);

	g_mkdir(root, 0755);
	if (*ops)
		g_file_set_contents(ops_path, ops, -1, NULL);
	else
		g_remove(ops_path);
	g_file_set_contents(state_path, state, -1, NULL);
}

static void notify(const char *text)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	g_strlcpy(address.sun_path, g_getenv("NOTIFY_SOCKET"), sizeof(address.sun_path));
	sendto(fd, text, strlen(text), 0, (struct sockaddr *)&address, sizeof(address));
	close(fd);
}

/* Answers one question after the other: 7 more decisions each time, 3 tasks running. */
static void serve_stats(const char *dir)
{
	g_autofree char *path = g_build_filename(dir, "stats", NULL);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int server = socket(AF_UNIX, SOCK_STREAM, 0), fd;
	char question[256];

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	unlink(path);
	bind(server, (struct sockaddr *)&address, sizeof(address));
	listen(server, 5);
	notify(NOTIFY_READY "\n" NOTIFY_STATUS "ready");
	while ((fd = accept(server, NULL, NULL)) >= 0) {
		while (read(fd, question, sizeof(question)) > 0) {
			static const char answer[] =
				"{\"errno\":0,\"args\":{\"resp\":{\"nr_running\":3,"
				"\"nr_user_dispatches\":7,\"name\":\"x\"}}}\n";

			if (write(fd, answer, strlen(answer)) < 0)
				break;
		}
		close(fd);
	}
}

static char *fake_dir;

static void on_term(int sig)
{
	(void)sig;
	fake_kernel(fake_dir, "disabled", "");
	_exit(SCHEDULER_EXIT_STOPPED);
}

/* argv is that of scx_rustland: --policy NAME ... */
static int fake_scheduler(char **argv)
{
	const char *policy = argv[2];

	fake_dir = (char *)g_getenv("FAKE_KERNEL");
	signal(SIGTERM, on_term);
	if (strcmp(policy, "usage") == 0) {
		fprintf(stderr, "<3>there is no policy usage\n");
		return SCHEDULER_EXIT_USAGE;
	}
	if (strcmp(policy, "eject") == 0) {
		fprintf(stderr, "<6>good morning\n<3>the kernel has ended the scheduler: stall\n"
				"the dump\n");
		return SCHEDULER_EXIT_EJECTED;
	}
	fake_kernel(fake_dir, "enabled", "rustland_fake\n");
	if (strcmp(policy, "stats") == 0)
		serve_stats(fake_dir);
	notify(NOTIFY_READY "\n" NOTIFY_STATUS "ready");
	if (strcmp(policy, "late") == 0)
		notify(NOTIFY_DEGRADED ": the policy answers too late");
	for (;;) {
		notify(NOTIFY_WATCHDOG);
		g_usleep(200000);
	}
}

/* ---- Around the supervisor ------------------------------------------------------------------ */

struct fixture {
	char *dir, *stats_path;
	struct config_paths paths;
	const char *dirs[2];
	struct config *config;
	struct kernel *kernel;
	struct supervisor *supervisor;
	unsigned int nr_changes;
	bool tired; /* waited for too long */
};

static void on_changed(gpointer userdata)
{
	struct fixture *f = userdata;

	f->nr_changes++;
}

static void configure(struct fixture *f, const char *contents)
{
	g_autofree char *path = g_build_filename(f->dir, "rustland.conf", NULL);

	assert_true(g_file_set_contents(path, contents, -1, NULL));
	config_free(f->config);
	f->config = config_load(&f->paths, NULL, NULL);
	assert_non_null(f->config);
	if (f->supervisor)
		supervisor_configure(f->supervisor, f->config, NULL);
}

static void begin(struct fixture *f, const char *scheduler, const char *contents)
{
	const struct supervisor_options options = {
		.scheduler = scheduler,
		.runtime_dir = f->dir,
		.stats_path = f->stats_path,
		.class_fds = {-1, -1, -1},
	};

	configure(f, contents);
	f->kernel = kernel_new(f->dir, NULL);
	f->supervisor = supervisor_new(f->kernel, &options, f->config, on_changed, f, NULL);
	assert_non_null(f->supervisor);
	supervisor_start(f->supervisor);
}

static gboolean on_tired(gpointer userdata)
{
	struct fixture *f = userdata;

	f->tired = true;
	return G_SOURCE_REMOVE;
}

static void wait_for_state(struct fixture *f, const char *state)
{
	guint timer = g_timeout_add_seconds(PATIENCE_S, on_tired, f);

	while (strcmp(supervisor_status(f->supervisor)->state, state) != 0 && !f->tired)
		g_main_context_iteration(NULL, TRUE);
	assert_string_equal(supervisor_status(f->supervisor)->state, state);
	g_source_remove(timer);
}

/* The scheduler is a child of this process; there is no other. */
static pid_t scheduler_pid(void)
{
	g_autofree char *path = g_strdup_printf("/proc/self/task/%d/children", (int)getpid());
	g_autofree char *text = NULL;

	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	return atoi(text);
}

static int setup(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);

	f->dir = g_dir_make_tmp("test-supervisor-XXXXXX", NULL);
	assert_non_null(f->dir);
	f->stats_path = g_build_filename(f->dir, "stats", NULL);
	f->dirs[0] = f->dir;
	f->paths.dirs = f->dirs;
	fake_kernel(f->dir, "disabled", "");
	g_setenv("FAKE_KERNEL", f->dir, TRUE);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"root/ops", "root",		 "state",
					    "stats",	"rustland.conf", ""};
	struct fixture *f = *state;
	guint timer = g_timeout_add_seconds(PATIENCE_S, on_tired, f);

	supervisor_stop(f->supervisor);
	while (!supervisor_stopped(f->supervisor) && !f->tired)
		g_main_context_iteration(NULL, TRUE);
	assert_true(supervisor_stopped(f->supervisor));
	g_source_remove(timer);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	supervisor_free(f->supervisor);
	kernel_free(f->kernel);
	config_free(f->config);
	/* What was cancelled still has to come back. */
	while (g_main_context_iteration(NULL, FALSE))
		;
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(f->dir, names[i], NULL);

		g_remove(path);
	}
	assert_false(g_file_test(f->dir, G_FILE_TEST_EXISTS));
	g_free(f->dir);
	g_free(f->stats_path);
	g_free(f);
	return 0;
}

static char *self; /* the path of this program */

/* ---- Tests ---------------------------------------------------------------------------------- */

static void test_runs(void **state)
{
	struct fixture *f = *state;

	begin(f, self, "");
	wait_for_state(f, "active");
	assert_string_equal(supervisor_status(f->supervisor)->scheduler, "rustland_fake");
	assert_string_equal(supervisor_status(f->supervisor)->policy, "rustland");
	assert_string_equal(supervisor_status(f->supervisor)->exit_reason, "");
	assert_true(supervisor_healthy(f->supervisor));
	assert_true(f->nr_changes > 0);
}

static void test_killed(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	begin(f, self, "");
	wait_for_state(f, "active");
	pid = scheduler_pid();
	fake_kernel(f->dir, "disabled", ""); /* as the kernel does */
	assert_int_equal(kill(pid, SIGKILL), 0);
	wait_for_state(f, "starting");
	wait_for_state(f, "active");
	assert_true(scheduler_pid() != pid);
	assert_non_null(strstr(supervisor_status(f->supervisor)->exit_reason, "signal 9"));
}

static void test_gives_up(void **state)
{
	struct fixture *f = *state;

	begin(f, self, "[Restart]\nLimit=2\nDelayMSec=1\n[Scheduler]\nPolicy=eject\n");
	wait_for_state(f, "failed");
	assert_string_equal(supervisor_status(f->supervisor)->exit_reason,
			    "the kernel has ended the scheduler: stall");
	configure(f, "[Scheduler]\nPolicy=usage\n");
	wait_for_state(f, "starting");
	wait_for_state(f, "failed");
	assert_string_equal(supervisor_status(f->supervisor)->exit_reason,
			    "there is no policy usage");
	configure(f, "");
	wait_for_state(f, "active");
}

static void test_no_such_program(void **state)
{
	struct fixture *f = *state;

	begin(f, "/nowhere/scx_rustland", "[Restart]\nLimit=1\nDelayMSec=1\n");
	wait_for_state(f, "failed");
	assert_non_null(strstr(supervisor_status(f->supervisor)->exit_reason, "/nowhere/"));
}

static void test_inhibited(void **state)
{
	struct fixture *f = *state;

	fake_kernel(f->dir, "enabled", "lavd_1\n");
	begin(f, self, "");
	wait_for_state(f, "inhibited");
	assert_string_equal(supervisor_status(f->supervisor)->scheduler, "lavd_1");
	fake_kernel(f->dir, "disabled", "");
	wait_for_state(f, "active");
	assert_string_equal(supervisor_status(f->supervisor)->scheduler, "rustland_fake");
}

static void test_new_arguments(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	begin(f, self, "");
	wait_for_state(f, "active");
	pid = scheduler_pid();
	configure(f, "[Boosts]\nMaxPerUser=3\n");
	assert_string_equal(supervisor_status(f->supervisor)->state, "active");
	assert_int_equal(scheduler_pid(), pid);
	configure(f, "[Scheduler]\nSliceUSec=5000\n");
	wait_for_state(f, "starting");
	wait_for_state(f, "active");
	assert_true(scheduler_pid() != pid);
	assert_string_equal(supervisor_status(f->supervisor)->exit_reason, "");
}

static void test_degraded(void **state)
{
	struct fixture *f = *state;

	begin(f, self, "[Scheduler]\nPolicy=late\n");
	wait_for_state(f, "degraded");
}

/* Somebody else writes to our socket: it is not believed. */
static void test_notifications_of_others(void **state)
{
	struct fixture *f = *state;
	g_autofree char *path = g_build_filename(f->dir, "notify", NULL);

	begin(f, self, "");
	wait_for_state(f, "active");
	g_setenv("NOTIFY_SOCKET", path, TRUE);
	notify(NOTIFY_DEGRADED ": not really");
	g_unsetenv("NOTIFY_SOCKET");
	for (int i = 0; i < 100; i++)
		g_main_context_iteration(NULL, FALSE);
	assert_string_equal(supervisor_status(f->supervisor)->state, "active");
}

struct answer {
	GVariant *stats;
	GError *error;
	bool done;
};

static void on_statistics(GObject *source, GAsyncResult *result, gpointer userdata)
{
	struct answer *answer = userdata;

	(void)source;
	answer->stats = supervisor_statistics_finish(NULL, result, &answer->error);
	answer->done = true;
}

static guint64 ask(struct fixture *f, const char *name)
{
	guint timer = g_timeout_add_seconds(PATIENCE_S, on_tired, f);
	struct answer answer = {0};
	guint64 value = 0;

	supervisor_statistics(f->supervisor, NULL, on_statistics, &answer);
	while (!answer.done && !f->tired)
		g_main_context_iteration(NULL, TRUE);
	assert_true(answer.done);
	g_source_remove(timer);
	assert_non_null(answer.stats);
	assert_true(g_variant_lookup(answer.stats, name, "t", &value));
	assert_false(g_variant_lookup(answer.stats, "name", "t", &value));
	g_variant_unref(answer.stats);
	return value;
}

static void test_statistics(void **state)
{
	struct fixture *f = *state;
	struct answer answer = {0};
	guint64 first;

	begin(f, self, "[Scheduler]\nPolicy=stats\n");
	supervisor_statistics(f->supervisor, NULL, on_statistics, &answer);
	while (!answer.done)
		g_main_context_iteration(NULL, TRUE);
	assert_true(g_error_matches(answer.error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED));
	g_error_free(answer.error);
	wait_for_state(f, "active");
	/* The counter grows, whoever asks; the gauge stays. */
	first = ask(f, "nr_user_dispatches");
	assert_true(first >= 7);
	assert_true(ask(f, "nr_user_dispatches") > first);
	assert_int_equal(ask(f, "nr_running"), 3);
}

/* No descriptor is left for this process, until the limit is put back. */
static struct rlimit exhaust_descriptors(void)
{
	struct rlimit old, none;
	int next = dup(STDERR_FILENO);

	assert_true(next >= 0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(open("/", O_RDONLY), -1);
	return old;
}

static void assert_still_active(struct fixture *f)
{
	const struct supervisor_status *status = supervisor_status(f->supervisor);

	assert_int_equal(kernel_state(f->kernel), RL_KERNEL_ENABLED);
	assert_string_equal(status->state, "active");
	assert_string_equal(status->scheduler, "rustland_fake");
}

/* What cannot be read now is not taken for a kernel without sched_ext, or without a scheduler. */
static void test_unreadable_kernel(void **state)
{
	struct fixture *f = *state;
	g_autofree char *state_path = g_build_filename(f->dir, "state", NULL);
	g_autofree char *ops_path = g_build_filename(f->dir, "root", "ops", NULL);
	char ops[64];
	struct rlimit old;
	int err;

	begin(f, self, "");
	wait_for_state(f, "active");
	old = exhaust_descriptors();
	err = rl_kernel_state_at(f->dir, ops, sizeof(ops));
	kernel_refresh(f->kernel);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(err, -EMFILE);
	assert_still_active(f);
	/* A directory can be opened, and not read: first the name, then the state. */
	g_remove(ops_path);
	g_mkdir(ops_path, 0755);
	kernel_refresh(f->kernel);
	assert_still_active(f);
	g_remove(state_path);
	g_mkdir(state_path, 0755);
	kernel_refresh(f->kernel);
	assert_still_active(f);
	/* It is looked at again without being told. */
	g_rmdir(ops_path);
	g_rmdir(state_path);
	fake_kernel(f->dir, "enabled", "lavd_1\n");
	wait_for_state(f, "starting");
	assert_string_equal(supervisor_status(f->supervisor)->scheduler, "lavd_1");
}

/* That it cannot be started for want of descriptors is not counted among its failures. */
static void test_shortage(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, one;

	begin(f, self, "[Restart]\nLimit=1\nDelayMSec=1\n");
	wait_for_state(f, "active");
	old = exhaust_descriptors();
	/* One, which looking at the kernel takes; a pipe takes two. */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &one), 0);
	one.rlim_cur++;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &one), 0);
	kill(scheduler_pid(), SIGKILL);
	fake_kernel(f->dir, "disabled", "");
	while (!strstr(supervisor_status(f->supervisor)->exit_reason, "open files"))
		g_main_context_iteration(NULL, TRUE);
	assert_string_equal(supervisor_status(f->supervisor)->state, "starting");
	setrlimit(RLIMIT_NOFILE, &old);
	wait_for_state(f, "active");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_runs),       TEST(test_killed),
		TEST(test_gives_up),   TEST(test_no_such_program),
		TEST(test_inhibited),  TEST(test_new_arguments),
		TEST(test_degraded),   TEST(test_notifications_of_others),
		TEST(test_statistics), TEST(test_unreadable_kernel),
		TEST(test_shortage),
	};

	if (argc > 2)
		return fake_scheduler(argv);
	self = g_file_read_link("/proc/self/exe", NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
