/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The policy "rustland": weighted virtual time with a bounded memory, for desktops and game
 * machines.
 *
 *   weight     what a task is worth beside others: by nice value and control groups, all in one number
 *   vruntime   what a task has used, divided by its weight, on one clock for the whole machine
 *   lag        vruntime - clock: above zero the task is in debt, below it has credit. It is kept
 *              between one slice of credit and three slices of debt, or what a light task pays for its
 *              shortest slices
 *   deadline   vruntime + what it ran since it last slept (one slice at most)
 *              - a band for tasks that somebody boosted (half a slice at most)
 *
 * Who has used the least runs first; of two that used the same, who sleeps often runs before who
 * does not. Only vruntime is remembered, never the deadline.
 *
 * What this guarantees, in slices of the longest kind (20 ms unless configured otherwise):
 *   - tasks that never sleep share by weight;
 *   - a task that sleeps gets no more than its share, but gets it early;
 *   - a task that waits has a deadline no further ahead than virtual time gets in a second, and nobody who
 *     comes later has one more than 1.5 slices behind the clock: soon after nobody passes the task any more;
 *   - where so many wait that a round takes seconds, nobody is left out of one;
 *   - a boost is as good as its task sleeps, and whatever a user's boosts are, together they take no
 *     more than a twelfth of the machine's CPU time from other users as a discount, and run for no
 *     more than another twelfth before others whose turn it is, see budget.h. Beside the same load
 *     without boosts, where a's tasks have A and all others B of C CPUs, a discount of d leaves the
 *     others B * (C - d) / C: eleven twelfths, in whatever way a's load is made.
 *
 * All memory about a task is in its state words, so nothing here grows with the number of tasks,
 * and a decision that the kernel dropped changes nothing. This file must never ask for the time,
 * allocate after init(), or do work that is not bounded by O(log of the tasks waiting).
 */
#include "policy/budget.h"
#include "policy/policy.h"

/* Words of rl_task.state. */
enum {
	VRUNTIME,
	CHARGED, /* the runtime_ns that is in VRUNTIME */
};

/*
 * More than twice what the backend's ring of requests holds. A decision that found no place would
 * be dropped; the kernel runs a task that nobody answers for by itself, and counts it in
 * nr_flushed.
 */
#define POOL_CAPACITY 16384

/* The most wakeups that are granted at once: its boost or its habits may change. */
#define STANDING_MAX 4

/* How many shares a boosted task has, as long as it sleeps. */
#define BOOSTED_SHARES 4

/* It has them in full when it sleeps for one part in so many of the time. */
#define BOOST_SLEEP 8

/*
 * The kernel ends a scheduler that lets a task wait for 5 s. Where thousands wait, a round takes
 * seconds, and no task may have to wait for many of them because it used a little more than others.
 */
#define WAIT_MAX_NS 1000000000

/* An hour: what a task ran alone for longer is forgotten. */
#define UNCHARGED_MAX_NS (INT64_C(1) << 42)

/* A light task is in debt for so many of its shortest slices at the most. */
#define LIGHT_TURNS 6

/* Fractions are in 1/1024, and a task's part of all weights in 1/65536. */
#define ONE  1024
#define PART 65536

/* More than all tasks of a machine weigh together, and small enough to be doubled. */
#define WEIGHTS_MAX (UINT64_C(1) << 62)

/* More tasks than any machine has. */
#define RIVALS_MAX (UINT64_C(1) << 22)

/* Longer than any time that matters here (13 days), and small enough to be multiplied by ONE. */
#define FOREVER_NS (INT64_C(1) << 50)

/*
 * The clock starts a millisecond before it wraps, as CFS's did: every run passes through the wrap,
 * so a comparison that forgets it does not stay hidden for 584 years.
 */
#define CLOCK_START (-(UINT64_C(1) << 20))

struct rustland {
	struct rl_pool *pool;
	int64_t slice_ns, slice_min_ns;
	int64_t debt_max_ns;   /* limits of the lag of all tasks */
	int64_t credit_max_ns; /* of tasks that were asleep */
	int64_t owed_max_ns;   /* of tasks that were not: less, so that sleepers come first */
	uint32_t nr_cpus;
	bool percpu_local;

