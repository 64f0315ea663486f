/* SPDX-License-Identifier: GPL-2.0-only */
/* See behaviors.h. */
#include "sim/behaviors.h"

#include "sim/kernel/random.h"

static uint64_t now(void)
{
	return machine_now(&machine);
}

/* More or less by so many per cent. */
static uint64_t vary(struct task *t, uint64_t ns, uint64_t percent)
{
	uint64_t span = ns * percent / 100;

	return span ? ns - span + random_below(&t->random, 2 * span + 1) : ns;
}

/* The next of so many steps. */
static uint32_t step(struct task *t, uint32_t nr_steps)
{
	uint32_t this = t->own.step;

	t->own.step = (this + 1) % nr_steps;
	return this;
}

static void run(struct action *ret, uint64_t ns)
{
	*ret = (struct action){.kind = ACT_RUN, .ns = ns ? ns : 1};
}

static struct task *make(struct task_stats *stats, behavior_fn *behavior)
{
	struct task *t = task_new(stats->name, behavior, stats);

	stats->nr_tasks++;
	return t;
}

/* ---- Hogs and sleepers ---------------------------------------------------------------------- */

static void hog(struct task *t, struct action *ret)
{
	(void)t;
	run(ret, 100 * MSEC);
}

struct task *hog_new(struct task_stats *stats)
{
	return make(stats, hog);
}

enum {
	WORK,
	SLEEP,
	JITTER,
	EXECUTED,
};

static void sleeper(struct task *t, struct action *ret)
{
	if (step(t, 2) == 0)
		run(ret, vary(t, t->own.args[WORK], t->own.args[JITTER]));
	else
		*ret = (struct action){.kind = ACT_SLEEP,
				       .ns = vary(t, t->own.args[SLEEP], t->own.args[JITTER])};
}

struct task *sleeper_new(struct task_stats *stats, uint64_t work_ns, uint64_t sleep_ns,
			 uint32_t jitter_percent)
{
	struct task *t = make(stats, sleeper);

	t->own.args[WORK] = work_ns;
	t->own.args[SLEEP] = sleep_ns;
	t->own.args[JITTER] = jitter_percent;
	t->own.step = 1; /* they do not all begin together */
	return t;
}

/* ---- Frames --------------------------------------------------------------------------------- */

/* The frame is done; the next one that lies ahead. */
static void end_frame(struct task *t, uint64_t period_ns)
{
	uint64_t missed = (now() - t->own.due_ns) / period_ns;

	task_stats_frame(t, t->own.due_ns, period_ns);
	t->own.due_ns += (missed + 1) * period_ns;
}

static void frames(struct task *t, struct action *ret)
{
	uint64_t period_ns = t->own.args[SLEEP];

	if (step(t, 2) == 0) {
		if (!t->own.due_ns)
			t->own.due_ns = now() + random_below(&t->random, period_ns);
		else
			end_frame(t, period_ns);
		*ret = (struct action){.kind = ACT_SLEEP_UNTIL, .ns = t->own.due_ns};
	} else {
		run(ret, vary(t, t->own.args[WORK], t->own.args[JITTER]));
	}
}

struct task *frames_new(struct task_stats *stats, uint64_t period_ns, uint64_t work_ns,
			uint32_t jitter_percent)
{
	struct task *t = make(stats, frames);

	t->own.args[WORK] = work_ns;
	t->own.args[SLEEP] = period_ns;
	t->own.args[JITTER] = jitter_percent;
	return t;
}

/* ---- Pairs ---------------------------------------------------------------------------------- */

static void pair(struct task *t, struct action *ret)
{
	switch (step(t, 3)) {
	case 0:
		*ret = (struct action){.kind = ACT_BLOCK};
		break;
	case 1:
		task_stats_trip(t);
		run(ret, t->own.args[WORK]);
		break;
	default:
		*ret = (struct action){.kind = ACT_WAKE, .target = t->own.peer, .sync = true};
		break;
	}
}

void pair_new(struct task_stats *stats, uint64_t work_ns, struct task *ret[2])
{
	for (int i = 0; i < 2; i++) {
		ret[i] = make(stats, pair);
		ret[i]->own.args[WORK] = work_ns;
	}
	ret[0]->own.peer = ret[1];
	ret[1]->own.peer = ret[0];
	ret[0]->own.step = 1; /* has the ball */
}

/* ---- Forks ---------------------------------------------------------------------------------- */

