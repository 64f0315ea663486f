/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the library's files share and nobody else sees: the scheduler object and logging.
 */
#ifndef RUSTLAND_INTERNAL_H
#define RUSTLAND_INTERNAL_H

#include <rustland.h>
#include <stdatomic.h>

#include "bpf/intf.h"
#include "lib/backend.h"
#include "lib/memory.h"

struct rustland; /* the skeleton, seen only by open.c */
/* libbpf's, seen only by the BPF backend. */
struct bpf_link;
struct ring;
struct ring_buffer;
struct user_ring_buffer;

/* Where log lines go. */
struct rl_logger {
	rl_log_fn fn;
	void *userdata;
	bool verbose;
};

struct rl {
	struct rl_logger logger;

	/* What the loop needs. */
	const struct rl_backend_ops *backend;
	struct rl_shared *shared;
	_Atomic bool stop;

	/* The loop's own; [loop] only. */
	uint64_t taken;		  /* tasks handed to the policy so far */
	uint64_t decided;	  /* decisions sent so far */
	uint64_t newest;	  /* highest request number taken */
	uint64_t rounds;	  /* calls of rl_complete(); read by any thread */
	uint64_t seen_when_woken; /* newest, when rl_wait() returned last */
	bool just_woken;	  /* from sleep, for tasks that will be asked about now */
	uint64_t held;		  /* tasks that the policy says it holds back */
	uint64_t held_mark;	  /* taken + decided, when that was last seen to change */
	uint32_t held_since_beat; /* and the heartbeat then */
	void (*sink)(void *context, const struct rl_task *task); /* gets each task from the ring */
	void *sink_context;

	/* The BPF backend. */
	struct rustland *skel;
	struct bpf_link *link; /* the scheduler is attached while this is set */
	int enlist_fd, counters_fd;
	const struct rl_exit_record *exit_record;
	const char *exit_dump;
	bool by_user, partial;
	struct ring_buffer *queued;
	struct ring *queued_ring;
	struct user_ring_buffer *dispatched;
	int queued_fd, stop_fd; /* what a sleeping scheduler thread waits for */

	/* Statistics; one thread at a time, see rl_stats(). */
	struct rl_counters *counters; /* one per possible CPU */
	int nr_possible_cpus;
	uint64_t page_faults_at_attach;

	struct rl_memory memory;
};

void rl_log(const struct rl_logger *logger, enum rl_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define rl_err(rl, ...)	  rl_log(&(rl)->logger, RL_LOG_ERROR, __VA_ARGS__)
#define rl_warn(rl, ...)  rl_log(&(rl)->logger, RL_LOG_WARNING, __VA_ARGS__)
#define rl_info(rl, ...)  rl_log(&(rl)->logger, RL_LOG_INFO, __VA_ARGS__)
#define rl_debug(rl, ...) rl_log(&(rl)->logger, RL_LOG_DEBUG, __VA_ARGS__)

/*
 * Send libbpf's messages to this logger while the calling thread opens or loads something, and
 * remember the one that tells why it failed. Not reentrant within a thread.
 */
void rl_libbpf_log_begin(const struct rl_logger *logger);
/* Ends that; the reason is "" when libbpf complained about nothing. Valid until the next begin. */
const char *rl_libbpf_log_end(void);

int rl_rings_open(struct rl *rl, int queued_fd, int dispatched_fd);
void rl_rings_close(struct rl *rl);

/* exit.c: the backend's ops.exit has been called. */
bool rl_exit_is_recorded(const struct rl *rl);

/* open.c needs this from counters.c at attach, so that only later faults are counted. */
uint64_t rl_page_faults(void);

#endif /* RUSTLAND_INTERNAL_H */
