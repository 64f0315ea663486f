/* SPDX-License-Identifier: GPL-2.0-only */
/* What programs must agree on: src/common. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <rustland.h>

#include "common/limits.h"
#include "common/option-table.h"
#include "common/policy-name.h"
#include "common/sched-ext.h"
#include "common/stats-fields.h"
#include "common/yes-no.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Policies' names ------------------------------------------------------------------------ */

static void test_policy_names(void **state)
{
	static const char *const good[] = {
		"a", "rustland", "0", "_", "-", "my_policy-2", "abcdefghijklmnopqrstuvwxyz01234",
	};
	static const char *const bad[] = {
		"",    "A",   "a.so", "..",	  "../a",
		"a/b", "a b", "a\n",  "\303\274", "abcdefghijklmnopqrstuvwxyz012345",
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(good); i++)
		if (!policy_name_is_valid(good[i]))
			fail_msg("'%s' is refused", good[i]);
	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		if (policy_name_is_valid(bad[i]))
			fail_msg("'%s' is taken", bad[i]);
	assert_true(policy_name_is_valid(POLICY_DEFAULT));
	assert_string_equal(POLICY_NAME_RULE, "1 to 31 of a-z, 0-9, _ and -");
}

static char directory[] = "/tmp/test-common-XXXXXX";
static char found[256];

static void on_name(const char *name, void *userdata)
{
	assert_ptr_equal(userdata, found);
	assert_true(strlen(found) + strlen(name) + 2 < sizeof(found));
	strcat(strcat(found, name), " ");
}

static void test_installed(void **state)
{
	static const char *const files[] = {
		"zebra.so",	    "a-1.so", "b.so", "Upper.so",
		"two words.so",	    "a.b.so", ".so",  "so",
		"no-policy.so.bak", ".a.so",  "c.SO",
	};
	char path[sizeof(directory) + 32];

	(void)state;
	assert_non_null(mkdtemp(directory));
	found[0] = 0;
	policy_names_installed(directory, on_name, found);
	assert_string_equal(found, "");
	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
		close(open(path, O_CREAT | O_WRONLY, 0600));
	}
	policy_names_installed(directory, on_name, found);
	assert_string_equal(found, "a-1 b zebra ");
	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(rmdir(directory), 0);
	found[0] = 0;
	policy_names_installed(directory, on_name, found);
	assert_string_equal(found, "");
}

/* ---- Words and numbers ---------------------------------------------------------------------- */

static void test_yes_no(void **state)
{
	static const char *const words[2][9] = {
		{"0", "no", "n", "false", "f", "off", "No", "FALSE", "oFf"},
		{"1", "yes", "y", "true", "t", "on", "Yes", "TRUE", "oN"},
	};
	static const char *const bad[] = {"",	"2",	"01", "ja",   "yess",
					  "ye", "yes ", " 1", "nope", "enabled"};
	bool value;

	(void)state;
	for (int wanted = 0; wanted < 2; wanted++) {
		for (size_t i = 0; i < N_ELEMENTS(words[wanted]); i++) {
			value = !wanted;
			if (!yes_no_parse(words[wanted][i], &value) || value != wanted)
				fail_msg("'%s' is not understood", words[wanted][i]);
		}
	}
	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		if (yes_no_parse(bad[i], &value))
			fail_msg("'%s' is taken", bad[i]);
}

static void test_limits(void **state)
{
	(void)state;
	/* Tables have them as text. */
	assert_string_equal(TEXT_OF(SLICE_US_DEFAULT), "20000");
	assert_int_equal(atoi(TEXT_OF(EXIT_DUMP_LEN_MAX)), EXIT_DUMP_LEN_MAX);
	assert_in_range(SLICE_US_DEFAULT, SLICE_US_MIN, SLICE_US_MAX);
	assert_in_range(SLICE_MIN_US_DEFAULT, SLICE_US_MIN, SLICE_US_DEFAULT);
}

/* ---- Statistics ----------------------------------------------------------------------------- */

