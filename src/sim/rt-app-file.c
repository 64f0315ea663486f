/* SPDX-License-Identifier: GPL-2.0-only */
/* See rt-app-file.h. This file must never do what it has read. */
#include "sim/rt-app-file.h"

#include <json-glib/json-glib.h>
#include <stdarg.h>
#include <stdio.h>

#include "sim/rt-app.h"

enum {
	RT_PRIORITY_DEFAULT = 10,
};

struct rt_app_file rt_app_file;

static GHashTable *by_name; /* the objects */
static const char *path;
static int64_t nr_cpus; /* of the machine */

static bool __attribute__((format(printf, 1, 2))) refuse(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "rustland-sim: %s: ", path);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return false;
}

static struct object *object_named(const char *name)
{
	struct object *object = g_hash_table_lookup(by_name, name);

	if (!object) {
		object = g_new0(struct object, 1);
		object->name = g_strdup(name);
		g_queue_init(&object->waiting);
		g_hash_table_insert(by_name, object->name, object);
		g_ptr_array_add(rt_app_file.objects, object);
	}
	return object;
}

static struct program *program_named(const char *name)
{
	for (guint i = 0; i < rt_app_file.programs->len; i++) {
		struct program *program = g_ptr_array_index(rt_app_file.programs, i);

		if (strcmp(program->name, name) == 0)
			return program;
	}
	return NULL;
}

static bool is_number(JsonNode *node)
{
	return JSON_NODE_HOLDS_VALUE(node) && (json_node_get_value_type(node) == G_TYPE_INT64 ||
					       json_node_get_value_type(node) == G_TYPE_DOUBLE);
}

static bool take_usec(const char *where, const char *key, JsonNode *node, uint64_t *ret_ns)
{
	if (!is_number(node) || json_node_get_double(node) < 0 || json_node_get_double(node) > 1e12)
		return refuse("%s: %s has to be a number of microseconds", where, key);
	*ret_ns = (uint64_t)json_node_get_int(node) * USEC;
	return true;
}

static bool take_int(const char *where, const char *key, JsonNode *node, int64_t min, int64_t max,
		     int64_t *ret)
{
	if (!is_number(node) || json_node_get_int(node) < min || json_node_get_int(node) > max)
		return refuse("%s: %s has to be a number from %lld to %lld", where, key,
			      (long long)min, (long long)max);
	if (json_node_get_double(node) != (double)json_node_get_int(node))
		return refuse("%s: %s has to be a whole number", where, key);
	*ret = json_node_get_int(node);
	return true;
}

static const char *string_of(JsonNode *node)
{
	return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING
		       ? json_node_get_string(node)
		       : NULL;
}

/* Parts with a slash before each of them. */
static bool is_path(const char *text)
{
	if (*text != '/')
		return false;
	for (; *text; text++)
		if (*text == '/' && (!text[1] || text[1] == '/'))
			return false;
	return true;
}

static bool take_name(const char *where, const char *key, JsonNode *node, struct object **ret)
{
	const char *name = string_of(node);

	if (!name)
		return refuse("%s: %s has to be a name", where, key);
	*ret = object_named(name);
	return true;
}

static bool take_timer(const char *where, JsonNode *node, struct op *op)
{
	JsonObject *timer = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
	const char *ref = "unique", *mode = "relative";

	if (!timer || !json_object_has_member(timer, "period"))
		return refuse("%s: timer has to have a period", where);
	if (json_object_has_member(timer, "ref"))
		ref = string_of(json_object_get_member(timer, "ref"));
	if (json_object_has_member(timer, "mode"))
		mode = string_of(json_object_get_member(timer, "mode"));
	if (!ref)
		return refuse("%s: the timer's ref has to be a name", where);
	if (g_strcmp0(mode, "relative") != 0 && g_strcmp0(mode, "absolute") != 0)
		return refuse("%s: the timer's mode has to be relative or absolute", where);
	op->is_unique = g_str_has_prefix(ref, "unique");
	op->is_absolute = strcmp(mode, "absolute") == 0;
	op->object = object_named(ref);
	if (!take_usec(where, "period", json_object_get_member(timer, "period"), &op->ns))
		return false;
	return op->ns || refuse("%s: a timer's period must not be 0", where);
}

