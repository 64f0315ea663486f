/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registry of boosts: classes of targets, the foreground slot, and all the ways in which boosts
 * end. Processes are real, time is the test's own, and classes go into a file.
 */

#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "daemon/boost/boosts.h"
#include "daemon/conf.h"
#include "dbus/errors.h"
#include "daemon/boost/quota.h"
#include "daemon/boost/retries.h"
#include "daemon/shortage.h"
#include "daemon/boost/trees.h"

#define PLAYER 1000
#define OTHER  1001

struct fixture {
	char *dir, *classes_file;
	struct classes *classes;
	struct store *store;
	struct boosts *boosts;
	GString *events; /* "+ID" and "-ID WHY", each with a space; the ID is the reason */
};

/* ---- Around the registry -------------------------------------------------------------------- */

static void on_added(gpointer userdata, const struct boost *boost)
{
	struct fixture *f = userdata;

	g_string_append_printf(f->events, "+%s ", boost->reason);
}

static void on_removed(gpointer userdata, const struct boost *boost, enum boost_end end)
{
	struct fixture *f = userdata;

	g_string_append_printf(f->events, "-%s %s ", boost->reason, boost_end_name(end));
}

static void assert_events(struct fixture *f, const char *expected)
{
	assert_string_equal(f->events->str, expected);
	g_string_truncate(f->events, 0);
}

static void open_registry(struct fixture *f)
{
	static const struct boosts_listener listener = {on_added, on_removed};
	const struct config limits = {
		.max_boosts_per_user = 3, .max_changes = 5, .changes_window_s = 20};

	f->store = store_new(f->dir, NULL);
	f->boosts = boosts_new(f->classes, f->store);
	boosts_set_limits(f->boosts, &limits);
	boosts_start(f->boosts, &listener, f);
}

/* As when the service ends. */
static void close_registry(struct fixture *f)
{
	boosts_free(f->boosts);
	store_free(f->store);
}

static int set_up(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);

	g_unsetenv("NOTIFY_SOCKET");
	f->dir = g_dir_make_tmp("rustland-boosts-XXXXXX", NULL);
	f->classes_file = g_build_filename(f->dir, "classes", NULL);
	f->classes = classes_new_fake(f->classes_file);
	f->events = g_string_new(NULL);
	open_registry(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	g_autofree char *file = g_build_filename(f->dir, "boosts", NULL);
	g_autofree char *members = g_strconcat(f->classes_file, "-members", NULL);

	close_registry(f);
	g_unlink(members);
	classes_free(f->classes);
	g_unlink(f->classes_file);
	g_unlink(file);
	g_rmdir(f->dir);
	g_string_free(f->events, TRUE);
	g_free(f->classes_file);
	g_free(f->dir);
	g_free(f);
	return 0;
}

static pid_t start_child(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* name serves as the reason, by which events tell boosts apart. */
static struct boost *make(uid_t uid, pid_t pid, enum rl_scope scope, const char *name)
{
	struct boost *boost = boost_new();

	boost->target.scope = scope;
	boost->process = process_pin((uint32_t)pid, NULL);
	assert_non_null(boost->process);
	boost->uid = uid;
	g_free(boost->reason);
	boost->reason = g_strdup(name);
	return boost;
}

static uint32_t add(struct fixture *f, uid_t uid, pid_t pid, const char *name)
{
	uint32_t cookie = boosts_add(f->boosts, make(uid, pid, RL_SCOPE_TREE, name), NULL);

	assert_int_not_equal(cookie, 0);
	return cookie;
}

static void focus(struct fixture *f, uid_t uid, pid_t pid, const char *name)
{
	struct boost *boost = pid ? make(uid, pid, RL_SCOPE_TREE, name) : NULL;

	boosts_set_foreground(f->boosts, uid, boost, boosts_next_order(f->boosts));
}

/* What the scheduler was told last about a target, or NULL. */
static const char *class_of(struct fixture *f, const char *scope, pid_t pid)
{
	static char class[32];
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	const char *result = NULL;

	if (!g_file_get_contents(f->classes_file, &text, NULL, NULL))
		return NULL;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		char what[32], name[32];
		int id;

		if (sscanf(*line, "%31s %d %31s", what, &id, name) == 3 &&
		    strcmp(what, scope) == 0 && id == pid)
			result = strcpy(class, name);
	}
	return result;
}