static void test_stats_fields(void **state)
{
	/* What they are is known to those who read them; a gauge that is added up says nonsense. */
	static const char *const gauges[] = {"nr_cpus", "nr_running", "nr_queued", "nr_scheduled",
					     "nr_page_faults"};
	bool upstream = true;
	size_t nr_gauges = 0;

	(void)state;
	for (size_t i = 0; i < NR_STATS_FIELDS; i++) {
		const struct stats_field *field = &stats_fields[i];

		assert_ptr_equal(stats_field_find(field->name), field);
		assert_true(field->offset % sizeof(uint64_t) == 0);
		assert_true(field->offset + sizeof(uint64_t) <= sizeof(struct rl_stats));
		/* It stands in JSON as it is. */
		assert_null(strpbrk(field->about, "\"\\\n"));
		assert_true(upstream || !field->upstream);
		upstream = field->upstream;
		nr_gauges += !field->counter;
	}
	assert_int_equal(nr_gauges, N_ELEMENTS(gauges));
	for (size_t i = 0; i < N_ELEMENTS(gauges); i++)
		assert_false(stats_field_find(gauges[i])->counter);
	assert_int_equal(stats_field_find("nr_late")->offset, offsetof(struct rl_stats, nr_late));
	assert_null(stats_field_find("nr_nothing"));
	assert_null(stats_field_find(""));
}

/* ---- sched_ext ------------------------------------------------------------------------------ */

static void test_ours(void **state)
{
	(void)state;
	assert_true(sched_ext_is_ours("rustland"));
	assert_true(sched_ext_is_ours("rustland_0.1.0_x86_64"));
	assert_false(sched_ext_is_ours("lavd"));
	assert_false(sched_ext_is_ours("rust"));
	assert_false(sched_ext_is_ours(""));
}

/* ---- Command lines -------------------------------------------------------------------------- */

static const struct option_spec specs[] = {
	{"size", 's', "BYTES", "how much"},
	{"quiet", 'q', NULL, "say nothing"},
	{"output", 0, "FILE", "where to"},
	{"hidden", 'x', NULL, "not always there"},
};

static char read_text[256];

/* What is read, as text: each option's index and value, then the words or the fault. */
static const char *read_words(uint64_t takes, bool till_word, char **argv)
{
	char *end = read_text + sizeof(read_text), *to = read_text;
	struct option_parser parser;
	struct option_fault fault;
	const char *value;
	int argc = 0, option;

	while (argv[argc])
		argc++;
	option_parser_init(&parser, specs, N_ELEMENTS(specs), takes, till_word);
	while ((option = option_parser_next(&parser, argc, argv, &value, &fault)) >= 0)
		to += snprintf(to, (size_t)(end - to), "%d%s%s ", option, value ? "=" : "",
			       value ? value : "");
	if (option == OPTION_BAD)
		to += snprintf(to, (size_t)(end - to), "%s%s%s", fault.before, fault.word,
			       fault.after);
	for (int i = parser.first_word; option == OPTION_END && i < argc; i++)
		to += snprintf(to, (size_t)(end - to), "'%s' ", argv[i]);
	return read_text;
}

#define READ(takes, till_word, ...)                                                                \
	read_words(takes, till_word, (char *[]){"program", __VA_ARGS__, NULL})

static void test_option_table(void **state)
{
	const uint64_t some = OPTIONS_ALL & ~(UINT64_C(1) << 3);
	char line[OPTION_HELP_MAX];

	(void)state;
	assert_string_equal(READ(some, true, "-qs", "5", "--output=a b", "--size", "6"),
			    "1 0=5 2=a b 0=6 ");
	assert_string_equal(READ(some, true, "-q", "word", "-q"), "1 'word' '-q' ");
	assert_string_equal(READ(some, false, "-q", "word", "-q"), "1 1 'word' ");
	assert_string_equal(READ(some, true, "--", "-q"), "'-q' ");
	assert_string_equal(READ(some, true, "-q", "-s"), "1 --size needs a value");
	assert_string_equal(READ(some, true, "--output"), "--output needs a value");
	assert_string_equal(READ(some, true, "--quiet=very"), "--quiet takes no value");
	assert_string_equal(READ(some, true, "-qz"), "1 unknown option '-z'");
	assert_string_equal(READ(some, true, "--nothing=5"), "unknown option '--nothing=5'");
	assert_string_equal(READ(some, true, "-x"), "unknown option '-x'");
	assert_string_equal(READ(some, true, "--hidden"), "unknown option '--hidden'");
	assert_string_equal(READ(OPTIONS_ALL, true, "-x"), "3 ");

	option_help(line, &specs[0], 15);
	assert_string_equal(line, "  -s, --size BYTES    how much\n");
	option_help(line, &specs[2], 15);
	assert_string_equal(line, "      --output FILE   where to\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy_names), cmocka_unit_test(test_installed),
		cmocka_unit_test(test_yes_no),	     cmocka_unit_test(test_limits),
		cmocka_unit_test(test_stats_fields), cmocka_unit_test(test_ours),
		cmocka_unit_test(test_option_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