static bool take_wait(const char *where, JsonNode *node, struct op *op)
{
	JsonObject *wait = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;

	if (!wait || !json_object_has_member(wait, "ref") || !json_object_has_member(wait, "mutex"))
		return refuse("%s: wait has to have ref and mutex", where);
	return take_name(where, "ref", json_object_get_member(wait, "ref"), &op->object) &&
	       take_name(where, "mutex", json_object_get_member(wait, "mutex"), &op->mutex);
}

/* An event may have a number after its name, because a member of an object may be there once only. */
static bool is_event(const char *key, const char *event)
{
	size_t len = strlen(event);

	return strncmp(key, event, len) == 0 && key[len + strspn(key + len, "0123456789_")] == 0;
}

static bool take_event(const char *where, const char *key, JsonNode *node, GArray *ops)
{
	struct op op = {0};
	const char *name;

	if (is_event(key, "run") || is_event(key, "runtime")) {
		op.kind = OP_RUN;
		if (!take_usec(where, key, node, &op.ns))
			return false;
	} else if (is_event(key, "sleep")) {
		op.kind = OP_SLEEP;
		if (!take_usec(where, key, node, &op.ns))
			return false;
	} else if (is_event(key, "timer")) {
		op.kind = OP_TIMER;
		if (!take_timer(where, node, &op))
			return false;
	} else if (is_event(key, "wait")) {
		op.kind = OP_WAIT;
		if (!take_wait(where, node, &op))
			return false;
	} else if (is_event(key, "yield")) {
		op.kind = OP_YIELD;
	} else if (is_event(key, "fork")) {
		op.kind = OP_FORK;
		name = string_of(node);
		op.child = name ? program_named(name) : NULL;
		if (!op.child)
			return refuse("%s: %s has to name a task", where, key);
	} else {
		static const struct {
			const char *name;
			enum op_kind kind;
		} named[] = {
			{"lock", OP_LOCK},	 {"unlock", OP_UNLOCK},	  {"signal", OP_SIGNAL},
			{"broad", OP_BROADCAST}, {"barrier", OP_BARRIER}, {"suspend", OP_SUSPEND},
			{"resume", OP_RESUME},
		};
		size_t i = 0;

		while (i < G_N_ELEMENTS(named) && !is_event(key, named[i].name))
			i++;
		if (i == G_N_ELEMENTS(named))
			return refuse("%s: there is no event '%s' here", where, key);
		op.kind = named[i].kind;
		if (!take_name(where, key, node, &op.object))
			return false;
	}
	g_array_append_val(ops, op);
	return true;
}

/* As rt-app has it, an empty one is none. */
static bool take_group(const char *where, JsonNode *node, const char **ret)
{
	const char *name = string_of(node);

	if (!name || (*name && !is_path(name)))
		return refuse("%s: taskgroup has to be a path like /a/b", where);
	*ret = *name ? g_intern_string(name) : NULL;
	return true;
}

/* What a task or phase says about itself; false: it is an event. */
static bool is_setting(const char *key)
{
	static const char *const settings[] = {"instance", "loop",     "phases", "delay",
					       "policy",   "priority", "cpus",	 "taskgroup"};

	for (size_t i = 0; i < G_N_ELEMENTS(settings); i++)
		if (strcmp(key, settings[i]) == 0)
			return true;
	return false;
}

/* A task that is its own only phase has the settings of a task. */
static bool take_phase(const char *where, JsonObject *object, bool is_task, struct program *program)
{
	struct phase *phase = g_new0(struct phase, 1);
	JsonObjectIter iter;
	const char *key;
	JsonNode *node;

	phase->loops = 1;
	phase->ops = g_array_new(FALSE, TRUE, sizeof(struct op));
	g_ptr_array_add(program->phases, phase);
	json_object_iter_init_ordered(&iter, object);
	while (json_object_iter_next_ordered(&iter, &key, &node)) {
		if (strcmp(key, "loop") == 0) {
			if (!take_int(where, key, node, -1, INT32_MAX, &phase->loops))
				return false;
		} else if (!is_task && strcmp(key, "taskgroup") == 0) {
			if (!take_group(where, node, &phase->group))
				return false;
		} else if (is_setting(key)) {
			if (!is_task)
				return refuse("%s: only a whole task can have %s here", where, key);
		} else if (!take_event(where, key, node, phase->ops)) {
			return false;
		}
	}
	return phase->ops->len || refuse("%s has no events", where);
}

