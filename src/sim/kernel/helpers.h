/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The helpers of BPF as the model has them: what the macros of shim/bpf/ turn a call in bpf/ into. The
 * kfuncs are declared by bpf/compat.bpf.h itself and defined in kfuncs.c.
 *
 * Nobody but the sources of bpf/ and the model may call these.
 */
#ifndef RUSTLAND_SIM_KERNEL_HELPERS_H
#define RUSTLAND_SIM_KERNEL_HELPERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct task_struct;
struct bpf_dynptr;
struct bpf_timer;
struct sim_map;

/* Another number for each machine that is started: what was asked of the kernel before is void. */
extern uint32_t sim_run;

/* What the kernel that is simulated has, by name (features.c). */
bool sim_has_symbol(const char *name);
bool sim_has_constant(const char *name);
uint64_t sim_constant(const char *name);
bool sim_has_type(const char *name);
bool sim_has_member(const char *type, const char *member);

/* maps.c */
struct sim_map *sim_map_new(void *variable, size_t type, size_t key_size, size_t value_size,
			    size_t max_entries);
/* The map whose variable in bpf/ that is. It is made when it is used first. */
static inline struct sim_map *sim_map(void *variable, size_t type, size_t key_size,
				      size_t value_size, size_t max_entries)
{
	struct sim_map *map;

	memcpy(&map, variable, sizeof(map));
	return map ? map : sim_map_new(variable, type, key_size, value_size, max_entries);
}
void *sim_map_lookup(struct sim_map *map, const void *key);
long sim_map_update(struct sim_map *map, const void *key, const void *value, uint64_t flags);
long sim_map_delete(struct sim_map *map, const void *key);
void *sim_task_storage(struct task_struct *p, size_t size, uint64_t flags);

/* ringbuf.c */
void *sim_ringbuf_reserve(struct sim_map *map, size_t size);
void sim_ringbuf_commit(void *record, bool discard, uint64_t flags);
long sim_user_ringbuf_drain(struct sim_map *map,
			    long (*fn)(struct bpf_dynptr *record, void *context), void *context);
long sim_dynptr_read(void *to, size_t size, const struct bpf_dynptr *from, size_t offset);

/* timer.c */
typedef int sim_timer_fn(void *map, int *key, void *value);
long sim_timer_init(struct bpf_timer *timer, void *map);
long sim_timer_set_callback(struct bpf_timer *timer, sim_timer_fn *callback);
long sim_timer_start(struct bpf_timer *timer, uint64_t ns);

/* kfuncs.c */
uint64_t sim_now_ns(void);
int32_t sim_this_cpu(void);
uint32_t sim_random_u32(void);
uint64_t sim_current_pid_tgid(void);
struct task_struct *sim_current(void);
const void *sim_per_cpu(const void *variable, int32_t cpu);
long sim_copy_string(char *to, size_t size, const char *from);

#endif /* RUSTLAND_SIM_KERNEL_HELPERS_H */
