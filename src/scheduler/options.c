/* SPDX-License-Identifier: GPL-2.0-only */
/* See options.h. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "scheduler/options.h"

#define SLICE_US_MIN	     100
#define SLICE_US_MAX	     1000000
#define SLICE_US_DEFAULT     20000
#define SLICE_MIN_US_DEFAULT 1000
#define INTERVAL_MS_MIN	     100
#define INTERVAL_MS_MAX	     86400000
#define EXIT_DUMP_LEN_MAX    (16 << 20)
/* The kernel allows at most 30 s; below a second a busy machine would eject a healthy scheduler. */
#define TIMEOUT_MS_MIN 1000
#define TIMEOUT_MS_MAX 30000
/* A kernel's BTF has a few megabytes. The limit is for files without end. */
#define BTF_SIZE_MAX (256 << 20)

/* Options with a short form are named by it. */
enum {
	OPT_EXIT_DUMP_LEN = 256,
	OPT_STATS,
	OPT_MONITOR,
	OPT_JSON,
	OPT_HELP_STATS,
	OPT_POLICY,
	OPT_LIST_POLICIES,
	OPT_NO_IDLE_FILL,
	OPT_BTF_CUSTOM_PATH,
	OPT_BPF_TOKEN_PATH,
	OPT_OBJECT_NAME,
	OPT_PIN_ROOT_PATH,
	OPT_RELAXED_MAPS,
	OPT_KCONFIG,
	OPT_CLASS_FDS,
	OPT_STATS_SOCKET,
	OPT_CHECK,
};

struct spec {
	const char *name;
	int id;
	const char *arg; /* NULL: takes no value */
	const char *about;
};

static const struct spec specs[] = {
	{"slice-us", 's', "USEC", "longest slice, 100 to 1000000 (default 20000)"},
	{"slice-us-min", 'S', "USEC", "shortest slice, 100 to --slice-us (default 1000)"},
	{"percpu-local", 'l', NULL, "keep tasks on the CPU they last ran on"},
	{"numa-local", 'n', NULL, "look for idle CPUs in the task's NUMA node"},
	{"partial", 'p', NULL, "schedule only tasks of policy SCHED_EXT"},
	{"policy", OPT_POLICY, "NAME|PATH", "the policy that decides (default " POLICY_DEFAULT ")"},
	{"list-policies", OPT_LIST_POLICIES, NULL, "show the policies there are and exit"},
	{"check", OPT_CHECK, NULL, "say whether options and policy are good, and exit"},
	{"no-idle-fill", OPT_NO_IDLE_FILL, NULL, "ask the policy even when a CPU is idle"},
	{"class-fds", OPT_CLASS_FDS, "FD,FD[,FD]",
	 "take the table of classes that the parent made"},
	{"exit-dump-len", OPT_EXIT_DUMP_LEN, "BYTES",
	 "debug dump of the kernel to keep, up to 16777216"},
	{"verbose", 'v', NULL, "show what libbpf and the verifier say"},
	{"stats", OPT_STATS, "SECS", "print statistics, every 0.1 to 86400 seconds"},
	{"monitor", OPT_MONITOR, "SECS", "print the statistics of the scheduler that runs"},
	{"stats-socket", OPT_STATS_SOCKET, "PATH", "where statistics are offered, or looked for"},
	{"json", OPT_JSON, NULL, "print statistics as lines of JSON"},
	{"help-stats", OPT_HELP_STATS, NULL, "explain the statistics and exit"},
	{"version", 'V', NULL, "show the version and exit"},
	{"help", 'h', NULL, "show this help and exit"},
	{"btf-custom-path", OPT_BTF_CUSTOM_PATH, "FILE", "take the kernel's BTF from FILE"},
	{"bpf-token-path", OPT_BPF_TOKEN_PATH, "DIR",
	 "make a BPF token from the BPF file system DIR"},
	{"object-name", OPT_OBJECT_NAME, "NAME", "without effect, for compatibility"},
	{"pin-root-path", OPT_PIN_ROOT_PATH, "DIR", "without effect, for compatibility"},
	{"relaxed-maps", OPT_RELAXED_MAPS, "true|false", "without effect, for compatibility"},
	{"kconfig", OPT_KCONFIG, "FILE", "refused, see scx_rustland(8)"},
};

