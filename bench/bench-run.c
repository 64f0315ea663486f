// SPDX-License-Identifier: GPL-2.0-only
/*
 * One measurement: settles, then runs a frame loop beside hogs, pairs of processes and a parallel
 * build for a window of time that is the same for all of them, and writes one JSON object with
 * everything they say. Run under one scheduler and then, with the same options, under another, it
 * gives both the same work.
 *
 * All loads belong to one session and no control group is made: the kernel would give groups a
 * share of their own, and then it would be the groups that are compared.
 *
 * It must never be in the way: inside the window it wakes up once a second, and only when somebody
 * wants to watch.
 */
#include "bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ARGS 32

/* The other loops are small programs of a desktop beside the game. */
#define LOOP_WORK_FRACTION 3
#define MAX_LOOPS	   64

struct options {
	struct bench_window_args window;
	uint64_t hogs;
	uint64_t pairs;
	uint64_t loops;
	uint64_t build_jobs;
	const char *boost;
	bool launcher;
	const char *build_source;
	const char *label;
	const char *output;
	uint64_t period_us;
	uint64_t phase_us;
	uint64_t work_us;
	uint64_t work_iterations;
	uint64_t unit_iterations;
	bool samples;
	enum {
		QUIET,
		LINES,
		TERMINAL
	} progress;
	bool calibrate;
};

/*
 * A program of this directory that runs beside the others and leaves its JSON in a file in
 * memory.
 */
struct load {
	const char *program;
	pid_t pid;
	int output;
	bool launcher; /* a shell starts it */
	const char *argv[MAX_ARGS];
	unsigned int argc;
};

struct build {
	pid_t pid;
	char dir[PATH_MAX]; /* what is made for the run, and removed after it */
	char log[PATH_MAX];
};

static char program_dir[PATH_MAX];

static void usage(FILE *file)
{
	fputs("usage: bench-run [OPTION]...\n"
	      "Measures a frame loop beside other loads, and writes one JSON object.\n\n",
	      file);
	fputs(BENCH_WINDOW_HELP, file);
	fputs("  --hogs N             CPU-bound tasks (default: two for each CPU)\n"
	      "  --pairs N            pairs of processes that pass a byte to and fro (default 0)\n"
	      "  --loops N            other frame loops, each with a third of the work (default "
	      "0)\n"
	      "  --boost COMMAND      run 'COMMAND PID' with the frame loop's process\n"
	      "  --launcher           start the frame loop from a shell, and boost the shell\n"
	      "  --build-jobs N       `make -jN` in a copy of the source (default 0: no build)\n"
	      "  --build-source DIR   what is built (default /usr/src/build-load)\n"
	      "  --period-us N, --phase-us N, --samples   as in frame-loop\n"
	      "  --work-us N          work in a frame: what takes N us when all CPUs are busy and\n"
	      "                       nobody else wants this one (default 4400)\n"
	      "  --work-iterations N  work in a frame, from --calibrate\n"
	      "  --unit-iterations N  work in a unit of a hog, from --calibrate\n"
	      "  --calibrate          only print 'WORK-ITERATIONS UNIT-ITERATIONS'\n"
	      "  --label TEXT         goes into the result\n"
	      "  --output FILE        write there instead of to standard output\n"
	      "  --progress MODE      show on standard error what goes on, once a second:\n"
	      "                       in 'lines', or in one line of a 'terminal'\n"
	      "  --help\n",
	      file);
}

