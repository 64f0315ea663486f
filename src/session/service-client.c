/* SPDX-License-Identifier: GPL-2.0-only */
/* See service-client.h. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include <gio/gunixfdlist.h>
#include <glib-unix.h>

#include "common/bus-words.h"
#include "common/names.h"
#include "dbus/errors.h"
#include "dbus/service-proxy.h"
#include "session/bus-peer.h"
#include "session/owner.h"
#include "session/service-client.h"

#define RETRY_S 10
/* The service asks polkit, and polkit may ask others. */
#define CALL_MS 25000
/* More than the service takes from one user, by its defaults; each is a descriptor here. */
#define WISHES_MAX 64
/* At the end; a service that hangs must not keep a person from logging out. */
#define GOODBYE_TIMEOUT_MS 1000

/* A process to boost. */
struct wish {
	struct service *service;
	pid_t pid;
	int pidfd;
	bool proven; /* it is this user's own */
	guint exit_watch;
	char *reason;
	guint32 cookie;	 /* 0: not held */
	struct ask *ask; /* NULL: none is under way */
	bool settled;	 /* the service, or a person, does not want it */
	bool explained;	 /* why it is not held has been said */
};

/* A call that asks for a boost; it outlives a wish that ends meanwhile. */
struct ask {
	struct wish *wish; /* NULL: whatever comes is to be released */
};

/* The foreground slot: there is one, and one call at a time. */
struct foreground {
	pid_t pid;    /* wanted; 0: none, or ... */
	char *cgroup; /* ... this group, if not NULL */
	int pidfd;    /* of the process, or -1 */
	bool proven;  /* the process is this user's own */
	bool unsent;  /* the service does not know it yet */
	bool sending; /* a call is under way */
	bool ours;    /* what is in the slot may be from here, so that it is for us to clear it */
	bool clears;  /* that is what the call under way does */
};

struct service {
	GDBusConnection *bus;
	GCancellable *end;
	struct bus_peer *peer; /* who the service is */
	Rustland *proxy;       /* ... and how it is called; NULL: not yet, or it does not run */
	guint subscriptions[2], retry;
	bool was_there;
	bool listing; /* a new owner is asked what it still holds; until then nothing is sent */
	GHashTable *wishes; /* pid to struct wish */
	struct foreground foreground;
};

static void send_all(struct service *service);

static bool alive(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	/* If poll() fails, that says nothing about the process. */
	return pidfd >= 0 && poll(&p, 1, 0) <= 0;
}

enum whose {
	OURS,
	NOT_OURS, /* or it has ended */
	UNKNOWN,  /* its file could not be read now */
};

static enum whose whose_is(pid_t pid, int pidfd)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid);
	g_autofree char *status = NULL;
	g_autoptr(GError) error = NULL;
	gsize size;

	if (!g_file_get_contents(path, &status, &size, &error))
		return alive(pidfd) && !g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT)
			       ? UNKNOWN
			       : NOT_OURS;
	/* What was read counts only if the number still was its own. */
	return owner_status_is(status, size, getuid()) && alive(pidfd) ? OURS : NOT_OURS;
}

/*
 * The process that a program of the session means by a number, or -1 and errno. It is this user's own: in another
 * pid namespace the number may be that of anything here. From here on the pidfd is what is meant.
 * *ret_proven: false if that could not be looked at now; then prove() has to be
 * called before anybody is told of it.
 */
static int pin(pid_t pid, bool *ret_proven)
{
	int pidfd = pidfd_open(pid, 0);
	enum whose whose;

	*ret_proven = false;
	if (pidfd < 0) {
		int error = errno;

		g_debug("process %d: pidfd_open: %s", (int)pid, g_strerror(error));
		errno = error;
		return -1;
	}
	whose = whose_is(pid, pidfd);
	*ret_proven = whose == OURS;
	if (whose != NOT_OURS)
		return pidfd;
	g_debug("process %d is not this user's, or has ended", (int)pid);
	close(pidfd);
	errno = ESRCH;
	return -1;
}

static gboolean on_retry(gpointer userdata)
{
	struct service *service = userdata;

	service->retry = 0;
	send_all(service);
	return G_SOURCE_REMOVE;
}

static void retry_later(struct service *service)
{
	if (!service->retry)
		service->retry = g_timeout_add_seconds(RETRY_S, on_retry, service);
}

/* Of what pin() could not look at: whether it is this user's own. If that cannot be told now either, later. */
static bool prove(struct service *service, pid_t pid, int pidfd, bool *ret_not_ours)
{
	enum whose whose = whose_is(pid, pidfd);

	*ret_not_ours = whose == NOT_OURS;
	if (whose == UNKNOWN)
		retry_later(service);
	return whose == OURS;
}

