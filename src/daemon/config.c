/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See config.h. The syntax is GKeyFile's; the lines are read here because GKeyFile forgets on which
 * line it found something, and an error has to name it.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#define MAIN_FILE     "rustland.conf"
#define DROP_IN_DIR   "rustland.conf.d"
#define PROFILE_GROUP "Profile "

G_DEFINE_QUARK(rustlandd - config - error - quark, config_error)

static const char *const profiles[] = {"auto", "gaming", "lowlatency", "powersave", "server", NULL};

#define NR_PROFILES (G_N_ELEMENTS(profiles) - 1)

const char *const *config_profiles(void)
{
	return profiles;
}

static int find_profile(const char *name)
{
	for (size_t i = 0; i < NR_PROFILES; i++)
		if (strcmp(profiles[i], name) == 0)
			return (int)i;
	return -1;
}

/* ---- The keys ------------------------------------------------------------------------------- */

enum type {
	TYPE_U64,
	TYPE_U32,
	TYPE_BOOL,
	TYPE_POLICY,
	TYPE_PROFILE,
};

struct key {
	const char *group, *name;
	enum type type;
	size_t offset;
	const char *fallback;
	uint64_t min, max; /* numbers only */
	const char *unit;
};

#define KEY(group, name, type, member, ...)                                                        \
	{group, name, type, offsetof(struct config, member), __VA_ARGS__}

enum {
	PROFILE,
	POLICY,
	SLICE,
	SLICE_MIN,
	PERCPU_LOCAL,
	NUMA_LOCAL,
	IDLE_FILL,
	EXIT_DUMP_LEN,
	LIMIT,
	WINDOW,
	DELAY,
	DELAY_MAX,
	MAX_PER_USER,
	MAX_CHANGES,
	CHANGES_WINDOW,
	NR_KEYS,
};

#define SCHEDULER(name, ...) KEY("Scheduler", name, __VA_ARGS__)
#define RESTART(name, ...)   KEY("Restart", name, TYPE_U32, __VA_ARGS__)
#define BOOSTS(name, ...)    KEY("Boosts", name, TYPE_U32, __VA_ARGS__)

#define NO_RANGE 0, 0, NULL

/* The ranges of [Scheduler] are those of scx_rustland's options. */
static const struct key keys[NR_KEYS] = {
	[PROFILE] = KEY("Service", "Profile", TYPE_PROFILE, profile, "auto", NO_RANGE),
	[POLICY] = SCHEDULER("Policy", TYPE_POLICY, policy, "rustland", NO_RANGE),
	[SLICE] = SCHEDULER("SliceUSec", TYPE_U64, slice_us, "20000", 100, 1000000, "microseconds"),
	[SLICE_MIN] = SCHEDULER("SliceMinUSec", TYPE_U64, slice_min_us, "1000", 100, 1000000,
				"microseconds"),
	[PERCPU_LOCAL] = SCHEDULER("PerCPULocal", TYPE_BOOL, percpu_local, "no", NO_RANGE),
	[NUMA_LOCAL] = SCHEDULER("NUMALocal", TYPE_BOOL, numa_local, "no", NO_RANGE),
	[IDLE_FILL] = SCHEDULER("IdleFill", TYPE_BOOL, idle_fill, "yes", NO_RANGE),
	[EXIT_DUMP_LEN] =
		SCHEDULER("ExitDumpLen", TYPE_U32, exit_dump_len, "0", 0, 16777216, "bytes"),
	[LIMIT] = RESTART("Limit", restart_max, "5", 0, 100, "restarts"),
	[WINDOW] = RESTART("WindowSec", restart_window_s, "60", 1, 86400, "seconds"),
	[DELAY] = RESTART("DelayMSec", restart_delay_ms, "100", 0, 60000, "milliseconds"),
	[DELAY_MAX] =
		RESTART("DelayMaxMSec", restart_delay_max_ms, "5000", 0, 600000, "milliseconds"),
	[MAX_PER_USER] = BOOSTS("MaxPerUser", max_boosts_per_user, "32", 1, 256, "boosts"),
	[MAX_CHANGES] = BOOSTS("MaxChanges", max_changes, "25", 1, 10000, "calls"),
	[CHANGES_WINDOW] = BOOSTS("ChangesWindowSec", changes_window_s, "20", 1, 3600, "seconds"),
};

