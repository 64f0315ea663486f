/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel's BTF, or the file that --btf-custom-path names, once libbpf has accepted it.
 *
 * Covers: src/lib/kernel-btf.c
 */
#include "tests/fuzz/fuzz.h"

#include <bpf/libbpf.h>

#include "lib/kernel-btf.h"

static int say_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	libbpf_set_print(say_nothing);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *problem;
	struct btf *btf;

	/* libbpf takes a header after which the types are not aligned, and reads them all the same. */
	if (size > 4 && data[4] % 4)
		return 0;
	btf = btf__new(data, (uint32_t)size);
	if (!btf)
		return 0;
	problem = rl_btf_problem(btf);
	require(!problem || *problem);
	rl_btf_constant(btf, "SCX_OPS_ENQ_LAST");
	rl_btf_core_sched_broken(btf);
	btf__free(btf);
	return 0;
}
