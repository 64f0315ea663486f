/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Command lines by table: what options a program has is said once, and both getopt_long() and the help
 * get it from there.
 *
 * Which values an option takes is its program's business. Nothing here may print, or end the program.
 */
#ifndef RUSTLAND_COMMON_OPTION_TABLE_H
#define RUSTLAND_COMMON_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <getopt.h>

struct option_spec {
	const char *name;  /* without the dashes */
	char letter;	   /* 0: there is none */
	const char *value; /* what the help calls it; NULL: it takes none */
	const char *about;
};

/* No table is longer: a set of its options has a bit for each. */
#define OPTION_TABLE_MAX 64
#define OPTIONS_ALL	 UINT64_MAX

/* Longer lines of help are cut. */
#define OPTION_HELP_MAX 256

struct option_parser {
	const struct option_spec *specs;
	struct option longs[OPTION_TABLE_MAX + 1];
	char shorts[2 * OPTION_TABLE_MAX + 3];
	char letter[2]; /* the unknown one that a fault is about */
	int first_word; /* index in argv of what is no option; known at the end */
};

/* What is wrong, in three parts: the middle one may have been typed by anybody, and be of any length. */
struct option_fault {
	const char *before, *word, *after;
};

enum {
	OPTION_END = -1,
	OPTION_BAD = -2,
};

/*
 * Begin to read a command line, one at a time in a process. takes: which options of the table there are,
 * bit i for the i-th. till_word: the first word that is no option ends them; else it may stand anywhere.
 */
void option_parser_init(struct option_parser *parser, const struct option_spec *specs, size_t nr,
			uint64_t takes, bool till_word);

/*
 * The index of the next option, and its value if it takes one; OPTION_END; or OPTION_BAD and a fault, which is
 * valid as long as parser and argv are.
 */
int option_parser_next(struct option_parser *parser, int argc, char **argv, const char **ret_value,
		       struct option_fault *ret_fault);

/* The option's line in a help, with a newline; the left column has width characters. */
void option_help(char ret[OPTION_HELP_MAX], const struct option_spec *spec, int width);

#endif /* RUSTLAND_COMMON_OPTION_TABLE_H */