/* What the service says may change: too many at the moment, or the session is not active now. */
static bool error_is_final(const GError *error)
{
	return g_error_matches(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NO_SUCH_PROCESS) ||
	       g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS);
}

/* It says so itself, and by its State when that changes. */
static bool error_is_no_scheduler(const GError *error)
{
	return g_error_matches(error, RUSTLAND_ERROR, RUSTLAND_ERROR_NOT_RUNNING);
}

static bool error_is_gone(const GError *error)
{
	return g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER) ||
	       g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN) ||
	       g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY);
}

/* ---- Wishes --------------------------------------------------------------------------------- */

static void release_cookie(Rustland *proxy, guint32 cookie)
{
	rustland_call_release(proxy, cookie, G_DBUS_CALL_FLAGS_NO_AUTO_START, CALL_MS, NULL, NULL,
			      NULL);
}

static void wish_free(gpointer data)
{
	struct wish *wish = data;

	if (wish->ask)
		wish->ask->wish = NULL;
	g_clear_handle_id(&wish->exit_watch, g_source_remove);
	close(wish->pidfd);
	g_free(wish->reason);
	g_free(wish);
}

static void not_held(struct wish *wish, const GError *error)
{
	if (error_is_no_scheduler(error))
		return;
	/* A new one is told everything; should this one still be there, it is asked again. */
	if (error_is_gone(error)) {
		retry_later(wish->service);
		return;
	}
	wish->settled = error_is_final(error);
	if (!wish->settled)
		retry_later(wish->service);
	if (!wish->explained)
		g_message("process %d is not boosted%s: %s", (int)wish->pid,
			  wish->settled ? "" : " for now", error->message);
	wish->explained = true;
}

static void on_asked(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autofree struct ask *ask = userdata;
	Rustland *asked = RUSTLAND(source);
	struct wish *wish = ask->wish;
	g_autoptr(GError) error = NULL;
	guint32 cookie;

	if (wish)
		wish->ask = NULL;
	if (!rustland_call_boost_process_by_pidfd_finish(asked, &cookie, NULL, result, &error)) {
		if (wish)
			not_held(wish, error);
		return;
	}
	if (wish) {
		wish->cookie = cookie;
		g_debug("process %d is boosted: %u", (int)wish->pid, cookie);
	} else {
		release_cookie(asked, cookie);
	}
}

static void wish_send(struct wish *wish)
{
	struct service *service = wish->service;
	g_autoptr(GUnixFDList) fds = NULL;
	g_auto(GVariantBuilder) options = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

	if (wish->cookie || wish->ask || wish->settled)
		return;
	wish->proven = wish->proven || prove(service, wish->pid, wish->pidfd, &wish->settled);
	if (!wish->proven)
		return;
	fds = g_unix_fd_list_new();
	if (g_unix_fd_list_append(fds, wish->pidfd, NULL) < 0)
		return retry_later(service); /* no descriptors left */
	/* The session's boosts go with the session, in whatever way it ends. */
	g_variant_builder_add(&options, "{sv}", BOOST_KEY_LIFETIME,
			      g_variant_new_string(LIFETIME_WORD_CLIENT));
	wish->ask = g_new0(struct ask, 1);
	wish->ask->wish = wish;
	rustland_call_boost_process_by_pidfd(
		service->proxy, g_variant_new_handle(0), SCOPE_WORD_TREE, wish->reason,
		g_variant_builder_end(&options), G_DBUS_CALL_FLAGS_NO_AUTO_START, CALL_MS, fds,
		NULL, on_asked, wish->ask);
}

/* The service sees it as well, and ends the boost by itself. */
static gboolean on_exited(int pidfd, GIOCondition condition, gpointer userdata)
{
	struct wish *wish = userdata;

	(void)pidfd, (void)condition;
	wish->exit_watch = 0;
	g_hash_table_remove(wish->service->wishes, GINT_TO_POINTER(wish->pid));
	return G_SOURCE_REMOVE;
}

static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

