/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one timer. It beats once a second, and comes earlier for whoever asks: a crowd's slices, a limit that is
 * used up, a throttled task whose time has come. What is done then is rustland.bpf.c's business.
 *
 * This file must never let one who asks put another's time off.
 */
#ifndef RUSTLAND_TIMER_BPF_H
#define RUSTLAND_TIMER_BPF_H

#include "state.bpf.h"

struct heartbeat {
	struct bpf_timer timer;
	u64 due_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct heartbeat);
} heartbeats SEC(".maps");

/* When it comes next. Others may be about to change that: what is missed now and then is a moment late. */
static u64 timer_due_ns;

static __always_inline void timer_at(struct heartbeat *hb, u64 now, u64 at_ns)
{
	timer_due_ns = at_ns;
	bpf_timer_start(&hb->timer, before(now, at_ns) ? at_ns - now : 1, 0);
}

/* The timer comes at that time at the latest. */
static __always_inline void timer_not_after(u64 now, u64 at_ns)
{
	struct heartbeat *hb;
	u32 key = 0;

	if (!before(at_ns, timer_due_ns))
		return;
	hb = bpf_map_lookup_elem(&heartbeats, &key);
	if (hb)
		timer_at(hb, now, at_ns);
}

#endif /* RUSTLAND_TIMER_BPF_H */
