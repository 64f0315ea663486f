/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel says in /sys/kernel/sched_ext: the files "state" and "root/ops". The name of the
 * scheduler is that of anybody who may load one.
 *
 * Covers: src/lib/kernel-state.c
 */
#include "fuzz-glib.h"

#include <rustland.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	g_autofree char *root = NULL;

	(void)argc, (void)argv;
	fuzz_glib_init();
	fuzz_make_directory();
	root = g_build_filename(fuzz_directory, "root", NULL);
	require(g_mkdir(root, 0755) == 0);
	rl_kernel_state(NULL, 0);
	require(rl_kernel_state_at("/nowhere", NULL, 0) == RL_KERNEL_UNSUPPORTED);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *part = data;
	size_t part_size = 0;
	char *ops = malloc(32);
	int state;

	fuzz_part(&data, &size, &part, &part_size);
	fuzz_write(fuzz_directory, "state", part, part_size);
	fuzz_write(fuzz_directory, "root/ops", data, size);
	state = rl_kernel_state_at(fuzz_directory, ops, 32);
	require(state < 0 || state <= RL_KERNEL_DISABLING);
	require(memchr(ops, 0, 32) && !strchr(ops, '\n'));
	free(ops);
	return 0;
}