	uint64_t now_ns; /* time of the newest request */
	uint64_t clock;	 /* virtual time of a task that gets exactly its share */
	uint64_t shift;	 /* by how much it is not the kernel's */
	struct budgets budgets;
};

static int64_t clamp(int64_t value, int64_t min, int64_t max)
{
	return value < min ? min : value > max ? max : value;
}

/* A time of some seconds at most, and a weight, which is one of all or of a task. */
static int64_t weighted_by(int64_t time_ns, uint64_t weight)
{
	return (int64_t)((uint64_t)time_ns * RL_WEIGHT_DEFAULT / (weight ? weight : 1));
}

static uint64_t weight_of_all(const struct rl_task *task)
{
	uint64_t own = task->weight ? task->weight : 1;

	if (task->weight_of_all > WEIGHTS_MAX)
		return WEIGHTS_MAX;
	return task->weight_of_all > own ? task->weight_of_all : own;
}

/* CPU time in virtual time. */
static int64_t weighted(int64_t runtime_ns, const struct rl_task *task)
{
	return weighted_by(runtime_ns, task->weight);
}

/* CPUs among which the task finds its rivals; at least 1. */
static uint32_t cpus_of(const struct rustland *r, const struct rl_task *task)
{
	if (r->percpu_local || !task->nr_cpus_allowed)
		return 1;
	return task->nr_cpus_allowed < r->nr_cpus ? task->nr_cpus_allowed : r->nr_cpus;
}

/* Tasks that share these CPUs: those that run, those that wait, and this one. */
static uint64_t rivals_of(const struct rustland *r, const struct rl_task *task)
{
	return (uint64_t)cpus_of(r, task) + task->nr_waiting + 1;
}

/* A slice only ends with a question when somebody else takes the CPU, who then waits no more. */
static bool is_contended(const struct rl_task *task)
{
	return task->nr_waiting > 0 || !(task->flags & RL_TASK_WAKEUP);
}

/* What the task has used since it was last charged. */
static int64_t uncharged_ns(const struct rl_task *task)
{
	uint64_t ran_ns = task->runtime_ns - task->state[CHARGED];

	return ran_ns < UNCHARGED_MAX_NS ? (int64_t)ran_ns : UNCHARGED_MAX_NS;
}

/* What it used between its last two sleeps, or a slice when that was more. */
static int64_t last_burst_ns(const struct rustland *r, const struct rl_task *task)
{
	return task->last_burst_ns < (uint64_t)r->slice_ns ? (int64_t)task->last_burst_ns
							   : r->slice_ns;
}

/*
 * How much of a sleep its last sleep was: the part of the time that it slept, where three
 * milliseconds count as if it had run. A frame loop that works for 3 ms and sleeps for 13 has
 * 0.7. A task that waits for its partner or for a fast disk sleeps for tens of microseconds and
 * has next to nothing, and so has one that works much longer than it sleeps.
 */
static int64_t worth_of_sleep(const struct rustland *r, const struct rl_task *task)
{
	const int64_t half_ns = 3000000;
	int64_t slept_ns;

	if (!(task->flags & RL_TASK_WAKEUP))
		return 0;
	slept_ns = task->slept_ns < (uint64_t)FOREVER_NS ? task->slept_ns : FOREVER_NS;
	return slept_ns * ONE / (slept_ns + last_burst_ns(r, task) + half_ns);
}

/*
 * How much of its boost a task has, which depends on how much it sleeps: all of it when that is an
 * eighth of the time or more, as it is with a game that hardly makes its frames in time, and next to
 * nothing for a hog that sleeps for a moment now and then. Seen over the run that the task is in,
 * or the one before the sleep from which it just woke up. A new task has not slept yet.
 */
