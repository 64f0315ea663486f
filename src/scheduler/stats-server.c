/* SPDX-License-Identifier: GPL-2.0-only */
/* See stats-server.h. */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "scheduler/stats-server.h"

/* Far above what monitors need: sixteen clients, ten requests a second each, and a lot of slack. */
#define BUDGET_EVENTS	 100
#define BUDGET_PERIOD_NS UINT64_C(100000000)

static int socket_address(struct sockaddr_un *ret, const char *path)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	strcpy(ret->sun_path, path);
	return 0;
}

static int new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

static int make_directories(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char *slash;

	strcpy(dir, path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return 0;
	*slash = 0;
	if (mkdir(dir, 0755) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return -errno;
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return -ENOENT;
	*slash = 0;
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	*slash = '/';
	return mkdir(dir, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

/* Remove what is left of a process that is gone. 0 when the path is free now. */
static int clear_path(const struct sockaddr_un *address)
{
	struct stat st;
	int fd, r = 0;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	fd = new_socket();
	if (fd < 0)
		return fd;
	/* EAGAIN means that its queue of connections is full: it lives. */
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		r = -EADDRINUSE;
	else if (errno != ECONNREFUSED && errno != ENOENT)
		r = -errno;
	close(fd);
	/* Another user's is not ours to remove, although nobody listens any more. */
	if (!r && st.st_uid != geteuid())
		r = -EPERM;
	if (!r && unlink(address->sun_path) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}

void stats_server_init(struct stats_server *server)
{
	memset(server, 0, sizeof(*server));
	server->fd = -1;
	for (size_t i = 0; i < STATS_CLIENTS_MAX; i++)
		server->clients[i].fd = -1;
	server->own_uid = geteuid();
}

int stats_server_open(struct stats_server *server, const char *path,
		      void (*read_stats)(struct rl_stats *ret, void *userdata), void *userdata)
{
	struct sockaddr_un address;
	struct stat st;
	mode_t mask;
	int fd, r;

	r = socket_address(&address, path);
	if (r < 0)
		return r;
	r = make_directories(path);
	if (r < 0)
		return r;
	r = clear_path(&address);
	if (r < 0)
		return r;
	fd = new_socket();
	if (fd < 0)
		return fd;
	/* Its mode from the start: chmod() would follow a link that somebody put there since. */
	mask = umask(0111);
	r = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (r < 0)
		goto fail;
	if (lstat(path, &st) < 0 || listen(fd, STATS_CLIENTS_MAX) < 0)
		goto fail_unlink;
	server->fd = fd;
	strcpy(server->path, path);
	server->dev = st.st_dev;
	server->ino = st.st_ino;
	server->budget = BUDGET_EVENTS;
	server->read_stats = read_stats;
	server->userdata = userdata;
	return 0;

fail_unlink:
	r = -errno;
	unlink(path);
	close(fd);
	return r;
fail:
	r = -errno;
	close(fd);
	return r;
}

static void close_client(struct stats_client *client)
{
	close(client->fd);
	client->fd = -1;
}

void stats_server_close(struct stats_server *server)
{
	struct stat st;

	if (server->fd < 0)
		return;
	for (size_t i = 0; i < STATS_CLIENTS_MAX; i++)
		if (server->clients[i].fd >= 0)
			close_client(&server->clients[i]);
	if (lstat(server->path, &st) == 0 && st.st_dev == server->dev && st.st_ino == server->ino)
		unlink(server->path);
	close(server->fd);
	server->fd = -1;
}

/* ---- Clients -------------------------------------------------------------------------------- */

static void answer(struct stats_server *server, struct stats_client *client, const char *line,
		   size_t len)
{
	enum stats_request request;
	const char *error = stats_parse_request(line, len, &request);
	struct rl_stats now, delta;

	client->out_sent = 0;
	if (error) {
		client->out_len =
			stats_answer_error(client->out, sizeof(client->out), EINVAL, error);
		return;
	}
	if (request == STATS_REQUEST_META) {
		client->out_len = stats_answer_meta(client->out, sizeof(client->out));
		return;
	}
	server->read_stats(&now, server->userdata);
	if (!client->have_prev)
		client->prev = now;
	client->have_prev = true;
	stats_delta(&delta, &now, &client->prev);
	client->prev = now;
	client->out_len = stats_answer_top(client->out, sizeof(client->out), &delta);
}

/* Send what can be sent; false when the client is gone. */
static bool flush_client(struct stats_client *client)
{
	ssize_t n;

	if (client->out_sent == client->out_len)
		return true;
	n = send(client->fd, client->out + client->out_sent, client->out_len - client->out_sent,
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	client->out_sent += (size_t)n;
	return true;
}

static bool is_flushed(const struct stats_client *client)
{
	return client->out_sent == client->out_len;
}

/* There is something to answer. As upstream, the end of the stream counts as a newline. */
static bool has_request(const struct stats_client *client)
{
	return client->in_len == sizeof(client->in) || (client->closing && client->in_len > 0) ||
	       memchr(client->in, '\n', client->in_len);
}

static void handle_request(struct stats_server *server, struct stats_client *client)
{
	const char *newline = memchr(client->in, '\n', client->in_len);
	size_t len = newline ? (size_t)(newline - client->in) + 1 : client->in_len;

	if (!newline && !client->closing) {
		client->out_sent = 0;
		client->out_len = stats_answer_error(client->out, sizeof(client->out), EMSGSIZE,
						     "the request is too long");
		client->closing = true; /* where the next request begins is anybody's guess */
	} else {
		answer(server, client, client->in, len);
	}
	client->in_len -= len;
	memmove(client->in, client->in + len, client->in_len);
}

/* One request, so that a client that sends many has to wait for the others; false: close it. */
static bool serve_client(struct stats_server *server, struct stats_client *client)
{
	ssize_t n;

	server->budget--;
	if (!flush_client(client))
		return false;
	if (!is_flushed(client))
		return true;
	if (!has_request(client) && !client->closing) {
		n = recv(client->fd, client->in + client->in_len,
			 sizeof(client->in) - client->in_len, MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		client->in_len += (size_t)n;
		client->closing = n == 0;
	}
	if (has_request(client)) {
		handle_request(server, client);
		if (!flush_client(client))
			return false;
	}
	return !client->closing || !is_flushed(client) || has_request(client);
}

/* A free place for that user, or NULL. */
static struct stats_client *find_place(struct stats_server *server, uid_t uid)
{
	struct stats_client *place = NULL;
	int nr_free = 0, nr_held = 0;

	for (size_t i = 0; i < STATS_CLIENTS_MAX; i++) {
		struct stats_client *client = &server->clients[i];

		if (client->fd < 0) {
			place = place ? place : client;
			nr_free++;
		} else {
			nr_held += client->uid == uid;
		}
	}
	if (uid == server->own_uid)
		return place;
	if (uid == 0)
		return nr_free > 1 ? place : NULL;
	return nr_free > STATS_CLIENTS_RESERVED && nr_held < STATS_CLIENTS_PER_USER ? place : NULL;
}

static void accept_client(struct stats_server *server)
{
	struct stats_client *place = NULL;
	char refusal[128];
	struct ucred peer;
	socklen_t peer_len = sizeof(peer);
	size_t len;
	int fd;

	server->budget--;
	fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return; /* it went away; or files are short, then it is tried again */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_len) == 0)
		place = find_place(server, peer.uid);
	if (!place) {
		len = stats_answer_error(refusal, sizeof(refusal), EBUSY, "too many clients");
		/* A courtesy; when it does not fit, closing says enough. */
		(void)!send(fd, refusal, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		close(fd);
		return;
	}
	place->fd = fd;
	place->uid = peer.uid;
	place->closing = place->have_prev = false;
	place->in_len = place->out_len = place->out_sent = 0;
}

/* ---- The caller's poll loop ----------------------------------------------------------------- */

uint64_t stats_server_prepare(struct stats_server *server, struct pollfd *fds, uint64_t now_ns)
{
	uint64_t again = UINT64_MAX;

	for (size_t i = 0; i < STATS_SERVER_FDS; i++)
		fds[i] = (struct pollfd){.fd = -1};
	if (server->fd < 0)
		return again;
	if (now_ns >= server->period_end_ns) {
		server->budget = BUDGET_EVENTS;
		server->period_end_ns = now_ns + BUDGET_PERIOD_NS;
	}
	if (server->budget <= 0)
		return server->period_end_ns;
	fds[0] = (struct pollfd){.fd = server->fd, .events = POLLIN};
	for (size_t i = 0; i < STATS_CLIENTS_MAX; i++) {
		const struct stats_client *client = &server->clients[i];

		fds[i + 1].fd = client->fd;
		fds[i + 1].events = is_flushed(client) ? POLLIN : POLLOUT;
		if (client->fd >= 0 && is_flushed(client) && has_request(client))
			again = now_ns;
	}
	return again;
}

void stats_server_dispatch(struct stats_server *server, const struct pollfd *fds)
{
	if (server->fd < 0)
		return;
	for (size_t i = 0; i < STATS_CLIENTS_MAX; i++) {
		struct stats_client *client = &server->clients[i];
		bool ready = fds[i + 1].revents || (is_flushed(client) && has_request(client));

		if (fds[i + 1].fd >= 0 && ready && !serve_client(server, client))
			close_client(client);
	}
	/* Last, so that a place given away now is not taken for the one that was polled. */
	if (fds[0].fd >= 0 && fds[0].revents)
		accept_client(server);
}
