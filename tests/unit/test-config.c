/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rustland.conf: what is read from which file, what is refused and with which words; and that the
 * manual page and the file that is installed know the same keys as the program.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "daemon/choice.h"
#include "daemon/conf.h"

struct fixture {
	char *dir;
	char *vendor, *etc;
	const char *dirs[3];
	struct config_paths paths;
	struct config *config;
	GError *error;
};

static void remove_tree(const char *path)
{
	GDir *dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *child = g_build_filename(path, name, NULL);

		remove_tree(child);
	}
	if (dir)
		g_dir_close(dir);
	g_remove(path);
}

static int setup(void **state)
{
	struct fixture *f = g_new0(struct fixture, 1);

	f->dir = g_dir_make_tmp("test-config-XXXXXX", NULL);
	assert_non_null(f->dir);
	f->vendor = g_build_filename(f->dir, "vendor", NULL);
	f->etc = g_build_filename(f->dir, "etc", NULL);
	f->dirs[0] = f->vendor;
	f->dirs[1] = f->etc;
	f->paths.dirs = f->dirs;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	remove_tree(f->dir);
	config_free(f->config);
	g_clear_error(&f->error);
	g_free(f->vendor);
	g_free(f->etc);
	g_free(f->dir);
	g_free(f);
	return 0;
}

static void put(struct fixture *f, const char *name, const char *contents, gssize len)
{
	g_autofree char *path = g_build_filename(f->dir, name, NULL);
	g_autofree char *dir = g_path_get_dirname(path);

	assert_int_equal(g_mkdir_with_parents(dir, 0755), 0);
	assert_true(g_file_set_contents(path, contents, len, NULL));
}

static const struct config *load(struct fixture *f, const char *profile)
{
	config_free(f->config);
	f->config = config_load(&f->paths, profile, &f->error);
	if (!f->config)
		fail_msg("%s", f->error->message);
	return f->config;
}

/* It has to be refused, with all these parts in the message. */
static void refuse(struct fixture *f, const char *contents, ...)
{
	const char *part;
	va_list parts;

	if (contents)
		put(f, "etc/rustland.conf", contents, -1);
	g_clear_error(&f->error);
	assert_null(config_load(&f->paths, NULL, &f->error));
	assert_non_null(f->error);
	va_start(parts, contents);
	while ((part = va_arg(parts, const char *)))
		if (!strstr(f->error->message, part))
			fail_msg("'%s' does not say '%s'", f->error->message, part);
	va_end(parts);
}

/* ---- What is read --------------------------------------------------------------------------- */

static void test_defaults(void **state)
{
	const struct config *c = load(*state, NULL);

	assert_string_equal(c->profile, "auto");
	assert_string_equal(c->policy, "rustland");
	assert_int_equal(c->slice_us, 20000);
	assert_int_equal(c->slice_min_us, 1000);
	assert_false(c->percpu_local);
	assert_false(c->numa_local);
	assert_true(c->idle_fill);
	assert_int_equal(c->exit_dump_len, 0);
	assert_int_equal(c->max_boosts_per_user, 32);
	assert_int_equal(c->max_changes, 25);
	assert_int_equal(c->changes_window_s, 20);
	assert_int_equal(c->restart_max, 5);
	assert_int_equal(c->restart_window_s, 60);
	assert_int_equal(c->restart_delay_ms, 100);
	assert_int_equal(c->restart_delay_max_ms, 5000);
}

static void test_every_key(void **state)
{
	struct fixture *f = *state;
	const struct config *c;

	put(f, "etc/rustland.conf",
	    "# a comment\n\n  [Service]  \nProfile = server\n[Scheduler]\nPolicy=/opt/mine.so\n"
	    "SliceUSec=100\nSliceMinUSec=100\nPerCPULocal=yes\nNUMALocal=true\nIdleFill=0\n"
	    "ExitDumpLen=16777216\n[Restart]\nLimit=0\nWindowSec=86400\nDelayMSec=0\n"
	    "DelayMaxMSec=600000\n[Boosts]\nMaxPerUser=1\nMaxChanges=10000\nChangesWindowSec=1",
	    -1);
	c = load(f, NULL);
	assert_string_equal(c->profile, "server");
	assert_string_equal(c->policy, "/opt/mine.so");
	assert_int_equal(c->slice_us, 100);
	assert_int_equal(c->slice_min_us, 100);
	assert_true(c->percpu_local);
	assert_true(c->numa_local);
	assert_false(c->idle_fill);
	assert_int_equal(c->exit_dump_len, 16777216);
	assert_int_equal(c->restart_max, 0);
	assert_int_equal(c->restart_window_s, 86400);
	assert_int_equal(c->restart_delay_ms, 0);
	assert_int_equal(c->restart_delay_max_ms, 600000);
	assert_int_equal(c->max_boosts_per_user, 1);
	assert_int_equal(c->max_changes, 10000);
	assert_int_equal(c->changes_window_s, 1);
}

