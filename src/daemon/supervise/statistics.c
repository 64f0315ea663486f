/* SPDX-License-Identifier: GPL-2.0-only */
/* See statistics.h. */

#include <stdbool.h>
#include <string.h>

#include <gio/gunixsocketaddress.h>
#include <json-glib/json-glib.h>

#include "common/stats-fields.h"
#include "daemon/supervise/statistics.h"

#define REQUEST	  "{\"req\":\"stats\",\"args\":{\"target\":\"top\"}}\n"
#define TIMEOUT_S 2
/* A scheduler that sends more in one line is none of ours. */
#define ANSWER_MAX 65536

/*
 * One connection, and the question under way on it. It has its own references, because GIO comes
 * back to a callback also after everything was cancelled.
 */
struct link {
	struct statistics *owner; /* NULL: nobody wants the answer any more */
	GCancellable *cancel;
	GSocketConnection *connection;
	GDataInputStream *input;
	guint timeout;
	bool busy;
};

struct statistics {
	char *path;
	bool running;	    /* a scheduler that was ready */
	struct link *link;  /* NULL: not connected */
	GHashTable *totals; /* name -> guint64* */
	GQueue waiting;	    /* GTask* */
};

/* Numbers that only a newer scheduler knows are taken for counters, as most are. */
static bool is_gauge(const char *name)
{
	const struct stats_field *field = stats_field_find(name);

	return field && !field->counter;
}

/* ---- Answers -------------------------------------------------------------------------------- */

static GVariant *make_variant(struct statistics *s)
{
	g_autoptr(GVariantBuilder) builder = g_variant_builder_new(G_VARIANT_TYPE("a{st}"));
	g_autoptr(GList) names =
		g_list_sort(g_hash_table_get_keys(s->totals), (GCompareFunc)strcmp);

	for (GList *n = names; n; n = n->next) {
		const guint64 *value = g_hash_table_lookup(s->totals, n->data);

		g_variant_builder_add(builder, "{st}", n->data, *value);
	}
	return g_variant_ref_sink(g_variant_builder_end(builder));
}

static void answer(struct statistics *s)
{
	g_autoptr(GVariant) variant = make_variant(s);
	GTask *task;

	while ((task = g_queue_pop_head(&s->waiting))) {
		g_task_return_pointer(task, g_variant_ref(variant),
				      (GDestroyNotify)g_variant_unref);
		g_object_unref(task);
	}
}

static void answer_error(struct statistics *s, int code, const char *message)
{
	GTask *task;

	while ((task = g_queue_pop_head(&s->waiting))) {
		g_task_return_new_error(task, G_IO_ERROR, code, "%s", message);
		g_object_unref(task);
	}
}

static void add_number(JsonObject *object, const char *name, JsonNode *node, gpointer userdata)
{
	struct statistics *s = userdata;
	guint64 *total = g_hash_table_lookup(s->totals, name);
	gint64 value;

	(void)object;
	if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64)
		return;
	value = json_node_get_int(node);
	if (value < 0)
		return;
	if (!total) {
		total = g_new0(guint64, 1);
		g_hash_table_insert(s->totals, g_strdup(name), total);
	}
	*total = is_gauge(name) ? (guint64)value : *total + (guint64)value;
}

static JsonObject *object_member(JsonObject *object, const char *name)
{
	JsonNode *node = object ? json_object_get_member(object, name) : NULL;

	return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

/* {"errno":0,"args":{"resp":{"nr_cpus":8,...}}} */
static bool take_answer(struct statistics *s, const char *line, gsize len)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	JsonObject *resp;
	JsonNode *root;

	if (!json_parser_load_from_data(parser, line, (gssize)len, NULL))
		return false;
	root = json_parser_get_root(parser);
	if (!root || !JSON_NODE_HOLDS_OBJECT(root))
		return false;
	resp = object_member(object_member(json_node_get_object(root), "args"), "resp");
	if (!resp)
		return false;
	json_object_foreach_member(resp, add_number, s);
	return true;
}

/* ---- The connection ------------------------------------------------------------------------- */

static void link_free(struct link *link)
{
	g_clear_handle_id(&link->timeout, g_source_remove);
	g_clear_object(&link->input);
	g_clear_object(&link->connection);
	g_clear_object(&link->cancel);
	g_free(link);
}

/* A busy one is freed by its callback, which is called as soon as it is cancelled. */
static void drop_link(struct statistics *s)
{
	struct link *link = g_steal_pointer(&s->link);

	if (!link)
		return;
	link->owner = NULL;
	g_clear_handle_id(&link->timeout, g_source_remove);
	if (link->busy)
		g_cancellable_cancel(link->cancel);
	else
		link_free(link);
}

