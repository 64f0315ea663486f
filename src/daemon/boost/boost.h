/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One boost: who asked for which class for which target, and until when; and the words for its parts
 * that callers use. What happens to boosts is in boosts.h.
 */
#ifndef RUSTLANDD_BOOST_H
#define RUSTLANDD_BOOST_H

#include <stdint.h>
#include <sys/types.h>

#include <glib.h>

#include <rustland.h>

#include "common/limits.h"
#include "daemon/boost/cgroup.h"
#include "daemon/boost/process.h"

#define BOOST_REASON_MAX     256 /* bytes */
#define BOOST_APP_ID_MAX     255 /* bytes */
#define BOOST_TIMEOUT_MIN_US UINT64_C(1000)
#define BOOST_TIMEOUT_MAX_US (UINT64_C(1000000) * BOOST_TIMEOUT_MAX_S)

/* Why a boost ended, in the order of boost_end_name(). */
enum boost_end {
	BOOST_RELEASED,
	BOOST_EXITED,
	BOOST_CLIENT_VANISHED,
	BOOST_EXPIRED,
	BOOST_REPLACED,
	BOOST_DENIED,
	BOOST_SHUTDOWN,
};

struct boost {
	uint32_t cookie; /* random, not 0 */
	enum rl_class class;
	struct rl_target target;
	struct process *process; /* whose end ends the boost, see trees.h; NULL for a group in the
				    foreground */
	struct cgroup *cgroup;	 /* with RL_SCOPE_CGROUP */
	pid_t pid;	     /* of the process that was boosted; 0 for a group in the foreground */
	char *name;	     /* what that called itself, or the group's; NULL until it is added */
	uid_t target_uid;    /* whose process it was at the time */
	uid_t uid;	     /* who asked */
	uint64_t allowed_at; /* see rights_now() */
	gboolean is_suspended; /* there is no right to it now, see rights.h */
	char *reason;	       /* strings are never NULL, but for client */
	char *app_id;
	char *requester;     /* name of the program that asked */
	char *client;	     /* unique name whose end ends the boost, or NULL */
	int64_t since_us;    /* microseconds since 1970 */
	uint64_t timeout_us; /* 0: none */
	int64_t expires_us;  /* g_get_monotonic_time(); INT64_MAX: never */
	guint watch;	     /* the registry's own */
	int64_t look_us; /* likewise: when to look for who is left of the tree; INT64_MAX: not */
};

/* All zero, empty or never. */
struct boost *boost_new(void);
void boost_free(struct boost *boost);
const char *boost_name(const struct boost *boost);
const char *boost_end_name(enum boost_end end);
const char *scope_name(enum rl_scope scope);
const char *class_name(enum rl_class class);
/* FALSE if there is none of that name. */
gboolean scope_parse(const char *name, enum rl_scope *ret);
gboolean class_parse(const char *name, enum rl_class *ret);

#endif /* RUSTLANDD_BOOST_H */