static void assert_last_line(struct fixture *f, const char *format, int pid)
{
	g_autofree char *text = NULL, *expected = g_strdup_printf(format, pid);
	g_auto(GStrv) lines = NULL;

	assert_true(g_file_get_contents(f->classes_file, &text, NULL, NULL));
	lines = g_strsplit(g_strchomp(text), "\n", -1);
	assert_string_equal(lines[g_strv_length(lines) - 1], expected);
}

/* Lets what is ready happen, as the main loop would. */
static void run_until_event(struct fixture *f)
{
	while (!f->events->len)
		g_main_context_iteration(NULL, TRUE);
}

static int64_t later(int64_t us)
{
	return g_get_monotonic_time() + us;
}

/* ---- Classes -------------------------------------------------------------------------------- */

static void test_highest_class(void **state)
{
	struct fixture *f = *state;
	pid_t pid = start_child();
	uint32_t a = add(f, PLAYER, pid, "a"), b = add(f, OTHER, pid, "b");

	assert_string_equal(class_of(f, "tree", pid), "boosted");
	focus(f, OTHER, pid, "f");
	assert_string_equal(class_of(f, "tree", pid), "foreground");
	assert_true(boosts_remove(f->boosts, a, BOOST_RELEASED));
	assert_string_equal(class_of(f, "tree", pid), "foreground");
	focus(f, OTHER, 0, NULL);
	boosts_run(f->boosts, later(FOREGROUND_PERIOD_US));
	assert_string_equal(class_of(f, "tree", pid), "boosted");
	assert_true(boosts_remove(f->boosts, b, BOOST_RELEASED));
	assert_string_equal(class_of(f, "tree", pid), "normal");
	assert_false(boosts_remove(f->boosts, b, BOOST_RELEASED));
	assert_events(f, "+a +b +f -a released -f released -b released ");
	end_child(pid);
}

static void test_scopes_are_different_targets(void **state)
{
	struct fixture *f = *state;
	pid_t pid = start_child();
	uint32_t tree = add(f, PLAYER, pid, "tree");

	assert_int_not_equal(
		boosts_add(f->boosts, make(PLAYER, pid, RL_SCOPE_PROCESS, "one"), NULL), 0);
	boosts_remove(f->boosts, tree, BOOST_RELEASED);
	assert_string_equal(class_of(f, "tree", pid), "normal");
	assert_string_equal(class_of(f, "process", pid), "boosted");
	end_child(pid);
}

/* Of equal ones the oldest; with the class goes for whose tasks it holds, and who asked. */
static void test_whose_class(void **state)
{
	struct fixture *f = *state;
	pid_t pid = start_child();
	struct boost *own = make(PLAYER, pid, RL_SCOPE_TREE, "own");
	uint32_t cookie;

	own->target.of_user = true;
	own->target.uid = PLAYER;
	cookie = boosts_add(f->boosts, own, NULL);
	add(f, OTHER, pid, "other");
	assert_last_line(f, "tree %d boosted 1000 1000", pid);
	focus(f, OTHER, pid, "f");
	assert_last_line(f, "tree %d foreground any 1001", pid);
	focus(f, OTHER, 0, NULL);
	boosts_run(f->boosts, later(FOREGROUND_PERIOD_US));
	assert_last_line(f, "tree %d boosted 1000 1000", pid);
	/* The store knows it as well. */
	close_registry(f);
	g_unlink(f->classes_file);
	open_registry(f);
	assert_last_line(f, "tree %d boosted 1000 1000", pid);
	boosts_remove(f->boosts, cookie, BOOST_RELEASED);
	assert_last_line(f, "tree %d boosted any 1001", pid);
	end_child(pid);
}