static void test_order_of_files(void **state)
{
	struct fixture *f = *state;
	const struct config *c;

	put(f, "vendor/rustland.conf", "[Boosts]\nMaxPerUser=2\nMaxChanges=2\n", -1);
	put(f, "etc/rustland.conf", "[Boosts]\nMaxPerUser=3\n", -1);
	c = load(f, NULL);
	assert_int_equal(c->max_boosts_per_user, 3);
	assert_int_equal(c->max_changes, 2);
	/* All drop-ins come after all main files, by name, and a name counts once. */
	put(f, "vendor/rustland.conf.d/50-x.conf", "[Boosts]\nMaxPerUser=5\nMaxChanges=5\n", -1);
	put(f, "etc/rustland.conf.d/40-y.conf", "[Boosts]\nMaxPerUser=4\nMaxChanges=4\n", -1);
	put(f, "etc/rustland.conf.d/99-z.conf.bak", "nonsense", -1);
	put(f, "etc/rustland.conf.d/.99-z.conf", "nonsense", -1);
	c = load(f, NULL);
	assert_int_equal(c->max_boosts_per_user, 5);
	assert_int_equal(c->max_changes, 5);
	put(f, "etc/rustland.conf.d/50-x.conf", "", -1);
	c = load(f, NULL);
	assert_int_equal(c->max_boosts_per_user, 4);
}

static void test_profiles(void **state)
{
	struct fixture *f = *state;
	const struct config *c;

	put(f, "vendor/rustland.conf", "[Profile gaming]\nSliceUSec=8000\n", -1);
	put(f, "etc/rustland.conf",
	    "[Scheduler]\nSliceUSec=30000\nSliceMinUSec=2000\n[Service]\nProfile=gaming\n", -1);
	c = load(f, NULL);
	assert_string_equal(c->profile, "gaming");
	assert_int_equal(c->slice_us, 8000);
	assert_int_equal(c->slice_min_us, 2000);
	c = load(f, "auto");
	assert_string_equal(c->profile, "auto");
	assert_int_equal(c->slice_us, 30000);
	/* A single key of the vendor's profile. */
	put(f, "etc/rustland.conf.d/a.conf", "[Profile gaming]\nSliceMinUSec=500\n", -1);
	c = load(f, "gaming");
	assert_int_equal(c->slice_us, 8000);
	assert_int_equal(c->slice_min_us, 500);
	assert_null(config_load(&f->paths, "turbo", &f->error));
	assert_true(g_error_matches(f->error, CONFIG_ERROR, CONFIG_ERROR_PROFILE));
	assert_non_null(strstr(f->error->message, "auto, gaming, lowlatency, powersave, server"));
}

static void test_arguments(void **state)
{
	struct fixture *f = *state;
	g_autofree char *line = NULL;
	char **args = config_arguments(load(f, NULL));

	line = g_strjoinv(" ", args);
	g_strfreev(args);
	assert_string_equal(line, "--policy rustland --slice-us 20000 --slice-us-min 1000");
	g_free(line);
	put(f, "etc/rustland.conf",
	    "[Scheduler]\nPerCPULocal=on\nNUMALocal=1\nIdleFill=off\nExitDumpLen=5\nPolicy=fifo\n",
	    -1);
	args = config_arguments(load(f, NULL));
	line = g_strjoinv(" ", args);
	g_strfreev(args);
	assert_string_equal(line, "--policy fifo --slice-us 20000 --slice-us-min 1000 "
				  "--percpu-local --numa-local --no-idle-fill --exit-dump-len 5");
}

/* ---- What is refused ------------------------------------------------------------------------ */

static void test_values(void **state)
{
	static const char *const numbers[] = {"",      "99",   "1000001", "-1",
					      "+200",  "1e3",  "200 300", "18446744073709551716",
					      "0x200", "0200", "200us"};
	struct fixture *f = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
		g_autofree char *text =
			g_strdup_printf("[Scheduler]\n# about it\nSliceUSec=%s\n", numbers[i]);
		g_autofree char *where = g_strdup_printf("%s/rustland.conf:3: ", f->etc);

		refuse(f, text, where, "SliceUSec=", numbers[i], "100 to 1000000", "microseconds",
		       NULL);
		assert_true(g_error_matches(f->error, CONFIG_ERROR, CONFIG_ERROR_INVALID));
	}
	refuse(f, "[Scheduler]\nIdleFill=maybe\n", ":2: IdleFill=maybe", "yes or no", NULL);
	refuse(f, "[Scheduler]\nPolicy=../x\n", ":2: Policy=../x", "absolute path", NULL);
	refuse(f, "[Scheduler]\nPolicy=\n", ":2: Policy=", "absolute path", NULL);
	refuse(f, "[Scheduler]\nPolicy=a23456789012345678901234567890123\n", ":2:", "31", NULL);
	refuse(f, "[Service]\nProfile=turbo\n", ":2: Profile=turbo", "one of auto, gaming", NULL);
}

