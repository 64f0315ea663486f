/* SPDX-License-Identifier: GPL-2.0-only */
/* See kernel.h. */
#include <config.h>

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib-unix.h>

#include "kernel.h"

#define SYSFS "/sys/kernel/sched_ext"
/* Of the kernel's uevents "ACTION@DEVPATH": those of the kset that all schedulers are in. */
#define DEVPATH	    "@/kernel/sched_ext"
#define PERIOD_MS   20
#define PERIOD_FAKE 50

struct kernel {
	char *dir;
	bool fake;
	int fd; /* uevents; -1 with a fake */
	guint fd_source, timer;
	enum rl_kernel_state state;
	char *ops;
	void (*changed)(gpointer userdata);
	gpointer userdata;
};

/* ---- Looking -------------------------------------------------------------------------------- */

/* NULL when there is no such file. */
static char *read_word(const char *dir, const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	char *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return NULL;
	return g_strchomp(text);
}

static enum rl_kernel_state parse_state(const char *word)
{
	static const struct {
		const char *word;
		enum rl_kernel_state state;
	} words[] = {
		{"disabled", RL_KERNEL_DISABLED},
		{"enabling", RL_KERNEL_ENABLING},
		{"enabled", RL_KERNEL_ENABLED},
		{"disabling", RL_KERNEL_DISABLING},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (word && strcmp(word, words[i].word) == 0)
			return words[i].state;
	return RL_KERNEL_UNSUPPORTED;
}

static gboolean on_timer(gpointer userdata)
{
	struct kernel *k = userdata;

	k->timer = 0;
	kernel_refresh(k);
	return G_SOURCE_REMOVE;
}

void kernel_refresh(struct kernel *k)
{
	g_autofree char *word = read_word(k->dir, "state");
	g_autofree char *ops = read_word(k->dir, "root/ops");
	enum rl_kernel_state state = parse_state(word);
	bool passing = state == RL_KERNEL_ENABLING || state == RL_KERNEL_DISABLING;
	bool changed;

	if (!ops)
		ops = g_strdup("");
	changed = state != k->state || strcmp(ops, k->ops) != 0;
	k->state = state;
	g_free(k->ops);
	k->ops = g_steal_pointer(&ops);
	if ((passing || k->fake) && !k->timer)
		k->timer = g_timeout_add(k->fake ? PERIOD_FAKE : PERIOD_MS, on_timer, k);
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

	k->dir = g_strdup(fake_dir ? fake_dir : SYSFS);
	k->fake = fake_dir;
	k->fd = -1;
	k->ops = g_strdup("");
	if (!k->fake) {
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
	g_free(k->dir);
	g_free(k->ops);
	g_free(k);
}
