/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scheduler's answers as rustlandd reads them from its socket: each line of the input answers one
 * question, and at its end the scheduler hangs up. Every question is answered or fails.
 *
 * Covers: src/daemon/supervise/statistics.c
 */
#include "tests/fuzz/fuzz-glib.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "daemon/supervise/statistics.h"

static char *path;
static int server = -1;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	(void)argc, (void)argv;
	fuzz_glib_init();
	fuzz_make_directory();
	path = g_build_filename(fuzz_directory, "stats", NULL);
	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	require(server >= 0 && !bind(server, (struct sockaddr *)&address, sizeof(address)) &&
		!listen(server, 8));
	return 0;
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer userdata)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) answer = statistics_ask_finish(result, &error);
	unsigned int *answered = userdata;

	(void)source;
	require(!answer == !!error);
	require(!answer || g_variant_is_of_type(answer, G_VARIANT_TYPE("a{st}")));
	++*answered;
}

static void turn(const unsigned int *answered, unsigned int wanted)
{
	while (*answered < wanted)
		g_main_context_iteration(NULL, TRUE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct statistics *s = statistics_new(path);
	unsigned int answered = 0, asked = 0;
	int fd;

	statistics_ask(s, NULL, on_answer, &answered);
	turn(&answered, ++asked);
	statistics_start(s);
	while ((fd = accept4(server, NULL, NULL, SOCK_CLOEXEC)) < 0)
		g_main_context_iteration(NULL, TRUE);
	/* More would fill the socket, and nobody reads it meanwhile. */
	require(write(fd, data, MIN(size, 4096)) == (ssize_t)MIN(size, 4096));
	shutdown(fd, SHUT_WR);
	statistics_ask(s, NULL, on_answer, &answered);
	statistics_ask(s, NULL, on_answer, &answered);
	asked += 2;
	turn(&answered, asked);
	statistics_stop(s);
	statistics_free(s);
	close(fd);
	while (g_main_context_iteration(NULL, FALSE))
		;
	/* It may have connected once more, to nobody. */
	while ((fd = accept4(server, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		close(fd);
	return 0;
}
