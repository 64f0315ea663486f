/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose a socket, a file or a process is, as far as trust goes: this user's, root's, or another's.
 *
 * The unit's sandbox is a user namespace with this user alone in it. There the kernel shows everybody
 * else, root as well, as the overflow user: then all that is known is that it is not this user.
 */
#ifndef RUSTLAND_SESSION_OWNER_H
#define RUSTLAND_SESSION_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum owner {
	OWNER_OURS,
	OWNER_ROOT,
	OWNER_HIDDEN, /* root or another user: the namespace does not show which */
	OWNER_FOREIGN,
};

/* uid: as the kernel showed it to this process. */
enum owner owner_of(uid_t uid);

/* The same with everything given: who we are, and the text of /proc/self/uid_map. */
enum owner owner_judge(uid_t uid, uid_t own, const char *uid_map);

/*
 * Whether a process, by the text of its /proc/PID/status, is all of that user's: one that runs a
 * set-uid program is not. False for what is no such text.
 */
bool owner_status_is(const char *status, size_t size, uid_t uid);

#endif /* RUSTLAND_SESSION_OWNER_H */