static char *describe_range(const struct key *key)
{
	switch (key->type) {
	case TYPE_BOOL:
		return g_strdup("yes or no");
	case TYPE_POLICY:
		return g_strdup("a policy's name (1 to 31 of a-z, 0-9, _ and -) or an absolute "
				"path");
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
		g_autofree char *range = describe_range(&keys[i]);

		f(keys[i].group, keys[i].name, range, keys[i].fallback, userdata);
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

/* The words that systemd takes. */
static bool parse_bool(const char *text, uint64_t *ret)
{
	static const char *const words[2][4] = {{"no", "false", "off", "0"},
						{"yes", "true", "on", "1"}};

	for (size_t value = 0; value < 2; value++) {
		for (size_t i = 0; i < G_N_ELEMENTS(words[value]); i++) {
			if (strcmp(text, words[value][i]) != 0)
				continue;
			*ret = value;
			return true;
		}
	}
	return false;
}

/* A relative path would depend on where the service was started. */
static bool valid_policy(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return text[0] == '/' || (len >= 1 && len <= 31 && !text[len]);
}

/* What a file says about one key. */
struct setting {
	bool set;
	uint64_t number;
	char *text;
	const char *file; /* owned by struct settings */
	unsigned int line;
};

static bool parse_value(const struct key *key, const char *text, struct setting *ret)
{
	switch (key->type) {
	case TYPE_BOOL:
		return parse_bool(text, &ret->number);
	case TYPE_POLICY:
		return valid_policy(text);
	case TYPE_PROFILE:
		return find_profile(text) >= 0;
	default:
		return parse_number(text, key->min, key->max, &ret->number);
	}
}

static void apply(struct config *config, const struct key *key, const struct setting *setting)
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

/* ---- Files ---------------------------------------------------------------------------------- */

/* Everything that the files say: first what counts always, then what each profile adds to it. */
struct settings {
	struct setting common[NR_KEYS];
	struct setting profiles[NR_PROFILES][NR_KEYS];
	GPtrArray *files; /* their names */
};

static void settings_clear(struct settings *s)
{
	for (size_t i = 0; i < NR_KEYS; i++) {
		g_free(s->common[i].text);
		for (size_t j = 0; j < NR_PROFILES; j++)
			g_free(s->profiles[j][i].text);
	}
	g_ptr_array_unref(s->files);
}

/* Where in a file we are. */
struct place {
	const char *file;
	unsigned int line;
	const char *group;	  /* of the keys, NULL before the first one */
	struct setting *settings; /* to be filled */
};

G_GNUC_PRINTF(3, 4)
static bool refuse(const struct place *place, GError **error, const char *format, ...)
{
	g_autofree char *message = NULL;
	va_list args;

	va_start(args, format);
	message = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_INVALID, "%s:%u: %s", place->file,
		    place->line, message);
	return false;
}

/* The line is "[group]", its text without the brackets. */
static bool enter_group(struct settings *s, struct place *place, const char *text, GError **error)
{
	place->settings = s->common;
	if (g_str_has_prefix(text, PROFILE_GROUP)) {
		int profile = find_profile(text + strlen(PROFILE_GROUP));

		if (profile >= 0) {
			place->settings = s->profiles[profile];
			place->group = "Scheduler";
			return true;
		}
	} else {
		for (size_t i = 0; i < NR_KEYS; i++) {
			if (strcmp(keys[i].group, text) != 0)
				continue;
			place->group = keys[i].group;
			return true;
		}
	}
	return refuse(place, error,
		      "there is no group [%s]; known are [Service], [Scheduler], [Restart], "
		      "[Boosts] and [Profile NAME] with NAME one of auto, gaming, lowlatency, "
		      "powersave, server",
		      text);
}

static bool refuse_key(const struct place *place, const char *name, GError **error)
{
	g_autoptr(GString) known = g_string_new(NULL);

	for (size_t i = 0; i < NR_KEYS; i++)
		if (strcmp(keys[i].group, place->group) == 0)
			g_string_append_printf(known, "%s%s", known->len ? ", " : "", keys[i].name);
	return refuse(place, error, "there is no key %s here; known are %s", name, known->str);
}

static bool take_value(const struct place *place, const char *name, const char *text,
		       GError **error)
{
	for (size_t i = 0; i < NR_KEYS; i++) {
		struct setting value = {.set = true, .file = place->file, .line = place->line};
		g_autofree char *range = NULL;

		if (strcmp(keys[i].group, place->group) != 0 || strcmp(keys[i].name, name) != 0)
			continue;
		if (!parse_value(&keys[i], text, &value)) {
			range = describe_range(&keys[i]);
			return refuse(place, error, "%s=%s: it has to be %s", name, text, range);
		}
		value.text = g_strdup(text);
		g_free(place->settings[i].text);
		place->settings[i] = value;
		return true;
	}
	return refuse_key(place, name, error);
}

static bool read_line(struct settings *s, struct place *place, char *line, GError **error)
{
	size_t len;
	char *equals;

	if (!g_utf8_validate(line, -1, NULL))
		return refuse(place, error, "the line is not UTF-8 text");
	g_strstrip(line);
	len = strlen(line);
	if (!len || line[0] == '#')
		return true;
	if (line[0] == '[') {
		if (line[len - 1] != ']')
			return refuse(place, error, "the ] at the end of '%s' is missing", line);
		line[len - 1] = '\0';
		return enter_group(s, place, line + 1, error);
	}
	equals = strchr(line, '=');
	if (!equals)
		return refuse(place, error,
			      "'%s' is neither a [group], nor KEY=VALUE, nor a # comment", line);
	*equals = '\0';
	if (!place->group)
		return refuse(place, error, "%s= stands before the first [group]",
			      g_strchomp(line));
	return take_value(place, g_strchomp(line), g_strchug(equals + 1), error);
}

/* A file that is not there says nothing. */
static bool read_file(struct settings *s, const char *path, GError **error)
{
	struct place place = {0};
	g_autoptr(GError) local = NULL;
	g_autofree char *contents = NULL;
	g_auto(GStrv) lines = NULL;
	char *name;
	size_t len;

	if (!g_file_get_contents(path, &contents, &len, &local)) {
		if (g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT))
			return true;
		g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_READ, "%s", local->message);
		return false;
	}
	name = g_strdup(path);
	g_ptr_array_add(s->files, name);
	place.file = name;
	if (strlen(contents) != len) {
		place.line = 1;
		return refuse(&place, error, "there are zero bytes in it; this is no text file");
	}
	lines = g_strsplit(contents, "\n", -1);
	for (size_t i = 0; lines[i]; i++) {
		place.line = (unsigned int)i + 1;
		if (!read_line(s, &place, lines[i], error))
			return false;
	}
	return true;
}

