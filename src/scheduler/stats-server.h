/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The statistics socket: answers the requests of stats.h to a bounded number of clients. The caller
 * owns the poll loop; nothing in here waits, allocates or starts a thread.
 *
 * Every local user may connect (mode 0666): the numbers say less than the world-readable files
 * /proc/schedstat and /sys/kernel/sched_ext/, and nothing can be changed through the socket.
 * Upstream leaves its socket to the umask, which means root only. Because the thread that serves it
 * goes ahead of everybody's tasks, the work that all clients together can cause is bounded, too.
 *
 * It must never take the socket away from a living process, nor remove a file that is not this
 * user's own.
 */
#ifndef SCX_RUSTLAND_STATS_SERVER_H
#define SCX_RUSTLAND_STATS_SERVER_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <rustland.h>

#include "scheduler/stats.h"

#define STATS_CLIENTS_MAX 16
/*
 * Places that only root and the user that the scheduler itself runs as get (rustlandd is of that user),
 * so that whoever takes all the others keeps no service out. The last one is not for root either.
 */
#define STATS_CLIENTS_RESERVED 4
/* Places of any other user. */
#define STATS_CLIENTS_PER_USER 4
#define STATS_REQUEST_MAX      4096

struct stats_client {
	int fd;		      /* -1: this place is free */
	uid_t uid;	      /* whose it is */
	bool closing;	      /* no more requests; close when the answer is sent */
	bool have_prev;	      /* prev is set, by the client's first request as upstream does */
	size_t in_len;	      /* bytes received and not yet handled */
	size_t out_len;	      /* bytes of the answer */
	size_t out_sent;      /* ... of which this many are sent */
	struct rl_stats prev; /* what the client was told last */
	char in[STATS_REQUEST_MAX];
	char out[STATS_TEXT_MAX];
};

/* Big and meant to be static, so that it is locked in memory with everything else. */
struct stats_server {
	int fd; /* listening; -1: closed */
	char path[108];
	dev_t dev; /* which file the socket is, to remove no other one's */
	ino_t ino;
	uid_t own_uid; /* the user that the scheduler runs as */
	int budget;    /* events that may still be handled in this period */
	uint64_t period_end_ns;
	void (*read_stats)(struct rl_stats *ret, void *userdata);
	void *userdata;
	struct stats_client clients[STATS_CLIENTS_MAX];
};

/* Poll entries that stats_server_prepare() fills in. */
#define STATS_SERVER_FDS (STATS_CLIENTS_MAX + 1)

/* Makes server a closed one, for which all other functions do nothing. */
void stats_server_init(struct stats_server *server);

/*
 * Listen at path, making its last two directories when they are missing and replacing a socket
 * whose process is gone. -EADDRINUSE: a living process listens there. read_stats is called to
 * answer.
 */
int stats_server_open(struct stats_server *server, const char *path,
		      void (*read_stats)(struct rl_stats *ret, void *userdata), void *userdata);
void stats_server_close(struct stats_server *server);

/* Before poll(): fill in STATS_SERVER_FDS entries; returns when to call again at the latest. */
uint64_t stats_server_prepare(struct stats_server *server, struct pollfd *fds, uint64_t now_ns);
/* After poll(): handle what it found in these entries. */
void stats_server_dispatch(struct stats_server *server, const struct pollfd *fds);

#endif /* SCX_RUSTLAND_STATS_SERVER_H */
