/* SPDX-License-Identifier: GPL-2.0-only */
/* See json.h. */

#include <string.h>

#include "scheduler/json.h"

/* The helper's stack is small, and no request has a reason to nest deeper than two. */
#define JSON_MAX_DEPTH 16

void json_init(struct json *j, const char *text, size_t len)
{
	*j = (struct json){.pos = text, .end = text + len};
}

static bool fail(struct json *j)
{
	j->failed = true;
	j->pos = j->end;
	return false;
}

/* The next character that is not white space, without taking it; 0 at the end. */
static char peek(struct json *j)
{
	while (j->pos < j->end &&
	       (*j->pos == ' ' || *j->pos == '\t' || *j->pos == '\n' || *j->pos == '\r'))
		j->pos++;
	return j->pos < j->end ? *j->pos : 0;
}

static bool take(struct json *j, char c)
{
	if (peek(j) != c)
		return false;
	j->pos++;
	return true;
}

static bool is_digit(const struct json *j)
{
	return j->pos < j->end && *j->pos >= '0' && *j->pos <= '9';
}

bool json_object(struct json *j)
{
	j->first = true;
	return take(j, '{') || fail(j);
}

bool json_member(struct json *j, struct json_string *name)
{
	bool first = j->first;

	j->first = false;
	if (j->failed || take(j, '}'))
		return false;
	if (!first && !take(j, ','))
		return fail(j);
	return json_string(j, name) && (take(j, ':') || fail(j));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* After a backslash: the character meant, see struct json_string; -1 when it is no escape. */
static int unescape(struct json *j)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;
	int code = 0;

	if (j->pos == j->end)
		return -1;
	if (*j->pos != 'u') {
		found = memchr(from, *j->pos++, sizeof(from) - 1);
		return found ? to[found - from] : -1;
	}
	if (j->end - j->pos < 5)
		return -1;
	for (int i = 1; i <= 4; i++) {
		int digit = hex_digit(j->pos[i]);

		if (digit < 0)
			return -1;
		code = code * 16 + digit;
	}
	j->pos += 5;
	return code > 0 && code < 0x80 ? code : 0xff;
}

bool json_string(struct json *j, struct json_string *ret)
{
	size_t len = 0;

	if (!take(j, '"'))
		return fail(j);
	while (j->pos < j->end && *j->pos != '"') {
		int c = (unsigned char)*j->pos++;

		if (c < 0x20)
			return fail(j);
		if (c == '\\' && (c = unescape(j)) < 0)
			return fail(j);
		if (len < sizeof(ret->text))
			ret->text[len++] = (char)c;
	}
	ret->text[len < sizeof(ret->text) ? len : 0] = 0;
	return take(j, '"') || fail(j);
}

bool json_u64(struct json *j, uint64_t *ret)
{
	uint64_t value = 0;

	peek(j);
	if (!is_digit(j))
		return fail(j);
	if (*j->pos == '0') {
		j->pos++;
	} else {
		while (is_digit(j)) {
			uint64_t digit = (uint64_t)(*j->pos++ - '0');

			if (value > (UINT64_MAX - digit) / 10)
				return fail(j);
			value = value * 10 + digit;
		}
	}
	if (is_digit(j) || (j->pos < j->end && memchr(".eE", *j->pos, 3)))
		return fail(j);
	*ret = value;
	return true;
}

static bool skip_digits(struct json *j)
{
	if (!is_digit(j))
		return fail(j);
	while (is_digit(j))
		j->pos++;
	return true;
}

static bool skip_number(struct json *j)
{
	take(j, '-');
	if (!is_digit(j))
		return fail(j);
	if (*j->pos == '0')
		j->pos++;
	else
		skip_digits(j);
	if (j->pos < j->end && *j->pos == '.') {
		j->pos++;
		if (!skip_digits(j))
			return false;
	}
	if (j->pos < j->end && (*j->pos | 0x20) == 'e') {
		j->pos++;
		if (j->pos < j->end && (*j->pos == '+' || *j->pos == '-'))
			j->pos++;
		return skip_digits(j);
	}
	return true;
}

static bool skip_word(struct json *j, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(j->end - j->pos) < len || memcmp(j->pos, word, len) != 0)
		return fail(j);
	j->pos += len;
	return true;
}

static bool skip_value(struct json *j, int depth)
{
	struct json_string ignored;

	if (depth > JSON_MAX_DEPTH)
		return fail(j);
	switch (peek(j)) {
	case '{':
		json_object(j);
		while (json_member(j, &ignored))
			skip_value(j, depth + 1);
		return !j->failed;
	case '[':
		take(j, '[');
		if (take(j, ']'))
			return true;
		do {
			if (!skip_value(j, depth + 1))
				return false;
		} while (take(j, ','));
		return take(j, ']') || fail(j);
	case '"':
		return json_string(j, &ignored);
	case 't':
		return skip_word(j, "true");
	case 'f':
		return skip_word(j, "false");
	case 'n':
		return skip_word(j, "null");
	default:
		return skip_number(j);
	}
}

bool json_skip(struct json *j)
{
	return skip_value(j, 0);
}

bool json_end(struct json *j)
{
	return !peek(j) && j->pos == j->end && !j->failed;
}
