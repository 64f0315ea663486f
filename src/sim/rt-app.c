/* SPDX-License-Identifier: GPL-2.0-only */
/* See rt-app.h. A task goes through the list of operations that rt-app-file.c has made. This file must never read. */
#include "sim/rt-app.h"

#include "sim/invariants.h"
#include "sim/kernel/random.h"
#include "sim/rt-app-file.h"

/* Where a task is in its program. */
struct thread {
	struct program *program;
	uint32_t phase, op;
	int64_t phase_loops, loops; /* left; below 0: for ever */
	uint64_t timer_ns;	    /* when its own timer is due next; 0: not started */
	uint64_t frame_ns;	    /* when the frame that it works on was due; 0: none */
	uint32_t nr_locked;	    /* mutexes that it owns */
	bool has_started, has_joined, has_ended;
	bool sleeps; /* until frame_ns */
};

static uint64_t began_ns; /* the first task */

static uint64_t now(void)
{
	return machine_now(&machine);
}

static void wake(struct action *ret, struct task *t)
{
	*ret = (struct action){.kind = ACT_WAKE, .target = t};
}

static void block(struct action *ret, struct object *object, struct task *t)
{
	g_queue_push_tail(&object->waiting, t);
	*ret = (struct action){.kind = ACT_BLOCK};
}

static void own_mutex(struct object *mutex, struct task *t)
{
	struct thread *thread = t->own.more;

	mutex->owner = t;
	thread->nr_locked++;
}

/*
 * The mutex is t's, or t waits for it. True: t has it. Of what POSIX leaves open, or what would never end, nothing is
 * guessed: the run ends.
 */
static bool take_mutex(struct task *t, struct object *mutex, struct action *ret)
{
	if (!mutex->owner && !mutex->is_left) {
		own_mutex(mutex, t);
		return true;
	}
	if (mutex->is_left)
		invariants_end("%s waits for the mutex %s for ever: its owner has exited without "
			       "unlocking it",
			       t->p.comm, mutex->name);
	else if (mutex->owner == t)
		invariants_end("%s waits for the mutex %s for ever: it has locked it itself",
			       t->p.comm, mutex->name);
	block(ret, mutex, t);
	return false;
}

/* It goes to the first that waits for it, who is woken. False: nobody waits. */
static bool give_mutex(struct task *t, const char *event, struct object *mutex, struct action *ret)
{
	struct thread *thread = t->own.more;
	struct task *next;

	if (mutex->owner != t) {
		invariants_end("%s has not locked the mutex %s that it wants to %s", t->p.comm,
			       mutex->name, event);
		*ret = (struct action){.kind = ACT_BLOCK};
		return true;
	}
	thread->nr_locked--;
	mutex->owner = NULL;
	next = g_queue_pop_head(&mutex->waiting);
	if (!next)
		return false;
	own_mutex(mutex, next);
	wake(ret, next);
	return true;
}

/* The task exits, and nobody can unlock what it has locked. */
static void leave_mutexes(struct task *t)
{
	const struct thread *thread = t->own.more;

	for (guint i = 0; thread->nr_locked && i < rt_app_file.objects->len; i++) {
		struct object *mutex = g_ptr_array_index(rt_app_file.objects, i);

		if (mutex->owner != t)
			continue;
		mutex->owner = NULL;
		mutex->is_left = true;
		if (!g_queue_is_empty(&mutex->waiting))
			invariants_end("%s exits without unlocking the mutex %s, for which others "
				       "wait",
				       t->p.comm, mutex->name);
	}
}

/*
 * When the timer is due next, as rt-app has it: a grid if absolute, else a period from when it was late. All grids
 * begin with the run, those of tasks that wait at first so much later.
 */
static uint64_t next_due(const struct thread *thread, const struct op *op, uint64_t *timer)
{
	if (!*timer)
		*timer = began_ns + thread->program->delay_ns;
	*timer += op->ns;
	if (!op->is_absolute && (int64_t)(*timer - now()) < 0)
		*timer = now();
	return *timer;
}

static void end_frame(struct task *t, struct thread *thread, const struct op *op)
{
	if (thread->frame_ns)
		task_stats_frame(t, thread->frame_ns, op->ns);
}

static struct task *thread_new(struct program *program);

