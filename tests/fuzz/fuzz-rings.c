/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Both ring buffers, the loop between them and the default policy. The input is what the kernel's side
 * does: bytes become records of waiting tasks, some too short, and say when the ring of decisions
 * is full. Every task is answered exactly once, with what the kernel asked to be echoed, a slice in its
 * range and no more standing decisions than there may be.
 *
 * The fields of a record are kept within what bpf/ writes, and the times within 13 days of each other;
 * everything else is the input's choice. libbpf's side of the rings is played here: it needs a
 * kernel.
 *
 * Covers: src/lib/rings.c src/lib/loop.c src/policy/rustland.c
 */
#include <errno.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#include <bpf/libbpf.h>

#include "lib/internal.h"
#include "policy/policy.h"

#define SLICE_NS      20000000
#define SLICE_MIN_NS  1000000
#define REQUESTS_MAX  4096
#define BATCH_RECORDS 8 /* taken at a time */

static const uint8_t *input;
static size_t input_left;
static ring_buffer_sample_fn queued;
static void *queued_context;
static struct rl_shared shared;
static struct rl_exit_record exit_record;
static struct rl_decision slot;
static struct rl_task asked[REQUESTS_MAX];
static bool answered[REQUESTS_MAX];
static uint64_t nr_asked, nr_answered, now_ns;
static unsigned int nr_refused; /* so many decisions in a row find the ring full */

/* ---- libbpf's side -------------------------------------------------------------------------- */

struct ring_buffer *ring_buffer__new(int fd, ring_buffer_sample_fn fn, void *context,
				     const struct ring_buffer_opts *opts)
{
	(void)opts;
	queued = fn;
	queued_context = context;
	errno = EBADF;
	return fd < 0 ? NULL : (struct ring_buffer *)&queued;
}

struct ring *ring_buffer__ring(struct ring_buffer *rb, unsigned int index)
{
	(void)index;
	return (struct ring *)rb;
}

void ring_buffer__free(struct ring_buffer *rb)
{
	(void)rb;
}

struct user_ring_buffer *user_ring_buffer__new(int fd, const struct user_ring_buffer_opts *opts)
{
	(void)opts;
	errno = EBADF;
	return fd < 0 ? NULL : (struct user_ring_buffer *)&slot;
}

void user_ring_buffer__free(struct user_ring_buffer *rb)
{
	(void)rb;
}

static uint8_t take_byte(void)
{
	if (!input_left)
		return 0;
	input_left--;
	return *input++;
}

static uint64_t take_number(unsigned int bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | take_byte();
	return value;
}

/* Up to 2^shift nanoseconds; small numbers are as likely as large ones. */
static uint64_t take_time(unsigned int shift)
{
	return take_number(2) << take_byte() % (shift - 15);
}

static void make_task(struct rl_task *task)
{
	uint64_t request = nr_asked + 1;

	/* Requests of different CPUs come a little out of order. */
	now_ns += take_time(40);
	*task = (struct rl_task){
		.pid = (int32_t)take_number(2) + 1,
		.cpu = take_byte() % 8,
		.flags = take_byte() & 0x3f,
		.weight = 1 + take_number(2) % 10000,
		.boost_class = take_byte() % 3,
		.nr_cpus_allowed = 1 + take_byte() % 8,
		.nr_waiting = (uint32_t)take_number(2),
		.enqueued_at_ns = now_ns - (take_byte() & 1) * 1000,
		.runtime_ns = take_time(50),
		.burst_ns = take_time(50),
		.slept_ns = take_time(60),
		.last_burst_ns = take_time(50),
		.frontier = take_number(8),
		.request = request,
		.generation = (uint32_t)take_number(2),
	};
	if (!(task->flags & RL_TASK_NEW))
		for (int i = 0; i < RL_STATE_WORDS; i++)
			task->state[i] = take_number(8);
	asked[nr_asked++] = *task;
	nr_refused = take_byte() % 4 == 3 ? take_byte() % 4 : 0;
}

int ring__consume_n(struct ring *ring, size_t n)
{
	struct rl_task task;
	size_t count = 0;

	(void)ring;
	for (; count < n && count < BATCH_RECORDS && input_left && nr_asked < REQUESTS_MAX;
	     count++) {
		if (take_byte() == 0xff) {
			shared.asked = nr_asked;
			require(queued(queued_context, &task, sizeof(task) - 1) == 0);
			continue;
		}
		make_task(&task);
		require(queued(queued_context, &task, sizeof(task)) == 0);
	}
	return (int)count;
}

void *user_ring_buffer__reserve(struct user_ring_buffer *rb, uint32_t size)
{
	(void)rb;
	require(size == sizeof(slot));
	if (!nr_refused)
		return &slot;
	nr_refused--;
	return NULL;
}

