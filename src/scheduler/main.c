/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scx_rustland: loads the scheduler into the kernel and runs a policy until a signal or the kernel
 * ends it.
 *
 * The main thread is the scheduler thread: from rl_attach() to rl_detach() it must not allocate,
 * lock, log or touch a file. Everything else is the helper thread's, see helper.h.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <rustland.h>

#include "common/capabilities.h"
#include "common/protocol.h"
#include "scheduler/check.h"
#include "scheduler/helper.h"
#include "scheduler/messages.h"
#include "scheduler/monitor.h"
#include "scheduler/notify.h"
#include "scheduler/options.h"
#include "scheduler/policies.h"
#include "scheduler/preflight.h"
#include "scheduler/restart.h"
#include "scheduler/stats.h"

/* Files that are opened later must not become standard output. */
static void keep_standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
			exit(SCHEDULER_EXIT_FAILED);
}

static int open_scheduler(struct rl **ret, const struct options *o)
{
	struct rl_open_opts open_opts = {
		.sz = sizeof(open_opts),
		.version = PACKAGE_VERSION,
		.slice_ns = o->slice_us * 1000,
		.slice_min_ns = o->slice_min_us * 1000,
		.timeout_ms = o->timeout_ms,
		.exit_dump_len = o->exit_dump_len,
		.partial = o->partial,
		.numa_local = o->numa_local,
		.no_builtin_idle = o->no_idle_fill,
		.verbose = o->verbose,
		.btf_path = o->btf_path,
		.log = log_library,
		.class_fds = o->have_class_fds ? o->class_fds : NULL,
		.members_fd = o->have_members_fd ? &o->members_fd : NULL,
	};

	/* libbpf's own way in; the option goes before the variable, as upstream has it. */
	if (o->bpf_token_path && setenv("LIBBPF_BPF_TOKEN_PATH", o->bpf_token_path, 1) < 0) {
		log_write(RL_LOG_ERROR, "--bpf-token-path: %s", strerror(errno));
		return -errno;
	}
	return rl_open(ret, &open_opts);
}

/* From here to the return this is the scheduler thread. Negative when it could not start. */
static int schedule(struct rl *rl, struct helper *helper, const struct rl_policy *policy,
		    const struct rl_policy_config *config)
{
	int r;

	if (helper_stop_requested(helper))
		return 0; /* a signal came while it was being loaded */
	r = rl_attach(rl);
	if (r < 0)
		return r; /* the library has said why */
	/* Not worth ending for: it would be as it was while loading. */
	(void)capabilities_drop_effective();
	helper_attached(helper);
	r = rl_run(rl, policy, config);
	rl_detach(rl);
	if (r < 0)
		log_write(RL_LOG_ERROR, "the policy %s could not start: %s", policy->name,
			  strerror(-r));
	return r;
}

static int report_ejection(const struct rl_exit *info)
{
	struct notify notify;
	char status[256];

	log_write(RL_LOG_ERROR, "the kernel has ended the scheduler: %s%s%s",
		  *info->reason ? info->reason : "without a reason", *info->message ? ": " : "",
		  info->message);
	if (*info->dump) {
		log_text("---- the kernel's debug dump ----\n");
		log_text(info->dump);
		log_text("\n---- end of the dump ----\n");
	}
	/* Not the message: it may hold a task's name, which may hold anything. */
	snprintf(status, sizeof(status), NOTIFY_STATUS "ended by the kernel: %s", info->reason);
	notify_open(&notify);
	notify_send(&notify, status);
	notify_close(&notify);
	return SCHEDULER_EXIT_EJECTED;
}

/* Comes back only when it does not work. */
static int start_again(struct restart *restart, char **argv)
{
	const struct sched_param param = {0};
	struct timespec now;
	int r;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (restart_count(restart, (uint64_t)now.tv_sec) < 0) {
		log_write(RL_LOG_ERROR,
			  "the kernel asked for more than %d restarts within %d seconds; giving up",
			  RESTART_MAX, RESTART_WINDOW_S);
		return SCHEDULER_EXIT_RESTARTS;
	}
	log_write(RL_LOG_INFO, "a CPU went on- or offline; starting again");
	/* With --partial this thread is a SCHED_EXT task, and execve() would keep that. */
	sched_setscheduler(0, SCHED_OTHER, &param);
	r = restart_exec(restart, argv);
	log_write(RL_LOG_ERROR, "cannot start again: %s", strerror(-r));
	return SCHEDULER_EXIT_FAILED;
}

