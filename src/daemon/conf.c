/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See conf.h. The syntax is GKeyFile's; the lines are read here because GKeyFile forgets on which
 * line it found something, and an error has to name it.
 */

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/conf-file.h"
#include "daemon/conf-keys.h"

#define MAIN_FILE     "rustland.conf"
#define DROP_IN_DIR   "rustland.conf.d"
#define PROFILE_GROUP "Profile "

/* What some editors begin a file with. */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

G_DEFINE_QUARK(rustlandd - config - error - quark, config_error)

/* Of a value that is wrong, what fits into a line. */
#define SHOWN_MAX 80

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
	g_autofree char *message = NULL, *file = config_shown(place->file, PATH_MAX);
	va_list args;

	va_start(args, format);
	message = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_INVALID, "%s:%u: %s", file, place->line,
		    message);
	return false;
}

/* The line is "[group]", its text without the brackets. */
static bool enter_group(struct settings *s, struct place *place, const char *text, GError **error)
{
	g_autofree char *shown = NULL;

	place->settings = s->common;
	if (g_str_has_prefix(text, PROFILE_GROUP)) {
		int profile = config_find_profile(text + strlen(PROFILE_GROUP));

		if (profile >= 0) {
			place->settings = s->profiles[profile];
			place->group = "Scheduler";
			return true;
		}
	} else {
		for (size_t i = 0; i < NR_KEYS; i++) {
			if (strcmp(config_keys[i].group, text) != 0)
				continue;
			place->group = config_keys[i].group;
			return true;
		}
	}
	shown = config_shown(text, SHOWN_MAX);
	return refuse(place, error,
		      "there is no group [%s]; known are [Service], [Scheduler], [Restart], "
		      "[Boosts] and [Profile NAME] with NAME one of auto, gaming, lowlatency, "
		      "powersave, server",
		      shown);
}

static bool refuse_key(const struct place *place, const char *name, GError **error)
{
	g_autofree char *shown = config_shown(name, SHOWN_MAX);
	g_autoptr(GString) known = g_string_new(NULL);

	for (size_t i = 0; i < NR_KEYS; i++)
		if (strcmp(config_keys[i].group, place->group) == 0)
			g_string_append_printf(known, "%s%s", known->len ? ", " : "",
					       config_keys[i].name);
	return refuse(place, error, "there is no key %s here; known are %s", shown, known->str);
}

static bool take_value(const struct place *place, const char *name, const char *text,
		       GError **error)
{
	for (size_t i = 0; i < NR_KEYS; i++) {
		struct setting value = {.set = true, .file = place->file, .line = place->line};
		g_autofree char *range = NULL, *shown = NULL;

		if (strcmp(config_keys[i].group, place->group) != 0 ||
		    strcmp(config_keys[i].name, name) != 0)
			continue;
		range = config_describe_range(&config_keys[i]);
		shown = config_shown(text, SHOWN_MAX);
		if (!config_parse_value(&config_keys[i], text, &value))
			return refuse(place, error, "%s=%s: it has to be %s", name, shown, range);
		/* One of the two is a mistake, and nobody but who wrote them knows which. */
		if (place->settings[i].file == place->file)
			return refuse(place, error,
				      "%s=%s: line %u of this file has set it already; it has to "
				      "be there once, %s",
				      name, shown, place->settings[i].line, range);
		value.text = g_strdup(text);
		g_free(place->settings[i].text);
		place->settings[i] = value;
		return true;
	}
	return refuse_key(place, name, error);
}

