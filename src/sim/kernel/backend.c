/* SPDX-License-Identifier: GPL-2.0-only */
/* See backend.h. */
#include "sim/kernel/maps.h"

#include "bpf/rustland.bpf.c"

#include "sim/kernel/backend.h"

void backend_configure(const struct backend_options *options)
{
	opt_slice_ns = options->slice_ns;
	opt_slice_min_ns = options->slice_min_ns;
	opt_late_ns = options->late_ns;
	opt_builtin_idle = options->builtin_idle;
	opt_numa_local = options->numa_local;
	opt_smt = options->smt;
}

struct sched_ext_ops *backend_ops(void)
{
	return &rustland_ops;
}

struct rl_shared *backend_shared(void)
{
	return &shared;
}

struct sim_map *backend_queued(void)
{
	return SIM_RING(&queued);
}

struct sim_map *backend_dispatched(void)
{
	return SIM_RING(&dispatched);
}

/* Of the times that it was loaded before. */
static struct {
	struct rl_counters counters;
	uint64_t asked;
} earlier;

bool backend_is_throttled(const struct task *t)
{
	return t->dsq && t->dsq->id == DSQ_THROTTLED;
}

bool backend_park_is_long(void)
{
	/* Or it has been so a moment ago. */
	return scx_bpf_dsq_nr_queued(DSQ_PARK) > PARK_LOOKED_AT / 2;
}

void backend_counters(struct rl_counters *ret)
{
	struct sim_map *map = SIM_TABLE(&counters);

	*ret = earlier.counters;
	for (u32 cpu = 0; cpu < machine.topology.nr_cpus; cpu++) {
		const u64 *from = (const u64 *)(map->values + cpu * map->value_size);
		u64 *to = (u64 *)ret;

		for (size_t i = 0; i < sizeof(*ret) / sizeof(*to); i++)
			to[i] += from[i];
	}
}

uint64_t backend_asked(void)
{
	return earlier.asked + shared.asked;
}

void backend_set_class(u32 scope, u64 id, u64 ticks, u32 value, u32 uid)
{
	struct rl_class_entry entry = {.class = value,
				       .uid = uid,
				       .start_ticks = ticks,
				       .owner = uid == RL_ANY_UID ? 0 : uid};
	struct rl_class_key key = {.scope = scope, .id = id};
	struct rl_classes_state *state;
	u32 zero = 0;
	bool was = bpf_map_lookup_elem(&classes, &key);

	state = bpf_map_lookup_elem(&classes_state, &zero);
	if (value) {
		if (bpf_map_update_elem(&classes, &key, &entry, 0))
			return;
		state->entries += !was;
	} else {
		bpf_map_delete_elem(&classes, &key);
		state->entries -= was;
	}
	state->version++;
	OBSERVE(classed, scope, id, value, was);
}

const struct rl_exit_record *backend_exit(void)
{
	return &exit_record;
}

/* Every variable of bpf/ but maps and options; all begin with zeroes. tests/sim/run says whether one lacks. */
#define FOR_EACH_VARIABLE(f)                                                                       \
	f(shared) f(exit_record) f(exit_dump) f(policy_confined) f(cpus) f(requests) f(crowded)    \
		f(frontier_at_beat) f(clock_at_beat) f(alone_clock) f(nr_limited) f(timer_due_ns)  \
			f(looked_for_cpu) f(unthrottle_at_ns) f(looked_for_starved_ns)             \
				f(everybody) f(last_group) f(nr_online)

void backend_forget(void)
{
	backend_counters(&earlier.counters);
	earlier.asked += shared.asked;
	if (earlier.counters.nr_running)
		machine_fail("%lld tasks are said to run when the scheduler is gone",
			     (long long)earlier.counters.nr_running);
#define FORGET(variable) memset(&(variable), 0, sizeof(variable));
	FOR_EACH_VARIABLE(FORGET)
#undef FORGET
	SIM_TABLE(&classes)->outlives = true;
	SIM_TABLE(&classes_state)->outlives = true;
	SIM_TABLE(&members)->outlives = true;
	maps_forget();
	timer_forget();
}

void backend_enlist(void)
{
	rustland_enlist(NULL);
}
