/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel writes into the files of /proc/PID and of a control group, as text in and values
 * out: reading the files is others' work. Names of processes and of groups are chosen by any user, so
 * nothing that looks like a key or a bracket inside one may count.
 */
#ifndef RUSTLANDD_PROC_TEXT_H
#define RUSTLANDD_PROC_TEXT_H

#include <stdint.h>
#include <sys/types.h>

#include <glib.h>

/* The fields of /proc/PID/stat that are used. flags: PF_* of the kernel's linux/sched.h. */
gboolean proc_text_stat(const char *text, pid_t *ret_parent, uint64_t *ret_flags,
			uint64_t *ret_start_ticks);

/* The number on a line such as "Tgid:\t4711"; key with its colon. */
gboolean proc_text_pid(const char *text, const char *key, pid_t *ret);

/*
 * "NSpid:" has more than one number: those of a process from the reader's pid namespace down to its
 * own. A kernel without such namespaces does not write the line.
 */
gboolean proc_text_nested(const char *text);

/*
 * By "Uid:" of /proc/PID/status: the owner, 0 as soon as its four user ids differ; and the real and
 * effective user, -1 when these two differ.
 */
gboolean proc_text_uid(const char *text, uid_t *ret_owner, uid_t *ret_acts_as);

/* A process's name without the newline, as valid and printable UTF-8, cut to size bytes. */
void proc_text_name(char *text, size_t size);

/* The path of version 2 in /proc/PID/cgroup, valid UTF-8, or NULL; free with g_free(). */
char *proc_text_cgroup(const char *text);

/* Whether cgroup.events says that somebody is in the group or below it. */
gboolean proc_text_populated(const char *text);

#endif /* RUSTLANDD_PROC_TEXT_H */
