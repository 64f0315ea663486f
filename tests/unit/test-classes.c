/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of classes and the record of trees when the kernel has no memory: the n-th call of bpf(2) fails,
 * for each n. What tasks see is then as before or as it was asked for, and once the same is asked again, as it
 * was asked for; no descriptor is left.
 *
 * The maps are this file's own: they stand for libbpf's calls, and for what the backend sees in them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <fcntl.h>
#include <cmocka.h>

#include <bpf/bpf.h>

#include "lib/classes.h"

#define ROOM 8

struct map {
	int fd;
	size_t key_size, value_size, len;
	uint8_t keys[ROOM][16], values[ROOM][sizeof(struct rl_member) + 64];
};

static struct map maps[3]; /* in the order in which they are made */
static size_t nr_maps;
static int calls, failing; /* the number of the one that fails; 0: none does */

/* What tasks have looked up when the version changed last. */
static struct {
	uint64_t version;
	struct rl_class_entry entries[3]; /* of the ids 1 and 2 */
} seen;

/* ---- bpf(2) --------------------------------------------------------------------------------- */

static bool fails(void)
{
	return ++calls == failing;
}

static struct map *map_of(int fd)
{
	for (size_t i = 0; i < nr_maps; i++)
		if (maps[i].fd == fd)
			return &maps[i];
	fail();
	return NULL;
}

static size_t find(const struct map *map, const void *key)
{
	size_t i = 0;

	while (i < map->len && memcmp(map->keys[i], key, map->key_size) != 0)
		i++;
	return i;
}

static void look_again(void)
{
	const struct map *entries = &maps[0], *state = &maps[1];
	struct rl_classes_state now;

	memcpy(&now, state->values[0], sizeof(now));
	if (now.version == seen.version)
		return;
	memset(&seen, 0, sizeof(seen));
	seen.version = now.version;
	for (size_t i = 0; now.entries && i < entries->len; i++) {
		struct rl_class_key key;

		memcpy(&key, entries->keys[i], sizeof(key));
		memcpy(&seen.entries[key.id], entries->values[i], sizeof(seen.entries[0]));
	}
}

int bpf_map_create(enum bpf_map_type type, const char *name, __u32 key_size, __u32 value_size,
		   __u32 max_entries, const struct bpf_map_create_opts *opts)
{
	struct map *map = &maps[nr_maps];

	(void)type, (void)name, (void)max_entries, (void)opts;
	if (fails())
		return -ENOMEM;
	assert_true(nr_maps < 3 && key_size <= 16 && value_size <= sizeof(map->values[0]));
	*map = (struct map){
		.fd = open("/dev/null", O_RDONLY | O_CLOEXEC),
		.key_size = key_size,
		.value_size = value_size,
	};
	nr_maps++;
	return map->fd;
}

int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	const struct map *map = map_of(fd);
	size_t i = find(map, key);

	if (fails())
		return -ENOMEM;
	if (i == map->len)
		return -ENOENT;
	memcpy(value, map->values[i], map->value_size);
	return 0;
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	struct map *map = map_of(fd);
	size_t i = find(map, key);

	assert_int_equal(flags, BPF_ANY);
	if (fails())
		return -ENOMEM;
	assert_true(i < ROOM);
	memcpy(map->keys[i], key, map->key_size);
	memcpy(map->values[i], value, map->value_size);
	map->len += i == map->len;
	if (map == &maps[1])
		look_again();
	return 0;
}

int bpf_map_delete_elem(int fd, const void *key)
{
	struct map *map = map_of(fd);
	size_t i = find(map, key);

	if (fails())
		return -ENOMEM;
	if (i == map->len)
		return -ENOENT;
	map->len--;
	memmove(map->keys[i], map->keys[map->len], sizeof(map->keys[0]));
	memmove(map->values[i], map->values[map->len], sizeof(map->values[0]));
	return 0;
}

int bpf_map_lookup_batch(int fd, void *from, void *next, void *keys, void *values, __u32 *count,
			 const struct bpf_map_batch_opts *opts)
{
	const struct map *map = map_of(fd);

	(void)from, (void)next, (void)opts;
	if (fails())
		return -ENOMEM;
	for (size_t i = 0; i < map->len; i++) {
		memcpy((uint8_t *)keys + i * map->key_size, map->keys[i], map->key_size);
		memcpy((uint8_t *)values + i * map->value_size, map->values[i], map->value_size);
	}
	*count = (uint32_t)map->len;
	return -ENOENT;
}

int bpf_map_get_info_by_fd(int fd, struct bpf_map_info *info, __u32 *len)
{
	(void)fd, (void)info, (void)len;
	return -EINVAL;
}

/* ---- Scenes --------------------------------------------------------------------------------- */

