/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the load and measuring programs share: clock, fixed work, exact percentiles, JSON.
 *
 * All of them measure the same way. They run from the moment they start, and count only what
 * happens between two moments of CLOCK_MONOTONIC, the window; bench-run gives the same window to
 * all of them. Work is a number of iterations, never a time, so that two schedulers are given the
 * same work.
 *
 * Nothing here may allocate, print or fault inside the window: memory comes from bench_alloc(),
 * which touches it, and bench_lock_memory() pins it.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NSEC_PER_SEC  1000000000ULL
#define NSEC_PER_USEC 1000ULL

#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))

/* ---- Command lines -------------------------------------------------------------------------- */

/* The name of the program, for messages; the first thing main() sets. */
extern const char *bench_name;

void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* A decimal number in [min, max]; anything else ends the program with status 2. */
uint64_t bench_number(const char *option, const char *text, uint64_t min, uint64_t max);

/* ---- Time ----------------------------------------------------------------------------------- */

uint64_t bench_now(void);
void bench_sleep_until(uint64_t ns);

struct bench_window {
	uint64_t from;
	uint64_t until;
};

struct bench_window_args {
	struct bench_window window; /* what is 0 of it follows from the seconds */
	uint64_t settle_seconds;
	uint64_t seconds;
};

#define BENCH_WINDOW_DEFAULT {.settle_seconds = 2, .seconds = 10}

#define BENCH_WINDOW_HELP                                                                          \
	"  --seconds N          measure for N seconds (default 10)\n"                              \
	"  --settle-seconds N   run N seconds before measuring (default 2)\n"                      \
	"  --from-ns T, --until-ns T   measure between these moments of CLOCK_MONOTONIC instead\n"

struct bench_window bench_window_resolve(const struct bench_window_args *args);

/* ---- Options -------------------------------------------------------------------------------- */

/* One of the pointers says what it takes: a number, a text, or nothing. */
struct bench_option {
	const char *name;
	uint64_t *number;
	uint64_t min, max;
	uint64_t unit; /* the number is multiplied by it; 0: 1 */
	const char **text;
	bool *flag;
};

#define BENCH_NUMBER(option, where, least, most)                                                   \
	{.name = (option), .number = (where), .min = (least), .max = (most)}
/* Given in microseconds, kept in nanoseconds. */
#define BENCH_USEC(option, where, least, most)                                                     \
	{.name = (option), .number = (where), .min = (least), .max = (most), .unit = NSEC_PER_USEC}
#define BENCH_TEXT(option, where) {.name = (option), .text = (where)}
#define BENCH_FLAG(option, where) {.name = (option), .flag = (where)}

/*
 * Reads the command line of a program; options ends with one that has no name. Those of the window
 * are understood unless window is NULL, and --help is. A mistake ends the program.
 */
void bench_parse(int argc, char **argv, const char *program, void (*usage)(FILE *file),
		 const struct bench_option *options, struct bench_window_args *window);

/* ---- Work ----------------------------------------------------------------------------------- */

/* Computes; takes a time proportional to the iterations and touches no memory. */
void bench_work(uint64_t iterations);

/*
 * How many iterations take about ns on this machine when nobody disturbs: the fastest of some
 * samples of about 2 ms.
 */
uint64_t bench_calibrate(uint64_t ns);

/* ---- Memory --------------------------------------------------------------------------------- */

/* Zeroed and touched memory that is shared with children; never fails and is never freed. */
void *bench_alloc(size_t size);

/* Pins all memory of this process, now and later. A user without the right to is warned once. */
void bench_lock_memory(void);

/* ---- Samples -------------------------------------------------------------------------------- */

struct bench_samples {
	uint64_t *ns;
	size_t nr;
	size_t size;
};

void bench_samples_init(struct bench_samples *samples, size_t size);

/* More than size samples are a mistake in the caller and end the program. */
void bench_samples_add(struct bench_samples *samples, uint64_t ns);

/* ---- JSON ----------------------------------------------------------------------------------- */

/* Writes one object; nesting is kept so that commas and indentation come out right. */
struct bench_json {
	FILE *file;
	unsigned int depth;
	bool first;
};

void bench_json_open(struct bench_json *json, FILE *file);
void bench_json_close(struct bench_json *json);
void bench_json_object(struct bench_json *json, const char *key);
void bench_json_array(struct bench_json *json, const char *key);
void bench_json_end(struct bench_json *json, char bracket);
void bench_json_u64(struct bench_json *json, const char *key, uint64_t value);
void bench_json_text(struct bench_json *json, const char *key, const char *value);
/* Nanoseconds, written as microseconds with one decimal. */
void bench_json_us(struct bench_json *json, const char *key, uint64_t ns);
/* Adds {"p50":, "p90":, "p99":, "p999":, "max":} in microseconds; the samples stay in order. */
void bench_json_percentiles(struct bench_json *json, const char *key,
			    const struct bench_samples *samples);
/* All samples in the order they came, in microseconds. */
void bench_json_samples(struct bench_json *json, const char *key,
			const struct bench_samples *samples);
/* Text that is JSON already. */
void bench_json_raw(struct bench_json *json, const char *key, const char *text);

/* ---- What is shown while it runs ------------------------------------------------------------ */

/*
 * A page shared between bench-run and frame-loop, so that watching costs the loop no system call.
 */
struct bench_live {
	_Atomic uint64_t nr_frames;
	_Atomic uint64_t nr_missed;
	_Atomic uint64_t worst_wakeup_ns;
};

struct bench_live *bench_live_map(int fd);

#endif /* BENCH_H */
