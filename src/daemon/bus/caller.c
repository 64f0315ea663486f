/* SPDX-License-Identifier: GPL-2.0-only */
/* See caller.h. */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include <gio/gunixfdlist.h>

#include "daemon/bus/caller.h"
#include "daemon/boost/process.h"
#include "daemon/shortage.h"

/* The bus answers in microseconds; if not, the answer may have been dropped. */
#define BUS_TIMEOUT_MS 2000
#define TRIES	       4
/* Questions under way. */
#define ASKED_MAX 16
/* Callers that are kept, each with a pidfd: those that called last. */
#define KNOWN_MAX 64

/* Of one connection to the bus. */
struct callers {
	GHashTable *known;   /* name to struct caller */
	GQueue recent;	     /* of struct caller, the last one to have called at the end */
	GHashTable *unknown; /* name to struct question */
	GQueue waiting;	     /* questions that are not asked yet */
	unsigned int nr_asked;
};

struct question {
	struct callers *callers;
	GDBusConnection *connection;
	char *name;
	GPtrArray *tasks; /* that wait for the answer */
	int tries;
};

/* ---- Callers -------------------------------------------------------------------------------- */

void caller_unref(struct caller *caller)
{
	if (!caller || --caller->refs)
		return;
	if (caller->pidfd >= 0)
		close(caller->pidfd);
	g_free(caller->name);
	g_free(caller);
}

static void unref(gpointer caller)
{
	caller_unref(caller);
}

static struct caller *caller_new(const char *name, GVariant *credentials, GUnixFDList *fds,
				 GError **error)
{
	struct caller *caller;
	gint32 index;
	guint32 uid, pid;

	if (!g_variant_lookup(credentials, "UnixUserID", "u", &uid)) {
		g_set_error_literal(error, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED,
				    "The bus does not know which user you are");
		return NULL;
	}
	caller = g_new0(struct caller, 1);
	caller->refs = 1;
	caller->name = g_strdup(name);
	caller->uid = uid;
	if (g_variant_lookup(credentials, "ProcessID", "u", &pid))
		caller->pid = (pid_t)pid;
	caller->pidfd = -1;
	if (!g_variant_lookup(credentials, "ProcessFD", "h", &index))
		return caller;
	if (fds && index < g_unix_fd_list_get_length(fds))
		caller->pidfd = g_unix_fd_list_get(fds, index, NULL);
	if (caller->pidfd >= 0)
		return caller;
	set_shortage(EMFILE, error);
	caller_unref(caller);
	return NULL;
}

/* ---- The bus is asked ----------------------------------------------------------------------- */

static void ask(struct question *question);

static void callers_free(gpointer data)
{
	struct callers *callers = data;

	g_queue_clear(&callers->recent);
	g_queue_clear(&callers->waiting);
	g_hash_table_unref(callers->known);
	g_hash_table_unref(callers->unknown);
	g_free(callers);
}

static struct callers *callers_of(GDBusConnection *connection)
{
	struct callers *callers = g_object_get_data(G_OBJECT(connection), "callers");

	if (callers)
		return callers;
	callers = g_new0(struct callers, 1);
	callers->known = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, unref);
	callers->unknown = g_hash_table_new(g_str_hash, g_str_equal);
	g_object_set_data_full(G_OBJECT(connection), "callers", callers, callers_free);
	return callers;
}

static void forget(struct callers *callers, struct caller *caller)
{
	g_queue_remove(&callers->recent, caller);
	g_hash_table_remove(callers->known, caller->name);
}

/* Whose process has ended will not call again. */
static void forget_ended(struct callers *callers)
{
	struct pollfd fds[KNOWN_MAX];
	struct caller *all[KNOWN_MAX];
	nfds_t n = 0;

	for (GList *i = callers->recent.head; i; i = i->next) {
		all[n] = i->data;
		fds[n] = (struct pollfd){.fd = all[n]->pidfd, .events = POLLIN};
		n++;
	}
	if (poll(fds, n, 0) <= 0)
		return;
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].revents)
			forget(callers, all[i]);
}

static void keep(struct callers *callers, struct caller *caller)
{
	if (callers->recent.length >= KNOWN_MAX)
		forget(callers, g_queue_peek_head(&callers->recent));
	g_queue_push_tail(&callers->recent, caller);
	g_hash_table_insert(callers->known, caller->name, caller);
}

static void return_caller(GTask *task, struct caller *caller)
{
	caller->refs++;
	g_task_return_pointer(task, caller, unref);
	g_object_unref(task);
}