static int64_t worth_of_boost(const struct rustland *r, const struct rl_task *task)
{
	int64_t ran_ns, slept_ns;

	if (task->flags & RL_TASK_NEW || task->burst_ns > (uint64_t)r->slice_ns)
		return 0;
	ran_ns = task->flags & RL_TASK_WAKEUP ? (int64_t)task->last_burst_ns
					      : (int64_t)task->burst_ns;
	ran_ns = clamp(ran_ns, 0, FOREVER_NS);
	slept_ns = task->slept_ns < (uint64_t)FOREVER_NS ? task->slept_ns : FOREVER_NS;
	if ((BOOST_SLEEP - 1) * slept_ns >= ran_ns)
		return ONE;
	return BOOST_SLEEP * slept_ns * ONE / (slept_ns + ran_ns);
}

/* ---- The clock ------------------------------------------------------------------------------ */

/*
 * The longest debt: a light task pays for its shortest slice more than others for their longest, and for a tick more
 * where the kernel ends slices at ticks.
 */
static int64_t debt_max_of(const struct rustland *r, const struct rl_task *task)
{
	int64_t turns = weighted(LIGHT_TURNS * r->slice_min_ns, task);

	return turns > r->debt_max_ns ? turns : r->debt_max_ns;
}

/* A slice of its own time: for a heavy task that is little on the clock. */
static int64_t credit_max_of(const struct rustland *r, const struct rl_task *task)
{
	return task->weight > RL_WEIGHT_DEFAULT ? weighted(r->credit_max_ns, task)
						: r->credit_max_ns;
}

static int64_t owed_max_of(const struct rustland *r, const struct rl_task *task)
{
	return task->weight > RL_WEIGHT_DEFAULT ? weighted(r->owed_max_ns, task) : r->owed_max_ns;
}

static void clock_not_before(struct rustland *r, uint64_t time)
{
	int64_t missing = (int64_t)(time - r->clock);

	if (missing <= 0)
		return;
	r->shift += (uint64_t)missing;
	r->clock = time;
}

/*
 * The clock is the virtual time of the fluid model, in which all tasks run at the same time and
 * get their shares in every instant (GPS; Parekh and Gallager 1993). The kernel sees all that runs and all
 * that wants to, and keeps it; while CPUs are free everybody runs at full speed, and so does the clock.
 */
static void clock_pass(struct rustland *r, const struct rl_task *task)
{
	uint64_t clock = CLOCK_START + task->clock + r->shift;

	/* Requests of different CPUs may be a little out of order. */
	if ((int64_t)(task->enqueued_at_ns - r->now_ns) > 0 || !r->now_ns)
		r->now_ns = task->enqueued_at_ns;
	if ((int64_t)(clock - r->clock) > 0)
		r->clock = clock;
	/*
	 * No decision had a deadline farther ahead than that. If one has run, the kernel went on
	 * without this policy, and what it queued meanwhile must not wait until the clock has
	 * caught up.
	 */
	clock_not_before(r, task->frontier - (uint64_t)(debt_max_of(r, task) + r->slice_ns));
}

/* How far the mean of all vruntimes moves when the task's own moves so far. */
static int64_t mean_step(const struct rl_task *task, int64_t moved)
{
	return moved * (int64_t)((uint64_t)task->weight * PART / weight_of_all(task)) / PART;
}

/*
 * The clock is to stay where the mean vruntime is. It knows what a task has used; what the task is
 * charged for (price, in virtual time) is another matter: some pay twice, some have a discount. The
 * difference (extra_ns, in CPU time) moves the clock. So does, for what is forgiven and forgotten,
 * who is ahead of the clock, and who is behind holds it back, by as much as the debt grows (moved,
 * for a slice at most); seen from half way between where the task was and where it is.
 */
static void clock_follow(struct rustland *r, const struct rl_task *task, int64_t lag, int64_t price,
			 int64_t extra_ns)
{
	int64_t debt_max = debt_max_of(r, task), owed_max = owed_max_of(r, task) + 1;
	int64_t moved = clamp(clamp(price, 0, debt_max - lag), 0, r->slice_ns), pull;

	lag = clamp(clamp(lag + price, INT64_MIN / 2, debt_max) - moved / 2, -owed_max,
		    r->debt_max_ns);
	pull = lag * ONE / (lag > 0 ? r->debt_max_ns : owed_max);
	r->shift += (uint64_t)(mean_step(task, moved) * pull / ONE +
			       extra_ns * RL_WEIGHT_DEFAULT / (int64_t)weight_of_all(task));
}

