/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line of scx_rustland, what it refuses before loading anything, and how often it
 * starts again. Runs without a kernel: rl_kernel_state() below is a fake.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <linux/capability.h>

#include "scheduler/messages.h"
#include "scheduler/options.h"
#include "scheduler/preflight.h"
#include "scheduler/restart.h"

static struct options options;
static char error[OPTIONS_ERROR_MAX];

#define parse(...)	parse_words((char *[]){"scx_rustland", __VA_ARGS__, NULL})
#define parse_nothing() parse_words((char *[]){"scx_rustland", NULL})

static int parse_words(char **words)
{
	int argc = 0;

	while (words[argc])
		argc++;
	memset(&options, 0xa5, sizeof(options));
	memset(error, 0, sizeof(error));
	return options_parse(&options, argc, words, error);
}

/* It is refused with one line that says all of the words and where the help is. */
static void check_refused(char **words, const char *name, const char *range)
{
	assert_int_equal(parse_words(words), -EINVAL);
	if (!strstr(error, name) || !strstr(error, range) || !strstr(error, "--help") ||
	    strchr(error, '\n'))
		fail_msg("'%s' names not %s, %s and --help, or is not one line", error, name,
			 range);
}

#define refused(name, range, ...)                                                                  \
	check_refused((char *[]){"scx_rustland", __VA_ARGS__, NULL}, name, range)

static void test_defaults(void **state)
{
	(void)state;
	assert_int_equal(parse_nothing(), 0);
	assert_int_equal(options.action, OPTIONS_SCHEDULE);
	assert_int_equal(options.slice_us, 20000);
	assert_int_equal(options.slice_min_us, 1000);
	assert_int_equal(options.interval_ms, 0);
	assert_int_equal(options.timeout_ms, 0);
	assert_int_equal(options.exit_dump_len, 0);
	assert_false(options.percpu_local || options.numa_local || options.partial);
	assert_false(options.no_idle_fill || options.verbose || options.json);
	assert_string_equal(options.policy, "rustland");
	assert_null(options.btf_path);
	assert_null(options.bpf_token_path);
	assert_null(options.stats_socket);
}

static void test_slices(void **state)
{
	(void)state;
	assert_int_equal(parse("-s", "5000"), 0);
	assert_int_equal(options.slice_us, 5000);
	assert_int_equal(parse("--slice-us=100", "--slice-us-min", "100"), 0);
	assert_int_equal(options.slice_us, 100);
	assert_int_equal(options.slice_min_us, 100);
	assert_int_equal(parse("-s1000000", "-S1000000"), 0);
	assert_int_equal(options.slice_us, 1000000);
	assert_int_equal(options.slice_min_us, 1000000);
	assert_int_equal(parse("-S", "2000"), 0);
	assert_int_equal(options.slice_min_us, 2000);
	/* The last one counts, in whichever order the two come. */
	assert_int_equal(parse("-s", "100", "-S", "3000", "-s", "3000"), 0);
	assert_int_equal(options.slice_us, 3000);
	/* A default must not make -s fail. */
	assert_int_equal(parse("-s", "500"), 0);
	assert_int_equal(options.slice_min_us, 500);
}

static void test_bad_slices(void **state)
{
	static const char *const bad[] = {
		"",
		"0",
		"99",
		"1000001",
		"-1",
		"-20000",
		"+5000",
		" 5000",
		"5000 ",
		"20ms",
		"text",
		"0x1000",
		"1e3",
		"500.0",
		"5000;",
		"nan",
		"18446744073709551616",
		"18446744073709556616",
		"99999999999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		refused("--slice-us:", "100 to 1000000", "-s", (char *)bad[i]);
		refused("--slice-us:", "100 to 1000000", "--slice-us", (char *)bad[i]);
		refused("--slice-us-min:", "100 to 1000000", "-S", (char *)bad[i]);
		refused("--slice-us-min:", "100 to 1000000", "--slice-us-min", (char *)bad[i]);
	}
	refused("--slice-us-min", "100 to 4999", "-s", "4999", "-S", "5000");
	refused("--slice-us-min", "100 to 20000", "-S", "20001");
}