/* Adds name -> path of each drop-in to ret; those of a later directory hide earlier ones. */
static bool list_drop_ins(const char *dir, GTree *ret, GError **error)
{
	g_autofree char *path = g_build_filename(dir, DROP_IN_DIR, NULL);
	g_autoptr(GError) local = NULL;
	g_autoptr(GDir) d = g_dir_open(path, 0, &local);
	const char *name;

	if (!d) {
		if (g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT))
			return true;
		g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_READ, "%s", local->message);
		return false;
	}
	while ((name = g_dir_read_name(d)))
		if (g_str_has_suffix(name, ".conf") && name[0] != '.')
			g_tree_insert(ret, g_strdup(name), g_build_filename(path, name, NULL));
	return true;
}

static int compare_names(gconstpointer a, gconstpointer b, gpointer userdata)
{
	(void)userdata;
	return strcmp(a, b);
}

static bool read_drop_ins(struct settings *s, const struct config_paths *paths, GError **error)
{
	g_autoptr(GTree) files = g_tree_new_full(compare_names, NULL, g_free, g_free);

	for (size_t i = 0; paths->dirs[i]; i++)
		if (!list_drop_ins(paths->dirs[i], files, error))
			return false;
	for (GTreeNode *n = g_tree_node_first(files); n; n = g_tree_node_next(n))
		if (!read_file(s, g_tree_node_value(n), error))
			return false;
	return true;
}