#define NR_SPECS (sizeof(specs) / sizeof(specs[0]))

static const char *spec_name(int id)
{
	for (size_t i = 0; i < NR_SPECS; i++)
		if (specs[i].id == id)
			return specs[i].name;
	return NULL;
}

void options_help(FILE *f)
{
	fprintf(f, "Usage: scx_rustland [OPTION]...\n"
		   "Schedule the CPUs of this machine with a policy that runs in user space.\n\n");
	for (size_t i = 0; i < NR_SPECS; i++) {
		char left[40];

		snprintf(left, sizeof(left), "--%s%s%s", specs[i].name, specs[i].arg ? " " : "",
			 specs[i].arg ? specs[i].arg : "");
		if (specs[i].id < 256)
			fprintf(f, "  -%c, %-24s %s\n", specs[i].id, left, specs[i].about);
		else
			fprintf(f, "      %-24s %s\n", left, specs[i].about);
	}
	fprintf(f,
		"\nShorter slices (-s) help when audio crackles or the desktop lags.\n"
		"Exit status: 0 stopped by a signal, 1 could not start, 2 wrong usage, 3 ejected\n"
		"by the kernel, 4 restarted too often. More in scx_rustland(8).\n");
}

static int __attribute__((format(printf, 2, 3))) refuse(char *error, const char *format, ...)
{
	static const char see[] = "; see scx_rustland --help";
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(error, OPTIONS_ERROR_MAX - sizeof(see), format, args);
	va_end(args);
	if (n >= (int)(OPTIONS_ERROR_MAX - sizeof(see)))
		n = OPTIONS_ERROR_MAX - sizeof(see) - 1;
	strcpy(error + n, see);
	return -EINVAL;
}

/*
 * Digits only: strtoull() alone also takes blanks, signs and what follows the number. What is too
 * big for it becomes the biggest number, which is above every max.
 */
static int parse_whole(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value;

	if (!*text || text[strspn(text, "0123456789")])
		return -EINVAL;
	value = strtoull(text, NULL, 10);
	if (value < min || value > max)
		return -EINVAL;
	*ret = value;
	return 0;
}

static int parse_number(char *error, const char *name, const char *text, const char *unit,
			uint64_t min, uint64_t max, uint64_t *ret)
{
	if (parse_whole(text, min, max, ret) < 0)
		return refuse(error,
			      "%s: '%.40s' is not a whole number from %" PRIu64 " to %" PRIu64
			      " (%s)",
			      name, text, min, max, unit);
	return 0;
}

/* Seconds, with a fraction if need be; what is finer than a millisecond is dropped. */
static int parse_seconds(char *error, const char *name, const char *text, uint64_t *ret_ms)
{
	char whole[16];
	size_t len = strspn(text, "0123456789"), fraction = 0;
	uint64_t seconds, ms = 0, digit = 100;

	if (text[len] == '.')
		fraction = strspn(text + len + 1, "0123456789");
	if (!len || len >= sizeof(whole) || text[len + (fraction ? fraction + 1 : 0)])
		goto bad;
	memcpy(whole, text, len);
	whole[len] = 0;
	if (parse_whole(whole, 0, INTERVAL_MS_MAX, &seconds) < 0)
		goto bad;
	for (size_t i = 0; i < fraction && digit > 0; i++, digit /= 10)
		ms += digit * (uint64_t)(text[len + 1 + i] - '0');
	ms += seconds * 1000;
	if (ms < INTERVAL_MS_MIN || ms > INTERVAL_MS_MAX)
		goto bad;
	*ret_ms = ms;
	return 0;
bad:
	return refuse(error, "%s: '%.40s' is not a number from 0.1 to 86400 (seconds)", name, text);
}

bool options_valid_policy_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return len >= 1 && len <= POLICY_NAME_MAX && !name[len];
}

