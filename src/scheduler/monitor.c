/* SPDX-License-Identifier: GPL-2.0-only */
/* See monitor.h. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "scheduler/messages.h"
#include "scheduler/monitor.h"
#include "scheduler/stats.h"

/* A server that takes longer is as good as gone. */
#define ANSWER_TIMEOUT_S 5
#define RETRY_MS	 1000

static void sleep_ms(uint64_t ms)
{
	struct timespec ts = {.tv_sec = (time_t)(ms / 1000),
			      .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&ts, NULL);
}

static int connect_to(const char *path)
{
	const struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, r;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

/* One request and its answer, a line. Returns the line's length or a negative errno. */
static ssize_t ask(int fd, char *buf, size_t size)
{
	static const char request[] = "{\"req\":\"stats\",\"args\":{}}\n";
	ssize_t sent = send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL);
	size_t len = 0;

	if (sent != (ssize_t)sizeof(request) - 1)
		return sent < 0 ? -errno : -EIO;
	while (len < size) {
		ssize_t n = recv(fd, buf + len, size - len, 0);

		if (n == 0)
			return -ECONNRESET;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		if (buf[len - 1] == '\n')
			return (ssize_t)len;
	}
	return -EMSGSIZE;
}

/* Until the server goes away: then a negative errno; *ret_eof when it is the reader who left. */
static int follow(int fd, uint64_t interval_ms, bool json, bool *ret_answered, bool *ret_eof)
{
	char answer[2 * STATS_TEXT_MAX], line[STATS_TEXT_MAX];
	const char *object;
	struct rl_stats stats;
	size_t object_len;
	ssize_t len;
	int r;

	for (;;) {
		len = ask(fd, answer, sizeof(answer));
		if (len < 0)
			return (int)len;
		r = stats_parse_answer(answer, (size_t)len, &stats, &object, &object_len);
		if (r < 0)
			return r;
		*ret_answered = true;
		if (json) {
			/* As it came: a server may know more, or less, than we do. */
			printf("%.*s\n", (int)object_len, object);
		} else {
			stats_line(line, sizeof(line), &stats);
			fputs(line, stdout);
		}
		if (fflush(stdout) == EOF || ferror(stdout)) {
			*ret_eof = true;
			return -errno;
		}
		sleep_ms(interval_ms);
	}
}

/* Nobody is there: the next path may be better. */
static bool is_absent(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED;
}

/* The first path at which somebody listens, or the last one; *ret_path is that. */
static int connect_to_any(const char *const *paths, const char **ret_path)
{
	int fd = -ENOENT;

	for (; *paths; paths++) {
		*ret_path = *paths;
		fd = connect_to(*paths);
		if (!is_absent(fd))
			break;
	}
	return fd;
}

int monitor_run(const char *const *socket_paths, uint64_t interval_ms, bool json)
{
	int said = 0;

	for (;; sleep_ms(RETRY_MS)) {
		bool answered = false, eof = false;
		const char *socket_path;
		int fd = connect_to_any(socket_paths, &socket_path), r = fd;

		if (fd >= 0) {
			r = follow(fd, interval_ms, json, &answered, &eof);
			close(fd);
		}
		if (eof && r == -EPIPE) {
			/* Whoever read has seen enough. As if nobody had us ignore the signal. */
			signal(SIGPIPE, SIG_DFL);
			raise(SIGPIPE);
		}
		if (eof || r == -EACCES || r == -EPERM || r == -ENAMETOOLONG) {
			log_write(RL_LOG_ERROR, "--monitor: %s: %s",
				  eof ? "standard output" : socket_path, strerror(-r));
			return r;
		}
		/* Once for each thing that goes wrong, not once a second. */
		if (answered)
			said = 0;
		if (r == said)
			continue;
		said = r;
		if (is_absent(r))
			log_write(RL_LOG_INFO,
				  "no scheduler offers statistics at %s%s%s; waiting for one",
				  socket_paths[0], socket_paths[1] ? " or " : "",
				  socket_paths[1] ? socket_paths[1] : "");
		else if (r == -EPROTO)
			log_write(RL_LOG_WARNING,
				  "what answers at %s does not send scx_rustland's statistics; "
				  "waiting",
				  socket_path);
		else
			log_write(RL_LOG_WARNING, "lost the scheduler at %s: %s; waiting for it",
				  socket_path, strerror(-r));
	}
}
