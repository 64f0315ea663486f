/* SPDX-License-Identifier: GPL-2.0-only */
/* See capabilities.h. */

#include <errno.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/capabilities.h"

static struct __user_cap_header_struct header(void)
{
	return (struct __user_cap_header_struct){.version = _LINUX_CAPABILITY_VERSION_3};
}

int capabilities_effective(uint64_t *ret)
{
	struct __user_cap_header_struct h = header();
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &h, data) < 0)
		return -errno;
	*ret = data[0].effective | (uint64_t)data[1].effective << 32;
	return 0;
}

int capabilities_drop_effective(void)
{
	struct __user_cap_header_struct h = header();
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (geteuid() == 0)
		return 0;
	if (syscall(SYS_capget, &h, data) < 0)
		return -errno;
	data[0].effective = data[1].effective = 0;
	return syscall(SYS_capset, &h, data) < 0 ? -errno : 0;
}
