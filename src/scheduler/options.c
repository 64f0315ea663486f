/* SPDX-License-Identifier: GPL-2.0-only */
/* See options.h. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/limits.h"
#include "common/option-table.h"
#include "common/policy-name.h"
#include "common/protocol.h"
#include "scheduler/options.h"

#define INTERVAL_MS_MIN 100
#define INTERVAL_MS_MAX 86400000
/* A kernel's BTF has a few megabytes. The limit is for files without end. */
#define BTF_SIZE_MAX (256 << 20)

/* In the order in which help shows them. */
enum {
	OPT_SLICE_US,
	OPT_SLICE_US_MIN,
	OPT_PERCPU_LOCAL,
	OPT_NUMA_LOCAL,
	OPT_PARTIAL,
	OPT_POLICY,
	OPT_LIST_POLICIES,
	OPT_CHECK,
	OPT_NO_IDLE_FILL,
	OPT_CLASS_FDS,
	OPT_EXIT_DUMP_LEN,
	OPT_VERBOSE,
	OPT_STATS,
	OPT_MONITOR,
	OPT_STATS_SOCKET,
	OPT_JSON,
	OPT_HELP_STATS,
	OPT_VERSION,
	OPT_HELP,
	OPT_BTF_CUSTOM_PATH,
	OPT_BPF_TOKEN_PATH,
	OPT_OBJECT_NAME,
	OPT_PIN_ROOT_PATH,
	OPT_RELAXED_MAPS,
	OPT_KCONFIG,
	NR_OPTIONS,
};

/* For the help. */
#define SHORTEST  TEXT_OF(SLICE_US_MIN)
#define LONGEST	  TEXT_OF(SLICE_US_MAX)
#define SLICE	  TEXT_OF(SLICE_US_DEFAULT)
#define SLICE_MIN TEXT_OF(SLICE_MIN_US_DEFAULT)
#define DUMP_MAX  TEXT_OF(EXIT_DUMP_LEN_MAX)

static const struct option_spec specs[NR_OPTIONS] = {
	[OPT_SLICE_US] = {"slice-us", 's', "USEC",
			  "longest slice, " SHORTEST " to " LONGEST " (default " SLICE ")"},
	[OPT_SLICE_US_MIN] = {"slice-us-min", 'S', "USEC",
			      "shortest slice, " SHORTEST " to --slice-us (default " SLICE_MIN ")"},
	[OPT_PERCPU_LOCAL] = {"percpu-local", 'l', NULL, "keep tasks on the CPU they last ran on"},
	[OPT_NUMA_LOCAL] = {"numa-local", 'n', NULL, "look for idle CPUs in the task's NUMA node"},
	[OPT_PARTIAL] = {"partial", 'p', NULL, "schedule only tasks of policy SCHED_EXT"},
	[OPT_POLICY] = {"policy", 0, "NAME|PATH",
			"the policy that decides (default " POLICY_DEFAULT ")"},
	[OPT_LIST_POLICIES] = {"list-policies", 0, NULL, "show the policies there are and exit"},
	[OPT_CHECK] = {"check", 0, NULL, "say whether options and policy are good, and exit"},
	[OPT_NO_IDLE_FILL] = {"no-idle-fill", 0, NULL, "ask the policy even when a CPU is idle"},
	[OPT_CLASS_FDS] = {"class-fds", 0, "FD,FD[,FD]",
			   "take the table of classes that the parent made"},
	[OPT_EXIT_DUMP_LEN] = {"exit-dump-len", 0, "BYTES",
			       "debug dump of the kernel to keep, up to " DUMP_MAX},
	[OPT_VERBOSE] = {"verbose", 'v', NULL, "show what libbpf and the verifier say"},
	[OPT_STATS] = {"stats", 0, "SECS", "print statistics, every 0.1 to 86400 seconds"},
	[OPT_MONITOR] = {"monitor", 0, "SECS", "print the statistics of the scheduler that runs"},
	[OPT_STATS_SOCKET] = {"stats-socket", 0, "PATH",
			      "where statistics are offered, or looked for"},
	[OPT_JSON] = {"json", 0, NULL, "print statistics as lines of JSON"},
	[OPT_HELP_STATS] = {"help-stats", 0, NULL, "explain the statistics and exit"},
	[OPT_VERSION] = {"version", 'V', NULL, "show the version and exit"},
	[OPT_HELP] = {"help", 'h', NULL, "show this help and exit"},
	[OPT_BTF_CUSTOM_PATH] = {"btf-custom-path", 0, "FILE", "take the kernel's BTF from FILE"},
	[OPT_BPF_TOKEN_PATH] = {"bpf-token-path", 0, "DIR",
				"make a BPF token from the BPF file system DIR"},
	[OPT_OBJECT_NAME] = {"object-name", 0, "NAME", "without effect, for compatibility"},
	[OPT_PIN_ROOT_PATH] = {"pin-root-path", 0, "DIR", "without effect, for compatibility"},
	[OPT_RELAXED_MAPS] = {"relaxed-maps", 0, "true|false", "without effect, for compatibility"},
	[OPT_KCONFIG] = {"kconfig", 0, "FILE", "refused, see scx_rustland(8)"},
};

