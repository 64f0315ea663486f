/* SPDX-License-Identifier: GPL-2.0-only */
/* See conf-keys.h. */

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "common/policy-name.h"
#include "common/yes-no.h"
#include "daemon/conf-keys.h"

static const char *const profiles[] = {"auto", "gaming", "lowlatency", "powersave", "server", NULL};

G_STATIC_ASSERT(G_N_ELEMENTS(profiles) == NR_PROFILES + 1);

const char *const *config_profiles(void)
{
	return profiles;
}

int config_find_profile(const char *name)
{
	for (size_t i = 0; i < NR_PROFILES; i++)
		if (strcmp(profiles[i], name) == 0)
			return (int)i;
	return -1;
}

#define KEY(group, name, type, member, ...)                                                        \
	{group, name, type, offsetof(struct config, member), __VA_ARGS__}

#define SCHEDULER(name, ...) KEY("Scheduler", name, __VA_ARGS__)
#define RESTART(name, ...)   KEY("Restart", name, TYPE_U32, __VA_ARGS__)
#define BOOSTS(name, ...)    KEY("Boosts", name, TYPE_U32, __VA_ARGS__)

#define NO_RANGE 0, 0, NULL

const struct config_key config_keys[NR_KEYS] = {
	[KEY_PROFILE] = KEY("Service", "Profile", TYPE_PROFILE, profile, "auto", NO_RANGE),
	[KEY_POLICY] = SCHEDULER("Policy", TYPE_POLICY, policy, POLICY_DEFAULT, NO_RANGE),
	[KEY_SLICE] = SCHEDULER("SliceUSec", TYPE_U64, slice_us, TEXT_OF(SLICE_US_DEFAULT),
				SLICE_US_MIN, SLICE_US_MAX, "microseconds"),
	[KEY_SLICE_MIN] =
		SCHEDULER("SliceMinUSec", TYPE_U64, slice_min_us, TEXT_OF(SLICE_MIN_US_DEFAULT),
			  SLICE_US_MIN, SLICE_US_MAX, "microseconds"),
	[KEY_PERCPU_LOCAL] = SCHEDULER("PerCPULocal", TYPE_BOOL, percpu_local, "no", NO_RANGE),
	[KEY_NUMA_LOCAL] = SCHEDULER("NUMALocal", TYPE_BOOL, numa_local, "no", NO_RANGE),
	[KEY_IDLE_FILL] = SCHEDULER("IdleFill", TYPE_BOOL, idle_fill, "yes", NO_RANGE),
	[KEY_EXIT_DUMP_LEN] = SCHEDULER("ExitDumpLen", TYPE_U32, exit_dump_len, "0", 0,
					EXIT_DUMP_LEN_MAX, "bytes"),
	[KEY_LIMIT] = RESTART("Limit", restart_max, "5", 0, 100, "restarts"),
	[KEY_WINDOW] = RESTART("WindowSec", restart_window_s, "60", 1, 86400, "seconds"),
	[KEY_DELAY] = RESTART("DelayMSec", restart_delay_ms, "100", 0, 60000, "milliseconds"),
	[KEY_DELAY_MAX] =
		RESTART("DelayMaxMSec", restart_delay_max_ms, "5000", 0, 600000, "milliseconds"),
	[KEY_MAX_PER_USER] = BOOSTS("MaxPerUser", max_boosts_per_user, "32", 1, 256, "boosts"),
	[KEY_MAX_CHANGES] = BOOSTS("MaxChanges", max_changes, "25", 1, 10000, "calls"),
	[KEY_CHANGES_WINDOW] =
		BOOSTS("ChangesWindowSec", changes_window_s, "20", 1, 3600, "seconds"),
};

char *config_describe_range(const struct config_key *key)
{
	switch (key->type) {
	case TYPE_BOOL:
		return g_strdup("yes or no");
	case TYPE_POLICY:
		return g_strdup("a policy's name (" POLICY_NAME_RULE ") or an absolute path");
	case TYPE_PROFILE: {
		g_autofree char *list = g_strjoinv(", ", (char **)profiles);

		return g_strdup_printf("one of %s", list);
	}
	default:
		return g_strdup_printf("a whole number from %" PRIu64 " to %" PRIu64 " (%s)",
				       key->min, key->max, key->unit);
	}
}

