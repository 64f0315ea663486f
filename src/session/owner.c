/* SPDX-License-Identifier: GPL-2.0-only */
/* See owner.h. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "session/owner.h"

/* fs.overflowuid, which nobody changes. */
#define OVERFLOW_UID 65534u

/* Lines of: first number inside, first number outside, how many. */
static bool is_mapped(const char *uid_map, uid_t uid)
{
	unsigned int inside, outside, count;

	while (sscanf(uid_map, "%u %u %u", &inside, &outside, &count) == 3) {
		if (uid >= inside && uid - inside < count)
			return true;
		uid_map = strchr(uid_map, '\n');
		if (!uid_map)
			break;
		uid_map++;
	}
	return false;
}

enum owner owner_judge(uid_t uid, uid_t own, const char *uid_map)
{
	/* First, for this may be the number that we seem to have ourselves. */
	if (uid == OVERFLOW_UID && !is_mapped(uid_map, 0))
		return OWNER_HIDDEN;
	if (uid == own)
		return OWNER_OURS;
	return uid == 0 ? OWNER_ROOT : OWNER_FOREIGN;
}

static gpointer read_uid_map(gpointer data)
{
	char *text = NULL;

	(void)data;
	/* Without /proc nothing is hidden. */
	if (!g_file_get_contents("/proc/self/uid_map", &text, NULL, NULL))
		text = g_strdup("0 0 4294967295\n");
	return text;
}

enum owner owner_of(uid_t uid)
{
	/* It never changes once a process runs in its namespace. */
	static GOnce once = G_ONCE_INIT;

	return owner_judge(uid, geteuid(), g_once(&once, read_uid_map, NULL));
}

bool owner_status_is(const char *status, size_t size, uid_t uid)
{
	static const char key[] = "\nUid:";
	const char *line = g_strstr_len(status, (gssize)size, key);
	g_autofree char *ids = NULL;
	unsigned int id[4];

	if (!line)
		return false;
	line += strlen(key);
	ids = g_strndup(line, MIN((size_t)(status + size - line), 64));
	if (sscanf(ids, "%u %u %u %u", &id[0], &id[1], &id[2], &id[3]) != 4)
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(id); i++)
		if (id[i] != uid)
			return false;
	return true;
}