static void child(struct task *t, struct action *ret)
{
	switch (step(t, 3)) {
	case 0:
		run(ret, t->own.args[WORK]);
		break;
	case 1:
		*ret = (struct action){.kind = ACT_WAKE, .target = t->own.peer};
		break;
	default:
		break; /* it exits */
	}
}

static void forker(struct task *t, struct action *ret)
{
	struct task *c;

	if (step(t, 2) == 0) {
		c = make(t->stats, child);
		c->own.args[WORK] = t->own.args[WORK];
		c->own.peer = t;
		task_stats_trip(t);
		*ret = (struct action){.kind = ACT_FORK, .target = c};
	} else {
		*ret = (struct action){.kind = ACT_BLOCK};
	}
}

struct task *forker_new(struct task_stats *stats, uint64_t work_ns)
{
	struct task *t = make(stats, forker);

	t->own.args[WORK] = work_ns;
	return t;
}

static void once(struct task *t, struct action *ret)
{
	/* Else it exits. */
	if (step(t, 2) == 0)
		run(ret, t->own.args[WORK]);
}

/* own.more: the group of the children. */
static void spawner(struct task *t, struct action *ret)
{
	uint64_t period_ns = t->own.args[SLEEP];
	struct task *c;

	if (step(t, 2) == 0) {
		t->own.due_ns +=
			t->own.due_ns ? period_ns : now() + random_below(&t->random, period_ns);
		*ret = (struct action){.kind = ACT_SLEEP_UNTIL, .ns = t->own.due_ns};
	} else {
		c = make(t->own.more, once);
		c->own.args[WORK] = t->own.args[WORK];
		task_stats_trip(t);
		*ret = (struct action){.kind = ACT_FORK, .target = c};
	}
}

struct task *spawner_new(struct task_stats *stats, struct task_stats *child_stats,
			 uint64_t period_ns, uint64_t work_ns)
{
	struct task *t = make(stats, spawner);

	t->own.args[WORK] = work_ns;
	t->own.args[SLEEP] = period_ns;
	t->own.more = child_stats;
	return t;
}

static void chain(struct task *t, struct action *ret)
{
	switch (step(t, 3)) {
	case 0:
		run(ret, t->own.args[WORK]);
		break;
	case 1:
		*ret = (struct action){.kind = ACT_FORK,
				       .target = chain_new(t->stats, t->own.args[WORK])};
		break;
	default:
		break;
	}
}

struct task *chain_new(struct task_stats *stats, uint64_t work_ns)
{
	struct task *t = make(stats, chain);

	t->own.args[WORK] = work_ns;
	return t;
}

/* ---- A build -------------------------------------------------------------------------------- */

/* Is one as soon as it has left make. Runs in pieces, and waits for a file between two of them. */
static void compiler(struct task *t, struct action *ret)
{
	uint64_t piece;

	if (!t->own.args[EXECUTED]) {
		t->own.args[EXECUTED] = true;
		*ret = (struct action){.kind = ACT_EXEC, .comm = "cc1"};
		return;
	}
	if (!t->own.left) {
		if (t->own.step < 2) {
			t->own.step = 2;
			*ret = (struct action){.kind = ACT_WAKE, .target = t->own.peer};
		}
		return;
	}
	if (t->own.step++ % 2 == 0) {
		piece = t->own.args[WORK] / t->own.left;
		t->own.args[WORK] -= piece;
		t->own.left--;
		run(ret, piece);
		if (!t->own.left)
			t->own.step = 0;
	} else {
		*ret = (struct action){.kind = ACT_SLEEP,
				       .ns = 20 * USEC + random_below(&t->random, 300 * USEC)};
	}
}

static void build_slot(struct task *t, struct action *ret)
{
	struct task *c;
	uint64_t r;

	switch (step(t, 3)) {
	case 0: /* make decides what is next */
		run(ret, 200 * USEC);
		break;
	case 1:
		c = make(t->stats, compiler);
		/* Many small files, few large ones. */
		r = random_below(&t->random, 1000);
		c->own.args[WORK] = 10 * MSEC + r * r * 290;
		c->own.left = 2 + (u32)random_below(&t->random, 6);
		c->own.peer = t;
		task_stats_trip(t);
		*ret = (struct action){.kind = ACT_FORK, .target = c};
		break;
	default:
		*ret = (struct action){.kind = ACT_BLOCK};
		break;
	}
}

struct task *build_slot_new(struct task_stats *stats)
{
	return make(stats, build_slot);
}

