/* SPDX-License-Identifier: GPL-2.0-only */
/* Questions to the running kernel's type information, answered by the model's, see features.c. */
#ifndef RUSTLAND_SIM_BPF_CORE_READ_H
#define RUSTLAND_SIM_BPF_CORE_READ_H

#include <bpf/bpf_helpers.h>

#define bpf_core_enum_value_exists(type, name) SIM_ONCE(bool, sim_has_constant(#name))
#define bpf_core_enum_value(type, name)	       SIM_ONCE(uint64_t, sim_constant(#name))
#define bpf_core_type_exists(type)	       SIM_ONCE(bool, sim_has_type(#type))
#define bpf_core_field_exists(type, member)    SIM_ONCE(bool, sim_has_member(#type, #member))
#define bpf_core_type_id_kernel(type)	       0

#endif /* RUSTLAND_SIM_BPF_CORE_READ_H */