/* ---- One task ------------------------------------------------------------------------------- */

/* Somebody said so about this task; what it only has from its waker is not enough for a price. */
static bool is_boosted(const struct rl_task *task)
{
	return task->boost_class != RL_CLASS_NORMAL && !(task->flags & RL_TASK_INHERITED);
}

/*
 * Charge what the task has used since it was last charged, and return its lag.
 *
 * Of two tasks that wake each other, one always sleeps while the other runs. They get two shares
 * that way, and hogs beside them starve: with upstream's formula, 4 hogs beside 2 pairs on 2 CPUs
 * got 44 % of what EEVDF gave them. It cannot be seen who waits for whom, so every task pays up to
 * twice for what it used before a short sleep: a pair has one share then. A task that waits for a
 * disk most of the time does not feel it, because it uses less than half a share. Nothing longer
 * than a slice is paid twice: what a task ran alone for minutes would move the clock by as much, and
 * the others would run for as long before it comes next.
 *
 * A boosted task has the share of four, but only for the first slice_ns of what it uses between two
 * sleeps, and in so far as it sleeps; so a boosted hog has the share of one. Where other users want
 * the CPU time that it does not pay for, there has to be a budget for that.
 */
static int64_t charge(struct rustland *r, const struct rl_task *task, int64_t worth)
{
	int64_t debt_max = debt_max_of(r, task);
	int64_t lag = clamp((int64_t)(task->state[VRUNTIME] - r->clock), INT64_MIN / 2, debt_max);
	int64_t ran_ns = uncharged_ns(task), cost = ran_ns, discount, price;

	if (task->flags & RL_TASK_WAKEUP)
		cost += clamp(ran_ns, 0, r->slice_ns) * (ONE - worth) / ONE;
	if (is_boosted(task)) {
		discount = clamp(cost, 0, 2 * r->slice_ns);
		discount = (discount - discount / BOOSTED_SHARES) * worth_of_boost(r, task) / ONE;
		cost -= budgets_take_discount(&r->budgets, task->user, discount, cpus_of(r, task),
					      r->now_ns);
	}
	price = weighted(cost, task);
	if (is_contended(task))
		clock_follow(r, task, lag, price, cost - ran_ns);
	return lag + clamp(price, 0, debt_max - lag);
}

/*
 * A sleeper comes back with at most the credit that its sleep was worth, or with less debt. So a
 * task that sleeps most of the time, as a game or a player does between two frames, is served in
 * time even where all shares are smaller than what it needs. A task cannot live on that: the more
 * it runs for each sleep, the less the sleep is worth, and the more the hogs beside it are behind
 * the clock, which puts them first.
 */
static int64_t lag_after_sleep(const struct rustland *r, const struct rl_task *task, int64_t lag,
			       int64_t worth)
{
	if (lag > 0)
		return lag - lag * worth / ONE;
	return clamp(lag, -credit_max_of(r, task) * worth / ONE, 0);
}

/* Of those with whom a task shares some of the CPUs only the number is known: they weigh what all do on average. */
static uint64_t weight_of_rivals(const struct rustland *r, const struct rl_task *task)
{
	uint64_t mean = task->nr_of_all ? weight_of_all(task) / task->nr_of_all : task->weight;
	uint64_t rivals = rivals_of(r, task) - 1;

	if (mean > UINT32_MAX)
		mean = UINT32_MAX;
	return (rivals < RIVALS_MAX ? rivals : RIVALS_MAX) * (mean ? mean : 1);
}

/*
 * In about one slice_ns everybody has a turn, as long as slices do not get shorter than the
 * shortest. Heavier tasks get longer slices than the others, because between two slices of a task
 * somebody else always has one. The half rival less leaves room for them below the longest slice.
 *
 * Where nobody waits but this task, whose slice has just ended, it has the next turn, whatever its
 * deadline. So one that is in debt gets a slice that is shorter by half of the debt: with three
 * hogs on two CPUs, whose slices end at the same ticks, one had an eighth more than its share for
 * ever.
 */
