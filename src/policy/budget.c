/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See budget.h. This file must never let a user have more than the budgets give by forgetting that
 * user: a slot that is taken over starts empty.
 */
#include <string.h>

#include "policy/budget.h"

/*
 * How long a task that was queued can be waiting for its turn. Who wants more than there is may be
 * behind a crowd of thousands, and its turn comes within two seconds; who does not goes before the
 * crowd.
 */
#define WANTING_NS 2000000000
#define QUEUED_NS  100000000

/* Slots that a user may be in; a power of two. */
#define WAYS 4

static void see(struct users_seen *seen, uint32_t user, uint64_t now_ns)
{
	if (seen->last != user || !seen->last_at_ns) {
		seen->before = seen->last;
		seen->before_at_ns = seen->last_at_ns;
		seen->last = user;
	}
	seen->last_at_ns = now_ns;
}

/* Somebody other than user was seen within that time. */
static bool others_within(const struct users_seen *seen, uint32_t user, uint64_t time_ns,
			  uint64_t now_ns)
{
	uint64_t at_ns = seen->last != user ? seen->last_at_ns : seen->before_at_ns;

	return at_ns && (int64_t)(now_ns - at_ns) < (int64_t)time_ns;
}

void budgets_see(struct budgets *budgets, const struct rl_task *task, bool wants_more,
		 uint64_t now_ns)
{
	/* They are nobody's, and what they do is for everybody. */
	if (task->flags & RL_TASK_KTHREAD)
		return;
	see(&budgets->queued, task->user, now_ns);
	if (wants_more)
		see(&budgets->wanting, task->user, now_ns);
}

static void fill(int64_t *budget_ns, uint64_t earned_ns, int64_t most_ns)
{
	if (earned_ns >= (uint64_t)(most_ns - *budget_ns))
		*budget_ns = most_ns;
	else
		*budget_ns += (int64_t)earned_ns;
}

/* The slot of a user, filled up to now. Somebody else loses it who has had no use for it longest. */
static struct budget *budget_of(struct budgets *budgets, uint32_t user, uint64_t now_ns)
{
	struct budget *set = &budgets->of_user[user * WAYS % BUDGETS_MAX], *b = set;
	uint64_t earned_ns;

	for (int i = 0; i < WAYS; i++) {
		if (set[i].used && set[i].user == user) {
			b = &set[i];
			break;
		}
		if (b->used && (!set[i].used || set[i].filled_at_ns < b->filled_at_ns))
			b = &set[i];
	}
	if (!b->used || b->user != user)
		*b = (struct budget){.user = user, .used = true, .filled_at_ns = now_ns};
	if (now_ns <= b->filled_at_ns)
		return b;

	earned_ns = (now_ns - b->filled_at_ns) / BUDGET_DIVISOR * budgets->nr_cpus;
	b->filled_at_ns = now_ns;
	fill(&b->discount_ns, earned_ns, (int64_t)DISCOUNT_SAVED_NS * budgets->nr_cpus);
	fill(&b->priority_ns, earned_ns, (int64_t)PRIORITY_SAVED_NS * budgets->nr_cpus);
	return b;
}

/* What it costs to take so much from those who share nr_cpus CPUs. */
static int64_t price_of(const struct budgets *budgets, int64_t want_ns, uint32_t nr_cpus)
{
	return nr_cpus < budgets->nr_cpus ? want_ns * budgets->nr_cpus / nr_cpus : want_ns;
}

/* How much can be taken for that. */
static int64_t worth_of(const struct budgets *budgets, int64_t price_ns, uint32_t nr_cpus)
{
	return nr_cpus < budgets->nr_cpus ? price_ns * nr_cpus / budgets->nr_cpus : price_ns;
}

int64_t budgets_take_discount(struct budgets *budgets, uint32_t user, int64_t want_ns,
			      uint32_t nr_cpus, uint64_t now_ns)
{
	struct budget *b = budget_of(budgets, user, now_ns);
	int64_t price_ns = price_of(budgets, want_ns, nr_cpus);

	if (!others_within(&budgets->wanting, user, WANTING_NS, now_ns))
		return want_ns;
	if (price_ns > b->discount_ns) {
		price_ns = b->discount_ns;
		want_ns = worth_of(budgets, price_ns, nr_cpus);
	}
	b->discount_ns -= price_ns;
	return want_ns;
}

bool budgets_is_alone(const struct budgets *budgets, uint32_t user, uint64_t now_ns)
{
	return !others_within(&budgets->queued, user, QUEUED_NS, now_ns);
}

bool budgets_take_priority(struct budgets *budgets, uint32_t user, int64_t want_ns,
			   uint32_t nr_cpus, uint64_t now_ns)
{
	struct budget *b = budget_of(budgets, user, now_ns);
	int64_t price_ns = price_of(budgets, want_ns, nr_cpus);

	if (price_ns > b->priority_ns)
		return false;
	b->priority_ns -= price_ns;
	return true;
}

void budgets_init(struct budgets *budgets, uint32_t nr_cpus)
{
	memset(budgets, 0, sizeof(*budgets));
	budgets->nr_cpus = nr_cpus;
}
