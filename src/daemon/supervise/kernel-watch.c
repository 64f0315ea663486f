/* SPDX-License-Identifier: GPL-2.0-only */
/* See kernel-watch.h. */

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib-unix.h>

#include "common/sched-ext.h"
#include "daemon/supervise/kernel-watch.h"

/* Of the kernel's uevents "ACTION@DEVPATH": those of the kset that all schedulers are in. */
#define DEVPATH	    "@/kernel/sched_ext"
#define PERIOD_MS   20
#define PERIOD_FAKE 50
/* Until what could not be read is tried again. */
#define PERIOD_FAILED_MS 500
/* The kernel's names are shorter. */
#define OPS_NAME_MAX 256

struct kernel {
	char *fake_dir;
	int fd; /* uevents; -1 with a fake */
	guint fd_source, timer;
	enum rl_kernel_state state; /* the last that could be read */
	char *ops;
	int err; /* of the last look, 0 if it went well */
	void (*changed)(gpointer userdata);
	gpointer userdata;
};

/* ---- Looking -------------------------------------------------------------------------------- */

static gboolean on_timer(gpointer userdata)
{
	struct kernel *k = userdata;

	k->timer = 0;
	kernel_refresh(k);
	return G_SOURCE_REMOVE;
}

static void look_again_in(struct kernel *k, guint ms)
{
	if (!k->timer)
		k->timer = g_timeout_add(ms, on_timer, k);
}

/* That it cannot be read says nothing about the kernel: what was seen last stays until it can. */
static void on_unreadable(struct kernel *k, int err)
{
	if (k->err != err)
		g_warning("cannot read the kernel's state of sched_ext: %s; it is tried again",
			  g_strerror(-err));
	k->err = err;
	look_again_in(k, PERIOD_FAILED_MS);
}

void kernel_refresh(struct kernel *k)
{
	char ops[OPS_NAME_MAX];
	int state = rl_kernel_state_at(k->fake_dir, ops, sizeof(ops));
	bool passing = state == RL_KERNEL_ENABLING || state == RL_KERNEL_DISABLING;
	bool changed;

	if (state < 0) {
		on_unreadable(k, state);
		return;
	}
	k->err = 0;
	changed = state != (int)k->state || strcmp(ops, k->ops) != 0;
	k->state = (enum rl_kernel_state)state;
	g_free(k->ops);
	k->ops = g_strdup(ops);
	if (passing || k->fake_dir)
		look_again_in(k, k->fake_dir ? PERIOD_FAKE : PERIOD_MS);
	if (changed && k->changed)
		k->changed(k->userdata);
}

enum rl_kernel_state kernel_state(const struct kernel *k)
{
	return k->state;
}

const char *kernel_ops(const struct kernel *k)
{
	return k->ops;
}

/* ---- Being told ----------------------------------------------------------------------------- */

static gboolean on_uevent(int fd, GIOCondition condition, gpointer userdata)
{
	struct kernel *k = userdata;
	bool look = false;
	char text[256]; /* the rest of a longer one is of no interest */
	ssize_t n;

	(void)condition;
	while ((n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT)) >= 0 || errno == ENOBUFS) {
		/* ENOBUFS: some were lost, this one perhaps. */
		text[n > 0 ? n : 0] = '\0';
		look = look || n < 0 || strstr(text, DEVPATH);
	}
	if (look)
		kernel_refresh(k);
	return G_SOURCE_CONTINUE;
}

/* Only the kernel may send to this group, unless a sender has CAP_NET_ADMIN; so we only look. */
static int open_uevents(void)
{
	const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_KOBJECT_UEVENT);
	int r;

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

struct kernel *kernel_new(const char *fake_dir, GError **error)
{
	struct kernel *k = g_new0(struct kernel, 1);

	k->fake_dir = g_strdup(fake_dir);
	k->fd = -1;
	k->ops = g_strdup("");
	k->state = RL_KERNEL_DISABLING; /* until it has been seen, nobody starts anything */
	if (!k->fake_dir) {
		k->fd = open_uevents();
		if (k->fd < 0) {
			g_set_error(error, G_IO_ERROR, g_io_error_from_errno(-k->fd),
				    "cannot listen to the kernel's uevents: %s; the service needs "
				    "RestrictAddressFamilies=AF_NETLINK",
				    g_strerror(-k->fd));
			kernel_free(k);
			return NULL;
		}
		k->fd_source = g_unix_fd_add(k->fd, G_IO_IN, on_uevent, k);
	}
	kernel_refresh(k);
	return k;
}

void kernel_watch(struct kernel *k, void (*changed)(gpointer userdata), gpointer userdata)
{
	k->changed = changed;
	k->userdata = userdata;
}

void kernel_free(struct kernel *k)
{
	if (!k)
		return;
	g_clear_handle_id(&k->timer, g_source_remove);
	g_clear_handle_id(&k->fd_source, g_source_remove);
	if (k->fd >= 0)
		close(k->fd);
	g_free(k->fake_dir);
	g_free(k->ops);
	g_free(k);
}