bool service_boost(struct service *service, pid_t pid, const char *reason)
{
	struct wish *wish = g_hash_table_lookup(service->wishes, GINT_TO_POINTER(pid));
	bool proven;
	int pidfd;

	/* One whose end is not yet noticed has left its number to another process. */
	if (wish && alive(wish->pidfd))
		return true;
	if (!wish && g_hash_table_size(service->wishes) == WISHES_MAX) {
		g_debug("process %d: so many games are no games", (int)pid);
		return true;
	}
	pidfd = pin(pid, &proven);
	if (pidfd < 0)
		return !is_shortage(errno);
	wish = g_new0(struct wish, 1);
	wish->service = service;
	wish->pid = pid;
	wish->pidfd = pidfd;
	wish->proven = proven;
	wish->reason = g_strdup(reason);
	wish->exit_watch = g_unix_fd_add(pidfd, G_IO_IN, on_exited, wish);
	g_hash_table_insert(service->wishes, GINT_TO_POINTER(pid), wish);
	if (service->proxy && !service->listing)
		wish_send(wish);
	return true;
}

static gboolean wish_release(gpointer key, gpointer value, gpointer userdata)
{
	struct wish *wish = value;

	(void)key, (void)userdata;
	/* Without a service: if the next one still holds it, it is found in its list. */
	if (wish->cookie && wish->service->proxy)
		release_cookie(wish->service->proxy, wish->cookie);
	return TRUE;
}

void service_release(struct service *service, pid_t pid)
{
	gpointer key = GINT_TO_POINTER(pid);
	struct wish *wish = g_hash_table_lookup(service->wishes, key);

	if (wish && wish_release(key, wish, NULL))
		g_hash_table_remove(service->wishes, key);
}

void service_release_all(struct service *service)
{
	g_hash_table_foreach_remove(service->wishes, wish_release, NULL);
}

/* ---- The foreground ------------------------------------------------------------------------- */

static void foreground_send(struct service *service);

static bool is_wanted(const struct foreground *f)
{
	return f->cgroup || (f->pid && alive(f->pidfd));
}

/* error: NULL when it went well. */
static void on_foreground_set(struct service *service, const GError *error)
{
	struct foreground *f = &service->foreground;

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return; /* the service is gone from memory */
	f->sending = false;
	if (!error) {
		f->ours = !f->clears;
		foreground_send(service);
		return;
	}
	g_debug("the foreground is as before: %s", error->message);
	if (f->unsent) {
		foreground_send(service);
	} else if (!error_is_final(error) && (f->ours || is_wanted(f))) {
		f->unsent = true;
		if (!error_is_no_scheduler(error))
			retry_later(service);
	}
}

static void on_process_set(GObject *source, GAsyncResult *result, gpointer service)
{
	g_autoptr(GError) error = NULL;

	rustland_call_set_foreground_process_by_pidfd_finish(RUSTLAND(source), NULL, result,
							     &error);
	on_foreground_set(service, error);
}

static void on_cgroup_set(GObject *source, GAsyncResult *result, gpointer service)
{
	g_autoptr(GError) error = NULL;

	rustland_call_set_foreground_cgroup_finish(RUSTLAND(source), result, &error);
	on_foreground_set(service, error);
}

static void on_cleared(GObject *source, GAsyncResult *result, gpointer service)
{
	g_autoptr(GError) error = NULL;

	rustland_call_set_foreground_process_finish(RUSTLAND(source), result, &error);
	on_foreground_set(service, error);
}

static void foreground_clear(struct foreground *f)
{
	if (f->pidfd >= 0)
		close(f->pidfd);
	g_free(f->cgroup);
	f->pidfd = -1;
	f->cgroup = NULL;
	f->pid = 0;
}

static void foreground_send(struct service *service)
{
	struct foreground *f = &service->foreground;
	const GDBusCallFlags flags = G_DBUS_CALL_FLAGS_NO_AUTO_START;
	g_autoptr(GUnixFDList) fds = NULL;
	bool wanted, not_ours = false;

	if (!service->proxy || service->listing || f->sending || !f->unsent)
		return;
	if (f->pid && !f->proven) {
		f->proven = prove(service, f->pid, f->pidfd, &not_ours);
		if (not_ours)
			foreground_clear(f);
		else if (!f->proven)
			return;
	}
	wanted = is_wanted(f);
	if (wanted && !f->cgroup) {
		fds = g_unix_fd_list_new();
		if (g_unix_fd_list_append(fds, f->pidfd, NULL) < 0)
			return retry_later(service); /* no descriptors left */
		rustland_call_set_foreground_process_by_pidfd(
			service->proxy, g_variant_new_handle(0), flags, CALL_MS, fds, service->end,
			on_process_set, service);
	} else if (f->cgroup) {
		rustland_call_set_foreground_cgroup(service->proxy, f->cgroup, flags, CALL_MS,
						    service->end, on_cgroup_set, service);
	} else {
		rustland_call_set_foreground_process(service->proxy, 0, flags, CALL_MS,
						     service->end, on_cleared, service);
	}
	f->unsent = false;
	f->sending = true;
	f->clears = !wanted;
	f->ours = f->ours || wanted;
}

