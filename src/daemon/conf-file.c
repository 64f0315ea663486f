/* SPDX-License-Identifier: GPL-2.0-only */
/* See conf-file.h. */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "daemon/conf-file.h"
#include "daemon/conf.h"

char *config_shown(const char *text, size_t max)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	GString *shown = g_string_new(NULL);
	size_t n = 0;

	for (const char *c = valid; *c; c = g_utf8_next_char(c)) {
		gunichar character = g_utf8_get_char(c);

		if (++n > max) {
			g_string_append(shown, "...");
			break;
		}
		g_string_append_unichar(shown, g_unichar_iscntrl(character) ? '?' : character);
	}
	return g_string_free(shown, FALSE);
}

G_GNUC_PRINTF(3, 4)
static char *refuse(const char *path, GError **error, const char *format, ...)
{
	g_autofree char *shown = config_shown(path, 4096);
	g_autofree char *message = NULL;
	va_list args;

	va_start(args, format);
	message = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_READ, "%s: %s", shown, message);
	return NULL;
}

/* text ends with the first of them. */
static char *refuse_zero(const char *path, const char *text, GError **error)
{
	g_autofree char *place = NULL;
	unsigned int line = 1;

	for (const char *c = text; *c; c++)
		line += *c == '\n';
	place = g_strdup_printf("%s:%u", path, line);
	return refuse(place, error, "there is a zero byte here; it has to be a text file");
}

static char *read_regular(const char *path, int fd, size_t size, GError **error)
{
	/* One byte more than there is: it may be growing. */
	g_autofree char *text = g_malloc(size + 2);
	size_t len = 0;
	ssize_t n;

	while (len <= size && (n = read(fd, text + len, size + 1 - len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return refuse(path, error, "it cannot be read: %s", g_strerror(errno));
		len += (size_t)n;
	}
	if (len > size)
		return refuse(path, error, "somebody is writing to it; try again");
	text[len] = '\0';
	if (strlen(text) != len)
		return refuse_zero(path, text, error);
	return g_steal_pointer(&text);
}

static char *read_opened(const char *path, int fd, GError **error)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return refuse(path, error, "it cannot be read: %s", g_strerror(errno));
	/* With a link to it, drop-ins of the package are switched off. */
	if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
		return g_strdup("");
	if (!S_ISREG(st.st_mode))
		return refuse(path, error, "it is %s; it has to be a text file",
			      S_ISDIR(st.st_mode) ? "a directory" : "no regular file");
	if (st.st_size > CONFIG_FILE_MAX)
		return refuse(path, error, "it has %ju bytes; it has to have 0 to %d",
			      (uintmax_t)st.st_size, CONFIG_FILE_MAX);
	return read_regular(path, fd, (size_t)st.st_size, error);
}

bool config_file_is_missing(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 && errno == ENOENT;
}

char *config_file_read(const char *path, GError **error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err = errno;
	char *text;

	if (fd < 0 && err == ENOENT && config_file_is_missing(path))
		return NULL;
	if (fd < 0)
		return refuse(
			path, error,
			err == ENOENT ? "it is a link to a file that is not there; it has to lead "
					"to a text file"
			: err == EACCES ? "it cannot be read: %s; it has to be readable for the "
					  "service's user"
					: "it cannot be read: %s",
			g_strerror(err));
	text = read_opened(path, fd, error);
	close(fd);
	return text;
}
