/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A strict reader for the few lines of JSON that travel over the statistics socket: objects of
 * strings and unsigned numbers. Everything else is checked and skipped.
 *
 * Why not json-c: the helper thread reads requests beside the scheduler, where nothing may
 * allocate; json-c builds a tree on the heap. The grammar needed here fits in one page.
 *
 * It must never allocate, never read past the text it was given, and never recurse without limit:
 * every local user can send it requests.
 */
#ifndef SCX_RUSTLAND_JSON_H
#define SCX_RUSTLAND_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	const char *pos;
	const char *end;
	bool first;  /* the next member is the first of its object */
	bool failed; /* the text is not JSON, or not of the shape that was asked for */
};

/*
 * A string, for comparing with names that are known and ASCII. What can equal none of them is not
 * kept: a string that is too long becomes empty, a character escaped as \u0000 or beyond ASCII
 * becomes a byte that no UTF-8 text has.
 */
struct json_string {
	char text[64];
};

void json_init(struct json *j, const char *text, size_t len);

/* Enter an object; then json_member() for each member, each followed by reading its value. */
bool json_object(struct json *j);
/* The name of the next member; false at the end of the object and after every failure. */
bool json_member(struct json *j, struct json_string *name);

bool json_string(struct json *j, struct json_string *ret);
bool json_u64(struct json *j, uint64_t *ret);
bool json_skip(struct json *j);

/* True when nothing failed and only white space is left. */
bool json_end(struct json *j);

#endif /* SCX_RUSTLAND_JSON_H */
