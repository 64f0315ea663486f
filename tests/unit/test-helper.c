/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The helper thread: when it says ready, what it tells the service manager, signals, statistics on
 * standard output, and that nobody can make it wait. The scheduler is a fake; the thread, its
 * signals, the notification socket and the statistics socket are real.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/protocol.h"
#include "scheduler/helper.h"

/* ---- The fake scheduler --------------------------------------------------------------------- */

enum fake_name {
	NAME_NONE,
	NAME_OTHER,
	NAME_OURS,
};

struct rl {
	_Atomic int state, name;
	_Atomic bool stopped, exited;
	_Atomic uint64_t asked, queued, late, rounds;
	_Atomic bool works; /* comes round: once for each look */
};

static struct rl fake;

int rl_kernel_state(char *ops_name, size_t ops_name_len)
{
	static const char *const names[] = {"", "lavd_1.0", "rustland_0.1.0"};

	snprintf(ops_name, ops_name_len, "%s", names[fake.name]);
	return fake.state;
}

int rl_stats(struct rl *rl, struct rl_stats *ret)
{
	assert_ptr_equal(rl, &fake);
	if (rl->works) {
		rl->asked++;
		rl->rounds++;
	}
	ret->nr_cpus = 8;
	ret->nr_asked = rl->asked;
	ret->nr_queued = rl->queued;
	ret->nr_late = rl->late;
	ret->nr_rounds = rl->rounds;
	ret->nr_user_dispatches = rl->asked * 100;
	return 0;
}

void rl_stop(struct rl *rl)
{
	rl->stopped = true;
}

bool rl_exited(const struct rl *rl)
{
	return rl->exited;
}

/* ---- Around the helper ---------------------------------------------------------------------- */

static struct helper helper;
static struct options options;
static char dir[64], stats_path[108];
static int notify_fd, output_fd;
static char all_told[16384]; /* every notification so far, each ended by "|" */

/* What the service manager was told within that time is added to all_told. */
static void listen_for(int ms)
{
	struct pollfd p = {.fd = notify_fd, .events = POLLIN};
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (;;) {
		size_t len = strlen(all_told);
		int left;
		ssize_t n;

		clock_gettime(CLOCK_MONOTONIC, &now);
		left = ms - (int)((now.tv_sec - start.tv_sec) * 1000 +
				  (now.tv_nsec - start.tv_nsec) / 1000000);
		if (left <= 0 || poll(&p, 1, left) <= 0)
			return;
		n = recv(notify_fd, all_told + len, sizeof(all_told) - len - 2, 0);
		assert_true(n > 0);
		strcpy(all_told + len + n, "|");
	}
}

static bool told(const char *text)
{
	return strstr(all_told, text);
}

/* Waits up to five seconds for it. */
static void check_told(const char *text)
{
	for (int i = 0; i < 250 && !told(text); i++)
		listen_for(20);
	if (!told(text))
		fail_msg("'%s' was not told, but: %s", text, all_told);
}

static bool eventually(_Atomic bool *what)
{
	for (int i = 0; i < 250 && !*what; i++)
		usleep(20000);
	return *what;
}