static bool take_cpus(const char *where, JsonNode *node, struct program *program)
{
	JsonArray *cpus = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
	int64_t cpu = 0;

	for (guint i = 0; cpus && i < json_array_get_length(cpus); i++) {
		if (!take_int(where, "cpus", json_array_get_element(cpus, i), 0, nr_cpus - 1, &cpu))
			return false;
		mask_add(&program->cpus, (int)cpu);
		program->has_cpus = true;
	}
	return program->has_cpus || refuse("%s: cpus has to be a list of CPUs", where);
}

static bool take_policy(const char *where, JsonNode *node, enum sched_policy *ret)
{
	static const char *const policies[] = {
		[POLICY_OTHER] = "SCHED_OTHER", [POLICY_BATCH] = "SCHED_BATCH",
		[POLICY_IDLE] = "SCHED_IDLE",	[POLICY_FIFO] = "SCHED_FIFO",
		[POLICY_RR] = "SCHED_RR",
	};
	const char *policy = string_of(node);

	for (size_t i = 0; i < G_N_ELEMENTS(policies); i++)
		if (g_strcmp0(policy, policies[i]) == 0) {
			*ret = (enum sched_policy)i;
			return true;
		}
	return refuse("%s: the policy has to be SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_FIFO "
		      "or SCHED_RR",
		      where);
}

/* A nice value, or the priority of a real-time task; node is NULL if the file says none. */
static bool take_priority(const char *where, JsonNode *node, struct sched_params *params)
{
	int64_t n;

	if (params->policy == POLICY_FIFO || params->policy == POLICY_RR) {
		n = RT_PRIORITY_DEFAULT;
		if (node && !take_int(where, "priority", node, 1, RT_PRIORITY_MAX, &n))
			return false;
		params->priority = (uint32_t)n;
		return true;
	}
	n = 0;
	if (node && !take_int(where, "priority", node, -20, 19, &n))
		return false;
	params->nice = (int)n;
	return true;
}

static bool take_task(const char *name, JsonObject *object)
{
	struct program *program = program_named(name);
	JsonObject *phases = NULL;
	JsonNode *priority = NULL;
	JsonObjectIter iter;
	const char *key;
	JsonNode *node;
	int64_t n = 0;

	json_object_iter_init_ordered(&iter, object);
	while (json_object_iter_next_ordered(&iter, &key, &node)) {
		if (strcmp(key, "instance") == 0) {
			if (!take_int(name, key, node, 0, TASKS_MAX, &n))
				return false;
			program->instances = (uint32_t)n;
		} else if (strcmp(key, "loop") == 0) {
			if (!take_int(name, key, node, -1, INT32_MAX, &program->loops))
				return false;
		} else if (strcmp(key, "delay") == 0) {
			if (!take_usec(name, key, node, &program->delay_ns))
				return false;
		} else if (strcmp(key, "priority") == 0) {
			priority = node;
		} else if (strcmp(key, "policy") == 0) {
			if (!take_policy(name, node, &program->params.policy))
				return false;
		} else if (strcmp(key, "cpus") == 0) {
			if (!take_cpus(name, node, program))
				return false;
		} else if (strcmp(key, "taskgroup") == 0) {
			if (!take_group(name, node, &program->group))
				return false;
		} else if (strcmp(key, "phases") == 0) {
			if (!JSON_NODE_HOLDS_OBJECT(node))
				return refuse("%s: phases has to be an object", name);
			phases = json_node_get_object(node);
		}
	}
	if (!take_priority(name, priority, &program->params))
		return false;
	if (!phases) {
		if (!take_phase(name, object, true, program))
			return false;
		/* Here "loop" is how often the task does all of it. */
		((struct phase *)g_ptr_array_index(program->phases, 0))->loops = 1;
		return true;
	}
	json_object_iter_init_ordered(&iter, object);
	while (json_object_iter_next_ordered(&iter, &key, &node))
		if (!is_setting(key))
			return refuse("%s: '%s' has to be in one of its phases", name, key);
	json_object_iter_init_ordered(&iter, phases);
	while (json_object_iter_next_ordered(&iter, &key, &node)) {
		g_autofree char *where = g_strdup_printf("%s, phase %s", name, key);

		if (!JSON_NODE_HOLDS_OBJECT(node))
			return refuse("%s has to be an object", where);
		if (!take_phase(where, json_node_get_object(node), false, program))
			return false;
	}
	return program->phases->len || refuse("%s has no phases", name);
}