static bool read_all(struct settings *s, const struct config_paths *paths, GError **error)
{
	for (size_t i = 0; paths->dirs[i]; i++) {
		g_autofree char *path = g_build_filename(paths->dirs[i], MAIN_FILE, NULL);

		if (!read_file(s, path, error))
			return false;
	}
	return read_drop_ins(s, paths, error);
}

/* ---- The result ----------------------------------------------------------------------------- */

/* What counts for this key under this profile; NULL for the default. */
static const struct setting *effective(const struct settings *s, size_t profile, size_t key)
{
	if (s->profiles[profile][key].set)
		return &s->profiles[profile][key];
	return s->common[key].set ? &s->common[key] : NULL;
}

/* small may not be above big. The error names the line of the one that was set. */
static bool check_order(const struct settings *s, size_t profile, size_t small, size_t big,
			uint64_t small_value, uint64_t big_value, GError **error)
{
	const struct setting *at = effective(s, profile, small);
	struct place place;

	if (small_value <= big_value)
		return true;
	if (!at)
		at = effective(s, profile, big);
	place = (struct place){.file = at->file, .line = at->line};
	return refuse(&place, error,
		      "under the profile %s, %s=%" PRIu64 " is above %s=%" PRIu64
		      "; it has to be from %" PRIu64 " to that (%s)",
		      profiles[profile], keys[small].name, small_value, keys[big].name, big_value,
		      keys[small].min, keys[small].unit);
}

static struct config *build(const struct settings *s, size_t profile, GError **error)
{
	struct config *config = g_new0(struct config, 1);

	for (size_t i = 0; i < NR_KEYS; i++) {
		const struct setting *setting = effective(s, profile, i);
		struct setting fallback = {.text = (char *)keys[i].fallback};

		if (!setting)
			parse_value(&keys[i], keys[i].fallback, &fallback);
		apply(config, &keys[i], setting ? setting : &fallback);
	}
	g_free(config->profile);
	config->profile = g_strdup(profiles[profile]);
	if (!check_order(s, profile, SLICE_MIN, SLICE, config->slice_min_us, config->slice_us,
			 error) ||
	    !check_order(s, profile, DELAY, DELAY_MAX, config->restart_delay_ms,
			 config->restart_delay_max_ms, error)) {
		config_free(config);
		return NULL;
	}
	return config;
}

static struct config *choose(const struct settings *s, const char *profile, GError **error)
{
	struct config *chosen = NULL;
	const char *named = profile;

	if (!named)
		named = s->common[PROFILE].set ? s->common[PROFILE].text : keys[PROFILE].fallback;
	if (find_profile(named) < 0) {
		g_autofree char *range = describe_range(&keys[PROFILE]);

		g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_PROFILE,
			    "there is no profile '%s'; it has to be %s", named, range);
		return NULL;
	}
	for (size_t i = 0; i < NR_PROFILES; i++) {
		struct config *config = build(s, i, error);

		if (!config) {
			config_free(chosen);
			return NULL;
		}
		if (strcmp(named, profiles[i]) == 0)
			chosen = config;
		else
			config_free(config);
	}
	return chosen;
}

struct config *config_load(const struct config_paths *paths, const char *profile, GError **error)
{
	struct settings s = {.files = g_ptr_array_new_with_free_func(g_free)};
	struct config *config = NULL;

	if (read_all(&s, paths, error))
		config = choose(&s, profile, error);
	settings_clear(&s);
	return config;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	g_free(config->profile);
	g_free(config->policy);
	g_free(config);
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
