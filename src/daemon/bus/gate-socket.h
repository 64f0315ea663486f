/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes and descriptors through sockets that wait: for the threads of the gate alone.
 */
#ifndef RUSTLANDD_GATE_SOCKET_H
#define RUSTLANDD_GATE_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* With a message of ours as many as the protocol allows may leave. */
#define GATE_FDS_OUT_MAX 16

/* Descriptors that came with a message. */
struct gate_fds {
	int fds[GATE_FDS_OUT_MAX];
	unsigned int n, max;
	bool lost; /* some came that had no place, or could not be opened */
};

void gate_close_fds(struct gate_fds *fds);

/* As recv(), with the room for control messages that max descriptors take: the kernel drops others. */
ssize_t gate_receive(int fd, uint8_t *bytes, size_t len, struct gate_fds *fds);

/* All of len bytes. False at the end of the stream, and on errors. */
bool gate_read(int fd, uint8_t *bytes, size_t len, struct gate_fds *fds);

/* All of len bytes, the descriptors (or NULL) with the first one. False on errors. */
bool gate_write(int fd, const uint8_t *bytes, size_t len, const struct gate_fds *fds);

/* As gate_read(), and thrown away. */
bool gate_discard(int fd, size_t len, struct gate_fds *fds);

#endif /* RUSTLANDD_GATE_SOCKET_H */
