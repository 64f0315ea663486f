/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the model share about BPF maps. */
#ifndef RUSTLAND_SIM_KERNEL_MAPS_H
#define RUSTLAND_SIM_KERNEL_MAPS_H

#include "sim/kernel/helpers.h"
#include "sim/kernel/machine.h"

struct entry;

struct sim_map {
	size_t type, key_size, value_size, max_entries;
	size_t value_bytes; /* value_size, which is rounded up, without that */
	char *values;
	struct entry **buckets;
	size_t nr_entries;
	/* Of a ring, which has max_entries bytes: what was ever put in and taken out. */
	char *ring;
	uint64_t produced, consumed;
	struct sim_map *next; /* of all */
	bool outlives;	      /* the scheduler: it is the service's, see backend.h */
	struct brief_lock lock;
};

/* All maps but those that outlive the scheduler are as if nobody had used them, and so is the memory of tasks. */
void maps_forget(void);
/* timer.c: the backend's timer is gone with its map. */
void timer_forget(void);

/*
 * The other ends of the rings, as user space has them: the next record of a ring, or NULL, with its size; and
 * room for one, or NULL.
 */
void *ring_next(struct sim_map *map, size_t *ret_size);
void ring_taken(struct sim_map *map);
bool user_ring_put(struct sim_map *map, const void *record, size_t size);

/* kfuncs.c: an interrupt on this CPU wakes whoever waits for the ring. */
void sim_wake_policy_later(void);

#endif /* RUSTLAND_SIM_KERNEL_MAPS_H */
