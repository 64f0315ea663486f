/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The service without a free descriptor, with a file that cannot be written, or a service manager that does
 * not read: what it is asked about is not taken for gone, and what it has to write and to say is written
 * and said.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "daemon/boost/boost.h"
#include "daemon/sd-notify.h"
#include "daemon/shortage.h"
#include "daemon/boost/store.h"
#include "daemon/boost/trees.h"

struct fixture {
	char *dir, *file;
	struct rlimit limit;
};

static int set_up(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);

	f->dir = g_dir_make_tmp("test-shortage-XXXXXX", NULL);
	f->file = g_build_filename(f->dir, "boosts", NULL);
	*state = f;
	/* It has descriptors of its own, and the service has it from its beginning. */
	g_main_context_iteration(NULL, FALSE);
	return getrlimit(RLIMIT_NOFILE, &f->limit);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	setrlimit(RLIMIT_NOFILE, &f->limit);
	give_spare_descriptors();
	g_remove(f->file);
	g_rmdir(f->dir);
	g_free(f->file);
	g_free(f->dir);
	g_free(f);
	return 0;
}

static void set_limit(const struct fixture *f, int nr)
{
	const struct rlimit limit = {.rlim_cur = (rlim_t)nr, .rlim_max = f->limit.rlim_max};

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* All that are free are above the limit. */
static void exhaust(const struct fixture *f)
{
	int next = dup(STDERR_FILENO);

	close(next);
	set_limit(f, next);
	assert_int_equal(open("/", O_RDONLY), -1);
	assert_int_equal(errno, EMFILE);
}

static void recover(const struct fixture *f)
{
	set_limit(f, (int)f->limit.rlim_cur);
}

static void assert_short(GError **error)
{
	if (!g_error_matches(*error, G_DBUS_ERROR, G_DBUS_ERROR_LIMITS_EXCEEDED))
		fail_msg("%s", *error ? (*error)->message : "no error");
	assert_non_null(strstr((*error)->message, "try again"));
	g_clear_error(error);
}

static void test_process(void **state)
{
	struct fixture *f = *state;
	GError *error = NULL;
	int pidfd = pidfd_open(getpid(), 0);
	struct process *process;

	exhaust(f);
	assert_null(process_pin((uint32_t)getpid(), &error));
	assert_short(&error);
	assert_null(process_pin_fd(pidfd, &error));
	assert_short(&error);
	/* One for the pidfd, none for what is read about it. */
	set_limit(f, pidfd + 2);
	assert_null(process_pin((uint32_t)getpid(), &error));
	assert_short(&error);
	recover(f);
	process = process_pin((uint32_t)getpid(), &error);
	assert_non_null(process);
	/* poll() fails as well. */
	set_limit(f, 0);
	assert_true(process_alive(process));
	recover(f);
	process_free(process);
	close(pidfd);
}

static void test_group(void **state)
{
	struct fixture *f = *state;
	struct cgroup unreadable = {.events_fd = open("/", O_RDONLY | O_DIRECTORY)};
	g_autofree char *path = cgroup_path_of(getpid());
	GError *error = NULL;

	assert_false(cgroup_is_empty(&unreadable));
	close(unreadable.events_fd);
	exhaust(f);
	errno = 0;
	assert_null(cgroup_path_of(getpid()));
	assert_int_equal(errno, EMFILE);
	assert_null(cgroup_open("/some.slice", &error));
	/* Where version 2 is not mounted, that is what is said. */
	if (path && *path && access("/sys/fs/cgroup/cgroup.procs", F_OK) == 0)
		assert_short(&error);
	g_clear_error(&error);
}

/* Of a tree whose root has ended: nobody is struck off the record because there is no descriptor. */
static void test_tree(void **state)
{
	struct fixture *f = *state;
	g_autofree char *path = g_build_filename(f->dir, "classes", NULL);
	g_autofree char *record = g_strconcat(path, "-members", NULL);
	struct rl_target root = {.sz = sizeof(root), .scope = RL_SCOPE_TREE, .tgid = 4194305};
	struct process *self = process_pin((uint32_t)getpid(), NULL), *found;
	struct classes *classes = classes_new_fake(path);
	g_autofree char *line = NULL;
	gboolean again = FALSE;

	assert_non_null(self);
	line = g_strdup_printf("%d %" PRIu64 " %d 0\n", self->pid, self->start_ticks, root.tgid);
	assert_true(g_file_set_contents(record, line, -1, NULL));
	/* One for the record, none for what is read about who is in it. */
	set_limit(f, self->pidfd + 2);
	assert_null(trees_find_living(classes, &root, &again));
	assert_true(again);
	recover(f);
	found = trees_find_living(classes, &root, &again);
	assert_non_null(found);
	assert_int_equal(found->pid, getpid());
	process_free(found);
	process_free(self);
	classes_free(classes);
	g_remove(record);
}

/* ---- What has to be written ----------------------------------------------------------------- */

static struct boost *new_boost(void)
{
	struct boost *boost = boost_new();

	boost->cookie = 4711;
	boost->pid = 1;
	return boost;
}

static void save(struct store *store)
{
	g_autoptr(GPtrArray) boosts = g_ptr_array_new_with_free_func((GDestroyNotify)boost_free);

	g_ptr_array_add(boosts, new_boost());
	store_save(store, boosts);
}

static gboolean is_saved(const struct fixture *f)
{
	g_autofree char *text = NULL;

	return g_file_get_contents(f->file, &text, NULL, NULL) && strstr(text, "[boost-4711]");
}

static gboolean on_tired(gpointer tired)
{
	*(gboolean *)tired = TRUE;
	return G_SOURCE_REMOVE;
}

static void wait_until_saved(const struct fixture *f)
{
	gboolean tired = FALSE;
	guint timer = g_timeout_add_seconds(60, on_tired, &tired);

	while (!is_saved(f) && !tired)
		g_main_context_iteration(NULL, TRUE);
	assert_false(tired);
	g_source_remove(timer);
}

static void test_store_with_spare(void **state)
{
	struct fixture *f = *state;
	struct store *store = store_new(f->dir, NULL);

	keep_spare_descriptors();
	exhaust(f);
	save(store);
	recover(f);
	assert_true(is_saved(f));
	store_free(store);
}

/* What could not be written is written when it can be. */
static void test_store_later(void **state)
{
	struct fixture *f = *state;
	struct store *store = store_new(f->dir, NULL);

	exhaust(f);
	save(store);
	recover(f);
	assert_false(is_saved(f));
	wait_until_saved(f);
	/* Something else is in the way; as a full file system, it shows when the file is to be replaced. */
	g_remove(f->file);
	assert_int_equal(g_mkdir(f->file, 0700), 0);
	save(store);
	assert_false(is_saved(f));
	g_rmdir(f->file);
	wait_until_saved(f);
	store_free(store);
}

/* What systemd reads from. */
static int make_manager(const struct fixture *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	g_strlcpy(address.sun_path, f->file, sizeof(address.sun_path));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	g_setenv("NOTIFY_SOCKET", f->file, TRUE);
	return fd;
}

static void test_signs_of_life(void **state)
{
	struct fixture *f = *state;
	int fd = make_manager(f);
	char text[64] = "";

	keep_spare_descriptors();
	exhaust(f);
	for (int i = 0; i < 3; i++) {
		assert_true(notify_manager("WATCHDOG=1", -1, NULL));
		assert_int_equal(recv(fd, text, sizeof(text), 0), strlen("WATCHDOG=1"));
	}
	recover(f);
	g_unsetenv("NOTIFY_SOCKET");
	close(fd);
}

/* The number in a message, and whether a descriptor came with it; -1: there is none yet. */
static int receive(int manager, bool *ret_with_fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char text[64] = "";
	struct iovec part = {text, sizeof(text) - 1};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	const struct cmsghdr *head;
	int fd;

	if (recvmsg(manager, &message, MSG_CMSG_CLOEXEC) < 0)
		return -1;
	head = CMSG_FIRSTHDR(&message);
	*ret_with_fd = head && head->cmsg_type == SCM_RIGHTS;
	if (*ret_with_fd) {
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
		close(fd);
	}
	return atoi(text);
}

/* Nobody waits for a manager that does not read; what it does not read yet reaches it in order. */
static void test_manager_that_does_not_read(void **state)
{
	struct fixture *f = *state;
	int manager = make_manager(f), received = 0;
	g_autoptr(GError) error = NULL;
	char text[16];
	bool with_fd;

	alarm(60);
	/* More than any system lets wait in a socket. */
	for (int i = 0; i < NOTIFY_WAITING_MAX; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_true(notify_manager(text, i % 2 ? STDERR_FILENO : -1, NULL));
	}
	while (received < NOTIFY_WAITING_MAX) {
		int number = receive(manager, &with_fd);

		if (number >= 0) {
			assert_int_equal(number, received++);
			assert_int_equal(with_fd, number % 2);
		} else {
			g_main_context_iteration(NULL, TRUE);
		}
	}
	/* What it will not hear of is told; and it has a new socket when it is started again. */
	for (int i = 0; i < 2 * NOTIFY_WAITING_MAX && notify_manager("1", -1, &error); i++)
		;
	assert_non_null(error);
	close(manager);
	while (g_main_context_iteration(NULL, FALSE))
		;
	g_remove(f->file);
	manager = make_manager(f);
	assert_true(notify_manager("4711", -1, NULL));
	while (receive(manager, &with_fd) != 4711)
		g_main_context_iteration(NULL, FALSE);
	alarm(0);
	g_unsetenv("NOTIFY_SOCKET");
	close(manager);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_process),
		TEST(test_group),
		TEST(test_tree),
		TEST(test_store_with_spare),
		TEST(test_store_later),
		TEST(test_signs_of_life),
		TEST(test_manager_that_does_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
