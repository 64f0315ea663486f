/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * BPF maps. One is known by the address of its variable in bpf/, whose first word is used to find it again: the
 * variable has no other use here.
 */
#include <errno.h>
#include <stdlib.h>

#include "sim/faults.h"
#include "sim/kernel/maps.h"

static void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static struct sim_map *maps;

struct sim_map *sim_map_new(void *variable, size_t type, size_t key_size, size_t value_size,
			    size_t max_entries)
{
	struct sim_map *map = need(calloc(1, sizeof(*map)));

	memcpy(variable, &map, sizeof(map));
	map->next = maps;
	maps = map;
	map->type = type;
	map->key_size = key_size;
	map->value_bytes = value_size;
	map->value_size = (value_size + 7) / 8 * 8;
	map->max_entries = max_entries;
	switch (type) {
	case BPF_MAP_TYPE_ARRAY:
		map->values =
			need(aligned_alloc(64, (max_entries * map->value_size + 63) / 64 * 64));
		memset(map->values, 0, max_entries * map->value_size);
		break;
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		map->values = need(calloc(machine.topology.nr_cpus, map->value_size));
		break;
	case BPF_MAP_TYPE_HASH:
		map->buckets = need(calloc(max_entries, sizeof(*map->buckets)));
		break;
	default: /* the rings make what they need */
		break;
	}
	return map;
}

/* ---- Hash maps ------------------------------------------------------------------------------ */

struct entry {
	struct entry *next;
	char bytes[]; /* the value, which is aligned, and the key */
};

static char *key_of(const struct sim_map *map, struct entry *entry)
{
	return entry->bytes + map->value_size;
}

static struct entry **find(struct sim_map *map, const void *key)
{
	const unsigned char *bytes = key;
	uint64_t hash = 0xcbf29ce484222325ULL;
	struct entry **link;

	for (size_t i = 0; i < map->key_size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
	link = &map->buckets[hash % map->max_entries];
	while (*link && memcmp(key_of(map, *link), key, map->key_size) != 0)
		link = &(*link)->next;
	return link;
}

void *sim_map_lookup(struct sim_map *map, const void *key)
{
	struct entry *entry;
	uint32_t index;

	if (map->type == BPF_MAP_TYPE_HASH) {
		if (!map->nr_entries)
			return NULL;
		entry = *find(map, key);
		return entry ? entry->bytes : NULL;
	}
	memcpy(&index, key, sizeof(index));
	if (index >= map->max_entries)
		return NULL;
	if (map->type == BPF_MAP_TYPE_PERCPU_ARRAY)
		index = (uint32_t)machine.this_cpu->id;
	return map->values + index * map->value_size;
}

long sim_map_update(struct sim_map *map, const void *key, const void *value, uint64_t flags)
{
	struct entry **link = find(map, key);

	if (*link && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!*link) {
		if (map->nr_entries >= map->max_entries)
			return -E2BIG;
		*link = need(calloc(1, sizeof(**link) + map->value_size + map->key_size));
		memcpy(key_of(map, *link), key, map->key_size);
		map->nr_entries++;
	}
	memcpy((*link)->bytes, value, map->value_bytes);
	return 0;
}

long sim_map_delete(struct sim_map *map, const void *key)
{
	struct entry **link = find(map, key), *entry = *link;

	if (!entry)
		return -ENOENT;
	*link = entry->next;
	free(entry);
	map->nr_entries--;
	return 0;
}

/* ---- Task storage --------------------------------------------------------------------------- */

/* The storage of a task, with a word before it that says whether the task has any. */
struct storage {
	uint64_t is_used;
	char bytes[];
};

void *sim_task_storage(struct task_struct *p, size_t size, uint64_t flags)
{
	struct task *t = task_of(p);
	struct storage *storage = t->storage;

	if (storage && storage->is_used)
		return storage->bytes;
	if (!(flags & BPF_LOCAL_STORAGE_GET_F_CREATE))
		return NULL;
	/* Those that were there when the scheduler was loaded have one, or it would not be loaded. */
	if (machine.loading.state == LOAD_ENABLED && fault_no_memory())
		return NULL;
	if (!storage)
		storage = t->storage = need(malloc(sizeof(*storage) + size));
	memset(storage->bytes, 0, size);
	storage->is_used = 1;
	return storage->bytes;
}

/* ---- The scheduler is unloaded ---------------------------------------------------------------- */

void maps_forget(void)
{
	for (struct sim_map *map = maps; map; map = map->next) {
		if (map->outlives)
			continue;
		map->produced = map->consumed = 0;
		if (map->values)
			memset(map->values, 0,
			       map->value_size * (map->type == BPF_MAP_TYPE_PERCPU_ARRAY
							  ? machine.topology.nr_cpus
							  : map->max_entries));
		for (size_t i = 0; map->buckets && i < map->max_entries; i++)
			while (map->buckets[i])
				sim_map_delete(map, key_of(map, map->buckets[i]));
	}
	for (struct task *t = machine.all; t; t = t->next_all)
		if (t->storage)
			((struct storage *)t->storage)->is_used = 0;
}