static void test_switches(void **state)
{
	(void)state;
	assert_int_equal(parse("-l"), 0);
	assert_true(options.percpu_local && !options.numa_local);
	assert_int_equal(parse("-n"), 0);
	assert_true(options.numa_local && !options.partial);
	assert_int_equal(parse("-p"), 0);
	assert_true(options.partial && !options.verbose);
	assert_int_equal(parse("-v"), 0);
	assert_true(options.verbose && !options.percpu_local);
	assert_int_equal(parse("-lnpv"), 0);
	assert_true(options.percpu_local && options.numa_local && options.partial &&
		    options.verbose);
	assert_int_equal(parse("--percpu-local", "--numa-local", "--partial", "--verbose"), 0);
	assert_true(options.percpu_local && options.numa_local && options.partial &&
		    options.verbose);
	assert_false(options.no_idle_fill);
	assert_int_equal(parse("--no-idle-fill"), 0);
	assert_true(options.no_idle_fill);
	refused("--verbose", "no value", "--verbose=1");
	refused("--partial", "no value", "--partial=yes");
	refused("--no-idle-fill", "no value", "--no-idle-fill=");
}

static void test_actions(void **state)
{
	(void)state;
	assert_int_equal(parse("-V"), 0);
	assert_int_equal(options.action, OPTIONS_VERSION);
	assert_int_equal(parse("--version"), 0);
	assert_int_equal(options.action, OPTIONS_VERSION);
	assert_int_equal(parse("-h"), 0);
	assert_int_equal(options.action, OPTIONS_HELP);
	assert_int_equal(parse("--help"), 0);
	assert_int_equal(options.action, OPTIONS_HELP);
	assert_int_equal(parse("--help-stats"), 0);
	assert_int_equal(options.action, OPTIONS_HELP_STATS);
	assert_int_equal(parse("--list-policies"), 0);
	assert_int_equal(options.action, OPTIONS_LIST_POLICIES);
}

static void test_intervals(void **state)
{
	(void)state;
	assert_int_equal(parse("--stats", "1"), 0);
	assert_int_equal(options.action, OPTIONS_SCHEDULE);
	assert_int_equal(options.interval_ms, 1000);
	assert_int_equal(parse("--stats=0.1"), 0);
	assert_int_equal(options.interval_ms, 100);
	assert_int_equal(parse("--stats=2.5"), 0);
	assert_int_equal(options.interval_ms, 2500);
	assert_int_equal(parse("--stats=0.12345"), 0);
	assert_int_equal(options.interval_ms, 123);
	assert_int_equal(parse("--stats=86400.000"), 0);
	assert_int_equal(options.interval_ms, 86400000);
	assert_int_equal(parse("--monitor", "3"), 0);
	assert_int_equal(options.action, OPTIONS_MONITOR);
	assert_int_equal(options.interval_ms, 3000);
	/* As upstream: --monitor wins. */
	assert_int_equal(parse("--monitor", "3", "--stats", "1"), 0);
	assert_int_equal(options.action, OPTIONS_MONITOR);
	assert_int_equal(options.interval_ms, 3000);
	assert_int_equal(parse("--stats", "1", "--monitor", "3"), 0);
	assert_int_equal(options.action, OPTIONS_MONITOR);
	assert_int_equal(options.interval_ms, 3000);
	assert_int_equal(parse("--stats", "1", "--json"), 0);
	assert_true(options.json);
	assert_int_equal(parse("--json", "--monitor", "1"), 0);
	assert_true(options.json);
	refused("--json", "--stats or --monitor", "--json");
	assert_int_equal(parse("--stats-socket", "/run/x"), 0);
	assert_string_equal(options.stats_socket, "/run/x");
	refused("--stats-socket", "absolute path", "--stats-socket", "x");
	refused("--stats-socket", "absolute path", "--stats-socket", "");
	{
		char longer[109] = "/";

		memset(longer + 1, 'x', sizeof(longer) - 2);
		refused("--stats-socket", "at most 107", "--stats-socket", longer);
		longer[107] = 0;
		assert_int_equal(parse("--stats-socket", longer), 0);
	}
	assert_int_equal(parse("--check", "-s", "500"), 0);
	assert_int_equal(options.action, OPTIONS_CHECK);
	refused("--slice-us:", "100 to 1000000", "--check", "-s", "5");
}

static void test_bad_intervals(void **state)
{
	static const char *const bad[] = {
		"",
		"0",
		"0.0",
		"0.09",
		"-1",
		"+1",
		" 1",
		"1 ",
		"1s",
		"text",
		"nan",
		"inf",
		"1e3",
		"0x10",
		"1.",
		".5",
		"1.5.5",
		"1,5",
		"86400.1",
		"86401",
		"1.x",
		"1.5x",
		".",
		"99999999999999999999999",
		"184467440737095517",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		refused("--stats:", "0.1 to 86400", "--stats", (char *)bad[i]);
		refused("--monitor:", "0.1 to 86400", "--monitor", (char *)bad[i]);
		refused("--stats:", "0.1 to 86400", "--monitor", "1", "--stats", (char *)bad[i]);
	}
}