static void parse(struct options *options, int argc, char **argv)
{
	const char *progress = NULL;
	const struct bench_option names[] = {
		BENCH_NUMBER("hogs", &options->hogs, 0, 100000),
		BENCH_NUMBER("pairs", &options->pairs, 0, 10000),
		BENCH_NUMBER("loops", &options->loops, 0, MAX_LOOPS),
		BENCH_TEXT("boost", &options->boost),
		BENCH_FLAG("launcher", &options->launcher),
		BENCH_NUMBER("build-jobs", &options->build_jobs, 0, 10000),
		BENCH_TEXT("build-source", &options->build_source),
		BENCH_NUMBER("period-us", &options->period_us, 100, 10000000),
		BENCH_NUMBER("phase-us", &options->phase_us, 0, 10000000),
		BENCH_NUMBER("work-us", &options->work_us, 1, 10000000),
		BENCH_NUMBER("work-iterations", &options->work_iterations, 1, INT64_MAX),
		BENCH_NUMBER("unit-iterations", &options->unit_iterations, 1, INT64_MAX),
		BENCH_FLAG("samples", &options->samples),
		BENCH_FLAG("calibrate", &options->calibrate),
		BENCH_TEXT("label", &options->label),
		BENCH_TEXT("output", &options->output),
		BENCH_TEXT("progress", &progress),
		{0},
	};

	bench_parse(argc, argv, "bench-run", usage, names, &options->window);
	if (!progress)
		return;
	options->progress = !strcmp(progress, "lines")	    ? LINES
			    : !strcmp(progress, "terminal") ? TERMINAL
							    : QUIET;
	if (!options->progress)
		bench_die("--progress takes 'lines' or 'terminal'");
}

/* ---- Children ------------------------------------------------------------------------------- */

static pid_t start_child(void)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		bench_die("cannot fork: %s", strerror(errno));
	if (pid)
		return pid;
	/* A measurement that is interrupted leaves no load behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	return 0;
}

static int file_in_memory(const char *name)
{
	int fd = memfd_create(name, 0);

	if (fd < 0)
		bench_die("cannot make a file in memory: %s", strerror(errno));
	return fd;
}

static void add_arg(struct load *load, const char *arg)
{
	if (load->argc == MAX_ARGS - 1)
		bench_die("too many arguments for %s", load->program);
	load->argv[load->argc++] = arg;
}

static void add_number(struct load *load, const char *option, uint64_t value)
{
	char *text;

	if (asprintf(&text, "%llu", (unsigned long long)value) < 0)
		bench_die("no memory");
	add_arg(load, option);
	add_arg(load, text);
}

static void load_init(struct load *load, const char *program, const struct bench_window *window)
{
	*load = (struct load){.program = program};
	add_arg(load, program);
	add_number(load, "--from-ns", window->from);
	add_number(load, "--until-ns", window->until);
}

static void load_start(struct load *load)
{
	char path[2 * PATH_MAX];

	load->output = file_in_memory(load->program);
	load->pid = start_child();
	if (load->pid)
		return;
	dup2(load->output, STDOUT_FILENO);
	snprintf(path, sizeof(path), "%s/%s", program_dir, load->program);
	if (load->launcher) {
		const char *argv[MAX_ARGS + 3] = {"sh", "-c", "\"$0\" \"$@\" & wait $!", path};

		memcpy(argv + 4, load->argv + 1, (load->argc - 1) * sizeof(*argv));
		execv("/bin/sh", (char *const *)argv);
	}
	execv(path, (char *const *)load->argv);
	fprintf(stderr, "%s: cannot run %s: %s\n", bench_name, path, strerror(errno));
	_exit(127);
}

/* Waits for the end of a load and adds what it wrote. */
static void load_finish(struct load *load, struct bench_json *json, const char *key)
{
	struct stat st;
	char *text;
	int status;

	if (waitpid(load->pid, &status, 0) != load->pid || status)
		bench_die("%s did not end well", load->program);
	if (fstat(load->output, &st) || st.st_size < 1)
		bench_die("%s said nothing", load->program);
	text = calloc(1, (size_t)st.st_size + 1);
	if (!text || pread(load->output, text, (size_t)st.st_size, 0) != st.st_size)
		bench_die("cannot read what %s said", load->program);
	text[st.st_size - 1] = '\0'; /* the newline at its end */
	bench_json_raw(json, key, text);
	free(text);
	close(load->output);
}

