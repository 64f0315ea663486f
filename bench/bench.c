// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the load and measuring programs share; see bench.h. Nothing that runs inside a measuring
 * window may be added here if it allocates, prints or sleeps.
 */
#include "bench/bench.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

const char *bench_name = "bench";

void bench_die(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", bench_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

uint64_t bench_number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value < min || value > max) {
		fprintf(stderr, "%s: --%s takes a number from %llu to %llu, not '%s'\n", bench_name,
			option, (unsigned long long)min, (unsigned long long)max, text);
		exit(2);
	}
	return value;
}

uint64_t bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

void bench_sleep_until(uint64_t ns)
{
	struct timespec ts = {.tv_sec = (time_t)(ns / NSEC_PER_SEC),
			      .tv_nsec = (long)(ns % NSEC_PER_SEC)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

struct bench_window bench_window_resolve(const struct bench_window_args *args)
{
	struct bench_window window = args->window;

	if (!window.from)
		window.from = bench_now() + args->settle_seconds * NSEC_PER_SEC;
	if (!window.until)
		window.until = window.from + args->seconds * NSEC_PER_SEC;
	if (window.until <= window.from)
		bench_die("the window ends before it begins");
	return window;
}

#define MAX_OPTIONS 32

static void take(const struct bench_option *option, const char *text)
{
	if (option->flag)
		*option->flag = true;
	else if (option->text)
		*option->text = text;
	else
		*option->number = bench_number(option->name, text, option->min, option->max) *
				  MAX(option->unit, 1);
}

void bench_parse(int argc, char **argv, const char *program, void (*usage)(FILE *file),
		 const struct bench_option *options, struct bench_window_args *window)
{
	struct bench_window_args unused;
	struct bench_window_args *w = window ? window : &unused;
	const struct bench_option of_window[] = {
		BENCH_NUMBER("from-ns", &w->window.from, 1, INT64_MAX),
		BENCH_NUMBER("until-ns", &w->window.until, 1, INT64_MAX),
		BENCH_NUMBER("settle-seconds", &w->settle_seconds, 0, 3600),
		BENCH_NUMBER("seconds", &w->seconds, 1, 86400),
		{0},
	};
	const struct bench_option *const lists[] = {options, window ? of_window : NULL};
	const struct bench_option *all[MAX_OPTIONS];
	struct option longs[MAX_OPTIONS + 1] = {{"help", no_argument, NULL, 'h'}};
	int option, nr = 0;

	bench_name = program;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (const struct bench_option *o = lists[i]; o && o->name; o++) {
			if (nr == MAX_OPTIONS - 1)
				bench_die("too many options");
			longs[nr + 1] = (struct option){
				o->name, o->flag ? no_argument : required_argument, NULL, 256 + nr};
			all[nr++] = o;
		}
	}
	while ((option = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (option >= 256) {
			take(all[option - 256], optarg);
			continue;
		}
		usage(option == 'h' ? stdout : stderr);
		exit(option == 'h' ? 0 : 2);
	}
	if (optind != argc)
		bench_die("unexpected argument '%s'", argv[optind]);
}

/* Every iteration needs the result of the one before, so that no compiler or CPU can shorten it. */
void bench_work(uint64_t iterations)
{
	uint64_t x = iterations | 1;

	for (uint64_t i = 0; i < iterations; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	__asm__ volatile("" : : "r"(x));
}

uint64_t bench_calibrate(uint64_t ns)
{
	const uint64_t sample_ns = 2000 * NSEC_PER_USEC;
	uint64_t iterations = 1000, best = UINT64_MAX;

	/* Until one run is long against the cost of reading the clock ... */
	for (;;) {
		uint64_t start = bench_now();

		bench_work(iterations);
		if (bench_now() - start >= sample_ns)
			break;
		iterations *= 2;
	}
	/* ... then the fastest of some, because everything that disturbs makes a run longer. */
	for (int i = 0; i < 20; i++) {
		uint64_t start = bench_now(), took;

		bench_work(iterations);
		took = bench_now() - start;
		best = MIN(best, took);
	}
	return MAX((uint64_t)((double)iterations * (double)ns / (double)best), 1);
}

void *bench_alloc(size_t size)
{
	void *memory = mmap(NULL, MAX(size, 1), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		bench_die("no memory for %zu bytes: %s", size, strerror(errno));
	return memory;
}

void bench_lock_memory(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		fprintf(stderr, "%s: memory is not locked (%s); page faults may disturb\n",
			bench_name, strerror(errno));
}

void bench_samples_init(struct bench_samples *samples, size_t size)
{
	samples->ns = bench_alloc(size * sizeof(*samples->ns));
	samples->nr = 0;
	samples->size = size;
}

void bench_samples_add(struct bench_samples *samples, uint64_t ns)
{
	if (samples->nr == samples->size)
		bench_die("more than %zu samples", samples->size);
	samples->ns[samples->nr++] = ns;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void bench_json_open(struct bench_json *json, FILE *file)
{
	json->file = file;
	json->depth = 1;
	json->first = true;
	fputc('{', file);
}

void bench_json_close(struct bench_json *json)
{
	bench_json_end(json, '}');
	fputc('\n', json->file);
	if (fflush(json->file) || ferror(json->file))
		bench_die("cannot write the results: %s", strerror(errno));
}

static void json_key(struct bench_json *json, const char *key)
{
	fprintf(json->file, "%s\n%*s", json->first ? "" : ",", (int)json->depth * 2, "");
	if (key)
		fprintf(json->file, "\"%s\": ", key);
	json->first = false;
}

void bench_json_object(struct bench_json *json, const char *key)
{
	json_key(json, key);
	fputc('{', json->file);
	json->depth++;
	json->first = true;
}

void bench_json_array(struct bench_json *json, const char *key)
{
	json_key(json, key);
	fputc('[', json->file);
	json->depth++;
	json->first = true;
}

void bench_json_end(struct bench_json *json, char bracket)
{
	json->depth--;
	if (!json->first)
		fprintf(json->file, "\n%*s", (int)json->depth * 2, "");
	fputc(bracket, json->file);
	json->first = false;
}

void bench_json_u64(struct bench_json *json, const char *key, uint64_t value)
{
	json_key(json, key);
	fprintf(json->file, "%llu", (unsigned long long)value);
}

void bench_json_text(struct bench_json *json, const char *key, const char *value)
{
	json_key(json, key);
	fputc('"', json->file);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			fprintf(json->file, "\\%c", *value);
		else if ((unsigned char)*value < 0x20)
			fprintf(json->file, "\\u%04x", (unsigned char)*value);
		else
			fputc(*value, json->file);
	}
	fputc('"', json->file);
}

void bench_json_us(struct bench_json *json, const char *key, uint64_t ns)
{
	json_key(json, key);
	fprintf(json->file, "%.1f", (double)ns / NSEC_PER_USEC);
}

/* The smallest sample that at least permille of a thousand samples do not exceed. */
static uint64_t percentile(const struct bench_samples *sorted, unsigned int permille)
{
	if (!sorted->nr)
		return 0;
	return sorted->ns[(sorted->nr * permille + 999) / 1000 - 1];
}

void bench_json_percentiles(struct bench_json *json, const char *key,
			    const struct bench_samples *samples)
{
	struct bench_samples sorted;

	bench_samples_init(&sorted, samples->nr);
	memcpy(sorted.ns, samples->ns, samples->nr * sizeof(*samples->ns));
	sorted.nr = samples->nr;
	qsort(sorted.ns, sorted.nr, sizeof(*sorted.ns), compare_u64);
	bench_json_object(json, key);
	bench_json_us(json, "p50", percentile(&sorted, 500));
	bench_json_us(json, "p90", percentile(&sorted, 900));
	bench_json_us(json, "p99", percentile(&sorted, 990));
	bench_json_us(json, "p999", percentile(&sorted, 999));
	bench_json_us(json, "max", percentile(&sorted, 1000));
	bench_json_end(json, '}');
}

void bench_json_samples(struct bench_json *json, const char *key,
			const struct bench_samples *samples)
{
	json_key(json, key);
	fputc('[', json->file);
	for (size_t i = 0; i < samples->nr; i++)
		fprintf(json->file, "%s%.1f", i ? ", " : "",
			(double)samples->ns[i] / NSEC_PER_USEC);
	fputc(']', json->file);
}

void bench_json_raw(struct bench_json *json, const char *key, const char *text)
{
	json_key(json, key);
	fputs(text, json->file);
}

struct bench_live *bench_live_map(int fd)
{
	struct bench_live *live =
		mmap(NULL, sizeof(*live), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);

	if (live == MAP_FAILED)
		bench_die("cannot map descriptor %d: %s", fd, strerror(errno));
	return live;
}