static void test_names(void **state)
{
	struct fixture *f = *state;

	refuse(f, "[Scheduler]\nSliceUsec=200\n", ":2: there is no key SliceUsec", "SliceUSec",
	       NULL);
	refuse(f, "[scheduler]\n", ":1: there is no group [scheduler]", "[Scheduler]", NULL);
	refuse(f, "[Profile turbo]\n", ":1: there is no group [Profile turbo]", "gaming", NULL);
	refuse(f, "[Profile gaming]\nLimit=3\n", ":2: there is no key Limit here", "SliceUSec",
	       NULL);
	refuse(f, "[Profile gaming]\nProfile=auto\n", ":2: there is no key Profile here", NULL);
	refuse(f, "SliceUSec=200\n", ":1: 'SliceUSec=200' stands before the first [group]", NULL);
}

static void test_syntax(void **state)
{
	struct fixture *f = *state;

	refuse(f, "[Scheduler\n", ":1: the ] at the end", NULL);
	refuse(f, "[Scheduler]\nSliceUSec\n", ":2: 'SliceUSec' is neither", NULL);
	refuse(f, "[Scheduler]\n\xff\xfe=1\n", ":2: ", "UTF-8", NULL);
	put(f, "etc/rustland.conf", "[Scheduler]\n\0", 13);
	refuse(f, NULL, ":2: there is a zero byte", NULL);
}

/* Some editors put it there, and nobody sees it. */
static void test_byte_order_mark(void **state)
{
	put(*state, "etc/rustland.conf", "\xef\xbb\xbf[Scheduler]\r\nSliceUSec=9000\r\n", -1);
	assert_int_equal(load(*state, NULL)->slice_us, 9000);
}

static void test_links_to_nowhere(void **state)
{
	struct fixture *f = *state;
	g_autofree char *drop_ins = g_build_filename(f->etc, "rustland.conf.d", NULL);

	assert_int_equal(g_mkdir(f->etc, 0755), 0);
	assert_int_equal(symlink("nowhere", drop_ins), 0);
	refuse(f, NULL, "etc/rustland.conf.d: it has to be a directory", NULL);
	assert_int_equal(g_remove(drop_ins), 0);
	assert_int_equal(g_remove(f->etc), 0);
	assert_int_equal(symlink("nowhere", f->etc), 0);
	refuse(f, NULL, "etc: it has to be a directory", NULL);
}

static void test_contradictions(void **state)
{
	struct fixture *f = *state;

	refuse(f, "[Scheduler]\nSliceUSec=500\n", ":2: ", "profile auto", "SliceMinUSec=1000",
	       "SliceUSec=500", NULL);
	refuse(f, "[Scheduler]\nSliceMinUSec=30000\n", ":2: ", "SliceMinUSec=30000",
	       "SliceUSec=20000", NULL);
	/* In a profile that is not in force: else choosing it would fail, weeks later. */
	refuse(f, "[Profile server]\nSliceUSec=500\n", ":2: ", "profile server", NULL);
	/* The line of whom can mend it, and not the package's. */
	put(f, "vendor/rustland.conf", "[Profile server]\n\n\nSliceMinUSec=5000\n", -1);
	refuse(f, "[Profile server]\nSliceUSec=500\n", "etc/rustland.conf:2: ",
	       "SliceUSec=500 is below SliceMinUSec=5000; it has to be from that to 1000000", NULL);
	refuse(f, "[Restart]\nDelayMSec=6000\n", ":2: ", "DelayMSec=6000", "DelayMaxMSec=5000",
	       NULL);
}

/* A mistake anywhere counts, also where a later file has it right. */
static void test_mistake_in_an_overridden_file(void **state)
{
	struct fixture *f = *state;

	put(f, "vendor/rustland.conf", "[Boosts]\nMaxPerUser=0\n", -1);
	refuse(f, "[Boosts]\nMaxPerUser=1\n", "vendor/rustland.conf:2: MaxPerUser=0", NULL);
}

