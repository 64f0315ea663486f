/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines to standard output or standard error that can never make the writer wait.
 *
 * A reader that stops reading (a pager, a terminal after ^S, a slow journal) must not stop the
 * helper thread: it handles signals and the watchdog. Lines that do not fit are dropped.
 */
#ifndef SCX_RUSTLAND_OUTPUT_H
#define SCX_RUSTLAND_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

struct output {
	int fd;
	bool owned;  /* fd is a description of our own and non-blocking */
	bool socket; /* fd is a socket: non-blocking call by call */
};

void output_open(struct output *out, int fd);
void output_close(struct output *out);

/* Returns 0, -EAGAIN when the reader is behind, or another negative errno: nobody reads. */
int output_write(const struct output *out, const char *text, size_t len);

#endif /* SCX_RUSTLAND_OUTPUT_H */
