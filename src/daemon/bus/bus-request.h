/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A method call on its way: the caller is asked for, then prepare() looks at the arguments and says
 * which permission is needed (NULL: none), then polkit is asked, then finish() does it. Both set an
 * error on failure, and finish() has answered on success, or has seen to it that somebody will.
 *
 * struct request has room for the arguments of every method, and frees them. What a method does with them is
 * in its request_kind, see bus-methods.c and bus-queries.c.
 *
 * It must never wait for anybody, or hold more for one user than a fixed number of calls.
 */
#ifndef RUSTLANDD_BUS_REQUEST_H
#define RUSTLANDD_BUS_REQUEST_H

#include <stdint.h>

#include <gio/gio.h>

struct boost;
struct bus;
struct caller;
struct requests;

struct request {
	struct bus *bus; /* NULL when it is gone */
	GDBusMethodInvocation *invocation;
	const struct request_kind *kind;
	struct caller *caller;
	gboolean is_counted; /* among those that wait for polkit */

	/* Arguments, and what became of them; owned. */
	uint32_t pid, cookie;
	int pidfd; /* -1: by number */
	char *path, *profile;
	gboolean by_client;
	struct boost *boost;
	uint64_t order;
};

struct request_kind {
	gboolean (*prepare)(struct request *request, const char **ret_action, GError **error);
	gboolean (*finish)(struct request *request, GError **error);
	/* One call of a user at a time, and of those that wait only the last one. */
	gboolean takes_turns;
	gboolean is_silent; /* a failure is answered as if it were success */
};

/* Those under way. */
struct requests *requests_new(void);
/* Answers all of them: the service is stopping. What is under way for them comes to nothing. */
void requests_free(struct requests *requests);

/* invocation: its answer comes from finish(), or is an error. Arguments are set before the start. */
struct request *request_new(struct bus *bus, const struct request_kind *kind,
			    GDBusMethodInvocation *invocation);
void request_start(struct request *request);
/* Instead of request_start(). */
void request_fail(struct request *request, const GError *error);

/* Whoever called can wait for a person who is asked for a password. */
gboolean is_interactive(GDBusMethodInvocation *invocation);
/* Answers with an error that D-Bus has a name for. */
void return_error(GDBusMethodInvocation *invocation, const GError *error);

#endif /* RUSTLANDD_BUS_REQUEST_H */
