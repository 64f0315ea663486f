/* SPDX-License-Identifier: GPL-2.0-only */
/* See proc-text.h. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/boost/proc-text.h"

gboolean proc_text_stat(const char *text, pid_t *ret_parent, uint64_t *ret_flags,
			uint64_t *ret_start_ticks)
{
	/* The name in brackets before these may hold anything. */
	const char *end = strrchr(text, ')');

	return end && sscanf(end + 1,
			     " %*c %d %*d %*d %*d %*d %" SCNu64 " %*u %*u %*u %*u %*u %*u %*d %*d"
			     " %*d %*d %*d %*d %" SCNu64,
			     ret_parent, ret_flags, ret_start_ticks) == 3;
}

/* What follows the key at the beginning of a line. */
static const char *value_of(const char *text, const char *key)
{
	const char *line = text;

	while (line && !g_str_has_prefix(line, key)) {
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return line ? line + strlen(key) : NULL;
}

gboolean proc_text_pid(const char *text, const char *key, pid_t *ret)
{
	const char *value = value_of(text, key);

	return value && sscanf(value, "%d", ret) == 1;
}

gboolean proc_text_nested(const char *text)
{
	const char *numbers = value_of(text, "NSpid:");
	pid_t outer, inner;

	/* Not " ", which would go on to the next line. */
	return numbers && sscanf(numbers, "%d%*[\t]%d", &outer, &inner) == 2;
}

gboolean proc_text_uid(const char *text, uid_t *ret_owner, uid_t *ret_acts_as)
{
	const char *value = value_of(text, "Uid:");
	unsigned int uid[4];

	if (!value || sscanf(value, "%u %u %u %u", &uid[0], &uid[1], &uid[2], &uid[3]) != 4)
		return FALSE;
	*ret_owner = uid[0] == uid[1] && uid[0] == uid[2] && uid[0] == uid[3] ? uid[0] : 0;
	*ret_acts_as = uid[0] == uid[1] ? uid[0] : (uid_t)-1;
	return TRUE;
}

void proc_text_name(char *text, size_t size)
{
	g_autofree char *valid = g_utf8_make_valid(g_strchomp(text), -1);
	const char *end;

	for (char *c = valid; *c; c++)
		if (g_ascii_iscntrl(*c))
			*c = '?';
	g_strlcpy(text, valid, size);
	/* What no longer fits whole is left out. */
	if (!g_utf8_validate(text, -1, &end))
		text[end - text] = '\0';
}

char *proc_text_cgroup(const char *text)
{
	const char *path = value_of(text, "0::");

	return path ? g_utf8_make_valid(path, (gssize)strcspn(path, "\n")) : NULL;
}

gboolean proc_text_populated(const char *text)
{
	int populated;

	return proc_text_pid(text, "populated ", &populated) && populated == 1;
}