static int finish(struct rl **rl, struct restart *restart, char **argv, bool stop_requested)
{
	struct rl_exit info = {.sz = sizeof(info)};
	int status = SCHEDULER_EXIT_STOPPED;

	rl_exit_info(*rl, &info);
	if (info.kind && !info.by_user && !info.restart)
		status = report_ejection(&info);
	rl_free(rl);
	if (info.restart && !stop_requested)
		return start_again(restart, argv);
	if (status == SCHEDULER_EXIT_STOPPED)
		log_write(RL_LOG_INFO, "stopped; the kernel's own scheduler has taken over");
	return status;
}

static int run(const struct options *o, char **argv)
{
	static struct helper helper;
	struct rl_policy_config config = {
		.sz = sizeof(config),
		.slice_ns = o->slice_us * 1000,
		.slice_min_ns = o->slice_min_us * 1000,
		.nr_cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN),
		.percpu_local = o->percpu_local,
	};
	const struct rl_policy *policy;
	struct rl_exit info = {.sz = sizeof(info)};
	struct restart restart;
	struct rl *rl = NULL;
	int r;

	helper_block_signals();
	restart_load(&restart);
	r = policies_load(o->policy, &policy);
	if (r < 0)
		return r == -ENOENT ? SCHEDULER_EXIT_USAGE : SCHEDULER_EXIT_FAILED;
	if (preflight_check() < 0 || open_scheduler(&rl, o) < 0)
		return SCHEDULER_EXIT_FAILED;
	if (helper_start(&helper, rl, o, policy->name,
			 o->stats_socket ? o->stats_socket : STATS_SOCKET_PATH) < 0) {
		rl_free(&rl);
		return SCHEDULER_EXIT_FAILED;
	}
	r = schedule(rl, &helper, policy, &config);
	rl_exit_info(rl, &info);
	helper_stop(&helper, r >= 0 && info.restart && !helper_stop_requested(&helper));
	if (r < 0 || helper_failed(&helper)) {
		rl_free(&rl);
		return SCHEDULER_EXIT_FAILED;
	}
	return finish(&rl, &restart, argv, helper_stop_requested(&helper));
}

static int check(const struct options *o)
{
	int r = check_policy(o->policy);

	if (r < 0)
		return r == -ENOENT ? SCHEDULER_EXIT_USAGE : SCHEDULER_EXIT_FAILED;
	return 0;
}

/* The service's scheduler first: that is the one which most machines have. */
static int monitor(const struct options *o)
{
	const char *const usual[] = {STATS_SERVICE_PATH, STATS_SOCKET_PATH, NULL};
	const char *const given[] = {o->stats_socket, NULL};

	if (monitor_run(o->stats_socket ? given : usual, o->interval_ms, o->json) < 0)
		return SCHEDULER_EXIT_FAILED;
	return 0;
}

int main(int argc, char **argv)
{
	char error[OPTIONS_ERROR_MAX];
	struct options o;

	keep_standard_files();
	/* Started again through /proc/self/exe the kernel would call it "exe". */
	prctl(PR_SET_NAME, "scx_rustland");
	umask(022);
	log_init();
	if (options_parse(&o, argc, argv, error) < 0) {
		log_write(RL_LOG_ERROR, "%s", error);
		return SCHEDULER_EXIT_USAGE;
	}
	switch (o.action) {
	case OPTIONS_SCHEDULE:
		return run(&o, argv);
	case OPTIONS_MONITOR:
		return monitor(&o);
	case OPTIONS_CHECK:
		return check(&o);
	case OPTIONS_HELP:
		options_help(stdout);
		break;
	case OPTIONS_HELP_STATS:
		stats_describe(stdout);
		break;
	case OPTIONS_LIST_POLICIES:
		policies_list(stdout);
		break;
	case OPTIONS_VERSION:
		printf("RustLand version %s - librustland %s\n", PACKAGE_VERSION, PACKAGE_VERSION);
		break;
	}
	return fflush(stdout) == EOF ? SCHEDULER_EXIT_FAILED : 0;
}