static int parse_policy(char *error, const char *text)
{
	if (strchr(text, '/') || options_valid_policy_name(text))
		return 0;
	return refuse(
		error,
		"--policy: '%.40s' is neither a policy's name (1 to 31 of a-z, 0-9, _ and -) nor a "
		"path with a slash",
		text);
}

static int parse_stats_socket(struct options *o, char *error, const char *path)
{
	/* A relative path would not be found by those who look for it. */
	if (*path != '/' || strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return refuse(error,
			      "--stats-socket: '%.120s' is not an absolute path of at most %zu "
			      "bytes",
			      path, sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
	o->stats_socket = path;
	return 0;
}

/* Libbpf reads the whole file into memory, as root; so only what can be a BTF file. */
static int check_btf(char *error, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return refuse(error,
			      "--btf-custom-path: '%.200s': %s; give a readable file with BTF",
			      path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > BTF_SIZE_MAX)
		return refuse(
			error,
			"--btf-custom-path: '%.200s' is not a regular file of 1 byte to 256 MiB",
			path);
	return 0;
}

static int parse_class_fds(struct options *o, char *error, const char *text)
{
	int first, second, third, end = 0, all = 0;

	/* How far the text goes is told for both forms. */
	o->have_members_fd = sscanf(text, "%d,%d%n,%d%n", &first, &second, &end, &third, &all) == 3;
	end = o->have_members_fd ? all : end;
	if (!end || text[end] || first < 0 || second < 0 || first == second ||
	    fcntl(first, F_GETFD) < 0 || fcntl(second, F_GETFD) < 0 ||
	    (o->have_members_fd &&
	     (third < 0 || third == first || third == second || fcntl(third, F_GETFD) < 0)))
		return refuse(error,
			      "--class-fds: '%.40s' are not two or three open descriptors like "
			      "3,4,5; it is for rustlandd and other programs that call "
			      "rl_classes_fds()",
			      text);
	if (o->have_members_fd)
		o->members_fd = third;
	o->class_fds[0] = first;
	o->class_fds[1] = second;
	o->have_class_fds = true;
	return 0;
}

static int parse_timeout(struct options *o, char *error)
{
	const char *text = getenv("SCX_TIMEOUT_MS");
	uint64_t value;

	if (!text)
		return 0;
	if (parse_number(error, "environment variable SCX_TIMEOUT_MS", text, "milliseconds",
			 TIMEOUT_MS_MIN, TIMEOUT_MS_MAX, &value) < 0)
		return -EINVAL;
	o->timeout_ms = (uint32_t)value;
	return 0;
}

static int parse_one(struct options *o, int id, const char *value, bool *have_min, char *error)
{
	uint64_t number;

	switch (id) {
	case 's':
		return parse_number(error, "--slice-us", value, "microseconds", SLICE_US_MIN,
				    SLICE_US_MAX, &o->slice_us);
	case 'S':
		*have_min = true;
		return parse_number(error, "--slice-us-min", value, "microseconds", SLICE_US_MIN,
				    SLICE_US_MAX, &o->slice_min_us);
	case 'l':
		o->percpu_local = true;
		return 0;
	case 'n':
		o->numa_local = true;
		return 0;
	case 'p':
		o->partial = true;
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	case 'V':
		o->action = OPTIONS_VERSION;
		return 0;
	case 'h':
		o->action = OPTIONS_HELP;
		return 0;
	case OPT_HELP_STATS:
		o->action = OPTIONS_HELP_STATS;
		return 0;
	case OPT_LIST_POLICIES:
		o->action = OPTIONS_LIST_POLICIES;
		return 0;
	case OPT_MONITOR:
		o->action = OPTIONS_MONITOR;
		return parse_seconds(error, "--monitor", value, &o->interval_ms);
	case OPT_STATS:
		/* --monitor wins over --stats, as it does upstream. */
		return parse_seconds(error, "--stats", value,
				     o->action == OPTIONS_MONITOR ? &number : &o->interval_ms);
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_EXIT_DUMP_LEN:
		if (parse_number(error, "--exit-dump-len", value, "bytes", 0, EXIT_DUMP_LEN_MAX,
				 &number) < 0)
			return -EINVAL;
		o->exit_dump_len = (uint32_t)number;
		return 0;
	case OPT_POLICY:
		o->policy = value;
		return parse_policy(error, value);
	case OPT_CHECK:
		o->action = OPTIONS_CHECK;
		return 0;
	case OPT_STATS_SOCKET:
		return parse_stats_socket(o, error, value);
	case OPT_CLASS_FDS:
		return parse_class_fds(o, error, value);
	case OPT_NO_IDLE_FILL:
		o->no_idle_fill = true;
		return 0;
	case OPT_BTF_CUSTOM_PATH:
		o->btf_path = value;
		return check_btf(error, value);
	case OPT_BPF_TOKEN_PATH:
		o->bpf_token_path = value;
		return 0;
	case OPT_RELAXED_MAPS:
		if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
			return refuse(error, "--relaxed-maps: '%.40s' is neither true nor false",
				      value);
		return 0;
	case OPT_KCONFIG:
		/* Upstream reads any file here into memory, as root; the backend needs none. */
		return refuse(error,
			      "--kconfig is not supported: the backend does not depend on the "
			      "kernel's configuration, leave the option out");
	default: /* OPT_OBJECT_NAME, OPT_PIN_ROOT_PATH: no object name is seen, no map is pinned */
		return 0;
	}
}

/* What getopt_long() returned '?' or ':' for. */
static int refuse_option(char *error, int result, int id, const char *word)
{
	const char *name = spec_name(id);

	if (result == ':')
		return refuse(error, "--%s needs a value", name);
	if (name)
		return refuse(error, "--%s takes no value", name);
	if (id)
		return refuse(error, "unknown option '-%c'", id);
	return refuse(error, "unknown option '%.80s'", word);
}

int options_parse(struct options *ret, int argc, char **argv, char *error)
{
	struct option longs[NR_SPECS + 1] = {{0}};
	char shorts[2 * NR_SPECS + 3] = "+:", *s = shorts + 2;
	struct options o = {
		.slice_us = SLICE_US_DEFAULT,
		.slice_min_us = SLICE_MIN_US_DEFAULT,
		.policy = POLICY_DEFAULT,
	};
	bool have_min = false;
	int id;

	for (size_t i = 0; i < NR_SPECS; i++) {
		int has_arg = specs[i].arg ? required_argument : no_argument;

		longs[i] = (struct option){specs[i].name, has_arg, NULL, specs[i].id};
		if (specs[i].id < 256) {
			*s++ = (char)specs[i].id;
			if (has_arg)
				*s++ = ':';
		}
	}
	optind = 0; /* start anew: tests parse many command lines */
	opterr = 0;
	while ((id = getopt_long(argc, argv, shorts, longs, NULL)) >= 0) {
		if (id == '?' || id == ':')
			return refuse_option(error, id, optopt, argv[optind - 1]);
		if (parse_one(&o, id, optarg, &have_min, error) < 0)
			return -EINVAL;
	}
	if (optind < argc)
		return refuse(error, "unexpected argument '%.80s'", argv[optind]);
	if (have_min && o.slice_min_us > o.slice_us)
		return refuse(error,
			      "--slice-us-min: %" PRIu64
			      " is longer than --slice-us; it has to be from %d "
			      "to %" PRIu64 " (microseconds)",
			      o.slice_min_us, SLICE_US_MIN, o.slice_us);
	/* "-s 500" alone is what people with crackling audio are told to try. */
	if (o.slice_min_us > o.slice_us)
		o.slice_min_us = o.slice_us;
	if (o.json && !o.interval_ms)
		return refuse(error, "--json needs --stats or --monitor");
	if ((o.action == OPTIONS_SCHEDULE || o.action == OPTIONS_CHECK) &&
	    parse_timeout(&o, error) < 0)
		return -EINVAL;
	*ret = o;
	return 0;
}
