/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the boosts of one user may take from other users, whatever their number and form.
 *
 * A boost takes from others in two ways: its tasks pay less than the CPU time that they use (a
 * discount), and they run before others whose turn it would be (priority). Each user who asked for
 * boosts has two budgets, one for the discounts of all tasks boosted for that user and one for the
 * time that they run with priority. Both fill at a twelfth of the machine's CPU time. A budget is
 * used only while somebody else is there to take from:
 *
 *   discount   a task of another user wants more CPU time than it gets
 *   priority   a task of another user wants a CPU
 *
 * So the boosts of a person who is alone on the machine have no limit but the policy's own.
 *
 * All memory is in the struct, and every call takes the same short time. Time is that of the
 * requests: nothing here asks for it.
 */
#ifndef RL_POLICY_BUDGET_H
#define RL_POLICY_BUDGET_H

#include <rustland.h>

/* The part of the machine's CPU time that the boosts of a user may take in each way: a twelfth. */
#define BUDGET_DIVISOR 12

/* What can be saved up, on each CPU: discounts for a while, but not the right to run for one. */
#define DISCOUNT_SAVED_NS 100000000
#define PRIORITY_SAVED_NS 20000000

/* Users with boosts that are remembered; who comes back later starts with empty budgets. */
#define BUDGETS_MAX 64

struct budget {
	uint32_t user;
	bool used; /* the slot is */
	uint64_t filled_at_ns;
	int64_t discount_ns, priority_ns;
};

/* When tasks were last seen of the user seen last, and of the one before. */
struct users_seen {
	uint32_t last, before;
	uint64_t last_at_ns, before_at_ns; /* 0: there is none */
};

struct budgets {
	uint32_t nr_cpus;
	struct users_seen wanting; /* more than they get */
	struct users_seen queued;
	struct budget of_user[BUDGETS_MAX];
};

void budgets_init(struct budgets *budgets, uint32_t nr_cpus);

/* A task of task->user was queued at now_ns; wants_more: it wants more CPU time than it gets. */
void budgets_see(struct budgets *budgets, const struct rl_task *task, bool wants_more,
		 uint64_t now_ns);

/*
 * How much of a discount of want_ns (from 0 to some seconds) the boosts of a user may have now; it is
 * used. A task that may use some of the CPUs only, nr_cpus of them (1 or more), takes all from
 * those who share these: the fewer they are, the more it costs, so that a twelfth of each CPU's
 * time is the bound, too.
 */
int64_t budgets_take_discount(struct budgets *budgets, uint32_t user, int64_t want_ns,
			      uint32_t nr_cpus, uint64_t now_ns);

/* Nobody is queued before whom this user's boosted tasks would run at another user's cost. */
bool budgets_is_alone(const struct budgets *budgets, uint32_t user, uint64_t now_ns);

/* Use want_ns of the time with priority, or false when the boosts of a user have not so much. */
bool budgets_take_priority(struct budgets *budgets, uint32_t user, int64_t want_ns,
			   uint32_t nr_cpus, uint64_t now_ns);

#endif /* RL_POLICY_BUDGET_H */
