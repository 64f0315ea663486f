/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's state for whoever uses the library. It is read in common/sched-ext.c, which programs without
 * librustland have as well.
 */
#include "common/sched-ext.h"
#include "lib/internal.h"

int rl_kernel_state(char *ops_name, size_t ops_name_len)
{
	return rl_kernel_state_at(NULL, ops_name, ops_name_len);
}