static uint64_t slice_of(const struct rustland *r, const struct rl_task *task, int64_t lag)
{
	bool is_confined = cpus_of(r, task) < r->nr_cpus;
	uint64_t own = task->weight ? task->weight : 1;
	uint64_t all = is_confined ? weight_of_rivals(r, task) : weight_of_all(task);
	uint64_t part = 2 * own * PART / (2 * all + own);
	int64_t slice = (int64_t)((uint64_t)r->slice_ns * cpus_of(r, task) * part / PART);

	if (lag > 0 && !task->nr_waiting && !(task->flags & RL_TASK_WAKEUP))
		slice -= lag / 2 * task->weight / RL_WEIGHT_DEFAULT;
	return clamp(slice, r->slice_min_ns, r->slice_ns);
}

/*
 * It gets less CPU time than it would take: its slice ended and somebody else has the CPU, or it
 * comes back from sleep without nearly all of the credit that the sleep is worth.
 */
static bool wants_more(const struct rustland *r, const struct rl_task *task, int64_t lag,
		       int64_t worth)
{
	return is_contended(task) && (!(task->flags & RL_TASK_WAKEUP) ||
				      lag > -credit_max_of(r, task) * worth / ONE * 7 / 8);
}

/* A boosted task that does not sleep is a hog like others: its band ends after one slice. */
static int64_t band_of(const struct rustland *r, const struct rl_task *task)
{
	int64_t left = task->burst_ns < (uint64_t)r->slice_ns ? r->slice_ns - task->burst_ns : 0;

	left = left * worth_of_boost(r, task) / ONE;
	return task->boost_class == RL_CLASS_BOOSTED ? left / 4 : left / 2;
}

/*
 * Let a task run before others, by its band; where other users are among them, for as long as it ran
 * the last time, in which time it is asked about again, and only if the budget has so much left.
 * What it does not use of that is lost, so that nothing is gained by an exit.
 */
static void give_priority(struct rustland *r, const struct rl_task *task,
			  struct rl_decision *decision)
{
	int64_t band = band_of(r, task), need;

	if (band <= 0)
		return;
	if (!budgets_is_alone(&r->budgets, task->user, r->now_ns)) {
		need = last_burst_ns(r, task);
		need = clamp(need + need / 8 - (int64_t)task->burst_ns, r->slice_min_ns,
			     decision->slice_ns);
		if (!budgets_take_priority(&r->budgets, task->user, need, cpus_of(r, task),
					   r->now_ns))
			return;
		if (band > (int64_t)decision->slice_ns)
			band = (int64_t)decision->slice_ns;
		decision->slice_ns = (uint64_t)need;
		decision->standing = 0;
	}
	decision->deadline -= (uint64_t)band;
	/* The band is for this slice only. */
	decision->flags &= ~(uint32_t)RL_DECISION_GO_ON;
}

/*
 * A regular sleeper will do the same again, and the answer would be the same: for some frames of a
 * game nobody has to be asked. As many as it can be charged for afterwards.
 */
static uint32_t standing_of(const struct rustland *r, const struct rl_task *task)
{
	return (uint32_t)clamp(r->slice_ns / (last_burst_ns(r, task) + 1), 0, STANDING_MAX);
}

/*
 * The latest deadline that a task may have: where virtual time will be in WAIT_MAX_NS if all who are runnable
 * now share the CPUs until then. It is seen from what is being served, or from a slice behind the
 * clock after a time in which nobody waited, when what was served says nothing.
 */
static uint64_t last_deadline(const struct rustland *r, const struct rl_task *task)
{
	uint64_t served = r->clock - (uint64_t)credit_max_of(r, task);

	if ((int64_t)(task->frontier - served) > 0)
		served = task->frontier;
	return served + (uint64_t)weighted_by(WAIT_MAX_NS, weight_of_all(task)) * cpus_of(r, task);
}