static void set_up(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fds[2], saved;

	(void)state;
	strcpy(dir, "/tmp/test-helper-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", dir);
	snprintf(stats_path, sizeof(stats_path), "%s/root/stats", dir);
	notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(notify_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	memset(all_told, 0, sizeof(all_told));
	memset(&fake, 0, sizeof(fake));
	fake.state = RL_KERNEL_DISABLED;
	fake.works = true;

	/* Standard output is a pipe for as long as the helper looks at it. */
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	output_fd = fds[0];
	saved = dup(STDOUT_FILENO);
	fflush(stdout);
	dup2(fds[1], STDOUT_FILENO);
	close(fds[1]);
	assert_int_equal(helper_start(&helper, &fake, &options, "rustland", stats_path), 0);
	dup2(saved, STDOUT_FILENO);
	close(saved);
}

static void clean_up(void)
{
	char command[128];

	options = (struct options){.slice_us = 20000, .slice_min_us = 1000};
	unsetenv("WATCHDOG_USEC");
	close(notify_fd);
	close(output_fd);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

static void stop(bool restarting)
{
	helper_stop(&helper, restarting);
	listen_for(50);
	assert_int_equal(access(stats_path, F_OK), -1);
}

static void make_ready(void)
{
	fake.state = RL_KERNEL_ENABLED;
	fake.name = NAME_OURS;
	helper_attached(&helper);
	check_told(NOTIFY_READY);
}

/* ---- Ready ---------------------------------------------------------------------------------- */

static void test_ready(void **state)
{
	struct stat st;

	set_up(state);
	/* Not before it is attached, whatever the kernel runs. */
	fake.state = RL_KERNEL_ENABLED;
	fake.name = NAME_OURS;
	listen_for(100);
	assert_false(told("READY"));
	/* Not while the kernel is only on its way, or runs another one. */
	fake.state = RL_KERNEL_ENABLING;
	helper_attached(&helper);
	listen_for(100);
	fake.name = NAME_OTHER;
	fake.state = RL_KERNEL_ENABLED;
	listen_for(100);
	fake.name = NAME_NONE;
	listen_for(100);
	fake.name = NAME_OURS;
	fake.state = RL_KERNEL_DISABLED;
	listen_for(100);
	assert_string_equal(all_told, "");
	/* The socket is there before. */
	assert_int_equal(stat(stats_path, &st), 0);
	fake.state = RL_KERNEL_ENABLED;
	check_told(NOTIFY_READY "\n" NOTIFY_STATUS
				"scheduling all tasks on 8 CPUs with the policy rustland|");
	assert_false(fake.stopped);
	stop(false);
	assert_true(told(NOTIFY_STOPPING "|"));
	assert_false(helper_stop_requested(&helper));
	assert_false(helper_failed(&helper));
	clean_up();
}

static void test_never_ready(void **state)
{
	set_up(state);
	fake.state = RL_KERNEL_ENABLED;
	fake.name = NAME_OTHER;
	helper_attached(&helper);
	listen_for(4000);
	assert_false(fake.stopped);
	assert_true(eventually(&fake.stopped));
	stop(false);
	assert_true(helper_failed(&helper));
	assert_false(told("READY"));
	clean_up();
}

/* Restarting is not stopping: systemd would take the unit down. */
static void test_restart(void **state)
{
	set_up(state);
	make_ready();
	fake.exited = true;
	stop(true);
	assert_false(told("STOPPING"));
	assert_true(told(NOTIFY_STATUS "starting again"));
	clean_up();
}

static void test_never_attached(void **state)
{
	char root[80];

	set_up(state);
	stop(false);
	assert_false(told("READY"));
	snprintf(root, sizeof(root), "%s/root", dir);
	assert_int_equal(access(root, F_OK), -1);
	clean_up();
}

/* ---- Signals -------------------------------------------------------------------------------- */

static void check_signal(void **state, int signal_nr, bool stops)
{
	set_up(state);
	make_ready();
	kill(getpid(), signal_nr);
	if (stops) {
		assert_true(eventually(&fake.stopped));
		assert_true(helper_stop_requested(&helper));
		check_told(NOTIFY_STOPPING);
		assert_int_equal(access(stats_path, F_OK), -1);
		kill(getpid(), signal_nr); /* once more changes nothing */
		listen_for(50);
	} else {
		listen_for(100);
		assert_false(fake.stopped);
		assert_false(helper_stop_requested(&helper));
	}
	stop(false);
	/* Said once, whoever began. */
	assert_null(strstr(strstr(all_told, NOTIFY_STOPPING) + 1, NOTIFY_STOPPING));
	clean_up();
}

static void test_signals(void **state)
{
	/* Whoever runs the tests may have it ignored, as nohup does. */
	signal(SIGHUP, SIG_DFL);
	check_signal(state, SIGTERM, true);
	check_signal(state, SIGINT, true);
	check_signal(state, SIGQUIT, true);
	check_signal(state, SIGHUP, true);
	check_signal(state, SIGPIPE, false);
	check_signal(state, SIGTSTP, false);
	check_signal(state, SIGUSR1, false);
	signal(SIGHUP, SIG_IGN);
	check_signal(state, SIGHUP, false);
	signal(SIGHUP, SIG_DFL);
}

/* Before it is attached a signal counts, too, and it never becomes ready then. */
static void test_early_signal(void **state)
{
	set_up(state);
	kill(getpid(), SIGTERM);
	assert_true(eventually(&fake.stopped));
	fake.state = RL_KERNEL_ENABLED;
	fake.name = NAME_OURS;
	helper_attached(&helper);
	listen_for(100);
	assert_false(told("READY"));
	stop(false);
	clean_up();
}

/* ---- Watchdog and status -------------------------------------------------------------------- */

static void test_watchdog(void **state)
{
	setenv("WATCHDOG_USEC", "400000", 1);
	set_up(state);
	listen_for(300);
	assert_false(told("WATCHDOG"));
	make_ready();
	/* It works. */
	check_told(NOTIFY_WATCHDOG "|");
	/* It waits: nothing is queued. */
	fake.works = false;
	listen_for(300);
	all_told[0] = 0;
	listen_for(300);
	assert_true(told(NOTIFY_WATCHDOG "|"));
	/* It hangs, and nobody notices, because nothing is queued. */
	listen_for(1600);
	all_told[0] = 0;
	listen_for(400);
	assert_false(told("WATCHDOG"));
	fake.works = true;
	check_told(NOTIFY_WATCHDOG "|");
	fake.works = false;
	/* It hangs: something is queued and nothing is taken. */
	fake.asked++;
	fake.queued = 1;
	listen_for(300);
	all_told[0] = 0;
	fake.asked += 5; /* more and more is queued */
	fake.queued += 5;
	listen_for(600);
	assert_false(told("WATCHDOG"));
	/* It goes on. */
	fake.works = true;
	check_told(NOTIFY_WATCHDOG "|");
	/* It is over. */
	fake.exited = true;
	listen_for(300);
	all_told[0] = 0;
	listen_for(400);
	assert_false(told("WATCHDOG"));
	stop(false);
	clean_up();
}

static void test_degraded(void **state)
{
	setenv("WATCHDOG_USEC", "200000", 1);
	set_up(state);
	make_ready();
	all_told[0] = 0;
	listen_for(200);
	assert_false(told("STATUS"));
	fake.late = 3;
	check_told(NOTIFY_DEGRADED);
	check_told("|" NOTIFY_STATUS "scheduling all tasks");
	stop(false);
	clean_up();
}

/* The manager's queue is full, as when it hangs: the helper goes on, and says what counts later. */
static void fill_notify_queue(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", dir);
	while (sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)) == 1)
		;
	assert_int_equal(errno, EAGAIN);
	close(fd);
}