void options_help(FILE *f)
{
	fprintf(f, "Usage: scx_rustland [OPTION]...\n"
		   "Schedule the CPUs of this machine with a policy that runs in user space.\n\n");
	for (size_t i = 0; i < NR_OPTIONS; i++) {
		char line[OPTION_HELP_MAX];

		option_help(line, &specs[i], 24);
		fputs(line, f);
	}
	fprintf(f,
		"\nShorter slices (-s) help when audio crackles or the desktop lags.\n"
		"Exit status: 0 stopped by a signal, 1 could not start, 2 wrong usage, 3 ejected\n"
		"by the kernel, 4 restarted too often. More in scx_rustland(8).\n");
}

static int __attribute__((format(printf, 2, 3))) refuse(char *error, const char *format, ...)
{
	static const char see[] = ERROR_HELP_SUFFIX;
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

static int parse_policy(char *error, const char *text)
{
	if (strchr(text, '/') || policy_name_is_valid(text))
		return 0;
	return refuse(error,
		      ERROR_POLICY_PREFIX "'%.40s' is neither a policy's name (" POLICY_NAME_RULE
					  ") nor a path with a slash",
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

static int parse_one(struct options *o, int option, const char *value, bool *have_min, char *error)
{
	uint64_t number;

	switch (option) {
	case OPT_SLICE_US:
		return parse_number(error, "--slice-us", value, "microseconds", SLICE_US_MIN,
				    SLICE_US_MAX, &o->slice_us);
	case OPT_SLICE_US_MIN:
		*have_min = true;
		return parse_number(error, "--slice-us-min", value, "microseconds", SLICE_US_MIN,
				    SLICE_US_MAX, &o->slice_min_us);
	case OPT_PERCPU_LOCAL:
		o->percpu_local = true;
		return 0;
	case OPT_NUMA_LOCAL:
		o->numa_local = true;
		return 0;
	case OPT_PARTIAL:
		o->partial = true;
		return 0;
	case OPT_VERBOSE:
		o->verbose = true;
		return 0;
	case OPT_VERSION:
		o->action = OPTIONS_VERSION;
		return 0;
	case OPT_HELP:
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

int options_parse(struct options *ret, int argc, char **argv, char *error)
{
	struct option_parser parser;
	struct option_fault fault;
	const char *value = NULL;
	struct options o = {
		.slice_us = SLICE_US_DEFAULT,
		.slice_min_us = SLICE_MIN_US_DEFAULT,
		.policy = POLICY_DEFAULT,
	};
	bool have_min = false;
	int option;

	option_parser_init(&parser, specs, NR_OPTIONS, OPTIONS_ALL, true);
	while ((option = option_parser_next(&parser, argc, argv, &value, &fault)) >= 0)
		if (parse_one(&o, option, value, &have_min, error) < 0)
			return -EINVAL;
	if (option == OPTION_BAD)
		return refuse(error, "%s%.80s%s", fault.before, fault.word, fault.after);
	if (parser.first_word < argc)
		return refuse(error, "unexpected argument '%.80s'", argv[parser.first_word]);
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