static void run(const char *const *argv)
{
	int status;
	pid_t pid = start_child();

	if (!pid) {
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		bench_die("%s failed", argv[0]);
}

/*
 * How much work a CPU gets done in ns while all others are busy as well. On an idle machine it
 * would be more: threads of a core share it, many busy cores run slower than one, and all CPUs of
 * an emulator with one virtual clock share that. What all of them do together is counted, because
 * such an emulator is not fair within a second.
 */
static uint64_t calibrate_busy(uint64_t ns)
{
	const uint64_t piece = 1000, length = NSEC_PER_SEC;
	uint64_t cpus = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN), total = 0, from, until;
	uint64_t *pieces = bench_alloc(cpus * sizeof(*pieces));

	from = bench_now() + length / 10;
	until = from + length;
	for (uint64_t i = 0; i < cpus; i++) {
		if (start_child())
			continue;
		for (uint64_t now = bench_now(); now < until; now = bench_now()) {
			bench_work(piece);
			pieces[i] += now >= from;
		}
		_exit(0);
	}
	for (uint64_t i = 0; i < cpus; i++) {
		int status;

		if (wait(&status) < 0 || status)
			bench_die("cannot calibrate the work");
	}
	for (uint64_t i = 0; i < cpus; i++)
		total += pieces[i];
	return MAX((uint64_t)((double)(total * piece) / (double)cpus / (double)length * (double)ns),
		   1);
}

/* ---- The build ------------------------------------------------------------------------------ */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/*
 * A copy of the source in memory, and a directory in which every compiler is count-cc. The copy is
 * built for some seconds, so that no run has to wait for the disk to bring the compiler.
 */
static void build_prepare(struct build *build, const struct options *options)
{
	static const char *const compilers[] = {"cc", "gcc", "x86_64-linux-gnu-gcc"};
	char counter[2 * PATH_MAX], path[2 * PATH_MAX];
	const char *copy[] = {"cp", "-a", NULL, NULL, NULL};
	const char *warm_up[] = {"sh", "-c", NULL, NULL};
	char command[3 * PATH_MAX];

	snprintf(build->dir, sizeof(build->dir), "/dev/shm/bench-run-XXXXXX");
	if (!mkdtemp(build->dir))
		bench_die("cannot make a directory in /dev/shm: %s", strerror(errno));
	snprintf(path, sizeof(path), "%s/source", build->dir);
	copy[2] = options->build_source;
	copy[3] = path;
	run(copy);
	snprintf(command, sizeof(command),
		 "cd %s && { timeout 4 make -j%llu; make clean; } >/dev/null 2>&1", path,
		 (unsigned long long)options->build_jobs);
	warm_up[2] = command;
	run(warm_up);
	snprintf(path, sizeof(path), "%s/bin", build->dir);
	if (mkdir(path, 0755))
		bench_die("cannot make %s: %s", path, strerror(errno));
	snprintf(counter, sizeof(counter), "%s/count-cc", program_dir);
	for (size_t i = 0; i < sizeof(compilers) / sizeof(compilers[0]); i++) {
		snprintf(path, sizeof(path), "%s/bin/%s", build->dir, compilers[i]);
		if (symlink(counter, path))
			bench_die("cannot make %s: %s", path, strerror(errno));
	}
	if (snprintf(build->log, sizeof(build->log), "%s/log", build->dir) >=
	    (int)sizeof(build->log))
		bench_die("%s is too long", build->dir);
}

/* Waits for the beginning of the window, then builds again and again until it is killed. */
static void build_start(struct build *build, const struct options *options, uint64_t from)
{
	char command[256], path[2 * PATH_MAX];
	const char *old_path = getenv("PATH");
	int out;

	build->pid = start_child();
	if (build->pid)
		return;
	setpgid(0, 0);
	snprintf(path, sizeof(path), "%s/output", build->dir);
	out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (!old_path || out < 0)
		_exit(126);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	snprintf(path, sizeof(path), "%s/source", build->dir);
	if (chdir(path))
		_exit(126);
	setenv("BENCH_CC_LOG", build->log, 1);
	setenv("BENCH_CC_PATH", old_path, 1);
	snprintf(path, sizeof(path), "%s/bin:%s", build->dir, old_path);
	setenv("PATH", path, 1);
	snprintf(command, sizeof(command), "while make -j%llu; do make clean || exit; done; exit 1",
		 (unsigned long long)options->build_jobs);
	bench_sleep_until(from);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static uint64_t build_units(const struct build *build)
{
	FILE *file = fopen(build->log, "re");
	uint64_t units = 0;
	char line[512];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		units += !!strstr(line, " ok ");
	fclose(file);
	return units;
}

static void build_stop(struct build *build)
{
	int status;

	/* Compilers that were running leave their record while they end. */
	kill(-build->pid, SIGTERM);
	if (waitpid(build->pid, &status, 0) != build->pid)
		bench_die("cannot wait for the build: %s", strerror(errno));
	for (int i = 0; i < 1000 && !kill(-build->pid, 0); i++)
		usleep(10000);
	if (WIFEXITED(status)) {
		char command[2 * PATH_MAX];
		const char *tail[] = {"sh", "-c", command, NULL};

		snprintf(command, sizeof(command), "tail -n 20 %s/output >&2", build->dir);
		run(tail);
		bench_die("the build failed");
	}
}

static void build_report(const struct build *build, const struct options *options,
			 struct bench_json *json)
{
	FILE *file = fopen(build->log, "re");
	char line[512], outcome[16], name[256];
	unsigned long long start, end, cpu_us, total_us = 0;

	bench_json_object(json, "build");
	bench_json_u64(json, "jobs", options->build_jobs);
	bench_json_u64(json, "units", build_units(build));
	bench_json_array(json, "each");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%llu %llu %llu %15s %255s", &start, &end, &cpu_us, outcome,
			   name) != 5)
			continue;
		bench_json_object(json, NULL);
		bench_json_text(json, "name", name);
		bench_json_text(json, "outcome", outcome);
		bench_json_us(json, "took_us", end - start);
		bench_json_us(json, "cpu_us", cpu_us * NSEC_PER_USEC);
		bench_json_end(json, '}');
		total_us += cpu_us;
	}
	if (file)
		fclose(file);
	bench_json_end(json, ']');
	bench_json_us(json, "cpu_us", total_us * NSEC_PER_USEC);
	bench_json_end(json, '}');
}