static bool has_barrier(const struct program *program)
{
	for (guint i = 0; i < program->phases->len; i++) {
		const struct phase *phase = g_ptr_array_index(program->phases, i);

		for (guint k = 0; k < phase->ops->len; k++)
			if (g_array_index(phase->ops, struct op, k).kind == OP_BARRIER)
				return true;
	}
	return false;
}

/* rt-app counts the instances of a file. A barrier without any would never open there. */
static bool check_barriers(void)
{
	for (guint i = 0; i < rt_app_file.programs->len; i++) {
		const struct program *program = g_ptr_array_index(rt_app_file.programs, i);

		if (!program->instances && has_barrier(program))
			return refuse(
				"%s: a task with instance 0 cannot come to a barrier, which waits "
				"for tasks that are there from the beginning",
				program->name);
	}
	return true;
}

/* That are there at the beginning. */
static uint64_t count_tasks(void)
{
	uint64_t n = 0;

	for (guint i = 0; i < rt_app_file.programs->len; i++) {
		const struct program *program = g_ptr_array_index(rt_app_file.programs, i);

		n += program->instances;
	}
	return n;
}

/* ---- Control groups ------------------------------------------------------------------------- */

static bool take_max(const char *path_of, JsonObject *object, struct cgroup_max *max)
{
	const char *const burst = "cpu.max.burst";
	JsonNode *node = json_object_get_member(object, "cpu.max");
	JsonArray *both = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;

	max->period_ns = CGROUP_PERIOD_DEFAULT_NS;
	if (node && (!both || json_array_get_length(both) != 2))
		return refuse("%s: cpu.max has to be a list of a quota and a period", path_of);
	if (node &&
	    (!take_usec(path_of, "cpu.max", json_array_get_element(both, 0), &max->quota_ns) ||
	     !take_usec(path_of, "cpu.max", json_array_get_element(both, 1), &max->period_ns)))
		return false;
	if (node &&
	    (max->quota_ns < CGROUP_PERIOD_MIN_NS || max->period_ns < CGROUP_PERIOD_MIN_NS ||
	     max->period_ns > CGROUP_PERIOD_MAX_NS))
		return refuse("%s: cpu.max has to be 1000 microseconds or more, in 1000 to 1000000",
			      path_of);
	if (!json_object_has_member(object, burst))
		return true;
	if (!take_usec(path_of, burst, json_object_get_member(object, burst), &max->burst_ns))
		return false;
	return max->burst_ns <= max->quota_ns ||
	       refuse("%s: cpu.max.burst must not be more than the quota", path_of);
}

static bool take_cgroup(const char *path_of, JsonNode *node)
{
	JsonObject *object = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
	struct group group = {.path = g_intern_string(path_of)};
	JsonObjectIter iter;
	const char *key;

	if (!object || !is_path(path_of))
		return refuse("cgroups: '%s' has to be a path like /a/b, of an object", path_of);
	json_object_iter_init_ordered(&iter, object);
	while (json_object_iter_next_ordered(&iter, &key, &node)) {
		if (strcmp(key, "cpu.weight") == 0) {
			if (!take_int(path_of, key, node, CGROUP_WEIGHT_MIN, CGROUP_WEIGHT_MAX,
				      &group.weight))
				return false;
		} else if (strcmp(key, "cpu.idle") == 0) {
			if (!take_int(path_of, key, node, 0, 1, &group.idle))
				return false;
		} else if (strcmp(key, "cpu.max") != 0 && strcmp(key, "cpu.max.burst") != 0) {
			return refuse("%s: there is no '%s' here", path_of, key);
		}
	}
	if (group.idle && group.weight)
		return refuse("%s: an idle group has no weight", path_of);
	if (!take_max(path_of, object, &group.max))
		return false;
	g_array_append_val(rt_app_file.groups, group);
	return true;
}

static bool take_cgroups(JsonNode *node)
{
	JsonObjectIter iter;
	const char *key;

	if (!JSON_NODE_HOLDS_OBJECT(node))
		return refuse("cgroups has to be an object");
	json_object_iter_init_ordered(&iter, json_node_get_object(node));
	while (json_object_iter_next_ordered(&iter, &key, &node))
		if (!take_cgroup(key, node))
			return false;
	return true;
}

