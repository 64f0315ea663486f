/* SPDX-License-Identifier: GPL-2.0-only */
/* See ipc-stream.h. */

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>

#include "session/ipc-stream.h"
#include "session/unix-socket.h"

/* Of one call; more is read at the next. */
#define READ_SIZE (64 * 1024)

struct ipc_stream {
	const struct ipc_stream_handler *handler;
	gpointer userdata;
	int fd;
	guint watch;
	GByteArray *input; /* what has come and is not a whole message yet */
};

/* False if it is not what was expected. */
static bool hand_over(struct ipc_stream *stream)
{
	const uint8_t *data = stream->input->data;
	size_t done = 0, size = stream->input->len;
	gssize n = 0;

	while (done < size &&
	       (n = stream->handler->received(stream->userdata, data + done, size - done)) > 0)
		done += (size_t)n;
	if (done)
		g_byte_array_remove_range(stream->input, 0, (guint)done);
	return n >= 0 && stream->input->len <= IPC_INPUT_MAX;
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer userdata)
{
	struct ipc_stream *stream = userdata;
	uint8_t buffer[READ_SIZE];
	g_autoptr(GByteArray) input = NULL;
	ssize_t n = read(fd, buffer, sizeof(buffer));

	(void)condition;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (n > 0) {
		g_byte_array_append(stream->input, buffer, (guint)n);
		if (hand_over(stream))
			return G_SOURCE_CONTINUE;
	}
	stream->watch = 0;
	input = g_byte_array_ref(stream->input);
	stream->handler->closed(stream->userdata, input->data, input->len);
	return G_SOURCE_REMOVE;
}

struct ipc_stream *ipc_stream_open(const char *path, const struct ipc_stream_handler *handler,
				   gpointer userdata)
{
	int fd = unix_socket_connect(path, NULL);
	struct ipc_stream *stream;

	if (fd < 0) {
		g_debug("%s: %s", path, g_strerror(errno));
		return NULL;
	}
	stream = g_new0(struct ipc_stream, 1);
	stream->handler = handler;
	stream->userdata = userdata;
	stream->fd = fd;
	stream->input = g_byte_array_new();
	stream->watch = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP, on_readable, stream);
	return stream;
}

void ipc_stream_free(struct ipc_stream *stream)
{
	if (!stream)
		return;
	g_clear_handle_id(&stream->watch, g_source_remove);
	close(stream->fd);
	g_byte_array_unref(stream->input);
	g_free(stream);
}

bool ipc_stream_send(struct ipc_stream *stream, const void *data, size_t size)
{
	return send(stream->fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}
