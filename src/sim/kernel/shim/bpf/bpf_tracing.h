/* SPDX-License-Identifier: GPL-2.0-only */
/* A callback is called with its arguments, and not with a pointer to them. */
#ifndef RUSTLAND_SIM_BPF_TRACING_H
#define RUSTLAND_SIM_BPF_TRACING_H

#define BPF_PROG(name, ...)                                                                        \
	name(__VA_OPT__(__VA_ARGS__) SIM_JOIN(SIM_ARGUMENTS_, __VA_OPT__(MORE))())

#define SIM_JOIN(a, b)	 SIM_JOIN_(a, b)
#define SIM_JOIN_(a, b)	 a##b
#define SIM_ARGUMENTS_() void
#define SIM_ARGUMENTS_MORE()

#endif /* RUSTLAND_SIM_BPF_TRACING_H */
