/* SPDX-License-Identifier: GPL-2.0-only */
/* A connection to a Unix socket by its path. */
#ifndef RUSTLAND_SESSION_UNIX_SOCKET_H
#define RUSTLAND_SESSION_UNIX_SOCKET_H

/* flags: SOCK_NONBLOCK or 0. -1 and errno if nobody listens there. */
int unix_socket_connect(const char *path, int flags);

#endif /* RUSTLAND_SESSION_UNIX_SOCKET_H */
