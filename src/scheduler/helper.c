/* SPDX-License-Identifier: GPL-2.0-only */
/* See helper.h. */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "common/capabilities.h"
#include "common/protocol.h"
#include "common/sched-ext.h"
#include "scheduler/helper.h"

#define STACK_SIZE	(256 * 1024)
#define MSEC_NS		UINT64_C(1000000)
#define READY_PERIOD_NS (20 * MSEC_NS)
#define READY_MAX_NS	(5000 * MSEC_NS)
/* How soon "degraded" shows up in the status; longer would look like a wrong status. */
#define NOTIFY_PERIOD_NS (5000 * MSEC_NS)
#define NOTIFY_MIN_NS	 (50 * MSEC_NS)
/* The kernel's side and librustland see to a round in each second. */
#define ROUND_MAX_NS (1500 * MSEC_NS)

enum {
	FD_SIGNAL,
	FD_WAKE,
	FD_SERVER,
	NR_FDS = FD_SERVER + STATS_SERVER_FDS,
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

/* The helper's log_write(), which never waits. */
static void __attribute__((format(printf, 3, 4))) say(struct helper *h, enum rl_log_level level,
						      const char *format, ...)
{
	va_list args;
	size_t len;

	va_start(args, format);
	len = log_format(h->text, level, format, args);
	va_end(args);
	output_write(&h->err, h->text, len);
}

/* ---- The service manager -------------------------------------------------------------------- */

static void describe(const struct helper *h, char *buf, size_t size, const char *prefix)
{
	snprintf(buf, size, "%sscheduling %s on %" PRIu64 " CPU%s with the policy %s", prefix,
		 h->options->partial ? "tasks of policy SCHED_EXT" : "all tasks",
		 h->notify_prev.nr_cpus, h->notify_prev.nr_cpus == 1 ? "" : "s", h->policy_name);
}

static void open_notify(struct helper *h)
{
	uint64_t quarter_ns;

	notify_open(&h->notify);
	/*
	 * Four times per interval, so that one doubtful look (a request that came in just then)
	 * still leaves a sign of life every half interval.
	 */
	quarter_ns = h->notify.watchdog_us * 1000 / 4;
	h->notify_period_ns = NOTIFY_PERIOD_NS;
	if (h->notify.watchdog_us && quarter_ns < NOTIFY_PERIOD_NS)
		h->notify_period_ns = quarter_ns > NOTIFY_MIN_NS ? quarter_ns : NOTIFY_MIN_NS;
}

/*
 * The scheduler thread came round; or no request waits for it, and its next round is not due yet. That no
 * request waits is not enough: a thread that sleeps inside its policy is not sent any.
 */
static bool made_progress(struct helper *h, const struct rl_stats *stats)
{
	uint64_t now = now_ns();

	if (stats->nr_rounds != h->notify_prev.nr_rounds) {
		h->round_ns = now;
		return true;
	}
	return stats->nr_queued == 0 && now - h->round_ns < ROUND_MAX_NS;
}

static void read_stats(struct rl_stats *ret, void *userdata)
{
	struct helper *h = userdata;

	*ret = (struct rl_stats){.sz = sizeof(*ret)};
	rl_stats(h->rl, ret);
}

static void on_notify_due(struct helper *h)
{
	struct rl_stats now;
	bool degraded;

	read_stats(&now, h);
	if (h->notify.watchdog_us && !rl_exited(h->rl) && made_progress(h, &now))
		notify_send(&h->notify, NOTIFY_WATCHDOG);
	degraded = now.nr_late != h->notify_prev.nr_late;
	h->notify_prev = now;
	if (degraded == h->degraded)
		return;
	if (degraded)
		snprintf(h->text, sizeof(h->text),
			 NOTIFY_DEGRADED ": the policy answers too late, the kernel "
					 "goes on with estimates");
	else
		describe(h, h->text, sizeof(h->text), NOTIFY_STATUS);
	if (notify_send(&h->notify, h->text) == 0)
		h->degraded = degraded;
}

/* ---- Statistics on standard output ---------------------------------------------------------- */

static void on_stats_due(struct helper *h)
{
	struct rl_stats now, delta;
	size_t len;
	int r;

	read_stats(&now, h);
	stats_delta(&delta, &now, &h->stats_prev);
	h->stats_prev = now;
	len = h->options->json ? stats_json(h->text, sizeof(h->text), &delta)
			       : stats_line(h->text, sizeof(h->text), &delta);
	r = output_write(&h->out, h->text, len);
	if (r < 0 && r != -EAGAIN)
		h->stats_due_ns = UINT64_MAX; /* nobody reads them any more; scheduling goes on */
}

/* ---- From attached to ready ----------------------------------------------------------------- */

static void on_attached(struct helper *h)
{
	int r;

	(void)capabilities_drop_effective(); /* each thread has its own */
	r = stats_server_open(&h->server, h->socket_path, read_stats, h);

	if (r == -EADDRINUSE)
		say(h, RL_LOG_WARNING,
		    "another process offers statistics at %s; going on without them",
		    h->socket_path);
	else if (r < 0)
		say(h, RL_LOG_WARNING, "cannot offer statistics at %s: %s; going on without them",
		    h->socket_path, strerrordesc_np(-r));
	h->ready_due_ns = now_ns();
	h->ready_last_ns = h->ready_due_ns + READY_MAX_NS;
}

static void request_stop(struct helper *h)
{
	if (h->stop_requested)
		return;
	h->stop_requested = true;
	notify_send(&h->notify, NOTIFY_STOPPING "\n" NOTIFY_STATUS "stopping");
	/* Before the kernel lets the next scheduler in, which then finds the path free. */
	stats_server_close(&h->server);
	rl_stop(h->rl);
}

static void on_ready(struct helper *h, uint64_t now)
{
	char sentence[192];

	read_stats(&h->notify_prev, h);
	describe(h, h->text, sizeof(h->text), NOTIFY_READY "\n" NOTIFY_STATUS);
	if (notify_send(&h->notify, h->text) < 0)
		return; /* the one message that must not be lost: again in a moment */
	h->ready_due_ns = UINT64_MAX;
	h->stats_prev = h->notify_prev;
	h->round_ns = now;
	describe(h, sentence, sizeof(sentence), "");
	say(h, RL_LOG_INFO, "%s, slices of %" PRIu64 " to %" PRIu64 " us", sentence,
	    h->options->slice_min_us, h->options->slice_us);
	if (h->stats_period_ns)
		h->stats_due_ns = now; /* the first line at once, as upstream prints it */
	if (h->notify.fd >= 0)
		h->notify_due_ns = now + h->notify_period_ns;
}

/* What counts is the kernel's word, not that attaching succeeded. */
static void on_ready_due(struct helper *h, uint64_t now)
{
	char ops_name[128] = "";
	int state = rl_kernel_state(ops_name, sizeof(ops_name));

	h->ready_due_ns = now + READY_PERIOD_NS;
	if (state == RL_KERNEL_ENABLED && sched_ext_is_ours(ops_name)) {
		on_ready(h, now);
	} else if (now >= h->ready_last_ns && !rl_exited(h->rl)) {
		say(h, RL_LOG_ERROR,
		    "the kernel did not start to use the scheduler within 5 seconds "
		    "(/sys/kernel/sched_ext names '%s')",
		    ops_name);
		h->failed = true;
		h->ready_due_ns = UINT64_MAX;
		request_stop(h);
	}
}

/* ---- The thread ----------------------------------------------------------------------------- */

static void on_signal(struct helper *h)
{
	struct signalfd_siginfo info;

	while (read(h->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGHUP:
			if (h->ignore_hangup)
				break;
			/* fall through */
		case SIGINT:
		case SIGTERM:
		case SIGQUIT:
			request_stop(h);
			break;
		default:
			break; /* also SIGTSTP: a stopped scheduler schedules nobody */
		}
	}
}

/* Returns false when the thread has to end. */
static bool on_wake(struct helper *h)
{
	uint64_t count;
	int phase;

	/* Only so that it is not reported again; what matters is the phase. */
	(void)!read(h->wake_fd, &count, sizeof(count));
	phase = h->phase;
	if (phase == HELPER_SCHEDULING && !h->stop_requested)
		on_attached(h);
	return phase != HELPER_STOPPING && phase != HELPER_RESTARTING;
}

static uint64_t run_timers(struct helper *h, uint64_t now)
{
	uint64_t due;

	if (now >= h->ready_due_ns)
		on_ready_due(h, now);
	if (now >= h->stats_due_ns) {
		/* Missed lines are not made up for. */
		h->stats_due_ns = now - h->stats_due_ns < h->stats_period_ns
					  ? h->stats_due_ns + h->stats_period_ns
					  : now + h->stats_period_ns;
		on_stats_due(h);
	}
	if (now >= h->notify_due_ns) {
		h->notify_due_ns = now + h->notify_period_ns;
		on_notify_due(h);
	}
	due = h->ready_due_ns < h->stats_due_ns ? h->ready_due_ns : h->stats_due_ns;
	return due < h->notify_due_ns ? due : h->notify_due_ns;
}

static void wait_for_events(struct pollfd *fds, uint64_t due_ns)
{
	uint64_t now = now_ns(), left = due_ns > now ? due_ns - now : 0;
	const struct timespec timeout = {
		.tv_sec = (time_t)(left / UINT64_C(1000000000)),
		.tv_nsec = (long)(left % UINT64_C(1000000000)),
	};

	/* Out of kernel memory at worst; the next round tries again. */
	if (ppoll(fds, NR_FDS, due_ns == UINT64_MAX ? NULL : &timeout, NULL) < 0)
		for (int i = 0; i < NR_FDS; i++)
			fds[i].revents = 0;
}

static void *helper_main(void *arg)
{
	struct pollfd fds[NR_FDS] = {
		[FD_SIGNAL] = {.events = POLLIN},
		[FD_WAKE] = {.events = POLLIN},
	};
	struct helper *h = arg;
	bool go_on = true;

	fds[FD_SIGNAL].fd = h->signal_fd;
	fds[FD_WAKE].fd = h->wake_fd;
	while (go_on) {
		uint64_t now = now_ns(), timers = run_timers(h, now);
		uint64_t server = stats_server_prepare(&h->server, fds + FD_SERVER, now);

		wait_for_events(fds, timers < server ? timers : server);
		if (fds[FD_SIGNAL].revents)
			on_signal(h);
		if (fds[FD_WAKE].revents)
			go_on = on_wake(h);
		stats_server_dispatch(&h->server, fds + FD_SERVER);
	}
	stats_server_close(&h->server);
	if (h->phase == HELPER_RESTARTING)
		notify_send(&h->notify,
			    NOTIFY_STATUS "starting again, because a CPU went on- or offline");
	else if (!h->stop_requested)
		notify_send(&h->notify, NOTIFY_STOPPING);
	return NULL;
}

/* ---- The scheduler thread's side ------------------------------------------------------------ */

/* All but those that say that this very program is broken. */
static void helper_signals(sigset_t *ret)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};

	sigfillset(ret);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(ret, faults[i]);
}

