/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What libbpf's header of this name gives to bpf/, for the model of the kernel: the sources of the backend
 * are compiled with this directory in place of libbpf's. A map is known by the address of its variable, and
 * what it is by its type.
 *
 * This file must never change what a source of bpf/ says; what it cannot express is a gap (GAPS.md).
 */
#ifndef RUSTLAND_SIM_BPF_HELPERS_H
#define RUSTLAND_SIM_BPF_HELPERS_H

#include <stddef.h>

#include "sim/kernel/helpers.h"

#define SEC(name)
#define __ksym
#define __weak
#define __arg_trusted
#define __arg_nonnull
#define __noinline __attribute__((noinline))
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))

#define barrier()	 __asm__ volatile("" ::: "memory")
#define barrier_var(var) __asm__ volatile("" : "+r"(var))

#define bpf_for(i, start, end) for ((i) = (start); (i) < (end); (i)++)

/* Asked once for each place in a run: the answer cannot change while a kernel runs. */
#define SIM_ONCE(type, expression)                                                                 \
	({                                                                                         \
		static uint32_t __run;                                                             \
		static type __value;                                                               \
		if (__run != sim_run) {                                                            \
			__run = sim_run;                                                           \
			__value = (expression);                                                    \
		}                                                                                  \
		__value;                                                                           \
	})

#define bpf_ksym_exists(symbol) SIM_ONCE(bool, sim_has_symbol(#symbol))

/* ---- Maps ----------------------------------------------------------------------------------- */

#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name

#define SIM_MAP(map, size_of_key, size_of_value, entries)                                          \
	sim_map((map), sizeof(*(map)->type) / sizeof(int), (size_of_key), (size_of_value),         \
		(entries))
#define SIM_TABLE(map)                                                                             \
	SIM_MAP(map, sizeof(*(map)->key), sizeof(*(map)->value),                                   \
		sizeof(*(map)->max_entries) / sizeof(int))
#define SIM_RING(map) SIM_MAP(map, 0, 0, sizeof(*(map)->max_entries) / sizeof(int))

#define bpf_map_lookup_elem(map, key)		   sim_map_lookup(SIM_TABLE(map), key)
#define bpf_map_update_elem(map, key, from, flags) sim_map_update(SIM_TABLE(map), key, from, flags)
#define bpf_map_delete_elem(map, key)		   sim_map_delete(SIM_TABLE(map), key)
#define bpf_task_storage_get(map, task, init, flags)                                               \
	((typeof((map)->value))sim_task_storage(task, sizeof(*(map)->value), flags))
#define bpf_ringbuf_reserve(map, size, flags) sim_ringbuf_reserve(SIM_RING(map), size)
#define bpf_ringbuf_submit(record, flags)     sim_ringbuf_commit(record, false, flags)
#define bpf_ringbuf_discard(record, flags)    sim_ringbuf_commit(record, true, flags)
#define bpf_user_ringbuf_drain(map, fn, context, flags)                                            \
	sim_user_ringbuf_drain(SIM_RING(map), fn, context)
#define bpf_dynptr_read(to, size, from, offset, flags) sim_dynptr_read(to, size, from, offset)

/* Nobody else comes between. */
#define bpf_spin_lock(lock)   ((void)(lock))
#define bpf_spin_unlock(lock) ((void)(lock))

#define bpf_timer_init(timer, map, clock) sim_timer_init(timer, map)
#define bpf_timer_set_callback(timer, callback)                                                    \
	sim_timer_set_callback(timer, (sim_timer_fn *)(void *)(callback))
#define bpf_timer_start(timer, ns, flags) sim_timer_start(timer, ns)

/* ---- The rest ------------------------------------------------------------------------------- */

#define bpf_ktime_get_ns()			  sim_now_ns()
#define bpf_ktime_get_boot_ns()			  sim_now_ns()
#define bpf_get_smp_processor_id()		  sim_this_cpu()
#define bpf_get_prandom_u32()			  sim_random_u32()
#define bpf_get_current_pid_tgid()		  sim_current_pid_tgid()
#define bpf_get_current_task_btf()		  sim_current()
#define bpf_this_cpu_ptr(variable)		  ((typeof(variable))sim_per_cpu(variable, sim_this_cpu()))
#define bpf_per_cpu_ptr(variable, cpu)		  ((typeof(variable))sim_per_cpu(variable, cpu))
#define bpf_strncmp(a, size, b)			  __builtin_strncmp(a, b, size)
#define bpf_probe_read_kernel(to, size, from)	  memcpy(to, from, size)
#define bpf_probe_read_kernel_str(to, size, from) sim_copy_string(to, size, from)
#define bpf_printk(...)				  ((void)0)

#endif /* RUSTLAND_SIM_BPF_HELPERS_H */