/* ---- A game --------------------------------------------------------------------------------- */

/* Woken for each frame; the last one that is done wakes the main thread. */
static void worker(struct task *t, struct action *ret)
{
	struct task *boss = t->own.peer;

	switch (step(t, 3)) {
	case 0:
		*ret = (struct action){.kind = ACT_BLOCK};
		break;
	case 1:
		run(ret, vary(t, t->own.args[WORK], 20));
		break;
	default:
		if (--boss->own.left == 0) {
			*ret = (struct action){.kind = ACT_WAKE, .target = boss};
		} else {
			t->own.step = 1;
			*ret = (struct action){.kind = ACT_BLOCK};
		}
		break;
	}
}

/* args[3]: how many workers; own.more: them. */
static void game(struct task *t, struct action *ret)
{
	struct task **workers = t->own.more;
	uint64_t period_ns = t->own.args[SLEEP];
	u32 n = (u32)t->own.args[3], this = step(t, n + 5);

	if (this == 0) {
		if (!t->own.due_ns)
			t->own.due_ns = now() + random_below(&t->random, period_ns);
		*ret = (struct action){.kind = ACT_SLEEP_UNTIL, .ns = t->own.due_ns};
	} else if (this == 1) {
		t->own.left = n + 1;
		run(ret, t->own.args[WORK] / 2);
	} else if (this < n + 2) {
		*ret = (struct action){.kind = ACT_WAKE, .target = workers[this - 2]};
	} else if (this == n + 2) {
		run(ret, vary(t, t->own.args[WORK] / 2, 20));
	} else if (this == n + 3) {
		if (--t->own.left)
			*ret = (struct action){.kind = ACT_BLOCK};
		else
			run(ret, 1);
	} else {
		end_frame(t, period_ns);
		run(ret, 10 * USEC);
	}
}

struct task *game_new(struct task_stats *stats, struct task_stats *worker_stats, uint64_t period_ns,
		      uint64_t work_ns, uint32_t nr_workers, struct task **ret_workers)
{
	struct task *t = make(stats, game);

	t->own.args[WORK] = work_ns;
	t->own.args[SLEEP] = period_ns;
	t->own.args[3] = nr_workers;
	t->own.more = ret_workers;
	for (u32 i = 0; i < nr_workers; i++) {
		ret_workers[i] = make(worker_stats, worker);
		ret_workers[i]->own.args[WORK] = work_ns;
		ret_workers[i]->own.peer = t;
		task_join(ret_workers[i], t);
	}
	return t;
}

/* ---- An audio graph ------------------------------------------------------------------------- */

/* The last stage ends the frame that the first one began. */
static void stage(struct task *t, struct action *ret)
{
	struct task *next = t->own.peer, *first = t->own.more;
	bool is_first = first == t;

	switch (step(t, 3)) {
	case 0:
		if (!is_first) {
			*ret = (struct action){.kind = ACT_BLOCK};
			break;
		}
		if (!t->own.due_ns)
			t->own.due_ns = now() + random_below(&t->random, t->own.args[SLEEP]);
		else
			do
				t->own.due_ns += t->own.args[SLEEP];
			while ((s64)(t->own.due_ns - now()) <= 0);
		*ret = (struct action){.kind = ACT_SLEEP_UNTIL, .ns = t->own.due_ns};
		break;
	case 1:
		run(ret, vary(t, t->own.args[WORK], 10));
		break;
	default:
		if (next) {
			next->own.due_ns = t->own.due_ns;
			*ret = (struct action){.kind = ACT_WAKE, .target = next};
		} else {
			task_stats_frame(t, t->own.due_ns, t->own.args[SLEEP]);
			t->own.step = 1;
			if (is_first)
				t->own.step = 0, run(ret, 1);
			else
				*ret = (struct action){.kind = ACT_BLOCK};
		}
		break;
	}
}

struct task *graph_new(struct task_stats *stats, uint64_t period_ns, const uint64_t *work_ns,
		       uint32_t nr_stages, struct task **ret_stages)
{
	for (u32 i = 0; i < nr_stages; i++) {
		ret_stages[i] = make(stats, stage);
		ret_stages[i]->own.args[WORK] = work_ns[i];
		ret_stages[i]->own.args[SLEEP] = period_ns;
		ret_stages[i]->own.more = ret_stages[0];
		if (i)
			ret_stages[i - 1]->own.peer = ret_stages[i];
	}
	return ret_stages[0];
}
