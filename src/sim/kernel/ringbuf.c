/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ring buffers, both ways. A record has a header of 8 bytes and is rounded up to 8, as in the kernel, so that a
 * ring is full after as many. Records are seen in the order in which they were reserved, and none before all
 * that were reserved earlier are submitted.
 */
#include <errno.h>
#include <stdlib.h>

#include "sim/faults.h"
#include "sim/kernel/maps.h"

enum {
	BUSY = 1U << 31,
	DISCARD = 1U << 30,
};

struct header {
	uint32_t len; /* with the two flags */
	uint32_t offset;
};

static uint64_t total(size_t size)
{
	return (sizeof(struct header) + size + 7) / 8 * 8;
}

/* A record never wraps: the ring is there twice in a row, the second time for what goes past the end. */
static struct header *header_at(struct sim_map *map, uint64_t position)
{
	if (!map->ring) {
		map->ring = calloc(2, map->max_entries);
		if (!map->ring)
			abort();
	}
	return (struct header *)(map->ring + position % map->max_entries);
}

static struct header *reserve(struct sim_map *map, size_t size)
{
	struct header *header = header_at(map, map->produced);

	if (map->produced + total(size) - map->consumed > map->max_entries - 1)
		return NULL;
	map->produced += total(size);
	header->len = (uint32_t)size;
	return header;
}

/* ---- To user space -------------------------------------------------------------------------- */

void *sim_ringbuf_reserve(struct sim_map *map, size_t size)
{
	struct header *header;

	cpu_interleave();
	lock_briefly(&map->lock, machine.costs->ring_lock);
	header = fault_ring_is_full() ? NULL : reserve(map, size);
	if (!header)
		return NULL;
	header->len |= BUSY;
	return header + 1;
}

void sim_ringbuf_commit(void *record, bool discard, uint64_t flags)
{
	struct header *header = (struct header *)record - 1;

	cpu_interleave();
	header->len = (header->len & ~(uint32_t)BUSY) | (discard ? DISCARD : 0);
	if (!discard)
		OBSERVE(submitted, record, header->len);
	if (flags & BPF_RB_FORCE_WAKEUP)
		sim_wake_policy_later();
}

void *ring_next(struct sim_map *map, size_t *ret_size)
{
	struct header *header;

	while (map->consumed != map->produced) {
		header = header_at(map, map->consumed);
		if (header->len & BUSY)
			return NULL;
		if (!(header->len & DISCARD)) {
			*ret_size = header->len;
			return header + 1;
		}
		map->consumed += total(header->len & ~(uint32_t)DISCARD);
	}
	return NULL;
}

void ring_taken(struct sim_map *map)
{
	map->consumed += total(header_at(map, map->consumed)->len);
}

/* ---- From user space ------------------------------------------------------------------------ */

bool user_ring_put(struct sim_map *map, const void *record, size_t size)
{
	struct header *header = fault_ring_is_full() ? NULL : reserve(map, size);

	if (!header)
		return false;
	memcpy(header + 1, record, size);
	return true;
}

long sim_user_ringbuf_drain(struct sim_map *map,
			    long (*fn)(struct bpf_dynptr *record, void *context), void *context)
{
	static bool busy; /* there is one such ring */
	struct bpf_dynptr dynptr;
	struct header *header;
	long n = 0, stop = 0;

	if (busy)
		return -EBUSY;
	busy = true;
	while (!stop && map->consumed != map->produced) {
		cpu_spend(machine.costs->drain_one);
		cpu_interleave();
		header = header_at(map, map->consumed);
		dynptr.__opaque[0] = (uintptr_t)(header + 1);
		dynptr.__opaque[1] = header->len;
		machine.this_cpu->carried_out = header + 1;
		OBSERVE(decided, header + 1);
		stop = fn(&dynptr, context);
		machine.this_cpu->carried_out = NULL;
		map->consumed += total(header->len);
		n++;
	}
	busy = false;
	return n;
}

long sim_dynptr_read(void *to, size_t size, const struct bpf_dynptr *from, size_t offset)
{
	if (offset + size > from->__opaque[1])
		return -E2BIG;
	memcpy(to, (const char *)(uintptr_t)from->__opaque[0] + offset, size);
	return 0;
}
