/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that is held on to by a pidfd, so that its number can never come to mean another one.
 *
 * Facts about it are read from /proc between taking the pidfd and looking whether it still lives:
 * if it does, then they are about this process. Its owner is what "Uid:" of /proc/PID/status says.
 * Who owns the files in /proc/PID says less: the effective user alone, or root for every program that
 * is not dumpable, as compositors with file capabilities are.
 *
 * Errors go to callers that may not see the process: they must never tell its name or its owner.
 */
#ifndef RUSTLANDD_PROCESS_H
#define RUSTLANDD_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

#include <glib.h>

struct process {
	int pidfd; /* owned */
	pid_t pid;
	uid_t uid;	      /* 0 as soon as its user ids differ from each other */
	uid_t acts_as;	      /* its real and effective user; -1 when these two differ */
	uint64_t start_ticks; /* field 22 of /proc/PID/stat */
	char name[64];	      /* what it calls itself; printable */
};

/*
 * Pin a process, by its number or by a pidfd, which stays the caller's and need not be kept: also that of
 * its first thread (PIDFD_THREAD) means the process. To be freed with process_free().
 * Errors: RUSTLAND_ERROR_NO_SUCH_PROCESS; G_DBUS_ERROR_INVALID_ARGS for pid 0 and for what is no
 * pidfd; G_DBUS_ERROR_ACCESS_DENIED for pid 1 and kernel threads, which nobody may boost.
 */
struct process *process_pin(uint32_t pid, GError **error);
struct process *process_pin_fd(int pidfd, GError **error);

/* The same for reading only: pid 1 and kernel threads are found as well. */
struct process *process_look(uint32_t pid, GError **error);
struct process *process_look_fd(int pidfd, GError **error);

void process_free(struct process *process);

/* It has not ended; a zombie has. */
gboolean process_alive(const struct process *process);

/*
 * The parent of a process and when the process itself was started, or 0 when there is none to be seen.
 * For walks: both may be stale.
 */
pid_t process_parent(pid_t pid, uint64_t *ret_start_ticks);

/*
 * The process behind a pidfd knows all processes by the numbers that we know them by: it is in our
 * own pid namespace. FALSE as well when it has ended, for then nobody can tell, and in a shortage,
 * which errno then is. Needs no privilege: it is our own /proc/self/fdinfo that says so.
 */
gboolean process_shares_numbers(int pidfd);

/* The name of the process behind a pidfd, or "" when that cannot be told. */
void process_name_of_fd(int pidfd, char *ret, size_t size);

#endif /* RUSTLANDD_PROCESS_H */
