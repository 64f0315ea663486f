/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of classes: two BPF maps that exist without a scheduler, so that what was said about a
 * process holds when the scheduler is restarted. Nothing here is called in the scheduler loop.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/classes.h"

/* The names and sizes are those of the maps in bpf/class.bpf.h: the scheduler checks the sizes. */
static int make_maps(struct rl_classes *c)
{
	c->entries_fd = bpf_map_create(BPF_MAP_TYPE_HASH, "classes", sizeof(struct rl_class_key),
				       sizeof(struct rl_class_entry), RL_CLASSES_MAX, NULL);
	if (c->entries_fd < 0)
		return c->entries_fd;
	c->state_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "classes_state", sizeof(uint32_t),
				     sizeof(struct rl_classes_state), 1, NULL);
	if (c->state_fd < 0)
		return c->state_fd;
	c->members_fd = rl_members_create();
	return c->members_fd < 0 ? c->members_fd : 0;
}

/*
 * Tasks look again when they see another version, so this comes after every change. In two steps: the
 * kernel copies a record word by word, and whoever saw the new version beside the old count would
 * believe it until the next change.
 */
static int publish(struct rl_classes *c)
{
	const uint32_t zero = 0;
	int err = bpf_map_update_elem(c->state_fd, &zero, &c->state, BPF_ANY);

	c->unpublished = true;
	if (err)
		return err;
	c->state.version++;
	err = bpf_map_update_elem(c->state_fd, &zero, &c->state, BPF_ANY);
	c->unpublished = err != 0;
	return err;
}

int rl_classes_new(struct rl_classes **ret)
{
	struct rl_classes *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->entries_fd = c->state_fd = c->members_fd = -1;
	err = make_maps(c);
	if (!err)
		err = publish(c);
	if (err) {
		rl_classes_free(&c);
		return err;
	}
	*ret = c;
	return 0;
}

void rl_classes_free(struct rl_classes **classes)
{
	struct rl_classes *dead = *classes;

	*classes = NULL;
	if (!dead)
		return;
	if (dead->entries_fd >= 0)
		close(dead->entries_fd);
	if (dead->state_fd >= 0)
		close(dead->state_fd);
	if (dead->members_fd >= 0)
		close(dead->members_fd);
	free(dead);
}

int rl_take_target(struct rl_target *ret, const struct rl_target *target)
{
	if (target->sz < sizeof(target->sz) || target->sz > 4096)
		return -EINVAL;
	*ret = (struct rl_target){0};
	memcpy(ret, target, target->sz < sizeof(*ret) ? target->sz : sizeof(*ret));
	return 0;
}

static int key_of(const struct rl_target *target, struct rl_class_key *ret)
{
	*ret = (struct rl_class_key){.scope = target->scope};
	switch (target->scope) {
	case RL_SCOPE_PROCESS:
	case RL_SCOPE_TREE:
		ret->id = target->tgid > 0 ? (uint64_t)target->tgid : 0;
		break;
	case RL_SCOPE_CGROUP:
		ret->id = target->cgroup_id;
		break;
	default:
		return -EINVAL;
	}
	return ret->id ? 0 : -EINVAL;
}

static int key_and_entry(const struct rl_target *target, enum rl_class value,
			 struct rl_class_key *key, struct rl_class_entry *entry)
{
	struct rl_target t;
	int err = rl_take_target(&t, target);

	if (!err)
		err = key_of(&t, key);
	if (err || value > RL_CLASS_FOREGROUND || (t.of_user && t.uid == RL_ANY_UID))
		return -EINVAL;
	*entry = (struct rl_class_entry){
		.class = value,
		.uid = t.of_user ? t.uid : RL_ANY_UID,
		.start_ticks = key->scope == RL_SCOPE_CGROUP ? 0 : t.start_ticks,
		.owner = t.owner,
	};
	return 0;
}

static int put(struct rl_classes *classes, const struct rl_class_key *key,
	       const struct rl_class_entry *entry)
{
	struct rl_class_entry old;
	int absent = bpf_map_lookup_elem(classes->entries_fd, key, &old), err = absent;

	if (!absent || absent == -ENOENT)
		err = bpf_map_update_elem(classes->entries_fd, key, entry, BPF_ANY);
	if (err)
		return err == -E2BIG ? -ENOSPC : err;
	classes->state.entries += absent != 0;
	return publish(classes);
}

int rl_classes_set(struct rl_classes *classes, const struct rl_target *target, enum rl_class value)
{
	struct rl_class_entry entry;
	struct rl_class_key key;
	int err = key_and_entry(target, value, &key, &entry);

	if (err || value != RL_CLASS_NORMAL)
		return err ? err : put(classes, &key, &entry);
	err = bpf_map_delete_elem(classes->entries_fd, &key);
	if (err && err != -ENOENT)
		return err;
	classes->state.entries -= !err;
	/* Of one that was taken out before, tasks may not have been told. */
	return err && !classes->unpublished ? 0 : publish(classes);
}

int rl_classes_suspend(struct rl_classes *classes, const struct rl_target *target)
{
	struct rl_class_entry entry;
	struct rl_class_key key;
	int err = key_and_entry(target, RL_CLASS_NORMAL, &key, &entry);

	return err ? err : put(classes, &key, &entry);
}

void rl_classes_fds(const struct rl_classes *classes, int ret_fds[RL_CLASSES_FDS])
{
	ret_fds[0] = classes->entries_fd;
	ret_fds[1] = classes->state_fd;
}
