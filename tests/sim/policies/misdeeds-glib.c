/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As misdeeds.c, with GLib: the simulator has that loaded before. MISDEED=WHAT, always in next(). For
 * tests/sim/forbidden; never to be copied.
 */
#include <glib.h>
#include <rustland.h>

static const char *wanted;
static GHashTable *table;
static GMutex mutex;

static int misdoer_init(void *state, const struct rl_policy_config *config)
{
	(void)state;
	(void)config;
	wanted = g_getenv("MISDEED");
	table = g_hash_table_new(NULL, NULL);
	return 0;
}

static void misdoer_fini(void *state)
{
	(void)state;
	g_hash_table_destroy(table);
}

static void misdoer_enqueue(void *state, const struct rl_task *task)
{
	(void)state;
	(void)task;
}

static bool misdoer_next(void *state, struct rl_decision *ret)
{
	(void)state;
	(void)ret;
	if (g_strcmp0(wanted, "table") == 0) {
		/* It grows some time. */
		for (guint i = 1; i < 100; i++)
			g_hash_table_insert(table, GUINT_TO_POINTER(i), NULL);
	} else if (g_strcmp0(wanted, "clock") == 0) {
		g_get_monotonic_time();
	} else if (g_strcmp0(wanted, "lock") == 0) {
		g_mutex_lock(&mutex);
		g_mutex_unlock(&mutex);
	}
	return false;
}

const struct rl_policy rl_policy = {
	.version = RL_POLICY_VERSION,
	.sz = sizeof(struct rl_policy),
	.name = "misdeeds-glib",
	.summary = "does what a policy must not, with GLib",
	.init = misdoer_init,
	.fini = misdoer_fini,
	.enqueue = misdoer_enqueue,
	.next = misdoer_next,
};
