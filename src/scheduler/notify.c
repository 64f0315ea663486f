/* SPDX-License-Identifier: GPL-2.0-only */
/* See notify.h. */

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/notify.h"

static uint64_t read_number(const char *name)
{
	const char *text = getenv(name);

	return text && *text && !text[strspn(text, "0123456789")] ? strtoull(text, NULL, 10) : 0;
}

void notify_open(struct notify *n)
{
	const char *path = getenv("NOTIFY_SOCKET");

	*n = (struct notify){.fd = -1, .address.sun_family = AF_UNIX};
	if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof(n->address.sun_path))
		return;
	strcpy(n->address.sun_path, path);
	n->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (*path == '@')
		n->address.sun_path[0] = 0; /* the abstract namespace */
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* The variables may have been meant for a parent. */
	if (!getenv("WATCHDOG_PID") || read_number("WATCHDOG_PID") == (uint64_t)getpid())
		n->watchdog_us = read_number("WATCHDOG_USEC");
}

void notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

int notify_send(const struct notify *n, const char *state)
{
	if (n->fd < 0)
		return 0;
	if (sendto(n->fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&n->address,
		   n->len) < 0 &&
	    errno == EAGAIN)
		return -EAGAIN;
	return 0;
}