void service_set_foreground(struct service *service, pid_t pid, const char *cgroup)
{
	struct foreground *f = &service->foreground;
	bool same_process = pid == f->pid && (pid == 0 || alive(f->pidfd));

	if (same_process && g_strcmp0(cgroup, f->cgroup) == 0)
		return;
	foreground_clear(f);
	f->pidfd = pid ? pin(pid, &f->proven) : -1;
	f->pid = f->pidfd < 0 ? 0 : pid;
	f->cgroup = g_strdup(cgroup);
	f->unsent = true;
	foreground_send(service);
}

/* ---- The service comes and goes ------------------------------------------------------------- */

static void send_all(struct service *service)
{
	GHashTableIter iter;
	gpointer wish;

	if (!service->proxy || service->listing)
		return;
	g_hash_table_iter_init(&iter, service->wishes);
	while (g_hash_table_iter_next(&iter, NULL, &wish))
		wish_send(wish);
	foreground_send(service);
}

static struct wish *find_cookie(struct service *service, guint32 cookie)
{
	GHashTableIter iter;
	gpointer wish;

	g_hash_table_iter_init(&iter, service->wishes);
	while (g_hash_table_iter_next(&iter, NULL, &wish))
		if (((struct wish *)wish)->cookie == cookie)
			return wish;
	return NULL;
}

static bool is_running(pid_t pid)
{
	return kill(pid, 0) == 0 || errno != ESRCH;
}

/*
 * A boost that the service holds for us. One that was asked for when the last service ended may be
 * there without our having heard of it: then it is the wish's, if there is still one, or nobody's. A
 * launcher that has exited leaves its boost to what it started, with which it will end.
 */
static void settle(struct service *service, guint32 cookie, guint32 pid)
{
	struct wish *wish;

	if (find_cookie(service, cookie))
		return;
	wish = g_hash_table_lookup(service->wishes, GINT_TO_POINTER((int)pid));
	if (wish && !wish->cookie && !wish->ask) {
		wish->cookie = cookie;
	} else if ((!wish || !wish->ask) && is_running((pid_t)pid)) {
		g_debug("boost %u is not wanted any more", cookie);
		release_cookie(service->proxy, cookie);
	}
}

static bool is_held_for_us(struct service *service, GVariant *boost)
{
	const char *client;

	return g_variant_lookup(boost, BOOST_KEY_CLIENT, "&s", &client) &&
	       strcmp(client, g_dbus_connection_get_unique_name(service->bus)) == 0;
}

/* Boosts may outlive a restart of the service. */
static void settle_all(struct service *service, GVariant *boosts)
{
	g_autoptr(GHashTable) held = g_hash_table_new(NULL, NULL);
	guint32 cookie, pid;
	GHashTableIter iter;
	GVariantIter list;
	GVariant *boost;
	gpointer value;

	g_variant_iter_init(&list, boosts);
	while ((boost = g_variant_iter_next_value(&list)) != NULL) {
		if (g_variant_lookup(boost, BOOST_KEY_COOKIE, "u", &cookie))
			g_hash_table_add(held, GUINT_TO_POINTER(cookie));
		g_variant_unref(boost);
	}
	g_hash_table_iter_init(&iter, service->wishes);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct wish *wish = value;

		if (!g_hash_table_contains(held, GUINT_TO_POINTER(wish->cookie)))
			wish->cookie = 0;
	}
	g_variant_iter_init(&list, boosts);
	while ((boost = g_variant_iter_next_value(&list)) != NULL) {
		if (is_held_for_us(service, boost) &&
		    g_variant_lookup(boost, BOOST_KEY_COOKIE, "u", &cookie) &&
		    g_variant_lookup(boost, BOOST_KEY_PID, "u", &pid))
			settle(service, cookie, pid);
		g_variant_unref(boost);
	}
}

static void on_listed(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) boosts = NULL;
	struct service *service = userdata;

	rustland_call_list_boosts_finish(RUSTLAND(source), &boosts, result, &error);
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return;
	if (!boosts)
		boosts = g_variant_ref_sink(g_variant_new("aa{sv}", NULL));
	settle_all(service, boosts);
	service->listing = false;
	send_all(service);
}