static bool read_line(struct settings *s, struct place *place, char *line, GError **error)
{
	g_autofree char *shown = NULL;
	size_t len;
	char *equals;

	g_strstrip(line);
	shown = config_shown(line, SHOWN_MAX);
	if (!g_utf8_validate(line, -1, NULL))
		return refuse(place, error, "'%s' is not UTF-8 text; it has to be", shown);
	len = strlen(line);
	if (!len || line[0] == '#')
		return true;
	if (line[0] == '[') {
		if (line[len - 1] != ']')
			return refuse(place, error, "the ] at the end of '%s' is missing", shown);
		line[len - 1] = '\0';
		return enter_group(s, place, line + 1, error);
	}
	equals = strchr(line, '=');
	if (!equals)
		return refuse(place, error,
			      "'%s' is neither a [group], nor KEY=VALUE, nor a # comment", shown);
	*equals = '\0';
	if (!place->group)
		return refuse(place, error,
			      "'%s' stands before the first [group]; it has to be below [Service], "
			      "[Scheduler], [Restart], [Boosts] or [Profile NAME]",
			      shown);
	return take_value(place, g_strchomp(line), g_strchug(equals + 1), error);
}

/* A file that is not there says nothing. */
static bool read_file(struct settings *s, const char *path, GError **error)
{
	struct place place = {0};
	g_autoptr(GError) local = NULL;
	g_autofree char *contents = config_file_read(path, &local);
	g_auto(GStrv) lines = NULL;
	char *name;

	if (!contents && !local)
		return true;
	if (!contents) {
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	name = g_strdup(path);
	g_ptr_array_add(s->files, name);
	place.file = name;
	lines = g_strsplit(contents + (g_str_has_prefix(contents, BYTE_ORDER_MARK) ? 3 : 0), "\n",
			   -1);
	for (size_t i = 0; lines[i]; i++) {
		place.line = (unsigned int)i + 1;
		if (!read_line(s, &place, lines[i], error))
			return false;
	}
	return true;
}

static bool refuse_directory(const char *path, const char *why, GError **error)
{
	g_autofree char *shown = config_shown(path, PATH_MAX);

	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_READ,
		    "%s: it has to be a directory that can be read, or a link to one: %s", shown,
		    why);
	return false;
}

/* With a link that leads nowhere all that should be there would be missing, and nobody would say so. */
static bool check_directory(const char *path, GError **error)
{
	if (g_file_test(path, G_FILE_TEST_IS_DIR) || config_file_is_missing(path))
		return true;
	return refuse_directory(path, "it is none", error);
}

/* Adds name -> path of each drop-in to ret; those of a later directory hide earlier ones. */
static bool list_drop_ins(const char *dir, GTree *ret, GError **error)
{
	g_autofree char *path = g_build_filename(dir, DROP_IN_DIR, NULL);
	g_autoptr(GError) local = NULL;
	g_autoptr(GDir) d = g_dir_open(path, 0, &local);
	const char *name;

	if (!d)
		return config_file_is_missing(path) ||
		       refuse_directory(path, local->message, error);
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

		if (!check_directory(paths->dirs[i], error) || !read_file(s, path, error))
			return false;
	}
	if (!read_drop_ins(s, paths, error))
		return false;
	if (!paths->file)
		return true;
	if (!g_file_test(paths->file, G_FILE_TEST_EXISTS)) {
		g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_READ, "%s: there is no such file",
			    paths->file);
		return false;
	}
	return read_file(s, paths->file, error);
}

/* ---- The result ----------------------------------------------------------------------------- */

/* What counts for this key under this profile; NULL for the default. */
static const struct setting *effective(const struct settings *s, size_t profile, size_t key)
{
	if (s->profiles[profile][key].set)
		return &s->profiles[profile][key];
	return s->common[key].set ? &s->common[key] : NULL;
}

/* In the order in which the files were read. NULL: the default, which was there before all files. */
static bool is_later(const struct settings *s, const struct setting *a, const struct setting *b)
{
	guint file_a = 0, file_b = 0;

	if (!a || !b)
		return a != NULL;
	g_ptr_array_find(s->files, a->file, &file_a);
	g_ptr_array_find(s->files, b->file, &file_b);
	return file_a != file_b ? file_a > file_b : a->line > b->line;
}

/*
 * small may not be above big. The error names the one that was read last: the other one may be the
 * package's, and is no mistake.
 */
