/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The JSON reader: what is JSON and what is not, numbers, strings.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/json.h"

static bool is_json(const char *text)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1); /* so that the sanitizer sees every step beyond */
	struct json j;
	bool ok;

	memcpy(copy, text, len);
	json_init(&j, copy, len);
	json_skip(&j);
	ok = json_end(&j);
	free(copy);
	return ok;
}

static void test_json_grammar(void **state)
{
	static const char *const good[] = {
		"{}",
		" { } ",
		"[]",
		"[ 1 , 2 ]",
		"null",
		"true",
		"false",
		"0",
		"-0",
		"10",
		"-1.5e+10",
		"1E5",
		"0.25",
		"\"\"",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\uD834\\uDD1E\"",
		"\"\xc3\xa4\"",
		"{\"a\":{\"b\":[{\"c\":null}]},\"d\":[[[]]]}",
		"\t\r\n1\n",
		"[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
	};
	static const char *const bad[] = {
		"",
		" ",
		"{",
		"}",
		"[",
		"]",
		"{]",
		"[}",
		"{,}",
		"[,]",
		"[1,]",
		"[1 2]",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{\"a\":1 \"b\":2}",
		"{a:1}",
		"{1:1}",
		"{\"a\" 1}",
		"{}{}",
		"1 2",
		"01",
		"-",
		"-a",
		"+1",
		".5",
		"1.",
		"1.e5",
		"1e",
		"1e+",
		"0x10",
		"1a",
		"nul",
		"nulll",
		"True",
		"NaN",
		"'a'",
		"\"",
		"\"\\",
		"\"\\\"",
		"\"\\x\"",
		"\"\\u12\"",
		"\"\\u123",
		"\"\\u1234",
		"\"\\u12g4\"",
		"\"\\u",
		"\"a\nb\"",
		"\"\t\"",
		"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
		"\xef\xbb\xbf{}",
		"// x\n{}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!is_json(good[i]))
			fail_msg("not taken: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (is_json(bad[i]))
			fail_msg("taken: %s", bad[i]);
	/* A zero is a character like others, and not a valid one. */
	{
		struct json j;

		json_init(&j, "1\0", 2);
		json_skip(&j);
		assert_false(json_end(&j));
	}
}

static void test_json_numbers(void **state)
{
	static const char *const bad[] = {"18446744073709551616",
					  "99999999999999999999",
					  "-1",
					  "1.0",
					  "1e3",
					  "01",
					  "\"1\"",
					  "null",
					  ""};
	uint64_t value = 0;
	struct json j;

	(void)state;
	json_init(&j, "18446744073709551615", 20);
	assert_true(json_u64(&j, &value) && json_end(&j));
	assert_true(value == UINT64_MAX);
	json_init(&j, "0", 1);
	assert_true(json_u64(&j, &value) && json_end(&j));
	assert_int_equal(value, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_init(&j, bad[i], strlen(bad[i]));
		if (json_u64(&j, &value) && json_end(&j))
			fail_msg("taken: %s", bad[i]);
	}
}

/* What equals no known name is not kept. */
static void test_json_strings(void **state)
{
	static const char *const texts[][2] = {
		{"\"top\"", "top"},
		{"\"\\u0074o\\u0070\"", "top"},
		{"\"\\b\\f\\n\\r\\t\\/\\\\\\\"\"", "\b\f\n\r\t/\\\""},
		{"\"a\\u0000b\"", "a\377b"},
		{"\"a\\u00e4b\\u0174\"", "a\377b\377"},
		/* 63 characters fit, 64 do not. */
		{"\"0123456789012345678901234567890123456789012345678901234567890123\"", ""},
		{"\"012345678901234567890123456789012345678901234567890123456789012\"",
		 "012345678901234567890123456789012345678901234567890123456789012"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct json_string s;
		struct json j;

		json_init(&j, texts[i][0], strlen(texts[i][0]));
		assert_true(json_string(&j, &s) && json_end(&j));
		assert_string_equal(s.text, texts[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_grammar),
		cmocka_unit_test(test_json_numbers),
		cmocka_unit_test(test_json_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
