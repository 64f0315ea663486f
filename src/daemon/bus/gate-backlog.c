/* SPDX-License-Identifier: GPL-2.0-only */
/* See gate-backlog.h. */

#include "daemon/bus/gate-backlog.h"

struct backlog {
	GQueue questions;  /* of GBytes */
	GQueue turns;	   /* of struct user, all of which have refusals; the next one first */
	GHashTable *users; /* uid to struct user */
	unsigned int nr_refusals;
};

struct user {
	uid_t uid;
	GQueue refusals; /* of GBytes */
};

static void unref(gpointer message)
{
	g_bytes_unref(message);
}

static void user_free(gpointer data)
{
	struct user *user = data;

	g_queue_clear_full(&user->refusals, unref);
	g_free(user);
}

struct backlog *backlog_new(void)
{
	struct backlog *backlog = g_new0(struct backlog, 1);

	g_queue_init(&backlog->questions);
	g_queue_init(&backlog->turns);
	backlog->users = g_hash_table_new_full(NULL, NULL, NULL, user_free);
	return backlog;
}

void backlog_free(struct backlog *backlog)
{
	g_queue_clear_full(&backlog->questions, unref);
	g_queue_clear(&backlog->turns);
	g_hash_table_unref(backlog->users);
	g_free(backlog);
}

void backlog_add_question(struct backlog *backlog, GBytes *message)
{
	g_queue_push_tail(&backlog->questions, message);
}

void backlog_add_refusal(struct backlog *backlog, uid_t uid, GBytes *message)
{
	struct user *user = g_hash_table_lookup(backlog->users, GUINT_TO_POINTER(uid));

	if (backlog->nr_refusals >= BACKLOG_ALL ||
	    (user && user->refusals.length >= BACKLOG_USER)) {
		g_bytes_unref(message);
		return;
	}
	if (!user) {
		user = g_new0(struct user, 1);
		user->uid = uid;
		g_queue_init(&user->refusals);
		g_hash_table_insert(backlog->users, GUINT_TO_POINTER(uid), user);
		g_queue_push_tail(&backlog->turns, user);
	}
	g_queue_push_tail(&user->refusals, message);
	backlog->nr_refusals++;
}

bool backlog_is_empty(const struct backlog *backlog)
{
	return !backlog->questions.length && !backlog->nr_refusals;
}

bool backlog_has_question(const struct backlog *backlog)
{
	return backlog->questions.length;
}

GBytes *backlog_take(struct backlog *backlog)
{
	GBytes *message = g_queue_pop_head(&backlog->questions);
	struct user *user;

	if (message || !backlog->nr_refusals)
		return message;
	user = g_queue_pop_head(&backlog->turns);
	message = g_queue_pop_head(&user->refusals);
	backlog->nr_refusals--;
	if (user->refusals.length)
		g_queue_push_tail(&backlog->turns, user);
	else
		g_hash_table_remove(backlog->users, GUINT_TO_POINTER(user->uid));
	return message;
}