static bool check_order(const struct settings *s, size_t profile, size_t small, size_t big,
			uint64_t small_value, uint64_t big_value, GError **error)
{
	const struct setting *at = effective(s, profile, small),
			     *at_big = effective(s, profile, big);
	const struct config_key *keys = config_keys;
	bool big_is_wrong = is_later(s, at_big, at);
	struct place place;

	if (small_value <= big_value)
		return true;
	if (big_is_wrong)
		at = at_big;
	place = (struct place){.file = at->file, .line = at->line};
	if (big_is_wrong)
		return refuse(&place, error,
			      "under the profile %s, %s=%" PRIu64 " is below %s=%" PRIu64
			      "; it has to be from that to %" PRIu64 " (%s)",
			      config_profiles()[profile], keys[big].name, big_value,
			      keys[small].name, small_value, keys[big].max, keys[big].unit);
	return refuse(&place, error,
		      "under the profile %s, %s=%" PRIu64 " is above %s=%" PRIu64
		      "; it has to be from %" PRIu64 " to that (%s)",
		      config_profiles()[profile], keys[small].name, small_value, keys[big].name,
		      big_value, keys[small].min, keys[small].unit);
}

static struct config *build(const struct settings *s, size_t profile, GError **error)
{
	struct config *config = g_new0(struct config, 1);

	for (size_t i = 0; i < NR_KEYS; i++) {
		const struct setting *setting = effective(s, profile, i);
		struct setting fallback = {.text = (char *)config_keys[i].fallback};

		if (!setting)
			config_parse_value(&config_keys[i], config_keys[i].fallback, &fallback);
		config_apply(config, &config_keys[i], setting ? setting : &fallback);
	}
	g_free(config->profile);
	config->profile = g_strdup(config_profiles()[profile]);
	if (!check_order(s, profile, KEY_SLICE_MIN, KEY_SLICE, config->slice_min_us,
			 config->slice_us, error) ||
	    !check_order(s, profile, KEY_DELAY, KEY_DELAY_MAX, config->restart_delay_ms,
			 config->restart_delay_max_ms, error)) {
		config_free(config);
		return NULL;
	}
	return config;
}

/* Adds what counts under this profile, unless it is there. */
static void add_policy(GPtrArray *policies, const struct settings *s, size_t profile)
{
	const struct setting *setting = effective(s, profile, KEY_POLICY);
	const char *name = setting ? setting->text : config_keys[KEY_POLICY].fallback;
	struct config_policy *policy;

	for (guint i = 0; i < policies->len; i++)
		if (strcmp(((struct config_policy *)policies->pdata[i])->name, name) == 0)
			return;
	policy = g_new0(struct config_policy, 1);
	policy->name = g_strdup(name);
	if (setting) {
		g_autofree char *file = config_shown(setting->file, PATH_MAX);

		policy->where = g_strdup_printf("%s:%u", file, setting->line);
	}
	g_ptr_array_add(policies, policy);
}

static void policy_free(gpointer data)
{
	struct config_policy *policy = data;

	g_free(policy->name);
	g_free(policy->where);
	g_free(policy);
}

static struct config *choose(const struct settings *s, const char *profile, GError **error)
{
	struct config *chosen = NULL;
	const char *named = profile;

	if (!named)
		named = s->common[KEY_PROFILE].set ? s->common[KEY_PROFILE].text
						   : config_keys[KEY_PROFILE].fallback;
	if (config_find_profile(named) < 0) {
		g_autofree char *range = config_describe_range(&config_keys[KEY_PROFILE]);

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
		if (strcmp(named, config_profiles()[i]) == 0)
			chosen = config;
		else
			config_free(config);
	}
	chosen->policies = g_ptr_array_new_with_free_func(policy_free);
	add_policy(chosen->policies, s, (size_t)config_find_profile(named));
	for (size_t i = 0; i < NR_PROFILES; i++)
		add_policy(chosen->policies, s, i);
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
	g_clear_pointer(&config->policies, g_ptr_array_unref);
	g_free(config);
}

struct config *config_copy(const struct config *config)
{
	struct config *copy = g_memdup2(config, sizeof(*config));

	copy->profile = g_strdup(config->profile);
	copy->policy = g_strdup(config->policy);
	copy->policies = g_ptr_array_ref(config->policies);
	return copy;
}
