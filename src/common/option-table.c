/* SPDX-License-Identifier: GPL-2.0-only */
/* See option-table.h. */

#include <stdio.h>
#include <string.h>

#include "common/option-table.h"

/* What getopt gives for the i-th option. It lies above all letters, so that both can be told apart. */
#define LONG_OF(i) (256 + (int)(i))

void option_parser_init(struct option_parser *parser, const struct option_spec *specs, size_t nr,
			uint64_t takes, bool till_word)
{
	struct option *l = parser->longs;
	char *s = parser->shorts;

	*parser = (struct option_parser){.specs = specs};
	if (till_word)
		*s++ = '+';
	*s++ = ':'; /* a missing value is told from an unknown option */
	for (size_t i = 0; i < nr && i < OPTION_TABLE_MAX; i++) {
		int has_arg = specs[i].value ? required_argument : no_argument;

		if (!(takes & UINT64_C(1) << i))
			continue;
		*l++ = (struct option){specs[i].name, has_arg, NULL, LONG_OF(i)};
		if (!specs[i].letter)
			continue;
		*s++ = specs[i].letter;
		if (specs[i].value)
			*s++ = ':';
	}
	optind = 0; /* start anew */
	opterr = 0;
}

/* Of the options that there are; -1: none. */
static int index_of(const struct option_parser *parser, int value)
{
	for (const struct option *l = parser->longs; l->name; l++)
		if (value == l->val ||
		    (value && value == parser->specs[l->val - LONG_OF(0)].letter))
			return l->val - LONG_OF(0);
	return -1;
}

/* result: '?' or ':', what it is about being in optopt. */
static struct option_fault fault_of(struct option_parser *parser, int result, const char *word)
{
	int i = index_of(parser, optopt);

	if (i >= 0)
		return (struct option_fault){"--", parser->specs[i].name,
					     result == ':' ? " needs a value" : " takes no value"};
	if (!optopt)
		return (struct option_fault){"unknown option '", word, "'"};
	parser->letter[0] = (char)optopt;
	return (struct option_fault){"unknown option '-", parser->letter, "'"};
}

int option_parser_next(struct option_parser *parser, int argc, char **argv, const char **ret_value,
		       struct option_fault *ret_fault)
{
	int result = getopt_long(argc, argv, parser->shorts, parser->longs, NULL);

	if (result == '?' || result == ':') {
		*ret_fault = fault_of(parser, result, argv[optind - 1]);
		return OPTION_BAD;
	}
	if (result < 0) {
		parser->first_word = optind;
		return OPTION_END;
	}
	*ret_value = optarg;
	return index_of(parser, result);
}

void option_help(char ret[OPTION_HELP_MAX], const struct option_spec *spec, int width)
{
	char letter[] = "-x, ", left[64];

	letter[1] = spec->letter;
	snprintf(left, sizeof(left), "--%s%s%s", spec->name, spec->value ? " " : "",
		 spec->value ? spec->value : "");
	snprintf(ret, OPTION_HELP_MAX, "  %s%-*s %s\n", spec->letter ? letter : "    ", width, left,
		 spec->about);
}
