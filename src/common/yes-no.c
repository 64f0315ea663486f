/* SPDX-License-Identifier: GPL-2.0-only */
/* See yes-no.h. */

#include <stddef.h>
#include <strings.h>

#include "common/yes-no.h"

static const struct {
	const char *word;
	bool value;
} words[] = {
	{"1", true},  {"yes", true}, {"y", true},  {"true", true},   {"t", true},  {"on", true},
	{"0", false}, {"no", false}, {"n", false}, {"false", false}, {"f", false}, {"off", false},
};

bool yes_no_parse(const char *text, bool *ret)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i].word) != 0)
			continue;
		*ret = words[i].value;
		return true;
	}
	return false;
}