/* caller or error; frees the question. */
static void answer(struct question *question, struct caller *caller, const GError *error)
{
	struct callers *callers = question->callers;
	struct question *next;

	g_hash_table_remove(callers->unknown, question->name);
	if (caller)
		keep(callers, caller);
	for (guint i = 0; i < question->tasks->len; i++) {
		GTask *task = g_ptr_array_index(question->tasks, i);

		if (caller) {
			return_caller(task, caller);
		} else {
			g_task_return_error(task, g_error_copy(error));
			g_object_unref(task);
		}
	}
	callers->nr_asked--;
	next = g_queue_pop_head(&callers->waiting);
	if (next)
		ask(next);
	g_ptr_array_unref(question->tasks);
	g_object_unref(question->connection);
	g_free(question->name);
	g_free(question);
}

static void on_credentials(GObject *source, GAsyncResult *result, gpointer userdata)
{
	struct question *question = userdata;
	g_autoptr(GUnixFDList) fds = NULL;
	g_autoptr(GVariant) reply = NULL, credentials = NULL;
	g_autoptr(GError) error = NULL;
	struct caller *caller = NULL;

	reply = g_dbus_connection_call_with_unix_fd_list_finish(G_DBUS_CONNECTION(source), &fds,
								result, &error);
	if (!reply && ++question->tries < TRIES &&
	    g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)) {
		question->callers->nr_asked--;
		ask(question);
		return;
	}
	if (reply) {
		credentials = g_variant_get_child_value(reply, 0);
		caller = caller_new(question->name, credentials, fds, &error);
	}
	answer(question, caller, error);
}

static void ask(struct question *question)
{
	question->callers->nr_asked++;
	g_dbus_connection_call_with_unix_fd_list(
		question->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
		"org.freedesktop.DBus", "GetConnectionCredentials",
		g_variant_new("(s)", question->name), G_VARIANT_TYPE("(a{sv})"),
		G_DBUS_CALL_FLAGS_NONE, BUS_TIMEOUT_MS, NULL, NULL, on_credentials, question);
}

void caller_resolve(GDBusConnection *connection, const char *name, GAsyncReadyCallback callback,
		    gpointer userdata)
{
	struct callers *callers = callers_of(connection);
	struct question *question = g_hash_table_lookup(callers->unknown, name);
	GTask *task = g_task_new(connection, NULL, callback, userdata);
	struct caller *caller;

	forget_ended(callers);
	caller = g_hash_table_lookup(callers->known, name);
	if (caller) {
		g_queue_remove(&callers->recent, caller);
		g_queue_push_tail(&callers->recent, caller);
		return_caller(task, caller);
		return;
	}
	if (question) {
		g_ptr_array_add(question->tasks, task);
		return;
	}
	question = g_new0(struct question, 1);
	question->callers = callers;
	question->connection = g_object_ref(connection);
	question->name = g_strdup(name);
	question->tasks = g_ptr_array_new();
	g_ptr_array_add(question->tasks, task);
	g_hash_table_insert(callers->unknown, question->name, question);
	if (callers->nr_asked < ASKED_MAX)
		ask(question);
	else
		g_queue_push_tail(&callers->waiting, question);
}

struct caller *caller_resolve_finish(GAsyncResult *result, GError **error)
{
	return g_task_propagate_pointer(G_TASK(result), error);
}

/* ---- Their numbers -------------------------------------------------------------------------- */

/*
 * flatpak and firejail let a sandbox talk to the bus through this program, which is outside of it, in
 * the namespace of the bus.
 */
#define PROXY "xdg-dbus-proxy"

static gboolean shares_numbers(int pidfd)
{
	char name[64];

	if (!process_shares_numbers(pidfd))
		return FALSE;
	process_name_of_fd(pidfd, name, sizeof(name));
	return strcmp(name, PROXY) != 0;
}

gboolean caller_shares_numbers(const struct caller *caller)
{
	gboolean result;
	int pidfd;

	if (caller->pidfd >= 0)
		return shares_numbers(caller->pidfd);
	/*
	 * A bus without pidfds. The number may belong to another process by now; whoever arranges that
	 * gets a process of the own user mistaken for another one, and nothing else.
	 */
	pidfd = caller->pid > 0 ? pidfd_open(caller->pid, 0) : -1;
	if (pidfd < 0)
		return FALSE;
	result = shares_numbers(pidfd);
	close(pidfd);
	return result;
}