/* Do one operation. True: *ret says what; false: it was nothing, or done at once. */
static bool operate(struct task *t, struct thread *thread, const struct op *op, struct action *ret)
{
	uint64_t *timer;

	switch (op->kind) {
	case OP_RUN:
		*ret = (struct action){.kind = ACT_RUN, .ns = op->ns ? op->ns : 1};
		return true;
	case OP_SLEEP:
		*ret = (struct action){.kind = ACT_SLEEP, .ns = op->ns};
		return true;
	case OP_TIMER:
		end_frame(t, thread, op);
		timer = op->is_unique ? &thread->timer_ns : &op->object->next_ns;
		thread->frame_ns = next_due(thread, op, timer);
		thread->sleeps = thread->frame_ns > now();
		*ret = (struct action){.kind = ACT_SLEEP_UNTIL, .ns = thread->frame_ns};
		return true;
	case OP_UNLOCK:
		return give_mutex(t, "unlock", op->object, ret);
	case OP_SIGNAL:
		if (g_queue_is_empty(&op->object->waiting))
			return false;
		wake(ret, g_queue_pop_head(&op->object->waiting));
		return true;
	case OP_SUSPEND:
		block(ret, op->object, t);
		return true;
	case OP_YIELD:
		*ret = (struct action){.kind = ACT_YIELD};
		return true;
	case OP_FORK:
		if (machine.nr_tasks > TASKS_MAX) {
			invariants_end("%s forks, and there are %d tasks already", t->p.comm,
				       TASKS_MAX);
			*ret = (struct action){.kind = ACT_BLOCK};
			return true;
		}
		*ret = (struct action){.kind = ACT_FORK, .target = thread_new(op->child)};
		return true;
	default: /* those of several steps, see run_op() */
		return false;
	}
}

/*
 * The own.left that waited as the operation began, not those who have come back meanwhile. Another task may have
 * woken some of them since then.
 */
static bool wake_those(struct task *t, struct object *object, struct action *ret, bool *ret_again)
{
	*ret_again = t->own.left > 0 && !g_queue_is_empty(&object->waiting);
	if (*ret_again) {
		t->own.left--;
		wake(ret, g_queue_pop_head(&object->waiting));
	} else {
		t->own.step = 0;
	}
	return *ret_again;
}

/*
 * An operation that takes several actions is gone through again until it says that it is done; own.step counts.
 * True: it goes on after *ret.
 */
static bool run_op(struct task *t, struct thread *thread, const struct op *op, struct action *ret,
		   bool *ret_again)
{
	*ret_again = false;
	switch (op->kind) {
	case OP_LOCK:
		if (t->own.step) { /* it was waited for, and is the task's now */
			t->own.step = 0;
			return false;
		}
		if (take_mutex(t, op->object, ret))
			return false;
		t->own.step = 1;
		*ret_again = true;
		return true;
	case OP_WAIT:
		switch (t->own.step++) {
		case 0: /* wait in line, and let go of the mutex */
			g_queue_push_tail(&op->object->waiting, t);
			*ret_again = true;
			return give_mutex(t, "wait with", op->mutex, ret);
		case 1:
			*ret_again = true;
			*ret = (struct action){.kind = ACT_BLOCK};
			return true;
		case 2:
			*ret_again = true;
			return !take_mutex(t, op->mutex, ret);
		default:
			t->own.step = 0;
			return false;
		}
	case OP_RESUME: /* is lost where nobody is suspended */
	case OP_BROADCAST:
		if (!t->own.step) {
			t->own.step = 1;
			t->own.left = op->object->waiting.length;
		}
		return wake_those(t, op->object, ret, ret_again);
	case OP_BARRIER:
		/* The last one wakes all others. */
		if (!t->own.step) {
			t->own.left = op->object->waiting.length;
			if (t->own.left + 1 < op->object->nr_users) {
				block(ret, op->object, t);
				return true;
			}
			t->own.step = 1;
		}
		return wake_those(t, op->object, ret, ret_again);
	default:
		return operate(t, thread, op, ret);
	}
}

/* A task that is new goes where it belongs, and one that begins a phase where that belongs. */
static bool join_group(const struct task *t, struct thread *thread, struct action *ret)
{
	const struct phase *phase = g_ptr_array_index(thread->program->phases, thread->phase);
	struct control_group *tg = thread->op ? NULL : phase->tg;

	if (!tg && !thread->has_joined)
		tg = thread->program->tg;
	thread->has_joined = true;
	*ret = (struct action){.kind = ACT_JOIN, .group = tg};
	return tg && tg != task_cgroup(t);
}

