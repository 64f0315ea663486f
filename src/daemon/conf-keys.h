/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keys of rustland.conf: what they are called, which values they take, and where in struct config
 * a value goes. One table says all of that. For conf.c only; what others want to know is in conf.h.
 */
#ifndef RUSTLANDD_CONF_KEYS_H
#define RUSTLANDD_CONF_KEYS_H

#include <stddef.h>

#include "daemon/conf.h"

enum type {
	TYPE_U64,
	TYPE_U32,
	TYPE_BOOL,
	TYPE_POLICY,
	TYPE_PROFILE,
};

struct config_key {
	const char *group, *name;
	enum type type;
	size_t offset;
	const char *fallback;
	uint64_t min, max; /* numbers only */
	const char *unit;
};

/* Indices of config_keys. */
enum {
	KEY_PROFILE,
	KEY_POLICY,
	KEY_SLICE,
	KEY_SLICE_MIN,
	KEY_PERCPU_LOCAL,
	KEY_NUMA_LOCAL,
	KEY_IDLE_FILL,
	KEY_EXIT_DUMP_LEN,
	KEY_LIMIT,
	KEY_WINDOW,
	KEY_DELAY,
	KEY_DELAY_MAX,
	KEY_MAX_PER_USER,
	KEY_MAX_CHANGES,
	KEY_CHANGES_WINDOW,
	NR_KEYS,
};

#define NR_PROFILES 5 /* in config_profiles() */

extern const struct config_key config_keys[NR_KEYS];

/* What a file says about one key. */
struct setting {
	bool set;
	uint64_t number;
	char *text;
	const char *file; /* owned by struct settings */
	unsigned int line;
};

/* Whether text is a value of the key; then ret->number is set, of a number or a switch. */
bool config_parse_value(const struct config_key *key, const char *text, struct setting *ret);
void config_apply(struct config *config, const struct config_key *key,
		  const struct setting *setting);
/* What the key takes, for people. Free with g_free(). */
char *config_describe_range(const struct config_key *key);
/* -1: there is none of that name. */
int config_find_profile(const char *name);

#endif /* RUSTLANDD_CONF_KEYS_H */
