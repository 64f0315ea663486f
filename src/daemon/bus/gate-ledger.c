/* SPDX-License-Identifier: GPL-2.0-only */
/* See gate-ledger.h. */

#include <inttypes.h>

#include "daemon/bus/gate-ledger.h"

#define CALL_US	 (1000000 / LEDGER_RATE)
#define BURST_US ((int64_t)LEDGER_BURST * CALL_US)

/* More are not kept in mind, but for those with something under way. */
#define SENDERS_MAX 4096
#define USERS_MAX   1024

struct amount {
	unsigned int calls;
	size_t bytes;
};

struct user {
	uid_t uid;
	bool privileged;
	struct amount amount;
	int64_t paid_us; /* until then all calls so far are paid for, at the rate */
};

struct call {
	uint32_t serial;
	size_t bytes;
	bool unwanted;
};

struct sender {
	uid_t uid;
	GArray *calls; /* of struct call, under way */
};

struct ledger {
	uid_t own_uid;
	GHashTable *senders; /* name to struct sender */
	GHashTable *users;   /* uid to struct user */
	struct amount others, privileged;
};

static void sender_free(gpointer data)
{
	struct sender *sender = data;

	g_array_unref(sender->calls);
	g_free(sender);
}

struct ledger *ledger_new(uid_t own_uid)
{
	struct ledger *ledger = g_new0(struct ledger, 1);

	ledger->own_uid = own_uid;
	ledger->senders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, sender_free);
	ledger->users = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	return ledger;
}

void ledger_free(struct ledger *ledger)
{
	g_hash_table_unref(ledger->senders);
	g_hash_table_unref(ledger->users);
	g_free(ledger);
}

/* ---- Who there is --------------------------------------------------------------------------- */

static gboolean is_idle_sender(gpointer name, gpointer sender, gpointer userdata)
{
	(void)name, (void)userdata;
	return ((struct sender *)sender)->calls->len == 0;
}

static gboolean is_idle_user(gpointer uid, gpointer user, gpointer now_us)
{
	(void)uid;
	return ((struct user *)user)->amount.calls == 0 &&
	       ((struct user *)user)->paid_us <= *(const int64_t *)now_us;
}

bool ledger_find(const struct ledger *ledger, const char *name, uid_t *ret_uid)
{
	const struct sender *sender = g_hash_table_lookup(ledger->senders, name);

	if (sender && ret_uid)
		*ret_uid = sender->uid;
	return sender;
}

void ledger_learn(struct ledger *ledger, const char *name, uid_t uid)
{
	struct sender *sender;

	if (ledger_find(ledger, name, NULL))
		return;
	if (g_hash_table_size(ledger->senders) >= SENDERS_MAX)
		g_hash_table_foreach_remove(ledger->senders, is_idle_sender, NULL);
	sender = g_new0(struct sender, 1);
	sender->uid = uid;
	sender->calls = g_array_new(FALSE, FALSE, sizeof(struct call));
	g_hash_table_insert(ledger->senders, g_strdup(name), sender);
}

static struct user *get_user(struct ledger *ledger, uid_t uid, int64_t now_us)
{
	struct user *user = g_hash_table_lookup(ledger->users, GUINT_TO_POINTER(uid));

	if (user)
		return user;
	if (g_hash_table_size(ledger->users) >= USERS_MAX)
		g_hash_table_foreach_remove(ledger->users, is_idle_user, &now_us);
	user = g_new0(struct user, 1);
	user->uid = uid;
	user->privileged = uid == 0 || uid == ledger->own_uid;
	user->paid_us = now_us;
	g_hash_table_insert(ledger->users, GUINT_TO_POINTER(uid), user);
	return user;
}

/* ---- What is too much ----------------------------------------------------------------------- */

/* Microseconds until this user may have another call of that size; 0: now. */
static int64_t wait_us(const struct user *user, size_t bytes, int64_t now_us, int64_t *ret_paid_us)
{
	int64_t cost_us = (1 + (int64_t)(bytes / LEDGER_BYTES_A_CALL)) * CALL_US;

	*ret_paid_us = MAX(user->paid_us, now_us) + cost_us;
	return user->privileged ? 0 : MAX(*ret_paid_us - now_us - BURST_US, 0);
}

static bool is_beyond(const struct amount *amount, size_t bytes, unsigned int max_calls,
		      size_t max_bytes)
{
	return amount->calls >= max_calls || amount->bytes + bytes > max_bytes;
}