static void test_exit_dump_len(void **state)
{
	static const char *const bad[] = {
		"", "-1", "16777217", "4294967296", "text", "1k", "18446744073709551616"};

	(void)state;
	assert_int_equal(parse("--exit-dump-len", "0"), 0);
	assert_int_equal(parse("--exit-dump-len", "65536"), 0);
	assert_int_equal(options.exit_dump_len, 65536);
	assert_int_equal(parse("--exit-dump-len=16777216"), 0);
	assert_int_equal(options.exit_dump_len, 16777216);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused("--exit-dump-len:", "0 to 16777216", "--exit-dump-len", (char *)bad[i]);
}

static void test_policy(void **state)
{
	static const char *const bad[] = {
		"",	   "Rustland",	"a b",	"..",
		"fifo.so", "p\xc3\xa4", "a\nb", "abcdefghijklmnopqrstuvwxyz012345"};

	(void)state;
	assert_int_equal(parse("--policy", "my-policy_2"), 0);
	assert_string_equal(options.policy, "my-policy_2");
	assert_int_equal(parse("--policy", "abcdefghijklmnopqrstuvwxyz01234"), 0);
	assert_int_equal(parse("--policy=./fifo.so"), 0);
	assert_string_equal(options.policy, "./fifo.so");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (strchr(bad[i], '\n'))
			continue; /* the log masks it, see test_log_masks */
		refused("--policy:", "1 to 31", "--policy", (char *)bad[i]);
	}
}

static void test_libbpf_options(void **state)
{
	char path[] = "/tmp/test-options-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	refused("--btf-custom-path", "1 byte to 256 MiB", "--btf-custom-path", path);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(parse("--btf-custom-path", path), 0);
	assert_string_equal(options.btf_path, path);
	assert_int_equal(ftruncate(fd, 256 << 20), 0);
	assert_int_equal(parse("--btf-custom-path", path), 0);
	assert_int_equal(ftruncate(fd, (256 << 20) + 1), 0);
	refused("--btf-custom-path", "1 byte to 256 MiB", "--btf-custom-path", path);
	close(fd);
	unlink(path);
	refused("--btf-custom-path", "No such file", "--btf-custom-path", path);
	refused("--btf-custom-path", "regular file", "--btf-custom-path", "/dev/zero");
	refused("--btf-custom-path", "regular file", "--btf-custom-path", "/");
	refused("--btf-custom-path", "No such file", "--btf-custom-path", "");

	assert_int_equal(parse("--bpf-token-path", "/sys/fs/bpf"), 0);
	assert_string_equal(options.bpf_token_path, "/sys/fs/bpf");
	assert_int_equal(parse("--bpf-token-path="), 0);
	assert_string_equal(options.bpf_token_path, "");
	assert_int_equal(parse("--object-name", "x", "--pin-root-path", "/sys/fs/bpf"), 0);
	assert_int_equal(parse("--relaxed-maps", "true"), 0);
	assert_int_equal(parse("--relaxed-maps=false"), 0);
	refused("--relaxed-maps", "true nor false", "--relaxed-maps", "1");
	refused("--kconfig", "not supported", "--kconfig", "/dev/zero");
}

static void test_bad_words(void **state)
{
	(void)state;
	refused("'-x'", "unknown", "-x");
	refused("'-x'", "unknown", "-lx");
	refused("'--no-such-option'", "unknown", "--no-such-option");
	refused("'--no-such-option=5'", "unknown", "--no-such-option=5");
	refused("'argument'", "unexpected", "argument");
	refused("'argument'", "unexpected", "-l", "argument", "-n");
	refused("'argument'", "unexpected", "--", "argument");
	refused("--slice-us needs a value", "value", "-s");
	refused("--slice-us needs a value", "value", "--slice-us");
	refused("--slice-us-min needs a value", "value", "-S");
	refused("--exit-dump-len needs a value", "value", "--exit-dump-len");
	refused("--stats needs a value", "value", "--stats");
	refused("--monitor needs a value", "value", "--monitor");
	refused("--policy needs a value", "value", "--policy");
	refused("--kconfig needs a value", "value", "--kconfig");
	/* However long the word, the line ends in the pointer to the help. */
	{
		char word[4000];

		memset(word, 'x', sizeof(word) - 1);
		word[sizeof(word) - 1] = 0;
		refused("--slice-us", "100 to 1000000", "-s", word);
		refused("unexpected", "xxx", word);
		refused("--btf-custom-path", "too long", "--btf-custom-path", word);
	}
}