static void test_table_is_full(void **state)
{
	struct fixture *f = *state;
	struct classes *full = classes_new_fake("/dev/full");
	struct boosts *boosts = boosts_new(full, NULL);
	const struct config limits = {.max_boosts_per_user = 1};
	pid_t pid = start_child();
	GError *error = NULL;

	(void)f;
	boosts_set_limits(boosts, &limits);
	assert_int_equal(boosts_add(boosts, make(PLAYER, pid, RL_SCOPE_TREE, "x"), &error), 0);
	assert_true(g_error_matches(error, RUSTLAND_ERROR, RUSTLAND_ERROR_LIMIT_EXCEEDED));
	g_clear_error(&error);
	assert_int_equal(boosts_all(boosts)->len, 0);
	boosts_free(boosts);
	classes_free(full);
	end_child(pid);
}

/* The scheduler takes nothing meanwhile. */
static void block_classes(struct fixture *f, gboolean blocked)
{
	g_autofree char *aside = g_strconcat(f->classes_file, "-aside", NULL);

	if (blocked) {
		assert_int_equal(g_rename(f->classes_file, aside), 0);
		assert_int_equal(g_mkdir(f->classes_file, 0700), 0);
	} else {
		assert_int_equal(g_rmdir(f->classes_file), 0);
		assert_int_equal(g_rename(aside, f->classes_file), 0);
	}
}

/* What it did not take it is told again: no boost goes on that has ended, or that was refused. */
static void test_told_again(void **state)
{
	struct fixture *f = *state;
	pid_t pid = start_child(), second = start_child();
	uint32_t cookie = add(f, PLAYER, pid, "a");

	add(f, PLAYER, second, "b");
	block_classes(f, TRUE);
	assert_true(boosts_remove(f->boosts, cookie, BOOST_RELEASED));
	assert_int_equal(boosts_add(f->boosts, make(OTHER, second, RL_SCOPE_PROCESS, "c"), NULL),
			 0);
	boosts_run(f->boosts, later(RETRIES_PERIOD_US));
	block_classes(f, FALSE);
	assert_string_equal(class_of(f, "tree", pid), "boosted");
	/* The run before was in the future already. */
	boosts_run(f->boosts, later(2 * RETRIES_PERIOD_US));
	assert_string_equal(class_of(f, "tree", pid), "normal");
	assert_string_equal(class_of(f, "process", second), "normal");
	assert_string_equal(class_of(f, "tree", second), "boosted");
	assert_events(f, "+a +b -a released ");
	end_child(pid);
	end_child(second);
}

/* ---- How they end --------------------------------------------------------------------------- */

static void test_exit(void **state)
{
	struct fixture *f = *state;
	pid_t pid = start_child();

	add(f, PLAYER, pid, "a");
	focus(f, PLAYER, pid, "f");
	assert_events(f, "+a +f ");
	kill(pid, SIGKILL); /* and nobody waits for it yet */
	while (boosts_all(f->boosts)->len)
		g_main_context_iteration(NULL, TRUE);
	assert_string_equal(class_of(f, "tree", pid), "normal");
	assert_non_null(strstr(f->events->str, "-a exited "));
	assert_non_null(strstr(f->events->str, "-f exited "));
	waitpid(pid, NULL, 0);
}

static void test_ended_before(void **state)
{
	struct fixture *f = *state;
	pid_t pid = start_child();
	struct boost *boost = make(PLAYER, pid, RL_SCOPE_TREE, "a");
	struct boost *focused = make(PLAYER, pid, RL_SCOPE_TREE, "f");
	GError *error = NULL;

	end_child(pid);
	assert_int_equal(boosts_add(f->boosts, boost, &error), 0);
	assert_true(g_error_matches(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS));
	g_clear_error(&error);
	boosts_set_foreground(f->boosts, PLAYER, focused, 1);
	assert_events(f, "");
	assert_null(class_of(f, "tree", pid));
}