/* ---- The run -------------------------------------------------------------------------------- */

static void read_line(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");

	*text = '\0';
	if (!file)
		return;
	if (!fgets(text, (int)size, file))
		*text = '\0';
	text[strcspn(text, "\n")] = '\0';
	fclose(file);
}

/* The scheduler's own name for itself; without a sched_ext scheduler it is the kernel's EEVDF. */
static void find_scheduler(char *text, size_t size)
{
	read_line("/sys/kernel/sched_ext/root/ops", text, size);
	if (!*text)
		snprintf(text, size, "eevdf");
}

static void boost(const char *command, pid_t pid)
{
	char text[4096];
	const char *argv[] = {"sh", "-c", text, NULL};

	if (snprintf(text, sizeof(text), "%s %d", command, pid) >= (int)sizeof(text))
		bench_die("--boost: the command is too long");
	run(argv);
}

static void start_loops(struct load *loops, const struct options *options,
			const struct bench_window *window)
{
	for (uint64_t i = 0; i < options->loops; i++) {
		load_init(&loops[i], "frame-loop", window);
		add_number(&loops[i], "--period-us", options->period_us);
		add_number(
			&loops[i], "--phase-us",
			(options->phase_us + (i + 1) * options->period_us / (options->loops + 1)) %
				options->period_us);
		add_number(&loops[i], "--work-iterations",
			   MAX(options->work_iterations / LOOP_WORK_FRACTION, 1));
		load_start(&loops[i]);
	}
}

static void watch(const struct options *options, const struct bench_window *window,
		  const struct bench_live *live, const struct build *build)
{
	bool terminal = options->progress == TERMINAL;
	uint64_t next = bench_now();

	while (options->progress && next < window->until) {
		uint64_t now = bench_now();

		fprintf(stderr, "%s%s: ", terminal ? "\r\033[K" : "", options->label);
		if (now < window->from) {
			fprintf(stderr, "settling, %.0f s",
				(double)(window->from - now) / (double)NSEC_PER_SEC + 0.5);
		} else {
			fprintf(stderr,
				"%2.0f of %.0f s, %llu frames, %llu missed, worst wakeup %.1f ms",
				(double)(now - window->from) / (double)NSEC_PER_SEC,
				(double)(window->until - window->from) / (double)NSEC_PER_SEC,
				(unsigned long long)live->nr_frames,
				(unsigned long long)live->nr_missed,
				(double)live->worst_wakeup_ns / 1e6);
			if (options->build_jobs)
				fprintf(stderr, ", %llu files compiled",
					(unsigned long long)build_units(build));
		}
		if (!terminal)
			fputc('\n', stderr);
		fflush(stderr);
		next = MIN(now + NSEC_PER_SEC, window->until);
		bench_sleep_until(next);
	}
	bench_sleep_until(window->until);
	if (terminal)
		fputs("\r\033[K", stderr);
}