void user_ring_buffer__submit(struct user_ring_buffer *rb, void *sample)
{
	const struct rl_decision *d = sample;
	const struct rl_task *task;

	(void)rb;
	require(d->request >= 1 && d->request <= nr_asked && !answered[d->request - 1]);
	answered[d->request - 1] = true;
	nr_answered++;
	task = &asked[d->request - 1];
	require(d->pid == task->pid && d->generation == task->generation);
	require(d->cpu == RL_CPU_ANY || d->cpu == task->cpu);
	require(d->slice_ns >= SLICE_MIN_NS && d->slice_ns <= SLICE_NS);
	require(d->standing <= RL_STANDING_MAX);
	require(!(task->flags & RL_TASK_NOTICE) == !(d->flags & RL_DECISION_NOTICE));
}

/* On a busy machine it would cost a time slice for each round. */
int sched_yield(void)
{
	return 0;
}

bool rl_exit_is_recorded(const struct rl *rl)
{
	/* The kernel ends the scheduler when it has nothing more to say and all is answered. */
	return rl->exit_record->kind || (!input_left && nr_answered == nr_asked);
}

/* ---- Other policies than the default one ----------------------------------------------------- */

static uint64_t ticks;

static void tick(void *state, uint64_t now)
{
	(void)state;
	require(now >= UINT64_C(1) << 39);
	ticks++;
}

/* The library keeps what found no place, and there is something to do every second. */
static struct rl_policy without_undo(void)
{
	struct rl_policy policy = rl_policy_rustland;

	policy.undo = NULL;
	policy.tick = tick;
	return policy;
}

/* A policy's own loop, as the manual has it. */
static void run_by_hand(struct rl *rl)
{
	struct rl_decision decision;
	struct rl_task task;

	while (!rl_exited(rl)) {
		int n = rl_take(rl, &task);

		require(n >= 0 && n <= 1);
		if (n && rl->taken > nr_answered) {
			decision = rl_decide_for(&task);
			decision.slice_ns = SLICE_NS;
			while (rl_decide(rl, &decision) == -EAGAIN)
				rl_wait(rl);
		}
		rl_complete(rl, 0);
		rl_wait(rl);
	}
}

/* What it has to refuse, once. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct rl_policy_config config = {.sz = 1}, none = {.sz = sizeof(none)};
	struct rl_policy policy = {.version = RL_POLICY_VERSION + 1, .sz = sizeof(policy)};
	struct rl rl = {.backend = &rl_backend_bpf, .shared = &shared, .exit_record = &exit_record};

	(void)argc, (void)argv;
	require(rl_rings_open(&rl, -1, 0) < 0 && rl_rings_open(&rl, 0, -1) < 0);
	require(rl_run(&rl, &rl_policy_rustland, NULL) == -EINVAL);
	require(rl_run(&rl, &rl_policy_rustland, &config) == -EINVAL);
	require(rl_run(&rl, &rl_policy_rustland, &none) == -EINVAL);
	none.nr_cpus = 1;
	none.slice_ns = none.slice_min_ns = SLICE_NS;
	require(rl_run(&rl, &policy, &none) == -EINVAL);
	rl.stop_fd = -1;
	rl_stop(&rl);
	require(rl.stop && shared.heartbeat_due);
	return 0;
}

/* ---- The input ------------------------------------------------------------------------------ */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rl_policy_config config = {
		.sz = sizeof(config),
		.nr_cpus = 8,
		.slice_ns = SLICE_NS,
		.slice_min_ns = SLICE_MIN_NS,
	};
	struct rl rl = {.backend = &rl_backend_bpf, .shared = &shared, .exit_record = &exit_record};
	struct rl_policy other = without_undo();
	uint8_t mode;

	input = data;
	input_left = size;
	shared = (struct rl_shared){0};
	nr_asked = nr_answered = nr_refused = 0;
	memset(answered, 0, sizeof(answered));
	now_ns = UINT64_C(1) << 40;
	mode = take_byte();
	config.percpu_local = mode & 1;
	rl.stop_fd = eventfd(1, EFD_CLOEXEC); /* so that a wait for it ends at once */
	require(rl.stop_fd >= 0 && rl_rings_open(&rl, 0, 0) == 0);
	if ((mode & 6) == 6)
		run_by_hand(&rl);
	else
		require(rl_run(&rl, mode & 2 ? &other : &rl_policy_rustland, &config) == 0);
	require(nr_answered == nr_asked && rl.decided == nr_asked && rl.taken == nr_asked);
	require(!shared.held && shared.submitted == nr_asked);
	rl_rings_close(&rl);
	close(rl.stop_fd);
	return 0;
}
