/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who has how much under way: calls and bytes of each connection, of each user and of all users, and
 * how many calls a user has made lately. A call is under way until its answer leaves, and every call is
 * answered: also those whose sender does not want to know.
 *
 * Root and the user that the service runs as have an account of their own: what others do is never
 * counted against them, nor are they slowed down. It knows no clock and no lock; both are the caller's.
 */
#ifndef RUSTLANDD_GATE_LEDGER_H
#define RUSTLANDD_GATE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <glib.h>

/* Under way at a time. doc/hardening.md counts descriptors with these. */
#define LEDGER_SENDER_CALLS 24 /* of a connection */
#define LEDGER_USER_CALLS   32
#define LEDGER_USER_BYTES   (256 * 1024)
#define LEDGER_ALL_CALLS    512 /* of all users together, without root and the service's own */
#define LEDGER_ALL_BYTES    (2 * 1024 * 1024)
/* Whoever has fewer than that is served until all have twice as much under way. */
#define LEDGER_FEW_CALLS 4
/* Root and the service's own user, each. */
#define LEDGER_PRIVILEGED_CALLS 256
#define LEDGER_PRIVILEGED_BYTES (2 * 1024 * 1024)

/* Of one user: so many a second, so many at once after a pause. Large ones count for several. */
#define LEDGER_RATE	    100
#define LEDGER_BURST	    200
#define LEDGER_BYTES_A_CALL 4096

struct ledger;

struct ledger *ledger_new(uid_t own_uid);
void ledger_free(struct ledger *ledger);

/* The bus never uses a name twice, so what was learnt stays right. */
/* Whether it is known, and which user it is of; ret_uid may be NULL, and what is there stays otherwise. */
bool ledger_find(const struct ledger *ledger, const char *sender, uid_t *ret_uid);
void ledger_learn(struct ledger *ledger, const char *sender, uid_t uid);

/*
 * A call of a known sender: NULL, and it is counted, or why it is refused, to be freed.
 * unwanted: its answer is of interest to nobody.
 */
char *ledger_begin(struct ledger *ledger, const char *sender, uint32_t serial, size_t bytes,
		   bool unwanted, int64_t now_us);

/* An answer leaves. False if it is unwanted. */
bool ledger_end(struct ledger *ledger, const char *destination, uint32_t serial);

/* A signal of a known sender: whether there is anything left for it. */
bool ledger_take_signal(struct ledger *ledger, const char *sender, size_t bytes, int64_t now_us);

/* Calls and bytes that are under way, of all. */
void ledger_count(const struct ledger *ledger, unsigned int *ret_calls, size_t *ret_bytes);

#endif /* RUSTLANDD_GATE_LEDGER_H */
