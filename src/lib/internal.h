/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the library's files share and nobody else sees: the scheduler object and logging.
 */
#ifndef RUSTLAND_INTERNAL_H
#define RUSTLAND_INTERNAL_H

#include <rustland.h>
#include <stdatomic.h>
#include <bpf/libbpf.h>

#include "bpf/intf.h"
#include "lib/memory.h"

#define RL_API __attribute__((visibility("default")))

struct rustland; /* the skeleton, seen only by open.c */

/* Where log lines go. */
struct rl_logger {
	rl_log_fn fn;
	void *userdata;
	bool verbose;
};

struct rl {
	struct rl_logger logger;

	/* The backend. */
	struct rustland *skel;
	struct bpf_link *link; /* the scheduler is attached while this is set */
	int enlist_fd, claim_cpu_fd, counters_fd;
	struct rl_shared *shared;
	const struct rl_exit_record *exit_record;
	const char *exit_dump;

	/* Queued tasks and decisions; [loop] only. */
	struct ring_buffer *queued;
	struct ring *queued_ring;
	struct user_ring_buffer *dispatched;
	uint64_t taken;		  /* tasks handed to the policy so far */
	uint64_t decided;	  /* decisions sent so far */
	uint64_t newest;	  /* highest request number taken */
	uint64_t rounds;	  /* calls of rl_complete(); read by any thread */
	uint64_t seen_when_woken; /* newest, when rl_wait() returned last */
	bool just_woken;	  /* from sleep, for tasks that will be asked about now */
	uint64_t held;		  /* tasks that the policy says it holds back */
	uint64_t held_mark;	  /* taken + decided, when that was last seen to change */
	uint32_t held_since_beat; /* and the heartbeat then */
	int queued_fd, stop_fd;	  /* what a sleeping scheduler thread waits for */
	void (*sink)(void *context, const struct rl_task *task); /* gets each task from the ring */
	void *sink_context;

	_Atomic bool stop;
	bool by_user, partial;

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

/* rings.c: take every queued task and hand it to sink. Returns how many, or a negative errno. */
int rl_consume(struct rl *rl);
int rl_rings_open(struct rl *rl, int queued_fd, int dispatched_fd);
void rl_rings_close(struct rl *rl);

/* loop.c needs this from stats.c at attach, so that only later faults are counted. */
uint64_t rl_page_faults(void);

#endif /* RUSTLAND_INTERNAL_H */