static void measure(const struct options *options, FILE *output)
{
	struct bench_window window;
	struct load frame, hogs, pairs, loops[MAX_LOOPS];
	struct build build = {0};
	struct bench_live *live;
	struct bench_json json;
	char scheduler[256];
	int live_fd = file_in_memory("live");

	if (ftruncate(live_fd, sizeof(*live)))
		bench_die("cannot make a page in memory: %s", strerror(errno));
	live = bench_live_map(live_fd);
	find_scheduler(scheduler, sizeof(scheduler));

	if (options->build_jobs)
		build_prepare(&build, options);
	window = bench_window_resolve(&options->window);
	if (options->build_jobs)
		build_start(&build, options, window.from);
	load_init(&frame, "frame-loop", &window);
	add_number(&frame, "--live-fd", (uint64_t)live_fd);
	add_number(&frame, "--period-us", options->period_us);
	add_number(&frame, "--phase-us", options->phase_us);
	add_number(&frame, "--work-iterations", options->work_iterations);
	if (options->samples)
		add_arg(&frame, "--samples");
	frame.launcher = options->launcher;
	load_start(&frame);
	start_loops(loops, options, &window);
	if (options->boost)
		boost(options->boost, frame.pid);
	if (options->hogs) {
		load_init(&hogs, "hog", &window);
		add_number(&hogs, "--count", options->hogs);
		add_number(&hogs, "--unit-iterations", options->unit_iterations);
		load_start(&hogs);
	}
	if (options->pairs) {
		load_init(&pairs, "ping-pong", &window);
		add_number(&pairs, "--pairs", options->pairs);
		load_start(&pairs);
	}
	if (bench_now() >= window.from)
		bench_die("the window began before all loads had started; settle longer");

	watch(options, &window, live, &build);
	if (options->build_jobs)
		build_stop(&build);

	bench_json_open(&json, output);
	bench_json_text(&json, "label", options->label);
	bench_json_text(&json, "scheduler", scheduler);
	bench_json_u64(&json, "cpus", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	bench_json_us(&json, "window_us", window.until - window.from);
	load_finish(&frame, &json, "frame");
	if (options->hogs)
		load_finish(&hogs, &json, "hogs");
	if (options->loops) {
		bench_json_array(&json, "loops");
		for (uint64_t i = 0; i < options->loops; i++)
			load_finish(&loops[i], &json, NULL);
		bench_json_end(&json, ']');
	}
	if (options->pairs)
		load_finish(&pairs, &json, "pairs");
	if (options->build_jobs) {
		build_report(&build, options, &json);
		nftw(build.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	}
	/* A scheduler that went away in the middle would have been measured as another one. */
	read_line("/sys/kernel/sched_ext/root/ops", scheduler, sizeof(scheduler));
	bench_json_text(&json, "scheduler_at_end", *scheduler ? scheduler : "eevdf");
	bench_json_close(&json);
}

int main(int argc, char **argv)
{
	struct options options = {
		.window = BENCH_WINDOW_DEFAULT,
		.hogs = 2 * (uint64_t)sysconf(_SC_NPROCESSORS_ONLN),
		.build_source = "/usr/src/build-load",
		.label = "run",
		.period_us = 16667,
		.work_us = 4400,
	};
	FILE *output = stdout;
	ssize_t length;

	parse(&options, argc, argv);
	length = readlink("/proc/self/exe", program_dir, sizeof(program_dir) - 1);
	if (length < 0)
		bench_die("cannot tell where I am: %s", strerror(errno));
	program_dir[length] = '\0';
	dirname(program_dir);

	if (!options.work_iterations)
		options.work_iterations = calibrate_busy(options.work_us * NSEC_PER_USEC);
	if (!options.unit_iterations)
		options.unit_iterations = bench_calibrate(100 * NSEC_PER_USEC);
	if (options.calibrate) {
		printf("%llu %llu\n", (unsigned long long)options.work_iterations,
		       (unsigned long long)options.unit_iterations);
		return 0;
	}
	if (options.output) {
		output = fopen(options.output, "we");
		if (!output)
			bench_die("cannot write %s: %s", options.output, strerror(errno));
	}
	measure(&options, output);
	return 0;
}
