/* SPDX-License-Identifier: GPL-2.0-only */
/* See highlights.h. */
#include "sim/highlights.h"

#include <errno.h>
#include <rustland.h>
#include <stdlib.h>
#include <string.h>

#include "sim/kernel/machine.h"
#include "sim/task-stats.h"

/*
 * The window is three times as long as the frame or its period, so that the frames before and after are in it, and
 * within these limits.
 */
#define WINDOW_MIN_NS (10 * MSEC)
#define WINDOW_MAX_NS (400 * MSEC)
/* Before the end. */
#define WINDOW_END_NS (100 * MSEC)

/* Pairs of tasks without a pause on 8 CPUs make some 80,000 moments in 100 ms. */
#define RING_BASE    (1U << 17)
#define RING_PER_CPU (1U << 11)

static struct {
	bool is_on;
	uint64_t count_from_ns;
	struct moment *ring;
	uint32_t ring_size;
	uint64_t nr_recorded;
	struct moment *running; /* by CPU: the last switch */
	bool is_pending;	/* the window of the worst moment has not ended */
	uint64_t worst;		/* how bad it was: frames in thousandths of their period */
	struct highlights found;
} the;

static uint64_t now(void)
{
	return machine_now(&machine) - the.found.began_ns;
}

static uint16_t group_of(const struct task *t)
{
	if (!t)
		return HIGHLIGHTS_NO_GROUP;
	if (t == machine.policy)
		return HIGHLIGHTS_POLICY;
	return t->stats && t->stats->index < HIGHLIGHTS_POLICY ? (uint16_t)t->stats->index
							       : HIGHLIGHTS_NO_GROUP;
}

/* ---- The window around the worst moment ----------------------------------------------------- */

static void take_window(void)
{
	struct highlights *h = &the.found;
	uint64_t first = 0;

	the.is_pending = false;
	h->is_cut = false;
	if (the.nr_recorded > the.ring_size) {
		first = the.nr_recorded - the.ring_size;
		if (the.ring[first % the.ring_size].at_ns > h->window_from_ns) {
			h->window_from_ns = the.ring[first % the.ring_size].at_ns;
			h->is_cut = true;
		}
	}
	h->nr_moments = 0;
	for (uint64_t i = first; i < the.nr_recorded; i++) {
		const struct moment *moment = &the.ring[i % the.ring_size];

		if (moment->at_ns >= h->window_from_ns && moment->at_ns <= h->window_to_ns)
			h->moments[h->nr_moments++] = *moment;
	}
	/* A CPU that has changed since the window ended was what that change says before. */
	memcpy(h->last, the.running, machine.topology.nr_cpus * sizeof(*h->last));
}

static void record(const struct moment *moment)
{
	if (the.is_pending && moment->at_ns > the.found.window_to_ns)
		take_window();
	the.ring[the.nr_recorded++ % the.ring_size] = *moment;
}

static void consider(const struct task *t, enum worst_kind kind, uint64_t from_ns,
		     uint64_t period_ns)
{
	struct highlights *h = &the.found;
	uint64_t to_ns = now(), took_ns = to_ns - from_ns, length_ns, before_ns;
	uint64_t badness = kind == WORST_FRAME ? took_ns * 1000 / period_ns : took_ns;

	if (kind > h->worst ? h->worst != WORST_NONE : kind == h->worst && badness <= the.worst)
		return;
	the.worst = badness;
	the.is_pending = true;
	h->worst = kind;
	h->group = group_of(t);
	h->pid = t->p.pid;
	memcpy(h->comm, t->p.comm, sizeof(h->comm));
	h->from_ns = from_ns;
	h->to_ns = to_ns;
	h->period_ns = period_ns;
	length_ns = 3 * (took_ns > period_ns ? took_ns : period_ns);
	if (length_ns < WINDOW_MIN_NS)
		length_ns = WINDOW_MIN_NS;
	if (length_ns > WINDOW_MAX_NS)
		length_ns = WINDOW_MAX_NS;
	/* A longer wait than the window is seen from its end. */
	before_ns = took_ns < length_ns ? (length_ns - took_ns) / 2 : 0;
	h->window_to_ns = to_ns + (before_ns ? before_ns : length_ns / 10);
	h->window_from_ns = h->window_to_ns > length_ns ? h->window_to_ns - length_ns : 0;
}

/* ---- What happens --------------------------------------------------------------------------- */

static void on_switch(const struct cpu *cpu, const struct task *prev, const struct task *next)
{
	struct moment moment = {
		.at_ns = now(),
		.kind = MOMENT_SWITCH,
		.cpu = (uint16_t)cpu->id,
		.pid = next ? next->p.pid : 0,
		.group = group_of(next),
		.prev_pid = prev ? prev->p.pid : 0,
		.prev_group = group_of(prev),
		.waits = prev && prev->state == TASK_RUNNABLE,
	};

	if (prev == next)
		return;
	record(&moment);
	the.running[cpu->id] = moment;
	if (next && next->wakeup_at_ns && next->stats && moment.at_ns >= the.count_from_ns)
		consider(next, WORST_WAKEUP, next->wakeup_at_ns - the.found.began_ns, 0);
}