static void test_unreadable(void **state)
{
	struct fixture *f = *state;
	g_autofree char *path = g_build_filename(f->etc, "rustland.conf", NULL);

	/* A directory: root can read every file. */
	assert_int_equal(g_mkdir_with_parents(path, 0755), 0);
	refuse(f, NULL, path, NULL);
	assert_true(g_error_matches(f->error, CONFIG_ERROR, CONFIG_ERROR_READ));
}

/* ---- The choice ----------------------------------------------------------------------------- */

static void test_choice(void **state)
{
	struct fixture *f = *state;
	g_autofree char *path = g_build_filename(f->dir, "profile", NULL);
	g_autofree char *read = NULL;

	assert_null(choice_read(f->dir, NULL));
	assert_true(choice_write(f->dir, "gaming", NULL));
	read = choice_read(f->dir, NULL);
	assert_string_equal(read, "gaming");
	assert_true(choice_write(f->dir, NULL, NULL));
	assert_true(choice_write(f->dir, NULL, NULL));
	assert_null(choice_read(f->dir, NULL));
	put(f, "profile", "turbo\n", -1);
	assert_null(choice_read(f->dir, NULL));
	/* A directory in its place: that is no choice of none. */
	g_remove(path);
	assert_int_equal(g_mkdir(path, 0755), 0);
	assert_null(choice_read(f->dir, &f->error));
	assert_non_null(f->error);
	g_clear_error(&f->error);
	g_rmdir(path);
	/* Nobody waits for what is not coming. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_null(choice_read(f->dir, &f->error));
	assert_non_null(f->error);
	g_clear_error(&f->error);
	assert_false(choice_write("/proc", "gaming", &f->error));
	assert_non_null(f->error);
}

/* ---- What is written about it --------------------------------------------------------------- */

static char *source(const char *name)
{
	g_autofree char *path = g_build_filename(TOP_SRCDIR, name, NULL);
	char *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		fail_msg("cannot read %s", path);
	return text;
}

static void in_manual(const char *group, const char *key, const char *range, const char *fallback,
		      gpointer userdata)
{
	g_autofree char *head = g_strdup_printf("\n.It Cm %s Ns = ", key);
	const char *at = strstr(userdata, head), *end;
	g_autofree char *entry = NULL;
	g_auto(GStrv) words = NULL;

	(void)group;
	if (!at)
		fail_msg("rustland.conf(5) has no %s=", key);
	end = strstr(at + 1, "\n.It ");
	entry = end ? g_strndup(at, end - at) : g_strdup(at);
	/* As it is read, on one line. */
	g_strdelimit(entry, "\n", ' ');
	if (!strstr(entry, fallback))
		fail_msg("rustland.conf(5), %s=: the default %s is missing", key, fallback);
	/* Of "a whole number from 100 to 1000000 (microseconds)" the numbers and the unit. */
	if (!g_str_has_prefix(range, "a whole number"))
		return;
	words = g_strsplit_set(range + strlen("a whole number from "), " ()", -1);
	for (char **word = words; *word; word++)
		if (!strstr(entry, *word))
			fail_msg("rustland.conf(5), %s=: '%s' of '%s' is missing", key, *word,
				 range);
}

static void test_manual_knows_all_keys(void **state)
{
	g_autofree char *text = source("doc/rustland.conf.5");

	(void)state;
	config_describe(in_manual, text);
}

static void in_vendor_file(const char *group, const char *key, const char *range,
			   const char *fallback, gpointer userdata)
{
	g_autofree char *line = g_strdup_printf("\n#%s=%s\n", key, fallback);

	(void)group;
	(void)range;
	if (!strstr(userdata, line))
		fail_msg("rustland.conf does not show the default #%s=%s", key, fallback);
}

static void test_vendor_file(void **state)
{
	struct fixture *f = *state;
	g_autofree char *text = source("src/daemon/rustland.conf");
	const char *dirs[] = {TOP_SRCDIR "/src/daemon", NULL};

	config_describe(in_vendor_file, text);
	f->paths.dirs = dirs;
	load(f, NULL);
	test_defaults(state);
	assert_int_equal(load(f, "gaming")->slice_us, 8000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_defaults),
		TEST(test_every_key),
		TEST(test_order_of_files),
		TEST(test_profiles),
		TEST(test_arguments),
		TEST(test_values),
		TEST(test_names),
		TEST(test_syntax),
		TEST(test_byte_order_mark),
		TEST(test_links_to_nowhere),
		TEST(test_contradictions),
		TEST(test_mistake_in_an_overridden_file),
		TEST(test_unreadable),
		TEST(test_choice),
		TEST(test_manual_knows_all_keys),
		TEST(test_vendor_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