static void test_time_is_up(void **state)
{
	struct fixture *f = *state;
	pid_t pid = start_child();
	struct boost *hour = make(PLAYER, pid, RL_SCOPE_TREE, "hour");
	struct boost *day = make(PLAYER, pid, RL_SCOPE_TREE, "day");
	int64_t start = g_get_monotonic_time();

	hour->timeout_us = UINT64_C(3600000000);
	day->timeout_us = UINT64_C(24) * 3600000000;
	boosts_add(f->boosts, day, NULL);
	boosts_add(f->boosts, hour, NULL);
	add(f, PLAYER, pid, "ever");
	assert_true(boosts_run(f->boosts, start + INT64_C(3599999999)) == hour->expires_us);
	assert_events(f, "+day +hour +ever ");
	assert_true(boosts_run(f->boosts, hour->expires_us) == day->expires_us);
	assert_events(f, "-hour expired ");
	assert_true(boosts_run(f->boosts, INT64_MAX - 1) == INT64_MAX);
	assert_events(f, "-day expired ");
	assert_string_equal(class_of(f, "tree", pid), "boosted");
	end_child(pid);
}

static void test_timer(void **state)
{
	struct fixture *f = *state;
	pid_t pid = start_child();
	struct boost *boost = make(PLAYER, pid, RL_SCOPE_TREE, "soon");

	boost->timeout_us = BOOST_TIMEOUT_MIN_US;
	boosts_add(f->boosts, boost, NULL);
	assert_events(f, "+soon ");
	run_until_event(f);
	assert_events(f, "-soon expired ");
	end_child(pid);
}

static void test_client(void **state)
{
	struct fixture *f = *state;
	pid_t pid = start_child();
	struct boost *a = make(PLAYER, pid, RL_SCOPE_TREE, "a");
	struct boost *b = make(PLAYER, pid, RL_SCOPE_TREE, "b");

	a->client = g_strdup(":1.5");
	b->client = g_strdup(":1.55");
	boosts_add(f->boosts, a, NULL);
	boosts_add(f->boosts, b, NULL);
	add(f, PLAYER, pid, "c");
	boosts_client_vanished(f->boosts, ":1.6");
	assert_events(f, "+a +b +c ");
	boosts_client_vanished(f->boosts, ":1.5");
	assert_events(f, "-a client-vanished ");
	boosts_client_vanished(f->boosts, ":1.5");
	assert_events(f, "");
	end_child(pid);
}

static void test_end_of_all(void **state)
{
	struct fixture *f = *state;
	pid_t pid = start_child();

	add(f, PLAYER, pid, "a");
	focus(f, PLAYER, pid, "f");
	assert_events(f, "+a +f ");
	boosts_end_all(f->boosts, BOOST_SHUTDOWN);
	assert_events(f, "-f shutdown -a shutdown ");
	assert_string_equal(class_of(f, "tree", pid), "normal");
	end_child(pid);
}

/* ---- Trees that lose their root --------------------------------------------------------------- */

/* What the kernel would record when a process is forked in the tree. Start times may be shifted. */
static void add_member(struct fixture *f, pid_t pid, uint64_t shift, uint32_t cookie)
{
	g_autofree char *path = g_strconcat(f->classes_file, "-members", NULL);
	const struct rl_target *root = &boosts_find(f->boosts, cookie)->target;
	uint64_t start = 0;
	FILE *file = fopen(path, "ae");

	assert_non_null(file);
	process_parent(pid, &start);
	fprintf(file, "%d %" PRIu64 " %d %" PRIu64 "\n", pid, start + shift, root->tgid,
		root->start_ticks);
	fclose(file);
}

/* Until it is not the one that was there before: what happens then is not an event. */
static void wait_for_keeper(struct fixture *f, uint32_t cookie, pid_t keeper)
{
	while (boosts_find(f->boosts, cookie)->process->pid != keeper)
		g_main_context_iteration(NULL, TRUE);
}