static void begin(int at)
{
	nr_maps = 0;
	calls = 0;
	failing = at;
	memset(&seen, 0, sizeof(seen));
}

static int next_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

/* As often as it takes, which is twice. */
#define TELL(call)                                                                                 \
	do {                                                                                       \
		int _err = (call);                                                                 \
                                                                                                   \
		if (_err) {                                                                        \
			assert_int_equal(_err, -ENOMEM);                                           \
			assert_int_equal(call, 0);                                                 \
		}                                                                                  \
	} while (0)

static void assert_classes(enum rl_class one, enum rl_class two)
{
	assert_int_equal(seen.entries[1].class, one);
	assert_int_equal(seen.entries[2].class, two);
}

static void play_classes(struct rl_classes *classes)
{
	const struct rl_target one = {.sz = sizeof(one), .scope = RL_SCOPE_PROCESS, .tgid = 1};
	const struct rl_target two = {.sz = sizeof(two), .scope = RL_SCOPE_TREE, .tgid = 2};

	TELL(rl_classes_set(classes, &one, RL_CLASS_BOOSTED));
	assert_classes(RL_CLASS_BOOSTED, RL_CLASS_NORMAL);
	TELL(rl_classes_set(classes, &two, RL_CLASS_FOREGROUND));
	assert_classes(RL_CLASS_BOOSTED, RL_CLASS_FOREGROUND);
	TELL(rl_classes_suspend(classes, &two));
	assert_classes(RL_CLASS_BOOSTED, RL_CLASS_NORMAL);
	TELL(rl_classes_set(classes, &two, RL_CLASS_BOOSTED));
	assert_classes(RL_CLASS_BOOSTED, RL_CLASS_BOOSTED);
	TELL(rl_classes_set(classes, &one, RL_CLASS_NORMAL));
	assert_classes(RL_CLASS_NORMAL, RL_CLASS_BOOSTED);
	TELL(rl_classes_set(classes, &two, RL_CLASS_NORMAL));
	assert_classes(RL_CLASS_NORMAL, RL_CLASS_NORMAL);
	assert_int_equal(maps[0].len, 0);
	assert_int_equal(classes->state.entries, 0);
}

/* A boost that was refused is taken back: what tasks see is as before. */
static void play_refusal(struct rl_classes *classes)
{
	const struct rl_target one = {.sz = sizeof(one), .scope = RL_SCOPE_PROCESS, .tgid = 1};

	if (rl_classes_set(classes, &one, RL_CLASS_BOOSTED) == 0)
		return;
	TELL(rl_classes_set(classes, &one, RL_CLASS_NORMAL));
	assert_classes(RL_CLASS_NORMAL, RL_CLASS_NORMAL);
	assert_int_equal(maps[0].len, 0);
}

/* Without memory it says so, and never that there is nobody. */
static int count(struct rl_classes *classes, const struct rl_target *root)
{
	struct rl_target found[4];
	int n = rl_classes_members(classes, root, found, 4);

	if (n == -ENOMEM)
		n = rl_classes_members(classes, root, found, 4);
	assert_true(n <= 0 || found[0].tgid == 3);
	return n;
}

static void play_members(struct rl_classes *classes)
{
	const struct rl_target root = {
		.sz = sizeof(root), .scope = RL_SCOPE_PROCESS, .tgid = 1, .start_ticks = 10};
	const struct rl_target other = {
		.sz = sizeof(other), .scope = RL_SCOPE_PROCESS, .tgid = 2, .start_ticks = 20};
	const struct rl_target child = {
		.sz = sizeof(child), .scope = RL_SCOPE_PROCESS, .tgid = 3, .start_ticks = 30};

	TELL(rl_classes_add_member(classes, &root, &child));
	TELL(rl_classes_add_member(classes, &other, &child));
	assert_int_equal(count(classes, &root), 1);
	assert_int_equal(count(classes, &other), 1);
}

/* Each of the calls fails in one of the runs. */
static void play_all(void (*play)(struct rl_classes *classes))
{
	int free_fd = next_fd(), runs = 0, err;
	struct rl_classes *classes;

	do {
		begin(++runs);
		classes = NULL;
		err = rl_classes_new(&classes);
		assert_true(err == 0 || (err == -ENOMEM && !classes));
		if (classes)
			play(classes);
		rl_classes_free(&classes);
		assert_int_equal(next_fd(), free_fd);
	} while (calls >= failing);
	assert_true(runs > 5);
}

static void test_classes(void **state)
{
	(void)state;
	play_all(play_classes);
}

static void test_refusal(void **state)
{
	(void)state;
	play_all(play_refusal);
}

static void test_members(void **state)
{
	(void)state;
	play_all(play_members);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