/* The operation is done: the next one of the phase, of the next loop, or of the next phase. False: the end. */
static bool advance(struct thread *thread)
{
	const struct program *program = thread->program;
	const struct phase *phase = g_ptr_array_index(program->phases, thread->phase);

	if (++thread->op < phase->ops->len)
		return true;
	thread->op = 0;
	if (thread->phase_loops < 0 || --thread->phase_loops > 0)
		return true;
	if (++thread->phase == program->phases->len) {
		thread->phase = 0;
		if (thread->loops >= 0 && --thread->loops <= 0)
			return false;
	}
	phase = g_ptr_array_index(program->phases, thread->phase);
	thread->phase_loops = phase->loops;
	return true;
}

static void end(struct task *t, struct action *ret)
{
	leave_mutexes(t);
	g_free(t->own.more);
	t->own.more = NULL;
	*ret = (struct action){.kind = ACT_EXIT};
}

static void behave(struct task *t, struct action *ret)
{
	struct thread *thread = t->own.more;
	bool goes_on, again;

	if (thread->sleeps) {
		task_stats_timer(t, thread->frame_ns);
		thread->sleeps = false;
	}
	if (thread->has_ended) {
		end(t, ret);
		return;
	}
	if (!thread->has_started) {
		thread->has_started = true;
		if (!began_ns)
			began_ns = now();
		if (thread->program->delay_ns) {
			*ret = (struct action){.kind = ACT_SLEEP_UNTIL,
					       .ns = began_ns + thread->program->delay_ns};
			return;
		}
	}
	if (join_group(t, thread, ret))
		return;
	/* A program of nothing but free operations would never come to an end here. */
	for (int i = 0; i < 1000; i++) {
		const struct phase *phase =
			g_ptr_array_index(thread->program->phases, thread->phase);
		const struct op *op = &g_array_index(phase->ops, struct op, thread->op);

		goes_on = run_op(t, thread, op, ret, &again);
		if (!again && !advance(thread)) {
			thread->has_ended = true;
			if (!goes_on)
				end(t, ret);
			return;
		}
		if (goes_on)
			return;
	}
	*ret = (struct action){.kind = ACT_RUN, .ns = USEC};
}

static struct task *thread_new(struct program *program)
{
	struct thread *thread = g_new0(struct thread, 1);
	const struct phase *first = g_ptr_array_index(program->phases, 0);
	struct task *t;

	if (!program->stats)
		program->stats = task_stats_new(program->name);
	program->stats->nr_tasks++;
	thread->program = program;
	thread->loops = program->loops;
	thread->phase_loops = first->loops;
	t = task_new(program->name, behave, program->stats);
	t->own.more = thread;
	task_set_params(t, &program->params);
	if (program->has_cpus)
		task_set_allowed(t, &program->cpus);
	return t;
}

/* How many tasks come to each barrier. */
static void count_users(struct program *program)
{
	for (guint i = 0; i < program->phases->len; i++) {
		const struct phase *phase = g_ptr_array_index(program->phases, i);

		for (guint k = 0; k < phase->ops->len; k++) {
			const struct op *op = &g_array_index(phase->ops, struct op, k);

			if (op->kind == OP_BARRIER)
				op->object->nr_users += program->instances;
		}
	}
}

/* All of them before the machine runs. */
static void make_groups(void)
{
	for (guint i = 0; i < rt_app_file.programs->len; i++) {
		struct program *program = g_ptr_array_index(rt_app_file.programs, i);

		program->tg = program->group ? cgroup_at(program->group) : NULL;
		for (guint k = 0; k < program->phases->len; k++) {
			struct phase *phase = g_ptr_array_index(program->phases, k);

			phase->tg = phase->group ? cgroup_at(phase->group) : NULL;
		}
	}
	for (guint i = 0; i < rt_app_file.groups->len; i++) {
		const struct group *group = &g_array_index(rt_app_file.groups, struct group, i);
		struct control_group *tg = cgroup_at(group->path);

		cgroup_set_weight(tg, group->weight ? (u32)group->weight : CGROUP_WEIGHT_DEFAULT);
		cgroup_set_idle(tg, group->idle);
		cgroup_set_max(tg, &group->max);
	}
}

void rt_app_start(void)
{
	make_groups();
	for (guint i = 0; i < rt_app_file.programs->len; i++)
		count_users(g_ptr_array_index(rt_app_file.programs, i));
	for (guint i = 0; i < rt_app_file.programs->len; i++) {
		struct program *program = g_ptr_array_index(rt_app_file.programs, i);

		for (uint32_t k = 0; k < program->instances; k++)
			task_start(thread_new(program),
				   (s32)random_below(&machine.random, machine.topology.nr_cpus));
	}
}
