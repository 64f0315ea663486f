/* SPDX-License-Identifier: GPL-2.0-only */
/* A callback is called with its arguments, and not with a pointer to them. */
#ifndef RUSTLAND_SIM_BPF_TRACING_H
#define RUSTLAND_SIM_BPF_TRACING_H

#define BPF_PROG(name, args...) name(args)

#endif /* RUSTLAND_SIM_BPF_TRACING_H */