static void rustland_enqueue(void *state, const struct rl_task *task)
{
	struct rustland *r = state;
	struct rl_decision decision = rl_decide_for(task);
	bool wakeup = task->flags & RL_TASK_WAKEUP, batch = task->flags & RL_TASK_BATCH;
	int64_t lag = 0, worth = worth_of_sleep(r, task), burst;
	uint64_t first, last;

	clock_pass(r, task);
	/* New tasks start at the clock: credit would let a storm of them starve the others. */
	if (!(task->flags & RL_TASK_NEW)) {
		lag = charge(r, task, worth);
		lag = wakeup ? lag_after_sleep(r, task, lag, worth)
			     : clamp(lag, -owed_max_of(r, task), debt_max_of(r, task));
	}

	decision.slice_ns = slice_of(r, task, lag);
	burst = task->burst_ns < decision.slice_ns ? task->burst_ns : decision.slice_ns;
	burst = clamp(weighted(burst, task), 0, r->slice_ns);

	decision.flags |= RL_DECISION_GO_ON;
	decision.cpu = r->percpu_local ? task->cpu : RL_CPU_ANY;
	/*
	 * Who is in debt and has hardly slept waits, or tasks that only wake each other would
	 * interrupt all others.
	 */
	if (wakeup && !batch && (lag <= 0 || worth > ONE / 2 || task->flags & RL_TASK_KTHREAD))
		decision.flags |= RL_DECISION_PREEMPT;
	decision.deadline = r->clock + (uint64_t)(lag + burst);
	if (wakeup && !batch && lag <= 0 && worth > ONE / 2)
		decision.standing = standing_of(r, task);
	budgets_see(&r->budgets, task, wants_more(r, task, lag, worth), r->now_ns);
	if (task->boost_class != RL_CLASS_NORMAL)
		give_priority(r, task, &decision);
	last = last_deadline(r, task);
	if ((int64_t)(decision.deadline - last) > 0)
		decision.deadline = last;
	/*
	 * Others wait for what a kernel thread was woken to do; the kernel's watchdog is one, and
	 * ends a scheduler that lets it wait. So it goes before all that is being served,
	 * whatever number.
	 */
	first = (int64_t)(task->frontier - r->clock) < 0 ? task->frontier : r->clock;
	first -= 2 * (uint64_t)r->slice_ns;
	if (wakeup && task->flags & RL_TASK_KTHREAD && (int64_t)(decision.deadline - first) > 0)
		decision.deadline = first;
	decision.state[VRUNTIME] = r->clock + (uint64_t)lag;
	decision.state[CHARGED] = task->runtime_ns;
	rl_pool_push(r->pool, &decision, task->enqueued_at_ns);
}

static bool rustland_next(void *state, struct rl_decision *ret)
{
	struct rustland *r = state;

	return rl_pool_pop(r->pool, ret);
}

static void rustland_undo(void *state, const struct rl_decision *decision)
{
	struct rustland *r = state;

	/* It was the first: it still goes before others of the same deadline. */
	rl_pool_push(r->pool, decision, 0);
}

static int rustland_init(void *state, const struct rl_policy_config *config)
{
	struct rustland *r = state;

	r->slice_ns = config->slice_ns;
	r->slice_min_ns = config->slice_min_ns;
	r->debt_max_ns = 3 * r->slice_ns;
	r->credit_max_ns = r->slice_ns;
	r->owed_max_ns = r->slice_ns / 2;
	r->nr_cpus = config->nr_cpus;
	r->percpu_local = config->percpu_local;
	r->clock = CLOCK_START;
	budgets_init(&r->budgets, r->nr_cpus);
	return rl_pool_new(&r->pool, POOL_CAPACITY);
}

static void rustland_fini(void *state)
{
	struct rustland *r = state;

	rl_pool_free(&r->pool);
}

const struct rl_policy rl_policy_rustland = {
	.version = RL_POLICY_VERSION,
	.sz = sizeof(struct rl_policy),
	.name = "rustland",
	.summary = "fair by weight; tasks that sleep, and boosted ones, run first",
	.state_size = sizeof(struct rustland),
	.init = rustland_init,
	.fini = rustland_fini,
	.enqueue = rustland_enqueue,
	.next = rustland_next,
	.undo = rustland_undo,
};
