/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See sched-ext.h. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/sched-ext.h"

#define SYSFS "/sys/kernel/sched_ext"

/* Read one line, without its end. Returns its length or a negative errno. */
static int read_line(const char *dir, const char *name, char *ret, size_t len)
{
	char path[PATH_MAX];
	ssize_t got;
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = read(fd, ret, len - 1);
	if (got < 0)
		got = -errno;
	close(fd);
	if (got < 0)
		return (int)got;
	ret[got] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return (int)strlen(ret);
}

int rl_kernel_state_at(const char *dir, char *ops_name, size_t ops_name_len)
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
	char word[32];
	int err;

	if (ops_name && ops_name_len) {
		ops_name[0] = '\0';
		err = read_line(dir ?: SYSFS, "root/ops", ops_name, ops_name_len);
		/* It is only there while a scheduler is loaded. Any other failure is no answer. */
		if (err < 0 && err != -ENOENT && err != -ENODEV) {
			ops_name[0] = '\0';
			return err;
		}
	}
	err = read_line(dir ?: SYSFS, "state", word, sizeof(word));
	if (err == -ENOENT)
		return RL_KERNEL_UNSUPPORTED;
	if (err < 0)
		return err;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i].word))
			return words[i].state;
	return -EPROTO;
}