static void test_tree_outlives_its_root(void **state)
{
	struct fixture *f = *state;
	pid_t root = start_child(), game = start_child(), helper = start_child();
	uint32_t cookie = add(f, PLAYER, root, "a");

	add_member(f, game, 0, cookie);
	add_member(f, helper, 0, cookie);
	end_child(root);
	wait_for_keeper(f, cookie, game);
	assert_string_equal(class_of(f, "tree", root), "boosted");
	assert_int_equal(boosts_find(f->boosts, cookie)->pid, root);
	/* What keeps it ends, and the next takes over; also across a restart. */
	end_child(game);
	wait_for_keeper(f, cookie, helper);
	close_registry(f);
	g_unlink(f->classes_file);
	open_registry(f);
	assert_string_equal(class_of(f, "tree", root), "boosted");
	assert_int_equal(boosts_find(f->boosts, cookie)->pid, root);
	assert_int_equal(boosts_find(f->boosts, cookie)->process->pid, helper);
	assert_events(f, "+a ");
	end_child(helper);
	run_until_event(f);
	assert_events(f, "-a exited ");
	assert_string_equal(class_of(f, "tree", root), "normal");
}

static void test_root_ends_while_away(void **state)
{
	struct fixture *f = *state;
	pid_t root = start_child(), game = start_child();
	uint32_t cookie = add(f, PLAYER, root, "a");

	add_member(f, game, 0, cookie);
	close_registry(f);
	end_child(root);
	open_registry(f);
	assert_events(f, "+a ");
	assert_int_equal(boosts_find(f->boosts, cookie)->process->pid, game);
	end_child(game);
	run_until_event(f);
	assert_events(f, "-a exited ");
}

static void test_who_does_not_keep_a_tree(void **state)
{
	struct fixture *f = *state;
	pid_t root = start_child(), reused = start_child(), zombie = start_child();
	pid_t elsewhere = start_child(), stranger = start_child();
	uint32_t cookie = add(f, PLAYER, root, "a"), other = add(f, PLAYER, elsewhere, "b");

	add_member(f, reused, 1, cookie); /* another process had the number in the tree */
	add_member(f, zombie, 0, cookie);
	add_member(f, stranger, 0, other);
	assert_events(f, "+a +b ");
	kill(zombie, SIGKILL); /* and nobody waits for it */
	end_child(root);
	run_until_event(f);
	assert_events(f, "-a exited ");
	end_child(zombie);
	end_child(reused);
	end_child(elsewhere);
	end_child(stranger);
}

/* One process, and a window, are what they are; only trees go on. */
static void test_others_end_with_their_process(void **state)
{
	struct fixture *f = *state;
	pid_t root = start_child(), child = start_child();
	const struct boost *boost;

	add_member(f, child, 0,
		   boosts_add(f->boosts, make(PLAYER, root, RL_SCOPE_PROCESS, "p"), NULL));
	assert_events(f, "+p ");
	end_child(root);
	run_until_event(f);
	assert_events(f, "-p exited ");
	root = start_child();
	focus(f, PLAYER, root, "f");
	boost = g_ptr_array_index(boosts_all(f->boosts), 0);
	add_member(f, child, 0, boost->cookie);
	assert_events(f, "+f ");
	end_child(root);
	run_until_event(f);
	assert_events(f, "-f exited ");
	end_child(child);
}

/* Each forks the next and exits: looked for at most once in a period, whoever has ended by then. */
static void test_many_generations(void **state)
{
	struct fixture *f = *state;
	pid_t root = start_child(), next = 0, last = root;
	uint32_t cookie = add(f, PLAYER, root, "a");
	int64_t start = g_get_monotonic_time();
	guint looks = 0;

	for (int i = 0; i < 100; i++) {
		const struct process *before = boosts_find(f->boosts, cookie)->process;

		next = start_child();
		add_member(f, next, 0, cookie);
		end_child(last);
		last = next;
		while (g_main_context_iteration(NULL, FALSE))
			;
		looks += boosts_find(f->boosts, cookie)->process != before;
	}
	assert_true(looks <= 1 + (g_get_monotonic_time() - start) / TREES_PERIOD_US);
	wait_for_keeper(f, cookie, last);
	assert_events(f, "+a ");
	end_child(last);
	run_until_event(f);
	assert_events(f, "-a exited ");
}

/* ---- The foreground ------------------------------------------------------------------------- */