void config_describe(void (*f)(const char *group, const char *key, const char *range,
			       const char *fallback, gpointer userdata),
		     gpointer userdata)
{
	for (size_t i = 0; i < NR_KEYS; i++) {
		g_autofree char *range = config_describe_range(&config_keys[i]);

		f(config_keys[i].group, config_keys[i].name, range, config_keys[i].fallback,
		  userdata);
	}
}

/* ---- Values --------------------------------------------------------------------------------- */

/* Digits only, and no 0 in front that might mean octal. */
static bool parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value;

	if (!*text || text[strspn(text, "0123456789")] || (text[0] == '0' && text[1]))
		return false;
	errno = 0;
	value = strtoull(text, NULL, 10);
	if (errno || value < min || value > max)
		return false;
	*ret = value;
	return true;
}

/* A relative path would depend on where the service was started. */
static bool valid_policy(const char *text)
{
	if (text[0] == '/')
		return strlen(text) < PATH_MAX;
	return policy_name_is_valid(text);
}

bool config_parse_value(const struct config_key *key, const char *text, struct setting *ret)
{
	bool on;

	switch (key->type) {
	case TYPE_BOOL:
		if (!yes_no_parse(text, &on))
			return false;
		ret->number = on;
		return true;
	case TYPE_POLICY:
		return valid_policy(text);
	case TYPE_PROFILE:
		return config_find_profile(text) >= 0;
	default:
		return parse_number(text, key->min, key->max, &ret->number);
	}
}

void config_apply(struct config *config, const struct config_key *key,
		  const struct setting *setting)
{
	void *member = (char *)config + key->offset;

	switch (key->type) {
	case TYPE_U64:
		*(uint64_t *)member = setting->number;
		break;
	case TYPE_U32:
		*(uint32_t *)member = (uint32_t)setting->number;
		break;
	case TYPE_BOOL:
		*(bool *)member = setting->number;
		break;
	default:
		g_free(*(char **)member);
		*(char **)member = g_strdup(setting->text);
		break;
	}
}

/* ---- The other way round -------------------------------------------------------------------- */

static void append_value(GString *text, const struct config *config, const struct config_key *key)
{
	const void *member = (const char *)config + key->offset;

	switch (key->type) {
	case TYPE_U64:
		g_string_append_printf(text, "%" PRIu64, *(const uint64_t *)member);
		break;
	case TYPE_U32:
		g_string_append_printf(text, "%" PRIu32, *(const uint32_t *)member);
		break;
	case TYPE_BOOL:
		g_string_append(text, *(const bool *)member ? "yes" : "no");
		break;
	default:
		g_string_append(text, *(const char *const *)member);
		break;
	}
}

char *config_text(const struct config *config)
{
	GString *text = g_string_new(NULL);
	const char *group = "";

	for (size_t i = 0; i < NR_KEYS; i++) {
		if (strcmp(config_keys[i].group, group) != 0)
			g_string_append_printf(text, "[%s]\n", config_keys[i].group);
		group = config_keys[i].group;
		g_string_append_printf(text, "%s=", config_keys[i].name);
		append_value(text, config, &config_keys[i]);
		g_string_append_c(text, '\n');
	}
	return g_string_free(text, FALSE);
}

char *config_policy_range(void)
{
	return config_describe_range(&config_keys[KEY_POLICY]);
}

char **config_arguments(const struct config *config)
{
	g_autoptr(GStrvBuilder) args = g_strv_builder_new();
	g_autofree char *slice = g_strdup_printf("%" PRIu64, config->slice_us);
	g_autofree char *slice_min = g_strdup_printf("%" PRIu64, config->slice_min_us);
	g_autofree char *dump = g_strdup_printf("%" PRIu32, config->exit_dump_len);

	g_strv_builder_add_many(args, "--policy", config->policy, "--slice-us", slice,
				"--slice-us-min", slice_min, NULL);
	if (config->percpu_local)
		g_strv_builder_add(args, "--percpu-local");
	if (config->numa_local)
		g_strv_builder_add(args, "--numa-local");
	if (!config->idle_fill)
		g_strv_builder_add(args, "--no-idle-fill");
	if (config->exit_dump_len)
		g_strv_builder_add_many(args, "--exit-dump-len", dump, NULL);
	return g_strv_builder_end(args);
}
