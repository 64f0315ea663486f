// SPDX-License-Identifier: GPL-2.0-only
/*
 * A game in miniature: wakes up at a fixed rate, does a fixed amount of work, sleeps until the next
 * frame is due; and measures what the scheduler did to it.
 *
 * The figures:
 *   late start  from the moment a frame was due to start until it had started; what the timer itself
 *            was late is in it, which under an emulator is most of it
 *   wakeup   from the moment the kernel had made the task runnable until it had a CPU: the
 *            scheduler's part, from the kernel's own account (run_delay of /proc/self/schedstat)
 *   frame    from the moment it was due to start until it was done
 *   missed   starts that passed while an earlier frame was still being worked on. Like a display, the
 *            loop then goes on with the next start that lies ahead, so every wakeup that is measured
 *            came after a sleep, and one long stall counts all the frames it cost
 *   late     frames that were done more than 20 ms after they were due to start
 *   wait     the longest time it was ready to run and had no CPU: at a wakeup, or in the middle of its
 *            work, where it is seen as a piece of work that took longer than the fastest one
 *
 * It must never do anything inside a frame but work and read the clock.
 */
#include "bench/bench.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Pieces of work in one frame; each ends with a look at the clock. */
#define NR_PIECES 64
#define LATE_NS	  (20 * 1000 * NSEC_PER_USEC)

struct options {
	struct bench_window_args window;
	uint64_t period_ns;
	uint64_t phase_ns;
	uint64_t work_ns;
	uint64_t work_iterations;
	uint64_t frames;
	uint64_t live_fd; /* UINT64_MAX: none */
	bool samples;
};

struct results {
	struct bench_samples wakeup;
	struct bench_samples start;
	struct bench_samples frame;
	uint64_t missed;
	uint64_t late;
	uint64_t piece_min;
	uint64_t piece_max;
	uint64_t piece_max_start;
	uint64_t wakeup_max;
	uint64_t wakeup_max_due;
};

static void usage(FILE *file)
{
	fputs("usage: frame-loop [OPTION]...\n"
	      "Runs a frame loop, measures it, and writes one JSON object.\n\n",
	      file);
	fputs(BENCH_WINDOW_HELP, file);
	fputs("  --frames N           measure for N periods instead of --seconds\n"
	      "  --period-us N        time between frames (default 16667: 60 Hz)\n"
	      "  --phase-us N         start every frame N us later within the window\n"
	      "  --work-iterations N  work in one frame; the same number is the same work\n"
	      "  --work-us N          or: as much as takes N us here, now (default 2200)\n"
	      "  --samples            write every sample too, in order\n"
	      "  --live-fd N          keep counting in the page behind this descriptor\n"
	      "  --help\n",
	      file);
}

static void parse(struct options *options, int argc, char **argv)
{
	const struct bench_option names[] = {
		BENCH_NUMBER("frames", &options->frames, 1, 10000000),
		BENCH_USEC("period-us", &options->period_ns, 100, 10000000),
		BENCH_USEC("phase-us", &options->phase_ns, 0, 10000000),
		BENCH_NUMBER("work-iterations", &options->work_iterations, 1, INT64_MAX),
		BENCH_USEC("work-us", &options->work_ns, 1, 10000000),
		BENCH_FLAG("samples", &options->samples),
		BENCH_NUMBER("live-fd", &options->live_fd, 0, INT32_MAX),
		{0},
	};

	bench_parse(argc, argv, "frame-loop", usage, names, &options->window);
}

/*
 * Nanoseconds this task has been runnable without a CPU since it exists. The difference over a
 * sleep is the latency of the wakeup that ended it.
 */
static uint64_t run_delay_ns(int schedstat_fd)
{
	unsigned long long delay_ns;
	char text[128];
	ssize_t len = pread(schedstat_fd, text, sizeof(text) - 1, 0);

	if (len <= 0)
		bench_die("cannot read /proc/self/schedstat");
	text[len] = '\0';
	if (sscanf(text, "%*u %llu", &delay_ns) != 1)
		bench_die("cannot understand /proc/self/schedstat");
	return delay_ns;
}

/* Does one frame's work and returns the moment it was done. */
static uint64_t work(uint64_t iterations, uint64_t start, struct results *results)
{
	uint64_t done = start;

	for (unsigned int i = 0; i < NR_PIECES; i++) {
		uint64_t before = done, piece;

		bench_work(iterations / NR_PIECES);
		done = bench_now();
		piece = done - before;
		results->piece_min = MIN(results->piece_min, piece);
		if (piece > results->piece_max) {
			results->piece_max = piece;
			results->piece_max_start = before;
		}
	}
	return done;
}

