/* SPDX-License-Identifier: GPL-2.0-only */
/* See dsq.h. A treap (Seidel and Aragon 1996) with parents, so that it can be walked in order. */
#include "sim/kernel/machine.h"

static struct task *task_at(const struct dsq_node *node)
{
	return node ? container_of(node, struct task, node) : NULL;
}

static bool is_before(const struct dsq_node *a, const struct dsq_node *b)
{
	int64_t difference = (int64_t)(a->vtime - b->vtime);

	return difference ? difference < 0 : (int64_t)(a->seq - b->seq) < 0;
}

static void replace(struct dsq *dsq, struct dsq_node *parent, struct dsq_node *old,
		    struct dsq_node *new)
{
	if (!parent)
		dsq->root = new;
	else if (parent->left == old)
		parent->left = new;
	else
		parent->right = new;
	if (new)
		new->parent = parent;
}

/* node takes the place of its parent. */
static void rotate(struct dsq *dsq, struct dsq_node *node)
{
	struct dsq_node *parent = node->parent, *inner;

	replace(dsq, parent->parent, parent, node);
	if (parent->left == node) {
		inner = node->right;
		node->right = parent;
		parent->left = inner;
	} else {
		inner = node->left;
		node->left = parent;
		parent->right = inner;
	}
	parent->parent = node;
	if (inner)
		inner->parent = parent;
}

static struct dsq_node *successor(const struct dsq_node *node)
{
	if (node->right) {
		node = node->right;
		while (node->left)
			node = node->left;
		return (struct dsq_node *)node;
	}
	while (node->parent && node->parent->right == node)
		node = node->parent;
	return node->parent;
}

static void insert(struct dsq *dsq, struct dsq_node *node)
{
	struct dsq_node *parent = NULL, **link = &dsq->root;
	bool is_first = true;

	node->left = node->right = NULL;
	while (*link) {
		parent = *link;
		if (is_before(node, parent)) {
			link = &parent->left;
		} else {
			link = &parent->right;
			is_first = false;
		}
	}
	*link = node;
	node->parent = parent;
	if (is_first)
		dsq->first = node;
	while (node->parent && node->parent->priority < node->priority)
		rotate(dsq, node);
}

void dsq_insert_task(struct dsq *dsq, struct task *t, bool by_vtime, bool at_head)
{
	struct dsq_node *node = &t->node;

	if (t->dsq) {
		machine_fail("%s[%d] is put on DSQ 0x%llx and is on 0x%llx", t->p.comm, t->p.pid,
			     (unsigned long long)dsq->id, (unsigned long long)t->dsq->id);
		return;
	}
	node->seq = ++dsq->seq;
	/* Any numbers that have no order of their own will do (Knuth's multiplicative hash). */
	node->priority = (uint32_t)(node->seq * 0x9e3779b97f4a7c15ULL >> 32) ^
			 (uint32_t)t->p.pid * 0x85ebca6bU;
	if (by_vtime)
		node->vtime = t->p.scx.dsq_vtime;
	else
		node->vtime = (uint64_t)(at_head ? --dsq->front : 0);
	if (!dsq->nr)
		dsq->is_ordered_by_vtime = by_vtime;
	insert(dsq, node);
	dsq->nr++;
	t->dsq = dsq;
}

void dsq_remove(struct dsq *dsq, struct task *t)
{
	struct dsq_node *node = &t->node;

	if (dsq->first == node)
		dsq->first = successor(node);
	while (node->left && node->right)
		rotate(dsq,
		       node->left->priority > node->right->priority ? node->left : node->right);
	replace(dsq, node->parent, node, node->left ? node->left : node->right);
	dsq->nr--;
	if (!dsq->nr)
		dsq->front = 0;
	t->dsq = NULL;
}

struct task *dsq_first(const struct dsq *dsq)
{
	return task_at(dsq->first);
}

struct task *dsq_next(const struct task *t)
{
	return task_at(successor(&t->node));
}
