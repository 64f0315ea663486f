/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler's strict reader of JSON. What it takes for JSON is JSON: a second reader, json-glib,
 * takes it as well, but for half a surrogate pair, which the grammar (RFC 8259) has and Unicode has not.
 *
 * Covers: src/scheduler/json.c
 */
#include "tests/fuzz/fuzz-glib.h"

#include <json-glib/json-glib.h>

#include "scheduler/json.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	fuzz_glib_init();
	return 0;
}

static void check_other_reader(const char *text, size_t size)
{
	g_autoptr(JsonParser) parser = json_parser_new();

	/* Ours lets bytes inside strings be what they are. */
	if (g_utf8_validate(text, (gssize)size, NULL) && !strcasestr(text, "\\ud"))
		require(json_parser_load_from_data(parser, text, (gssize)size, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct json_string name;
	uint64_t number;
	struct json j;

	json_init(&j, text, size);
	if (json_skip(&j) && json_end(&j))
		check_other_reader(text, size);
	require(j.pos <= text + size);

	json_init(&j, text, size);
	json_object(&j);
	while (json_member(&j, &name)) {
		require(memchr(name.text, 0, sizeof(name.text)));
		if (name.text[0] == 'n')
			json_u64(&j, &number);
		else if (name.text[0] == 's')
			json_string(&j, &name);
		else
			json_skip(&j);
	}
	require(j.pos <= text + size);
	if (json_end(&j))
		check_other_reader(text, size);
	free(text);
	return 0;
}