static void loop(const struct options *options, const struct bench_window *window,
		 struct bench_live *live, struct results *results)
{
	uint64_t due = window->from + options->phase_ns, now = bench_now();
	int schedstat_fd = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
	struct results settling = {.piece_min = UINT64_MAX};

	/* Settle in step with the frames that will be measured. */
	if (due > now)
		due -= (due - now) / options->period_ns * options->period_ns;

	/* A frame counts when its whole period lies in the window: at the end others are killed. */
	while (due + options->period_ns <= window->until) {
		bool measured = due >= window->from;
		uint64_t start, done, missed, delay_ns;

		delay_ns = run_delay_ns(schedstat_fd);
		bench_sleep_until(due);
		start = bench_now();
		/*
		 * It may also have been preempted between the account and its sleep; but then it
		 * was not woken up, and a wakeup never takes longer than the start was late.
		 */
		delay_ns = MIN(run_delay_ns(schedstat_fd) - delay_ns, start - due);
		done = work(options->work_iterations, start, measured ? results : &settling);
		missed = (done - due) / options->period_ns;
		if (measured) {
			bench_samples_add(&results->wakeup, delay_ns);
			bench_samples_add(&results->start, start - due);
			bench_samples_add(&results->frame, done - due);
			if (delay_ns > results->wakeup_max) {
				results->wakeup_max = delay_ns;
				results->wakeup_max_due = due;
			}
			results->missed += missed;
			results->late += done - due > LATE_NS;
			atomic_store_explicit(&live->nr_frames, results->wakeup.nr,
					      memory_order_relaxed);
			atomic_store_explicit(&live->nr_missed, results->missed,
					      memory_order_relaxed);
			atomic_store_explicit(&live->worst_wakeup_ns, results->wakeup_max,
					      memory_order_relaxed);
		}
		due += (missed + 1) * options->period_ns;
	}
	close(schedstat_fd);
}

static void report(const struct options *options, const struct results *results, uint64_t from)
{
	struct bench_json json;
	uint64_t wait = results->piece_max - MIN(results->piece_min, results->piece_max);
	uint64_t wait_start = results->piece_max_start;

	if (results->wakeup_max > wait) {
		wait = results->wakeup_max;
		wait_start = results->wakeup_max_due;
	}

	bench_json_open(&json, stdout);
	bench_json_us(&json, "period_us", options->period_ns);
	bench_json_us(&json, "phase_us", options->phase_ns);
	bench_json_u64(&json, "work_iterations", options->work_iterations);
	bench_json_u64(&json, "frames", results->wakeup.nr);
	bench_json_u64(&json, "missed", results->missed);
	bench_json_u64(&json, "late", results->late);
	bench_json_us(&json, "longest_wait_us", wait);
	bench_json_us(&json, "longest_wait_at_us", wait_start > from ? wait_start - from : 0);
	bench_json_percentiles(&json, "wakeup_us", &results->wakeup);
	bench_json_percentiles(&json, "start_us", &results->start);
	bench_json_percentiles(&json, "frame_us", &results->frame);
	if (options->samples) {
		bench_json_samples(&json, "wakeup_samples_us", &results->wakeup);
		bench_json_samples(&json, "frame_samples_us", &results->frame);
	}
	bench_json_close(&json);
}

int main(int argc, char **argv)
{
	struct options options = {
		.window = BENCH_WINDOW_DEFAULT,
		.period_ns = 16667 * NSEC_PER_USEC,
		.work_ns = 2200 * NSEC_PER_USEC,
		.live_fd = UINT64_MAX,
	};
	struct results results = {.piece_min = UINT64_MAX};
	struct bench_window window;
	struct bench_live *live;
	size_t most;

	parse(&options, argc, argv);
	if (!options.work_iterations)
		options.work_iterations = bench_calibrate(options.work_ns);

	window = bench_window_resolve(&options.window);
	if (options.frames)
		window.until = window.from + options.phase_ns + options.frames * options.period_ns;

	most = (window.until - window.from) / options.period_ns + 1;
	bench_samples_init(&results.wakeup, most);
	bench_samples_init(&results.start, most);
	bench_samples_init(&results.frame, most);
	live = options.live_fd == UINT64_MAX ? bench_alloc(sizeof(*live))
					     : bench_live_map((int)options.live_fd);
	bench_lock_memory();

	loop(&options, &window, live, &results);
	report(&options, &results, window.from);
	return 0;
}
