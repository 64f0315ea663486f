/* SPDX-License-Identifier: GPL-2.0-only */
/* See boost.h. */

#include <string.h>

#include "common/bus-words.h"
#include "daemon/boost/boost.h"

static const char *const scope_names[] = {
	[RL_SCOPE_PROCESS] = SCOPE_WORD_PROCESS,
	[RL_SCOPE_TREE] = SCOPE_WORD_TREE,
	[RL_SCOPE_CGROUP] = SCOPE_WORD_CGROUP,
};

static const char *const class_names[] = {
	[RL_CLASS_NORMAL] = "normal",
	[RL_CLASS_BOOSTED] = "boosted",
	[RL_CLASS_FOREGROUND] = "foreground",
};

static const char *const end_names[] = {
	[BOOST_RELEASED] = "released",
	[BOOST_EXITED] = "exited",
	[BOOST_CLIENT_VANISHED] = "client-vanished",
	[BOOST_EXPIRED] = "expired",
	[BOOST_REPLACED] = "replaced",
	[BOOST_DENIED] = "denied",
	[BOOST_SHUTDOWN] = END_WORD_SHUTDOWN,
};

const char *scope_name(enum rl_scope scope)
{
	return scope_names[scope];
}

const char *class_name(enum rl_class class)
{
	return class_names[class];
}

const char *boost_end_name(enum boost_end end)
{
	return end_names[end];
}

static int find_name(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

gboolean scope_parse(const char *name, enum rl_scope *ret)
{
	int i = find_name(scope_names, G_N_ELEMENTS(scope_names), name);

	if (i >= 0)
		*ret = (enum rl_scope)i;
	return i >= 0;
}

gboolean class_parse(const char *name, enum rl_class *ret)
{
	int i = find_name(class_names, G_N_ELEMENTS(class_names), name);

	if (i >= 0)
		*ret = (enum rl_class)i;
	return i >= 0;
}

struct boost *boost_new(void)
{
	struct boost *boost = g_new0(struct boost, 1);

	boost->target.sz = sizeof(boost->target);
	boost->expires_us = INT64_MAX;
	boost->look_us = INT64_MAX;
	boost->reason = g_strdup("");
	boost->app_id = g_strdup("");
	boost->requester = g_strdup("");
	return boost;
}

void boost_free(struct boost *boost)
{
	if (!boost)
		return;
	g_clear_handle_id(&boost->watch, g_source_remove);
	process_free(boost->process);
	cgroup_free(boost->cgroup);
	g_free(boost->name);
	g_free(boost->reason);
	g_free(boost->app_id);
	g_free(boost->requester);
	g_free(boost->client);
	g_free(boost);
}

const char *boost_name(const struct boost *boost)
{
	return boost->name	? boost->name
	       : boost->process ? boost->process->name
	       : boost->cgroup	? strrchr(boost->cgroup->path, '/') + 1
				: "";
}
