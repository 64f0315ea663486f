/* SPDX-License-Identifier: GPL-2.0-only */
/* See shortage.h. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gio/gio.h>

#include "daemon/shortage.h"

/* One for a socket or a temporary file, and one that is open beside it. */
#define NR_SPARE 2

static int spare[NR_SPARE] = {-1, -1};

gboolean is_shortage(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOMEM || err == ENOBUFS || err == EAGAIN;
}

void set_shortage(int err, GError **error)
{
	g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_LIMITS_EXCEEDED,
		    "The service cannot do that at the moment: %s; try again", g_strerror(err));
}

char *read_proc(pid_t pid, const char *file)
{
	g_autoptr(GError) error = NULL;
	char path[64], *text;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	if (g_file_get_contents(path, &text, NULL, &error))
		return text;
	if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_MFILE))
		errno = EMFILE;
	else if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NFILE))
		errno = ENFILE;
	else if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOMEM))
		errno = ENOMEM;
	else if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_IO))
		errno = EIO;
	else if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_ACCES))
		errno = EACCES;
	else
		errno = ESRCH;
	return NULL;
}

uint64_t raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	/* In the unit both are the same, and setting limits is not allowed. */
	if (limit.rlim_cur < limit.rlim_max) {
		rlim_t soft = limit.rlim_cur;

		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			return soft;
	}
	return limit.rlim_cur;
}

void keep_spare_descriptors(void)
{
	for (int i = 0; i < NR_SPARE; i++)
		if (spare[i] < 0)
			spare[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void give_spare_descriptors(void)
{
	for (int i = 0; i < NR_SPARE; i++) {
		if (spare[i] >= 0)
			close(spare[i]);
		spare[i] = -1;
	}
}