static void test_blocked_manager(void **state)
{
	setenv("WATCHDOG_USEC", "200000", 1);
	set_up(state);
	fill_notify_queue();
	fake.state = RL_KERNEL_ENABLED;
	fake.name = NAME_OURS;
	helper_attached(&helper);
	usleep(200000);
	check_told(NOTIFY_READY);
	fill_notify_queue();
	fake.late = 1;
	usleep(200000);
	kill(getpid(), SIGTERM);
	assert_true(eventually(&fake.stopped));
	stop(false);
	clean_up();
}

/* The variables were meant for another process; or there is no manager at all. */
static void test_no_watchdog(void **state)
{
	setenv("WATCHDOG_USEC", "200000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	set_up(state);
	make_ready();
	listen_for(300);
	assert_false(told("WATCHDOG"));
	stop(false);
	clean_up();
	unsetenv("WATCHDOG_PID");
}

/* ---- Statistics ----------------------------------------------------------------------------- */

/* The next line that the helper prints. */
static const char *next_line(void)
{
	static char line[STATS_TEXT_MAX];
	struct pollfd p = {.fd = output_fd, .events = POLLIN};
	size_t len = 0;

	while (len < sizeof(line) - 1) {
		assert_true(poll(&p, 1, 5000) > 0);
		assert_int_equal(read(output_fd, line + len, 1), 1);
		if (line[len++] == '\n')
			break;
	}
	line[len] = 0;
	return line;
}

static void test_stats(void **state)
{
	options.interval_ms = 100;
	set_up(state);
	make_ready();
	assert_non_null(strstr(next_line(), "[RustLand] tasks -> r:  0/8  w: 0 /0  | pf: 0     | "
					    "dispatch -> u: 100   k: 0 "));
	/* Differences: one more request for each look. */
	assert_non_null(strstr(next_line(), " u: 100   k: 0 "));
	assert_non_null(strstr(next_line(), " u: 100   k: 0 "));
	stop(false);
	clean_up();
}

static void test_stats_json(void **state)
{
	options.interval_ms = 100;
	options.json = true;
	set_up(state);
	make_ready();
	assert_int_equal(strncmp(next_line(), "{\"nr_cpus\":8,", 13), 0);
	stop(false);
	clean_up();
}

/* Nobody reads: the helper answers signals and the socket all the same. */
static void test_blocked_output(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	static const char request[] = "{\"req\":\"stats\"}\n";
	int fd, size;
	char c;

	options.interval_ms = 1; /* below what the command line allows, to fill the pipe soon */
	set_up(state);
	size = fcntl(output_fd, F_SETPIPE_SZ, 4096);
	make_ready();
	for (int i = 0, filled = 0; i < 500 && filled < size - 256; i++) {
		usleep(20000);
		assert_int_equal(ioctl(output_fd, FIONREAD, &filled), 0);
	}
	usleep(100000);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(address.sun_path, stats_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(send(fd, request, sizeof(request) - 1, 0), sizeof(request) - 1);
	assert_int_equal(recv(fd, &c, 1, 0), 1);
	close(fd);
	kill(getpid(), SIGTERM);
	assert_true(eventually(&fake.stopped));
	stop(false);
	clean_up();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ready),		cmocka_unit_test(test_never_ready),
		cmocka_unit_test(test_restart),		cmocka_unit_test(test_never_attached),
		cmocka_unit_test(test_signals),		cmocka_unit_test(test_early_signal),
		cmocka_unit_test(test_watchdog),	cmocka_unit_test(test_degraded),
		cmocka_unit_test(test_blocked_manager), cmocka_unit_test(test_no_watchdog),
		cmocka_unit_test(test_stats),		cmocka_unit_test(test_stats_json),
		cmocka_unit_test(test_blocked_output),
	};

	struct sigevent killer = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	struct itimerspec limit = {.it_value.tv_sec = 120};
	timer_t timer;

	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	options = (struct options){.slice_us = 20000, .slice_min_us = 1000};
	helper_block_signals();
	/* What waits here waits for ever, and takes no other signal. */
	assert(timer_create(CLOCK_MONOTONIC, &killer, &timer) == 0);
	assert(timer_settime(timer, 0, &limit, NULL) == 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
