/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fuzz targets share. A target is one file with one LLVMFuzzerTestOneInput(): it hands bytes
 * to a parser and says with require() what has to hold whatever they are. Its line "Covers:" names
 * the files whose lines tests/fuzz/run counts.
 *
 * Nothing here may depend on the machine, the clock or chance: the same bytes do the same again.
 */
#ifndef RUSTLAND_FUZZ_H
#define RUSTLAND_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define require(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: required: %s\n", __FILE__, __LINE__, #condition);  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The bytes as a string of their own, so that the address sanitizer sees its end; to be freed. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	require(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* Where several inputs are needed they stand between these bytes, which text files have none of. */
#define FUZZ_SEPARATOR 0x1e

/* Takes the bytes up to the next separator; false when nothing is left. */
static inline bool fuzz_part(const uint8_t **data, size_t *size, const uint8_t **ret_part,
			     size_t *ret_size)
{
	const uint8_t *end;

	if (!*size)
		return false;
	end = memchr(*data, FUZZ_SEPARATOR, *size);
	*ret_part = *data;
	*ret_size = end ? (size_t)(end - *data) : *size;
	*data += *ret_size + (end ? 1 : 0);
	*size -= *ret_size + (end ? 1 : 0);
	return true;
}

/*
 * The bytes as the words of a command line, each ended by a newline; argv[0] is the program's name.
 * Both arrays are to be given to fuzz_arguments_free().
 */
struct fuzz_arguments {
	int argc;
	char **argv, **words; /* getopt_long() sorts argv */
};

static inline struct fuzz_arguments fuzz_arguments(const uint8_t *data, size_t size)
{
	struct fuzz_arguments a = {.argc = 1};

	a.argv = calloc(size + 3, sizeof(*a.argv));
	a.words = calloc(size + 3, sizeof(*a.words));
	require(a.argv && a.words);
	a.words[0] = fuzz_text((const uint8_t *)"program", 7);
	for (size_t i = 0, start = 0; i < size; i++) {
		if (data[i] != '\n')
			continue;
		a.words[a.argc++] = fuzz_text(data + start, i - start);
		start = i + 1;
	}
	memcpy(a.argv, a.words, (size_t)a.argc * sizeof(*a.argv));
	return a;
}

static inline void fuzz_arguments_free(struct fuzz_arguments *a)
{
	for (int i = 0; i < a->argc; i++)
		free(a->words[i]);
	free(a->words);
	free(a->argv);
}

#endif /* RUSTLAND_FUZZ_H */
