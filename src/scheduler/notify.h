/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the service manager is told, as sd_notify(3) does it, but without ever waiting: sd_notify()
 * blocks while the manager's queue is full, and a manager that hangs must not take the signals of
 * the helper thread with it. It also allocates nothing, and saves the scheduler from having
 * libsystemd and all that comes with it locked in memory.
 */
#ifndef SCX_RUSTLAND_NOTIFY_H
#define SCX_RUSTLAND_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
	int fd; /* -1: nobody wants to know */
	socklen_t len;
	struct sockaddr_un address;
	uint64_t watchdog_us; /* 0: none */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. */
void notify_open(struct notify *n);
void notify_close(struct notify *n);

/* Returns 0, also when nobody listens, or -EAGAIN when the manager is behind: try it later. */
int notify_send(const struct notify *n, const char *state);

#endif /* SCX_RUSTLAND_NOTIFY_H */