static void record_about(enum moment_kind kind, const struct task *t, uint64_t at_ns)
{
	struct moment moment = {
		.at_ns = at_ns,
		.kind = (uint8_t)kind,
		.cpu = (uint16_t)t->cpu,
		.pid = t->p.pid,
		.group = group_of(t),
		.prev_group = HIGHLIGHTS_NO_GROUP,
	};

	record(&moment);
}

/* The task may run already, and has forgotten when it was woken. */
static void on_wake(const struct task *t)
{
	record_about(MOMENT_WOKEN, t,
		     t->wakeup_at_ns ? t->wakeup_at_ns - the.found.began_ns : now());
}

static void on_submit(const void *record, size_t size)
{
	const struct rl_task *asked = record;
	const struct task *t = size == sizeof(*asked) ? task_by_pid(asked->pid) : NULL;

	if (t && !(asked->flags & RL_TASK_NOTICE))
		record_about(MOMENT_REQUEST, t, now());
}

static void on_move(const struct task *t, const void *decision)
{
	if (decision)
		record_about(MOMENT_DECISION, t, now());
}

static const struct sim_observer observer = {
	.switched = on_switch,
	.woken = on_wake,
	.submitted = on_submit,
	.moved = on_move,
};

/* ---- Frames --------------------------------------------------------------------------------- */

static void merge_bars(struct frame_series *s)
{
	for (uint32_t i = 0; i < s->nr_bars / 2; i++) {
		const struct frame_bar *a = &s->bars[2 * i], *b = a + 1;

		s->bars[i] = (struct frame_bar){
			.from_ns = a->from_ns < b->from_ns ? a->from_ns : b->from_ns,
			.worst_ns = a->worst_ns > b->worst_ns ? a->worst_ns : b->worst_ns,
			.frames = a->frames + b->frames,
			.late = a->late + b->late,
		};
	}
	s->nr_bars /= 2;
	s->frames_per_bar *= 2;
}

static void add_frame(struct frame_series *s, uint64_t due_ns, uint64_t took_ns, uint64_t period_ns)
{
	struct frame_bar *bar = s->nr_bars ? &s->bars[s->nr_bars - 1] : NULL;

	if (!s->period_min_ns || period_ns < s->period_min_ns)
		s->period_min_ns = period_ns;
	if (period_ns > s->period_max_ns)
		s->period_max_ns = period_ns;
	if (!bar || bar->frames >= s->frames_per_bar) {
		if (s->nr_bars == HIGHLIGHTS_BARS)
			merge_bars(s);
		bar = &s->bars[s->nr_bars++];
		*bar = (struct frame_bar){.from_ns = due_ns};
	}
	bar->frames++;
	bar->late += took_ns >= period_ns;
	if (took_ns > bar->worst_ns)
		bar->worst_ns = took_ns;
	/* Of two tasks the one whose frame was due later may be done first. */
	if (due_ns < bar->from_ns)
		bar->from_ns = due_ns;
}

void highlights_frame(const struct task *t, uint64_t due_ns, uint64_t period_ns)
{
	struct frame_series **series;

	if (!the.is_on)
		return;
	due_ns -= the.found.began_ns;
	consider(t, WORST_FRAME, due_ns, period_ns);
	if (t->stats->index >= HIGHLIGHTS_GROUPS)
		return;
	series = &the.found.series[t->stats->index];
	if (!*series) {
		*series = calloc(1, sizeof(**series));
		if (!*series)
			abort();
		(*series)->frames_per_bar = 1;
	}
	add_frame(*series, due_ns, now() - due_ns, period_ns);
}

/* ---- The whole ------------------------------------------------------------------------------ */

int highlights_start(uint64_t settle_ns)
{
	uint32_t cpus = machine.topology.nr_cpus;
	struct highlights *h = &the.found;

	the.count_from_ns = settle_ns;
	the.ring_size = RING_BASE + cpus * RING_PER_CPU;
	the.ring = calloc(the.ring_size, sizeof(*the.ring));
	the.running = calloc(cpus, sizeof(*the.running));
	h->moments = calloc(the.ring_size, sizeof(*h->moments));
	h->last = calloc(cpus, sizeof(*h->last));
	if (!the.ring || !the.running || !h->moments || !h->last) {
		free(the.ring);
		free(the.running);
		free(h->moments);
		free(h->last);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < cpus; i++)
		the.running[i].group = HIGHLIGHTS_NO_GROUP;
	h->began_ns = machine.now_ns;
	the.is_on = true;
	machine_observe(&observer);
	return 0;
}

const struct highlights *highlights_finish(void)
{
	struct highlights *h = &the.found;

	if (!the.is_on)
		return NULL;
	if (machine.failed) {
		the.is_pending = true;
		h->worst = WORST_END;
		h->pid = -1;
		h->group = HIGHLIGHTS_NO_GROUP;
		h->from_ns = h->to_ns = h->window_to_ns = now();
		h->window_from_ns = now() > WINDOW_END_NS ? now() - WINDOW_END_NS : 0;
	}
	if (the.is_pending) {
		if (h->window_to_ns > now())
			h->window_to_ns = now();
		take_window();
	}
	return h;
}
