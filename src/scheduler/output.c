/* SPDX-License-Identifier: GPL-2.0-only */
/* See output.h. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scheduler/output.h"

/*
 * O_NONBLOCK belongs to the open file, which the shell and everybody else in the pipeline share; so
 * pipes and terminals are opened once more. A regular file is written as it is: opened again it
 * would be overwritten from its start.
 */
void output_open(struct output *out, int fd)
{
	char path[32];
	struct stat st;
	int own = -1;

	*out = (struct output){.fd = fd};
	if (fstat(fd, &st) < 0)
		return;
	out->socket = S_ISSOCK(st.st_mode);
	if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	}
	if (own >= 0) {
		out->fd = own;
		out->owned = true;
	}
}

void output_close(struct output *out)
{
	if (out->owned)
		close(out->fd);
	*out = (struct output){.fd = -1};
}

int output_write(const struct output *out, const char *text, size_t len)
{
	ssize_t n;

	if (out->socket) {
		n = send(out->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	} else {
		struct pollfd p = {.fd = out->fd, .events = POLLOUT};

		/* For what could not be opened again this makes waiting unlikely. */
		if (!out->owned && poll(&p, 1, 0) == 0)
			return -EAGAIN;
		n = write(out->fd, text, len);
	}
	return n < 0 ? -errno : 0;
}
