/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Questions to the kernel's type information (BTF): which constants it has, and whether it is one
 * that sched_ext schedulers can be loaded with.
 */
#ifndef RUSTLAND_KERNEL_BTF_H
#define RUSTLAND_KERNEL_BTF_H

#include <stdbool.h>
#include <stdint.h>
#include <bpf/btf.h>

/* The value of an enumerator, wherever it is defined; 0 when this kernel does not have it. */
uint64_t rl_btf_constant(const struct btf *btf, const char *name);

/* A sentence about why no sched_ext scheduler can be loaded with this BTF, or NULL. */
const char *rl_btf_problem(const struct btf *btf);

/*
 * With a sched_ext scheduler, whichever, a program that uses core scheduling can stop a machine that
 * runs this kernel and has SMT. See bpf/CONTEXTS.md.
 */
bool rl_btf_core_sched_broken(const struct btf *btf);

#endif /* RUSTLAND_KERNEL_BTF_H */