static bool take_file(JsonNode *root, uint64_t *ret_seconds)
{
	JsonObject *top = JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
	JsonObject *tasks = NULL;
	JsonObjectIter iter;
	const char *key;
	JsonNode *node;
	int64_t seconds = 0;
	uint64_t nr_tasks;

	if (top && json_object_has_member(top, "tasks") &&
	    JSON_NODE_HOLDS_OBJECT(json_object_get_member(top, "tasks")))
		tasks = json_object_get_object_member(top, "tasks");
	if (!tasks)
		return refuse("it has no object \"tasks\"");
	/* Names first: a task may fork one that comes later. */
	json_object_iter_init_ordered(&iter, tasks);
	while (json_object_iter_next_ordered(&iter, &key, &node)) {
		struct program *program = g_new0(struct program, 1);

		program->name = g_strdup(key);
		program->instances = 1;
		program->loops = -1;
		program->phases = g_ptr_array_new();
		g_ptr_array_add(rt_app_file.programs, program);
		if (!JSON_NODE_HOLDS_OBJECT(node))
			return refuse("%s has to be an object", key);
	}
	json_object_iter_init_ordered(&iter, tasks);
	while (json_object_iter_next_ordered(&iter, &key, &node))
		if (!take_task(key, json_node_get_object(node)))
			return false;
	if (!check_barriers())
		return false;
	nr_tasks = count_tasks();
	if (!nr_tasks)
		return refuse("no task is started: all are forked by others, or there are none");
	if (nr_tasks > TASKS_MAX)
		return refuse("it starts %llu tasks, and %d are the most",
			      (unsigned long long)nr_tasks, TASKS_MAX);
	if (json_object_has_member(top, "cgroups") &&
	    !take_cgroups(json_object_get_member(top, "cgroups")))
		return false;
	*ret_seconds = 0;
	if (json_object_has_member(top, "global") &&
	    JSON_NODE_HOLDS_OBJECT(json_object_get_member(top, "global"))) {
		JsonObject *global = json_object_get_object_member(top, "global");

		if (json_object_has_member(global, "duration")) {
			if (!take_int("global", "duration",
				      json_object_get_member(global, "duration"), -1, 100000,
				      &seconds))
				return false;
			*ret_seconds = seconds > 0 ? (uint64_t)seconds : 0;
		}
	}
	return true;
}

/*
 * Of two members with one name only the second would count, to rt-app and to the parser, which does not say so. Each
 * element: how many members of an object there have been; the innermost object is the last.
 */
static GArray *nr_members;
static const char *doubled; /* the first of them, or NULL */

static void on_object(JsonParser *parser, gpointer data)
{
	const guint none = 0;

	(void)parser;
	(void)data;
	g_array_append_val(nr_members, none);
}

static void on_member(JsonParser *parser, JsonObject *object, const char *name, gpointer data)
{
	guint *n = &g_array_index(nr_members, guint, nr_members->len - 1);

	(void)parser;
	(void)data;
	if (++*n > json_object_get_size(object) && !doubled)
		doubled = g_intern_string(name);
}

static void on_object_end(JsonParser *parser, JsonObject *object, gpointer data)
{
	(void)parser;
	(void)object;
	(void)data;
	g_array_set_size(nr_members, nr_members->len - 1);
}

static void watch_members(JsonParser *parser)
{
	doubled = NULL;
	nr_members = g_array_new(FALSE, FALSE, sizeof(guint));
	g_signal_connect(parser, "object-start", G_CALLBACK(on_object), NULL);
	g_signal_connect(parser, "object-member", G_CALLBACK(on_member), NULL);
	g_signal_connect(parser, "object-end", G_CALLBACK(on_object_end), NULL);
}

bool rt_app_read(const char *file, uint32_t cpus, uint64_t *ret_seconds)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	g_autoptr(GError) error = NULL;

	path = file;
	nr_cpus = cpus;
	rt_app_file.programs = g_ptr_array_new();
	by_name = g_hash_table_new(g_str_hash, g_str_equal);
	rt_app_file.groups = g_array_new(FALSE, TRUE, sizeof(struct group));
	rt_app_file.objects = g_ptr_array_new();
	watch_members(parser);
	if (!json_parser_load_from_file(parser, file, &error))
		return refuse("%s", error->message);
	if (doubled)
		return refuse(
			"'%s' is there twice in one object; events may have a number: run1, run2",
			doubled);
	/* An empty file is an empty text to the parser, which has no root. */
	if (!json_parser_get_root(parser))
		return refuse("it is empty");
	return take_file(json_parser_get_root(parser), ret_seconds);
}
