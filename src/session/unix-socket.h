/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections to Unix sockets by their path; every one of the bridge's is made here. It must never
 * wait, and never hand out a connection to a program of another user: whose program listens is asked of
 * the kernel, of the very connection, so nothing that is done to the path meanwhile matters.
 */
#ifndef RUSTLAND_SESSION_UNIX_SOCKET_H
#define RUSTLAND_SESSION_UNIX_SOCKET_H

#include "session/owner.h"

/*
 * A connection that does not block, on which nothing was sent; the caller closes it.
 *
 * ret_listener: OWNER_OURS, OWNER_ROOT or OWNER_HIDDEN, of which the last may be anybody; NULL: not
 * even connect to what is hidden.
 *
 * -1 and errno: EPERM, said in the journal once for each path, if it is another user's; ENOTSOCK for
 * what is no socket, ELOOP for a symbolic link; EAGAIN if too many wait for it; else as connect(2).
 */
int unix_socket_connect(const char *path, enum owner *ret_listener);

/* Who listened at the other end of a connection, as the kernel remembers it. */
enum owner unix_socket_listener(int fd);

/* Says that, of one that was not known to be another user's when it was connected to. */
void unix_socket_say_foreign(const char *path);

#endif /* RUSTLAND_SESSION_UNIX_SOCKET_H */