void helper_block_signals(void)
{
	sigset_t signals;

	helper_signals(&signals);
	sigprocmask(SIG_SETMASK, &signals, NULL);
}

static int start_thread(struct helper *h)
{
	pthread_attr_t attr;
	int r;

	r = pthread_attr_init(&attr);
	if (r)
		return -r;
	r = pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (!r)
		r = pthread_create(&h->thread, &attr, helper_main, h);
	pthread_attr_destroy(&attr);
	return -r;
}

static void set_phase(struct helper *h, enum helper_phase phase)
{
	const uint64_t one = 1;

	h->phase = phase;
	/* An eventfd takes this unless it has been written to 2^64 times. */
	(void)!write(h->wake_fd, &one, sizeof(one));
}

static void release(struct helper *h)
{
	notify_close(&h->notify);
	output_close(&h->out);
	output_close(&h->err);
	if (h->signal_fd >= 0)
		close(h->signal_fd);
	if (h->wake_fd >= 0)
		close(h->wake_fd);
}

int helper_start(struct helper *h, struct rl *rl, const struct options *options,
		 const char *policy_name, const char *socket_path)
{
	struct sigaction hangup;
	sigset_t signals;
	int r = 0;

	memset(h, 0, sizeof(*h));
	h->rl = rl;
	h->options = options;
	h->policy_name = policy_name;
	h->socket_path = socket_path;
	h->ready_due_ns = h->stats_due_ns = h->notify_due_ns = UINT64_MAX;
	h->stats_period_ns = options->interval_ms * MSEC_NS;
	/* A blocked signal reaches a signalfd even where nohup has it ignored. */
	h->ignore_hangup = sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler == SIG_IGN;
	open_notify(h);
	stats_server_init(&h->server);
	output_open(&h->out, STDOUT_FILENO);
	output_open(&h->err, STDERR_FILENO);

	helper_signals(&signals);
	h->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	h->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (h->signal_fd < 0 || h->wake_fd < 0)
		r = -errno;
	if (!r)
		r = start_thread(h);
	if (r < 0) {
		log_write(RL_LOG_ERROR, "cannot start the helper thread: %s", strerror(-r));
		release(h);
	}
	return r;
}

void helper_attached(struct helper *h)
{
	set_phase(h, HELPER_SCHEDULING);
}

bool helper_stop_requested(const struct helper *h)
{
	return h->stop_requested;
}

bool helper_failed(const struct helper *h)
{
	return h->failed;
}

void helper_stop(struct helper *h, bool restarting)
{
	set_phase(h, restarting ? HELPER_RESTARTING : HELPER_STOPPING);
	pthread_join(h->thread, NULL);
	release(h);
}