static void test_slot(void **state)
{
	struct fixture *f = *state;
	pid_t one = start_child(), two = start_child(), three = start_child();
	int64_t due;

	focus(f, PLAYER, one, "1");
	assert_events(f, "+1 ");
	/* Within the period nothing happens, and then only the last counts. */
	focus(f, PLAYER, two, "2");
	focus(f, PLAYER, 0, NULL);
	focus(f, PLAYER, three, "3");
	assert_events(f, "");
	due = boosts_run(f->boosts, later(-FOREGROUND_PERIOD_US));
	assert_events(f, "");
	boosts_run(f->boosts, due - 1);
	assert_events(f, "");
	assert_true(boosts_run(f->boosts, due) == INT64_MAX);
	assert_events(f, "-1 replaced +3 ");
	assert_null(class_of(f, "tree", two));
	/* Another user's is another slot. */
	focus(f, OTHER, two, "o");
	assert_events(f, "+o ");
	/* Back to where it was before anything happened: nothing happens. */
	focus(f, PLAYER, one, "1");
	focus(f, PLAYER, three, "3");
	boosts_run(f->boosts, later(10 * FOREGROUND_PERIOD_US));
	assert_events(f, "");
	end_child(one);
	end_child(two);
	end_child(three);
}

static void test_order_of_calls(void **state)
{
	struct fixture *f = *state;
	pid_t one = start_child(), two = start_child();
	uint64_t first = boosts_next_order(f->boosts), second = boosts_next_order(f->boosts);

	/* The answer about the second call came first. */
	boosts_set_foreground(f->boosts, PLAYER, make(PLAYER, two, RL_SCOPE_TREE, "2"), second);
	boosts_set_foreground(f->boosts, PLAYER, make(PLAYER, one, RL_SCOPE_TREE, "1"), first);
	boosts_run(f->boosts, later(10 * FOREGROUND_PERIOD_US));
	assert_events(f, "+2 ");
	end_child(one);
	end_child(two);
}

static void test_ends_while_it_waits(void **state)
{
	struct fixture *f = *state;
	pid_t one = start_child(), two = start_child();

	focus(f, PLAYER, one, "1");
	focus(f, PLAYER, two, "2");
	end_child(two);
	boosts_run(f->boosts, later(FOREGROUND_PERIOD_US));
	assert_events(f, "+1 -1 replaced ");
	assert_int_equal(boosts_all(f->boosts)->len, 0);
	end_child(one);
}

/* ---- Limits --------------------------------------------------------------------------------- */

static void test_limits(void **state)
{
	struct fixture *f = *state;
	pid_t pid = start_child();
	GError *error = NULL;
	uint32_t a = add(f, PLAYER, pid, "a");

	add(f, PLAYER, pid, "b");
	focus(f, PLAYER, pid, "f");
	add(f, PLAYER, pid, "c");
	assert_int_equal(boosts_add(f->boosts, make(PLAYER, pid, RL_SCOPE_TREE, "d"), &error), 0);
	assert_true(g_error_matches(error, RUSTLAND_ERROR, RUSTLAND_ERROR_LIMIT_EXCEEDED));
	g_clear_error(&error);
	add(f, OTHER, pid, "o");
	boosts_remove(f->boosts, a, BOOST_RELEASED);
	add(f, PLAYER, pid, "d");
	for (int i = 0; i < 5; i++)
		assert_true(boosts_take_change(f->boosts, PLAYER, NULL));
	assert_false(boosts_take_change(f->boosts, PLAYER, &error));
	assert_true(g_error_matches(error, RUSTLAND_ERROR, RUSTLAND_ERROR_RATE_LIMITED));
	g_clear_error(&error);
	assert_true(boosts_take_change(f->boosts, OTHER, NULL));
	end_child(pid);
}

/* ---- Across a restart ----------------------------------------------------------------------- */