static void test_timeout(void **state)
{
	static const char *const bad[] = {"", "0", "999", "30001", "-5000", "5s", "text"};

	(void)state;
	setenv("SCX_TIMEOUT_MS", "1000", 1);
	assert_int_equal(parse_nothing(), 0);
	assert_int_equal(options.timeout_ms, 1000);
	setenv("SCX_TIMEOUT_MS", "30000", 1);
	assert_int_equal(parse_nothing(), 0);
	assert_int_equal(options.timeout_ms, 30000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setenv("SCX_TIMEOUT_MS", bad[i], 1);
		refused("SCX_TIMEOUT_MS", "1000 to 30000", "-l");
		/* It is about scheduling only. */
		assert_int_equal(parse("--monitor", "1"), 0);
	}
	unsetenv("SCX_TIMEOUT_MS");
}

/* Every option of the table is explained. */
static void test_help(void **state)
{
	static const char *const names[] = {
		"--slice-us ",	   "--slice-us-min ",	 "--percpu-local",
		"--numa-local",	   "--partial",		 "--policy ",
		"--list-policies", "--no-idle-fill",	 "--exit-dump-len ",
		"--verbose",	   "--stats ",		 "--monitor ",
		"--json",	   "--help-stats",	 "--version",
		"--help",	   "--btf-custom-path ", "--bpf-token-path ",
		"--object-name ",  "--pin-root-path ",	 "--relaxed-maps ",
		"--kconfig ",	   "--stats-socket ",	 "--check ",
	};
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	options_help(f);
	fclose(f);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strstr(text, names[i]))
			fail_msg("the help does not have %s", names[i]);
	free(text);
}

/* ---- Refusals before loading ---------------------------------------------------------------- */

static int fake_states[128];
static size_t fake_asked;
static const char *fake_name;

/* One state after the other; the last one stays. */
int rl_kernel_state(char *ops_name, size_t ops_name_len)
{
	int state = fake_states[fake_asked];

	if (ops_name && ops_name_len > strlen(fake_name))
		strcpy(ops_name, fake_name);
	if (fake_asked + 1 < sizeof(fake_states) / sizeof(fake_states[0]))
		fake_asked++;
	return state;
}

static char said[4096];

