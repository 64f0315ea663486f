/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel says in /sys/kernel/sched_ext: the files "state" and "root/ops". The name of the
 * scheduler is that of anybody who may load one.
 *
 * Covers: src/common/sched-ext.c
 */
#include "tests/fuzz/fuzz-glib.h"

#include "common/sched-ext.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	g_autofree char *root = NULL, *odd = NULL;
	char path[8192] = "", ops[8];

	(void)argc, (void)argv;
	fuzz_glib_init();
	fuzz_make_directory();
	root = g_build_filename(fuzz_directory, "root", NULL);
	require(g_mkdir(root, 0755) == 0);
	/* Paths that are too long, and where a directory is. */
	memset(path, 'x', sizeof(path) - 1);
	require(rl_kernel_state_at(path, NULL, 0) < 0);
	require(rl_kernel_state_at(path, ops, sizeof(ops)) < 0 && !*ops);
	odd = g_build_filename(fuzz_directory, "odd/state", NULL);
	require(g_mkdir_with_parents(odd, 0755) == 0);
	odd[strlen(odd) - strlen("/state")] = 0;
	require(rl_kernel_state_at(odd, NULL, 0) < 0);
	rl_kernel_state_at(NULL, NULL, 0);
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