/* Nobody's boosts keep root from his, or the store from keeping all. */
static void test_all_users(void **state)
{
	struct fixture *f = *state;
	GError *error = NULL;
	pid_t pid = start_child();
	uid_t uid = 1000;

	raise_descriptor_limit();
	for (int i = 0; i < QUOTA_ALL_BOOSTS - QUOTA_KEPT_BOOSTS; i++)
		add(f, uid + (uid_t)i / 3, pid, "theirs");
	assert_int_equal(
		boosts_add(f->boosts, make(uid + 999, pid, RL_SCOPE_TREE, "one more"), &error), 0);
	assert_true(g_error_matches(error, RUSTLAND_ERROR, RUSTLAND_ERROR_LIMIT_EXCEEDED));
	g_clear_error(&error);
	focus(f, uid + 999, pid, "theirs as well");
	assert_int_equal(boosts_all(f->boosts)->len, QUOTA_ALL_BOOSTS - QUOTA_KEPT_BOOSTS);
	for (int i = 0; i < 3; i++)
		add(f, 0, pid, "root's");
	focus(f, 0, pid, "root's");
	assert_int_equal(boosts_all(f->boosts)->len, QUOTA_ALL_BOOSTS - QUOTA_KEPT_BOOSTS + 4);
	boosts_end_all(f->boosts, BOOST_SHUTDOWN);
	end_child(pid);
}

static void test_restart(void **state)
{
	struct fixture *f = *state;
	pid_t pid = start_child(), gone = start_child();
	struct boost *boost = make(PLAYER, pid, RL_SCOPE_TREE, "a=b;[c]\\");
	const struct boost *back;
	uint32_t cookie;
	int64_t since_us, expires_us;

	g_free(boost->app_id);
	boost->app_id = g_strdup("  org.example  ");
	boost->client = g_strdup(":1.7");
	boost->timeout_us = UINT64_C(3600000000);
	cookie = boosts_add(f->boosts, boost, NULL);
	since_us = boost->since_us;
	expires_us = boost->expires_us;
	add(f, PLAYER, gone, "gone");
	focus(f, PLAYER, pid, "f");
	assert_events(f, "+a=b;[c]\\ +gone +f ");
	close_registry(f);
	end_child(gone);
	g_unlink(f->classes_file);

	open_registry(f);
	/* Nothing is added anew; what ended meanwhile is told. */
	assert_events(f, "-gone exited ");
	assert_string_equal(class_of(f, "tree", pid), "foreground");
	assert_null(class_of(f, "tree", gone));
	assert_int_equal(boosts_all(f->boosts)->len, 2);
	back = boosts_find(f->boosts, cookie);
	assert_non_null(back);
	assert_string_equal(back->reason, "a=b;[c]\\");
	assert_string_equal(back->app_id, "  org.example  ");
	assert_string_equal(back->client, ":1.7");
	assert_int_equal(back->uid, PLAYER);
	assert_int_equal(back->pid, pid);
	assert_int_equal(back->class, RL_CLASS_BOOSTED);
	assert_true(back->since_us == since_us && back->expires_us == expires_us);
	/* The slot is known to be taken. */
	focus(f, PLAYER, 0, NULL);
	assert_events(f, "-f released ");
	boosts_client_vanished(f->boosts, ":1.7");
	assert_events(f, "-a=b;[c]\\ client-vanished ");
	end_child(pid);
}

static void test_restart_twice_tells_once(void **state)
{
	struct fixture *f = *state;
	pid_t pid = start_child();

	add(f, PLAYER, pid, "a");
	close_registry(f);
	end_child(pid);
	open_registry(f);
	assert_events(f, "+a -a exited ");
	close_registry(f);
	open_registry(f);
	assert_events(f, "");
}

#define test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_highest_class),
		test(test_scopes_are_different_targets),
		test(test_whose_class),
		test(test_table_is_full),
		test(test_told_again),
		test(test_exit),
		test(test_ended_before),
		test(test_time_is_up),
		test(test_timer),
		test(test_client),
		test(test_end_of_all),
		test(test_tree_outlives_its_root),
		test(test_root_ends_while_away),
		test(test_who_does_not_keep_a_tree),
		test(test_others_end_with_their_process),
		test(test_many_generations),
		test(test_slot),
		test(test_order_of_calls),
		test(test_ends_while_it_waits),
		test(test_limits),
		test(test_restart),
		test(test_all_users),
		test(test_restart_twice_tells_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
