/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line, compatible with the Rust scx_rustland's, and the environment variables that
 * change what the program does. Parsing has no side effects and prints nothing, so that it can be
 * tested; it must never accept a value in part.
 */
#ifndef SCX_RUSTLAND_OPTIONS_H
#define SCX_RUSTLAND_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <rustland.h>

enum options_action {
	OPTIONS_SCHEDULE,
	OPTIONS_MONITOR,
	OPTIONS_HELP,
	OPTIONS_HELP_STATS,
	OPTIONS_LIST_POLICIES,
	OPTIONS_CHECK,
	OPTIONS_VERSION,
};

struct options {
	enum options_action action;
	uint64_t slice_us;
	uint64_t slice_min_us;
	uint64_t interval_ms; /* of --stats or --monitor; 0: no --stats */
	uint32_t timeout_ms;  /* SCX_TIMEOUT_MS; 0: the library's default */
	uint32_t exit_dump_len;
	bool percpu_local;
	bool numa_local;
	bool partial;
	bool no_idle_fill;
	bool verbose;
	bool json;
	bool have_class_fds;
	int class_fds[RL_CLASSES_FDS];
	bool have_members_fd;
	int members_fd;
	const char *policy;
	const char *btf_path;	    /* NULL: the running kernel's */
	const char *bpf_token_path; /* NULL: as libbpf's environment variable says */
	const char *stats_socket;   /* NULL: where this program has always had it */
};

/* Long enough for every message below, with the value that was given cut to a sensible length. */
#define OPTIONS_ERROR_MAX 512

/*
 * Strings in ret point into argv. Returns 0, or -EINVAL and one line for the user, without a
 * newline, in error, which has OPTIONS_ERROR_MAX bytes.
 */
int options_parse(struct options *ret, int argc, char **argv, char *error);

void options_help(FILE *f);

#endif /* SCX_RUSTLAND_OPTIONS_H */