static void fail(struct statistics *s, int code, const char *message)
{
	drop_link(s);
	answer_error(s, code, message);
}

/* To be called first by each callback of GIO's: false when nobody is interested any more. */
static bool link_returned(struct link *link)
{
	link->busy = false;
	if (link->owner)
		return true;
	link_free(link);
	return false;
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer userdata)
{
	struct link *link = userdata;
	g_autofree char *line = NULL;
	gsize len;

	line = g_data_input_stream_read_line_finish(G_DATA_INPUT_STREAM(source), result, &len,
						    NULL);
	if (!link_returned(link))
		return;
	g_clear_handle_id(&link->timeout, g_source_remove);
	if (line && len <= ANSWER_MAX && take_answer(link->owner, line, len))
		answer(link->owner);
	else
		fail(link->owner, G_IO_ERROR_FAILED, "the scheduler's answer holds no statistics");
}

static gboolean on_timeout(gpointer userdata)
{
	struct link *link = userdata;

	link->timeout = 0;
	fail(link->owner, G_IO_ERROR_TIMED_OUT, "the scheduler does not answer");
	return G_SOURCE_REMOVE;
}

static void send_request(struct link *link)
{
	GOutputStream *output = g_io_stream_get_output_stream(G_IO_STREAM(link->connection));

	/* An idle connection's buffer takes these few bytes; non-blocking, so this cannot wait. */
	if (g_pollable_output_stream_write_nonblocking(G_POLLABLE_OUTPUT_STREAM(output), REQUEST,
						       strlen(REQUEST), NULL,
						       NULL) != (gssize)strlen(REQUEST)) {
		fail(link->owner, G_IO_ERROR_NOT_CONNECTED, "the scheduler has just ended");
		return;
	}
	if (!link->timeout)
		link->timeout = g_timeout_add_seconds(TIMEOUT_S, on_timeout, link);
	link->busy = true;
	g_data_input_stream_read_line_async(link->input, G_PRIORITY_DEFAULT, link->cancel,
					    on_answer, link);
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer userdata)
{
	struct link *link = userdata;
	g_autoptr(GError) error = NULL;

	link->connection = g_socket_client_connect_finish(G_SOCKET_CLIENT(source), result, &error);
	if (!link_returned(link))
		return;
	if (!link->connection) {
		fail(link->owner, G_IO_ERROR_NOT_CONNECTED, error->message);
		return;
	}
	link->input = g_data_input_stream_new(
		g_io_stream_get_input_stream(G_IO_STREAM(link->connection)));
	send_request(link);
}

static void connect_link(struct statistics *s)
{
	g_autoptr(GSocketClient) client = g_socket_client_new();
	g_autoptr(GSocketAddress) address = g_unix_socket_address_new(s->path);

	s->link = g_new0(struct link, 1);
	s->link->owner = s;
	s->link->cancel = g_cancellable_new();
	s->link->busy = true;
	s->link->timeout = g_timeout_add_seconds(TIMEOUT_S, on_timeout, s->link);
	g_socket_client_connect_async(client, G_SOCKET_CONNECTABLE(address), s->link->cancel,
				      on_connected, s->link);
}

static void ask(struct statistics *s)
{
	if (!s->link)
		connect_link(s);
	else if (!s->link->busy)
		send_request(s->link);
}

/* ---- What others call ----------------------------------------------------------------------- */

void statistics_start(struct statistics *s)
{
	s->running = true;
	ask(s);
}

void statistics_stop(struct statistics *s)
{
	s->running = false;
	fail(s, G_IO_ERROR_NOT_CONNECTED, "the scheduler has just ended");
	g_hash_table_remove_all(s->totals);
}

void statistics_ask(struct statistics *s, GCancellable *cancel, GAsyncReadyCallback callback,
		    gpointer userdata)
{
	GTask *task = g_task_new(NULL, cancel, callback, userdata);

	if (!s->running) {
		g_task_return_new_error(task, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED,
					"the scheduler does not run");
		g_object_unref(task);
		return;
	}
	g_queue_push_tail(&s->waiting, task);
	ask(s);
}

GVariant *statistics_ask_finish(GAsyncResult *result, GError **error)
{
	return g_task_propagate_pointer(G_TASK(result), error);
}

struct statistics *statistics_new(const char *socket_path)
{
	struct statistics *s = g_new0(struct statistics, 1);

	s->path = g_strdup(socket_path);
	s->totals = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_queue_init(&s->waiting);
	return s;
}

void statistics_free(struct statistics *s)
{
	if (!s)
		return;
	statistics_stop(s);
	g_hash_table_unref(s->totals);
	g_free(s->path);
	g_free(s);
}