static void on_proxy(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autoptr(Rustland) proxy = service_proxy_finish(result);
	struct service *service = userdata;
	const char *owner;

	(void)source;
	if (!proxy)
		return; /* the service is gone from memory */
	/* It may have gone, or have been replaced, meanwhile. */
	owner = bus_peer_owner(service->peer);
	if (g_strcmp0(g_dbus_proxy_get_name(G_DBUS_PROXY(proxy)), owner) != 0)
		return;
	g_set_object(&service->proxy, proxy);
	rustland_call_list_boosts(proxy, G_DBUS_CALL_FLAGS_NO_AUTO_START, CALL_MS, service->end,
				  on_listed, service);
}

static void on_appeared(gpointer userdata, const char *owner)
{
	struct service *service = userdata;

	service->listing = true;
	service->was_there = true;
	service->foreground.unsent = service->foreground.ours || is_wanted(&service->foreground);
	service_proxy_start(service->bus, owner, service->end, on_proxy, service);
}

static void on_vanished(gpointer userdata)
{
	struct service *service = userdata;

	g_clear_object(&service->proxy);
	if (service->was_there)
		g_message(SERVICE_NAME " has gone away; boosts follow when it is back");
	service->was_there = false;
}

static void on_removed(GDBusConnection *bus, const char *sender, const char *path,
		       const char *interface, const char *signal, GVariant *arguments,
		       gpointer userdata)
{
	struct service *service = userdata;
	struct wish *wish;
	const char *why;
	guint32 cookie;

	(void)bus, (void)path, (void)interface, (void)signal;
	if (!bus_peer_sent(service->peer, sender) ||
	    !g_variant_is_of_type(arguments, G_VARIANT_TYPE("(uus)")))
		return;
	g_variant_get(arguments, "(uu&s)", &cookie, NULL, &why);
	wish = find_cookie(service, cookie);
	if (!wish)
		return;
	wish->cookie = 0;
	/* Who released it does not want it; a service that stops will be back. */
	wish->settled = strcmp(why, END_WORD_SHUTDOWN) != 0;
	g_debug("the boost of process %d ended: %s", (int)wish->pid, why);
}

static void on_properties(GDBusConnection *bus, const char *sender, const char *path,
			  const char *interface, const char *signal, GVariant *arguments,
			  gpointer userdata)
{
	g_autoptr(GVariant) changed = NULL;
	struct service *service = userdata;

	(void)bus, (void)path, (void)interface, (void)signal;
	if (!bus_peer_sent(service->peer, sender) ||
	    !g_variant_is_of_type(arguments, G_VARIANT_TYPE("(sa{sv}as)")))
		return;
	changed = g_variant_get_child_value(arguments, 1);
	if (g_variant_lookup(changed, "State", "s", NULL))
		send_all(service);
}

struct service *service_new(GDBusConnection *bus)
{
	static const struct bus_peer_handler handler = {on_appeared, on_vanished};
	struct service *service = g_new0(struct service, 1);

	service->bus = g_object_ref(bus);
	service->end = g_cancellable_new();
	service->foreground.pidfd = -1;
	service->wishes = g_hash_table_new_full(NULL, NULL, NULL, wish_free);
	service->subscriptions[0] = g_dbus_connection_signal_subscribe(
		bus, SERVICE_NAME, SERVICE_NAME, "BoostRemoved", SERVICE_PATH, NULL,
		G_DBUS_SIGNAL_FLAGS_NONE, on_removed, service, NULL);
	service->subscriptions[1] = g_dbus_connection_signal_subscribe(
		bus, SERVICE_NAME, "org.freedesktop.DBus.Properties", "PropertiesChanged",
		SERVICE_PATH, SERVICE_NAME, G_DBUS_SIGNAL_FLAGS_NONE, on_properties, service, NULL);
	service->peer = bus_peer_watch(bus, SERVICE_NAME, SERVICE_USER, &handler, service);
	return service;
}

void service_free(struct service *service)
{
	if (!service)
		return;
	g_cancellable_cancel(service->end);
	g_clear_handle_id(&service->retry, g_source_remove);
	for (size_t i = 0; i < G_N_ELEMENTS(service->subscriptions); i++)
		g_dbus_connection_signal_unsubscribe(service->bus, service->subscriptions[i]);
	if (service->proxy && service->foreground.ours)
		rustland_call_set_foreground_process_sync(service->proxy, 0,
							  G_DBUS_CALL_FLAGS_NO_AUTO_START,
							  GOODBYE_TIMEOUT_MS, NULL, NULL);
	g_hash_table_unref(service->wishes);
	foreground_clear(&service->foreground);
	bus_peer_free(service->peer);
	g_clear_object(&service->proxy);
	g_object_unref(service->end);
	g_object_unref(service->bus);
	g_free(service);
}
