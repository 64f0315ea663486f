/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record of who belongs to which tree, for those whose parents have exited. The backend writes it
 * at fork and at exit (bpf/class.bpf.h); here it is read, and what was there before a tree had a class
 * is added. Nothing here is called in the scheduler loop.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/classes.h"

/* So many are read at a time. */
#define BATCH 1024

static const uint32_t nobody = 0;

/* The name and the sizes are those of the map in bpf/class.bpf.h: the scheduler checks the sizes. */
int rl_members_create(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	const struct rl_members_total none = {0};
	int err, fd = bpf_map_create(BPF_MAP_TYPE_HASH, "members", sizeof(uint32_t),
				     sizeof(struct rl_member), RL_MEMBERS_MAX, &opts);

	_Static_assert(sizeof(none) == sizeof(struct rl_member), "both are values of one map");
	if (fd < 0)
		return fd;
	err = bpf_map_update_elem(fd, &nobody, &none, BPF_ANY);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static struct rl_members_total read_total(const struct rl_classes *classes)
{
	struct rl_members_total total = {0};

	bpf_map_lookup_elem(classes->members_fd, &nobody, &total);
	return total;
}

static uint64_t id_of(const struct rl_target *process)
{
	struct rl_target t;

	return rl_take_target(&t, process) || t.tgid <= 0
		       ? 0
		       : rl_process_id((uint32_t)t.tgid, t.start_ticks);
}

static bool in_tree(const struct rl_member *member, uint64_t root)
{
	for (int i = 0; i < RL_TREES_MAX; i++)
		if (member->trees[i] == root)
			return true;
	return false;
}

/* ret[] is in the order of start times; whoever was started later than all of a full one is left out. */
static size_t insert(struct rl_target *ret, size_t found, size_t n, uint32_t tgid,
		     uint64_t start_ticks)
{
	size_t i = found < n ? found++ : n;

	for (; i > 0 && ret[i - 1].start_ticks > start_ticks; i--)
		if (i < n)
			ret[i] = ret[i - 1];
	if (i < n)
		ret[i] = (struct rl_target){
			.sz = sizeof(*ret),
			.scope = RL_SCOPE_PROCESS,
			.tgid = (int32_t)tgid,
			.start_ticks = start_ticks,
		};
	return found;
}

struct batch {
	uint32_t keys[BATCH];
	struct rl_member members[BATCH];
};

static int scan(int fd, struct batch *batch, uint64_t root, struct rl_target *ret, size_t n)
{
	uint32_t position, next, count;
	void *from = NULL;
	size_t found = 0;
	int err;

	do {
		count = BATCH;
		err = bpf_map_lookup_batch(fd, from, &next, batch->keys, batch->members, &count,
					   NULL);
		if (err && err != -ENOENT)
			return err;
		for (uint32_t i = 0; i < count; i++)
			if (batch->keys[i] != nobody && in_tree(&batch->members[i], root))
				found = insert(ret, found, n, batch->keys[i],
					       batch->members[i].id >> 32);
		position = next;
		from = &position;
	} while (!err);
	return (int)found;
}

int rl_classes_members(struct rl_classes *classes, const struct rl_target *root,
		       struct rl_target *ret, size_t n)
{
	uint64_t id = id_of(root), added = read_total(classes).added;
	struct batch *batch;
	int found;

	if (!id || !n)
		return -EINVAL;
	batch = malloc(sizeof(*batch));
	if (!batch)
		return -ENOMEM;
	found = scan(classes->members_fd, batch, id, ret, n);
	free(batch);
	/* Somebody may have been added where it was read already, and ended what forked it. */
	return !found && read_total(classes).added != added ? -EAGAIN : found;
}

/* 0, -ENOENT, or why it could not be looked up. */
static int find(const struct rl_classes *classes, uint64_t id, struct rl_member *ret)
{
	uint32_t tgid = (uint32_t)id;
	int err = id ? bpf_map_lookup_elem(classes->members_fd, &tgid, ret) : -ENOENT;

	return !err && ret->id != id ? -ENOENT : err;
}

bool rl_classes_is_member(struct rl_classes *classes, const struct rl_target *root,
			  const struct rl_target *process)
{
	struct rl_member member;
	uint64_t id = id_of(root);

	return id && !find(classes, id_of(process), &member) && in_tree(&member, id);
}

int rl_classes_add_member(struct rl_classes *classes, const struct rl_target *root,
			  const struct rl_target *process)
{
	uint64_t id = id_of(process), tree = id_of(root);
	uint32_t tgid = (uint32_t)id;
	struct rl_member member;
	int err;

	if (!id || !tree)
		return -EINVAL;
	err = find(classes, id, &member);
	if (err && err != -ENOENT)
		return err;
	if (err)
		member = (struct rl_member){.id = id};
	if (in_tree(&member, tree))
		return 0;
	if (member.trees[RL_TREES_MAX - 1])
		return -ENOSPC;
	for (int i = 0; i < RL_TREES_MAX; i++) {
		if (!member.trees[i]) {
			member.trees[i] = tree;
			break;
		}
	}
	err = bpf_map_update_elem(classes->members_fd, &tgid, &member, BPF_ANY);
	return err == -E2BIG ? -ENOSPC : err;
}

void rl_classes_remove_member(struct rl_classes *classes, const struct rl_target *process)
{
	uint64_t id = id_of(process);
	uint32_t tgid = (uint32_t)id;
	struct rl_member member;

	if (!find(classes, id, &member))
		bpf_map_delete_elem(classes->members_fd, &tgid);
}

uint64_t rl_classes_members_refused(const struct rl_classes *classes)
{
	return read_total(classes).refused;
}

int rl_classes_members_fd(const struct rl_classes *classes)
{
	return classes->members_fd;
}

int rl_classes_use_members(struct rl_classes *classes, int fd)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	if (bpf_map_get_info_by_fd(fd, &info, &len) || info.type != BPF_MAP_TYPE_HASH ||
	    info.key_size != sizeof(uint32_t) || info.value_size != sizeof(struct rl_member) ||
	    info.max_entries != RL_MEMBERS_MAX || info.map_flags != BPF_F_NO_PREALLOC)
		return -EINVAL;
	/* Under the old number, which others may have been told. */
	if (dup3(fd, classes->members_fd, O_CLOEXEC) < 0)
		return -errno;
	return 0;
}
