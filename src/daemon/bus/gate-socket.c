/* SPDX-License-Identifier: GPL-2.0-only */
/* See gate-socket.h. */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>

#include "daemon/bus/gate-socket.h"

void gate_close_fds(struct gate_fds *fds)
{
	for (unsigned int i = 0; i < fds->n; i++)
		close(fds->fds[i]);
	fds->n = 0;
}

static void take_control(struct msghdr *header, struct gate_fds *fds)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (fds->n < fds->max) {
				fds->fds[fds->n++] = fd;
			} else {
				close(fd);
				fds->lost = true;
			}
		}
	}
	if (header->msg_flags & MSG_CTRUNC)
		fds->lost = true;
}

ssize_t gate_receive(int fd, uint8_t *bytes, size_t len, struct gate_fds *fds)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char data[CMSG_SPACE(GATE_FDS_OUT_MAX * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = bytes, .iov_len = len};
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_LEN(fds->max * sizeof(int)),
	};
	ssize_t n;

	do
		n = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		take_control(&header, fds);
	return n;
}

bool gate_read(int fd, uint8_t *bytes, size_t len, struct gate_fds *fds)
{
	while (len > 0) {
		ssize_t n = gate_receive(fd, bytes, len, fds);

		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

bool gate_write(int fd, const uint8_t *bytes, size_t len, const struct gate_fds *fds)
{
	unsigned int nr_fds = fds ? fds->n : 0;
	union {
		struct cmsghdr header;
		char data[CMSG_SPACE(GATE_FDS_OUT_MAX * sizeof(int))];
	} control = {0};

	while (len > 0) {
		struct iovec iov = {.iov_base = (void *)bytes, .iov_len = len};
		struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n;

		if (nr_fds) {
			control.header.cmsg_level = SOL_SOCKET;
			control.header.cmsg_type = SCM_RIGHTS;
			control.header.cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
			memcpy(CMSG_DATA(&control.header), fds->fds, nr_fds * sizeof(int));
			header.msg_control = &control;
			header.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
		}
		n = sendmsg(fd, &header, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		nr_fds = 0; /* they go with the first byte */
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

bool gate_discard(int fd, size_t len, struct gate_fds *fds)
{
	uint8_t piece[16 * 1024];

	while (len > 0) {
		size_t n = MIN(len, sizeof(piece));

		if (!gate_read(fd, piece, n, fds))
			return false;
		len -= n;
	}
	return true;
}