/* The kernel is in the state before for nr_before looks, and in the state after from then on. */
static int check_kernel(int before, size_t nr_before, int after, const char *name)
{
	char path[] = "/tmp/test-options-XXXXXX";
	int fd = mkstemp(path), saved = dup(STDERR_FILENO), r;
	ssize_t n;

	for (size_t i = 0; i < sizeof(fake_states) / sizeof(fake_states[0]); i++)
		fake_states[i] = i < nr_before ? before : after;
	fake_asked = 0;
	fake_name = name;
	dup2(fd, STDERR_FILENO);
	r = preflight_check();
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = pread(fd, said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = 0;
	close(fd);
	unlink(path);
	/* One line when it is refused, nothing otherwise. */
	assert_true(r == 0 ? !*said : strchr(said, '\n') == said + strlen(said) - 1);
	return r;
}

static void test_capabilities(void **state)
{
	const uint64_t bpf = UINT64_C(1) << CAP_BPF, perfmon = UINT64_C(1) << CAP_PERFMON;

	(void)state;
	assert_true(preflight_may_load(bpf | perfmon));
	assert_true(preflight_may_load(UINT64_C(1) << CAP_SYS_ADMIN));
	assert_true(preflight_may_load(UINT64_MAX));
	assert_false(preflight_may_load(bpf));
	assert_false(preflight_may_load(perfmon));
	assert_false(preflight_may_load(0));
	assert_false(preflight_may_load(~(bpf | UINT64_C(1) << CAP_SYS_ADMIN)));
}

static void test_kernel(void **state)
{
	(void)state;
	assert_int_equal(check_kernel(RL_KERNEL_UNSUPPORTED, 1, RL_KERNEL_UNSUPPORTED, ""),
			 -EOPNOTSUPP);
	assert_non_null(strstr(said, "6.12"));
	assert_non_null(strstr(said, "CONFIG_SCHED_CLASS_EXT"));
}

/* What these look at comes after the privileges. */
static void test_occupied(void **state)
{
	(void)state;
	if (check_kernel(RL_KERNEL_DISABLED, 1, RL_KERNEL_DISABLED, "") == -EPERM) {
		assert_non_null(strstr(said, "root"));
		assert_non_null(strstr(said, "CAP_BPF"));
		assert_non_null(strstr(said, "CAP_PERFMON"));
		skip();
	}
	assert_int_equal(check_kernel(RL_KERNEL_ENABLED, 1, RL_KERNEL_ENABLED, "lavd_1.0"), -EBUSY);
	assert_non_null(strstr(said, "lavd_1.0"));
	assert_non_null(strstr(said, "systemctl stop scx scx_loader"));
	assert_int_equal(check_kernel(RL_KERNEL_ENABLED, 1, RL_KERNEL_ENABLED, "rustland_1"),
			 -EBUSY);
	assert_non_null(strstr(said, "systemctl stop scx-rustland"));
	/* A name can hold what it likes. */
	assert_int_equal(check_kernel(RL_KERNEL_ENABLED, 1, RL_KERNEL_ENABLED, "x\x1b[2J\ny"),
			 -EBUSY);
	assert_null(strchr(said, '\x1b'));
	/* It goes on as soon as the other one is gone, and gives up after two seconds. */
	assert_int_equal(check_kernel(RL_KERNEL_DISABLING, 4, RL_KERNEL_DISABLED, ""), 0);
	assert_int_equal(check_kernel(RL_KERNEL_ENABLING, 4, RL_KERNEL_ENABLED, "x"), -EBUSY);
	assert_int_equal(check_kernel(RL_KERNEL_DISABLING, 1, RL_KERNEL_DISABLING, ""), -EBUSY);
	assert_non_null(strstr(said, "stopping"));
	assert_true(fake_asked > 20 && fake_asked < 60);
	assert_int_equal(check_kernel(-EIO, 1, -EIO, ""), -EIO);
}

/* ---- Messages ------------------------------------------------------------------------------- */

static size_t format_line(char *buf, enum rl_log_level level, const char *format, ...)
{
	va_list args;
	size_t len;

	va_start(args, format);
	len = log_format(buf, level, format, args);
	va_end(args);
	return len;
}

static void test_log_masks(void **state)
{
	char line[LOG_LINE_MAX], longest[2 * LOG_LINE_MAX];

	(void)state;
	format_line(line, RL_LOG_ERROR, "a\nb\x1b[31mc\x7f\t%d", 5);
	assert_string_equal(line, "scx_rustland: a?b?[31mc?\t5\n");
	format_line(line, RL_LOG_WARNING, "careful");
	assert_string_equal(line, "scx_rustland: warning: careful\n");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(format_line(line, RL_LOG_INFO, "%s", longest), LOG_LINE_MAX - 1);
	assert_int_equal(line[LOG_LINE_MAX - 2], '\n');
}

/* ---- Restarts ------------------------------------------------------------------------------- */

static void test_restarts(void **state)
{
	struct restart r;

	(void)state;
	unsetenv(RESTART_ENVIRONMENT);
	restart_load(&r);
	for (int i = 0; i < RESTART_MAX; i++)
		assert_int_equal(restart_count(&r, 1000 + (uint64_t)i), 0);
	assert_int_equal(restart_count(&r, 1000 + RESTART_WINDOW_S), -ELOOP);
	assert_int_equal(restart_count(&r, 1001 + RESTART_WINDOW_S), 0);
	assert_int_equal(r.count, 1);

	setenv(RESTART_ENVIRONMENT, "1000:10", 1);
	restart_load(&r);
	assert_null(getenv(RESTART_ENVIRONMENT));
	assert_int_equal(restart_count(&r, 1030), -ELOOP);
	setenv(RESTART_ENVIRONMENT, "nonsense", 1);
	restart_load(&r);
	assert_int_equal(r.count, 0);
	assert_int_equal(restart_count(&r, 5), 0);
	/* From another boot: the clock stands before it. */
	setenv(RESTART_ENVIRONMENT, "1000000:10", 1);
	restart_load(&r);
	assert_int_equal(restart_count(&r, 5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),      cmocka_unit_test(test_slices),
		cmocka_unit_test(test_bad_slices),    cmocka_unit_test(test_switches),
		cmocka_unit_test(test_actions),	      cmocka_unit_test(test_intervals),
		cmocka_unit_test(test_bad_intervals), cmocka_unit_test(test_exit_dump_len),
		cmocka_unit_test(test_policy),	      cmocka_unit_test(test_libbpf_options),
		cmocka_unit_test(test_bad_words),     cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_help),	      cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_kernel),	      cmocka_unit_test(test_occupied),
		cmocka_unit_test(test_log_masks),     cmocka_unit_test(test_restarts),
	};

	unsetenv("SCX_TIMEOUT_MS");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
