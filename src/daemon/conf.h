/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rustland.conf(5): reads all files, checks all values, and answers with one struct in which every
 * value can be used as it is. A file with a mistake in it is refused as a whole, so that a running
 * service stays with what it has; it must never be taken in part.
 *
 * One table in conf-keys.c says which keys there are, with their ranges; the manual page is checked
 * against it.
 */
#ifndef RUSTLANDD_CONF_H
#define RUSTLANDD_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/* A policy that the files name, for the profile in force or for another one. */
struct config_policy {
	char *name;
	char *where; /* "FILE:LINE", or NULL where no file names one */
};

/* All strings are owned by the struct. */
struct config {
	char *profile; /* the one in force, of config_profiles() */
	char *policy;  /* for scx_rustland --policy */
	/* Each different one once, as struct config_policy; that of the profile in force first. */
	GPtrArray *policies;
	uint64_t slice_us, slice_min_us;
	bool percpu_local, numa_local, idle_fill;
	uint32_t exit_dump_len; /* bytes; 0: the kernel's default */
	uint32_t max_boosts_per_user;
	uint32_t max_changes, changes_window_s; /* calls of a user in that time */
	uint32_t restart_max, restart_window_s; /* starts again in that time */
	uint32_t restart_delay_ms, restart_delay_max_ms;
};

/*
 * Where to look, in order: DIR/rustland.conf of every directory, then all DIR/rustland.conf.d/
 * *.conf, sorted by their names, then one more file. Later files override single keys. Of drop-ins
 * with the same name only the one of the last directory counts.
 */
struct config_paths {
	const char *const *dirs; /* NULL-terminated */
	const char *file;	 /* which has to be there; NULL: none */
};

#define CONFIG_ERROR (config_error_quark())
GQuark config_error_quark(void);

enum config_error {
	CONFIG_ERROR_READ,    /* a file cannot be read; the message begins with its path */
	CONFIG_ERROR_INVALID, /* the message names file, line, key and what would be right */
	CONFIG_ERROR_PROFILE, /* there is no such profile */
	CONFIG_ERROR_POLICY,  /* the policy cannot be used; the message is like that of INVALID */
	CONFIG_ERROR_TRIAL,   /* the scheduler did not do well with it */
	CONFIG_ERROR_BUSY,    /* others wait for a change; or a later one was asked for */
	CONFIG_ERROR_STOPPED, /* the service stopped before that could be said */
};

/*
 * profile: the one to apply; NULL for the one that the files name. Every profile is checked, so
 * that choosing another one later cannot fail. Returns NULL and an error when something is wrong.
 */
struct config *config_load(const struct config_paths *paths, const char *profile, GError **error);
void config_free(struct config *config);

/* The names of all profiles, NULL-terminated. */
const char *const *config_profiles(void);

struct config *config_copy(const struct config *config);

/*
 * As a file that config_load() takes: what is in force, and nothing about other profiles. Free with
 * g_free().
 */
char *config_text(const struct config *config);

/* What a policy has to be, as errors say it. Free with g_free(). */
char *config_policy_range(void);

/* The arguments of scx_rustland, without its name; free with g_strfreev(). */
char **config_arguments(const struct config *config);

/* Calls f for each key there is, for the tests of the manual page and of the vendor's file. */
void config_describe(void (*f)(const char *group, const char *key, const char *range,
			       const char *fallback, gpointer userdata),
		     gpointer userdata);

#endif /* RUSTLANDD_CONF_H */