static char *check_own(const struct user *user, const struct sender *sender, size_t bytes)
{
	unsigned int max_calls = user->privileged ? LEDGER_PRIVILEGED_CALLS : LEDGER_USER_CALLS;
	size_t max_bytes = user->privileged ? LEDGER_PRIVILEGED_BYTES : LEDGER_USER_BYTES;

	if (!user->privileged && sender->calls->len >= LEDGER_SENDER_CALLS)
		return g_strdup_printf("%u calls of this connection are under way, which is as "
				       "many as may be; wait for their answers",
				       sender->calls->len);
	if (is_beyond(&user->amount, bytes, max_calls, max_bytes))
		return g_strdup_printf("%u calls of user %u with %zu bytes are under way; at most "
				       "%u with %zu may be; wait for their answers",
				       user->amount.calls, user->uid, user->amount.bytes, max_calls,
				       max_bytes);
	return NULL;
}

static char *check_others(const struct ledger *ledger, const struct user *user, size_t bytes)
{
	unsigned int share = user->amount.calls < LEDGER_FEW_CALLS ? 2 : 1;

	if (user->privileged || !is_beyond(&ledger->others, bytes, share * LEDGER_ALL_CALLS,
					   (size_t)share * LEDGER_ALL_BYTES))
		return NULL;
	return g_strdup_printf("All users together have %u calls under way, which is as many as "
			       "may be; try again",
			       ledger->others.calls);
}

static char *check_rate(struct user *user, size_t bytes, int64_t now_us)
{
	int64_t paid_us, us = wait_us(user, bytes, now_us, &paid_us);

	if (us)
		return g_strdup_printf("User %u makes more than %d calls a second; the next one is "
				       "allowed in %" PRId64 " ms",
				       user->uid, LEDGER_RATE, (us + 999) / 1000);
	user->paid_us = paid_us;
	return NULL;
}

/* ---- Calls ---------------------------------------------------------------------------------- */

static void add(struct amount *amount, size_t bytes)
{
	amount->calls++;
	amount->bytes += bytes;
}

static void subtract(struct amount *amount, size_t bytes)
{
	amount->calls--;
	amount->bytes -= bytes;
}

char *ledger_begin(struct ledger *ledger, const char *name, uint32_t serial, size_t bytes,
		   bool unwanted, int64_t now_us)
{
	const struct call call = {.serial = serial, .bytes = bytes, .unwanted = unwanted};
	struct sender *sender = g_hash_table_lookup(ledger->senders, name);
	struct user *user = get_user(ledger, sender->uid, now_us);
	char *refusal = check_own(user, sender, bytes);

	if (!refusal)
		refusal = check_others(ledger, user, bytes);
	if (!refusal)
		refusal = check_rate(user, bytes, now_us);
	if (refusal)
		return refusal;
	g_array_append_val(sender->calls, call);
	add(&user->amount, bytes);
	add(user->privileged ? &ledger->privileged : &ledger->others, bytes);
	return NULL;
}

bool ledger_end(struct ledger *ledger, const char *destination, uint32_t serial)
{
	struct sender *sender = g_hash_table_lookup(ledger->senders, destination);

	for (guint i = 0; sender && i < sender->calls->len; i++) {
		struct call call = g_array_index(sender->calls, struct call, i);
		struct user *user;

		if (call.serial != serial)
			continue;
		user = g_hash_table_lookup(ledger->users, GUINT_TO_POINTER(sender->uid));
		g_array_remove_index(sender->calls, i);
		subtract(&user->amount, call.bytes);
		subtract(user->privileged ? &ledger->privileged : &ledger->others, call.bytes);
		return !call.unwanted;
	}
	return true;
}

bool ledger_take_signal(struct ledger *ledger, const char *name, size_t bytes, int64_t now_us)
{
	const struct sender *sender = g_hash_table_lookup(ledger->senders, name);
	g_autofree char *refusal = check_rate(get_user(ledger, sender->uid, now_us), bytes, now_us);

	return !refusal;
}

void ledger_count(const struct ledger *ledger, unsigned int *ret_calls, size_t *ret_bytes)
{
	*ret_calls = ledger->others.calls + ledger->privileged.calls;
	*ret_bytes = ledger->others.bytes + ledger->privileged.bytes;
}
