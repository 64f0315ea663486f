/* SPDX-License-Identifier: GPL-2.0-only */
/* See session-environment.h. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "session/owner.h"
#include "session/session-environment.h"
#include "session/xauthority.h"

#define ASK_MS 1000

struct request {
	session_environment_known known;
	gpointer userdata;
	GCancellable *end;
	char *authority; /* the file's path */
	struct session_environment *environment;
};

void session_environment_free(struct session_environment *environment)
{
	if (!environment)
		return;
	g_byte_array_unref(environment->cookies);
	g_free(environment->display);
	g_free(environment);
}

static void request_free(gpointer data)
{
	struct request *request = data;

	session_environment_free(request->environment);
	g_object_unref(request->end);
	g_free(request->authority);
	g_free(request);
}

char *session_environment_number(const char *display)
{
	const char *colon = display ? strchr(display, ':') : NULL;
	size_t digits;

	if (!colon || !(colon == display || g_str_has_prefix(display, "unix:")))
		return NULL;
	digits = strspn(colon + 1, "0123456789");
	return digits ? g_strndup(colon + 1, digits) : NULL;
}

/* Whatever the path names: a pipe, a device or another user's file is not read. */
static int open_own(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	enum owner owner;
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		owner = owner_of(st.st_uid);
		if (owner == OWNER_OURS || owner == OWNER_ROOT)
			return fd;
	}
	g_message("%s: not a file of this user's, so no cookie is taken from it", path);
	close(fd);
	return -1;
}

static void read_cookies(GTask *task, gpointer source, gpointer data, GCancellable *end)
{
	struct request *request = data;
	GByteArray *cookies = request->environment->cookies;
	int fd = open_own(request->authority);
	uint8_t buffer[4096];
	ssize_t n;

	(void)source, (void)end;
	while (fd >= 0 && cookies->len < XAUTHORITY_MAX &&
	       (n = read(fd, buffer, MIN(sizeof(buffer), XAUTHORITY_MAX - cookies->len))) > 0)
		g_byte_array_append(cookies, buffer, (guint)n);
	if (fd >= 0)
		close(fd);
	g_task_return_boolean(task, TRUE);
}

static void on_read(GObject *source, GAsyncResult *result, gpointer userdata)
{
	struct request *request = g_task_get_task_data(G_TASK(result));

	(void)source, (void)userdata;
	if (g_task_propagate_boolean(G_TASK(result), NULL))
		request->known(g_steal_pointer(&request->environment), request->userdata);
}

/* Of all that systemd would tell a program, else of what it told us. NULL: nothing. */
static const char *look_up(GVariant *variables, const char *name)
{
	size_t size = strlen(name);
	GVariantIter iter;
	const char *one;

	if (variables) {
		g_variant_iter_init(&iter, variables);
		while (g_variant_iter_next(&iter, "&s", &one))
			if (strncmp(one, name, size) == 0 && one[size] == '=')
				return one + size + 1;
	}
	return g_getenv(name);
}

static void on_told(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) reply =
		g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
	struct request *request = userdata;
	g_autoptr(GVariant) value = NULL;
	g_autoptr(GTask) task = NULL;
	const char *authority;

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
		request_free(request);
		return;
	}
	if (reply)
		g_variant_get(reply, "(v)", &value);
	if (value && !g_variant_is_of_type(value, G_VARIANT_TYPE_STRING_ARRAY))
		g_clear_pointer(&value, g_variant_unref);
	request->environment->display = session_environment_number(look_up(value, "DISPLAY"));
	authority = look_up(value, "XAUTHORITY");
	request->authority = authority ? g_strdup(authority)
				       : g_build_filename(g_get_home_dir(), ".Xauthority", NULL);
	task = g_task_new(NULL, request->end, on_read, NULL);
	g_task_set_task_data(task, request, request_free);
	/* Then the end need not wait for a file system that does not answer. */
	g_task_set_return_on_cancel(task, TRUE);
	g_task_run_in_thread(task, read_cookies);
}

void session_environment_get(GDBusConnection *session_bus, GCancellable *end,
			     session_environment_known known, gpointer userdata)
{
	struct request *request = g_new0(struct request, 1);

	request->known = known;
	request->userdata = userdata;
	request->end = g_object_ref(end);
	request->environment = g_new0(struct session_environment, 1);
	request->environment->cookies = g_byte_array_new();
	g_dbus_connection_call(
		session_bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
		"org.freedesktop.DBus.Properties", "Get",
		g_variant_new("(ss)", "org.freedesktop.systemd1.Manager", "Environment"),
		G_VARIANT_TYPE("(v)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, ASK_MS, end, on_told,
		request);
}
