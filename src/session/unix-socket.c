/* SPDX-License-Identifier: GPL-2.0-only */
/* See unix-socket.h. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>

#include "session/unix-socket.h"

/* Whoever makes sockets with ever new names shall not fill the journal. */
#define REFUSALS_SAID 32

void unix_socket_say_foreign(const char *path)
{
	static GHashTable *said;

	if (!said)
		said = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	if (g_hash_table_size(said) < REFUSALS_SAID && g_hash_table_add(said, g_strdup(path)))
		g_message("%s: it belongs to another user, so nothing is sent to it", path);
}

enum owner unix_socket_listener(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return OWNER_FOREIGN;
	return owner_of(peer.uid);
}

static bool is_refused(enum owner owner, bool hidden_too)
{
	return owner == OWNER_FOREIGN || (owner == OWNER_HIDDEN && !hidden_too);
}

/* The socket that a path names, and no other one that may take its place; it is not opened. */
static int pin(const char *path, bool hidden_too)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), error = 0;
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		error = errno;
	else if (S_ISLNK(st.st_mode))
		error = ELOOP;
	else if (!S_ISSOCK(st.st_mode))
		error = ENOTSOCK;
	else if (is_refused(owner_of(st.st_uid), hidden_too))
		error = EPERM;
	if (!error)
		return fd;
	if (error == EPERM)
		unix_socket_say_foreign(path);
	close(fd);
	errno = error;
	return -1;
}

static int connect_pinned(int pinned)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", pinned);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

int unix_socket_connect(const char *path, enum owner *ret_listener)
{
	int pinned = pin(path, ret_listener != NULL), fd, error;
	enum owner listener;

	if (pinned < 0)
		return -1;
	fd = connect_pinned(pinned);
	error = errno;
	close(pinned);
	errno = error;
	if (fd < 0)
		return -1;
	listener = unix_socket_listener(fd);
	if (is_refused(listener, ret_listener != NULL)) {
		close(fd);
		unix_socket_say_foreign(path);
		errno = EPERM;
		return -1;
	}
	if (ret_listener)
		*ret_listener = listener;
	return fd;
}
