/* SPDX-License-Identifier: GPL-2.0-only */
/* See lifecycle.h. */

#include <string.h>

#include <glib.h>

#include "common/protocol.h"
#include "common/sched-ext.h"
#include "daemon/supervise/lifecycle.h"

static void set_text(char **text, char *value)
{
	g_free(*text);
	*text = value;
}

void lifecycle_init(struct lifecycle *lc, const struct lifecycle_limits *limits, uint64_t now_ms)
{
	*lc = (struct lifecycle){
		.limits = *limits,
		.kernel = RL_KERNEL_DISABLING, /* until the first LIFECYCLE_KERNEL */
		.retry_ms = now_ms,
		.phase_ms = now_ms,
		.ops = g_strdup(""),
		.reason = g_strdup(""),
		.kernel_reason = g_strdup(""),
	};
}

void lifecycle_clear(struct lifecycle *lc)
{
	g_free(lc->ops);
	g_free(lc->reason);
	g_free(lc->kernel_reason);
}

static void enter(struct lifecycle *lc, enum lifecycle_phase phase, uint64_t now_ms)
{
	lc->phase = phase;
	lc->phase_ms = now_ms;
}

/* ---- Ends ----------------------------------------------------------------------------------- */

static char *describe_end(const struct lifecycle_event *event)
{
	if (event->end.signal)
		return g_strdup_printf("scx_rustland was killed by signal %d (%s)",
				       event->end.signal, strsignal(event->end.signal));
	if (*event->end.error)
		return g_strdup(event->end.error);
	if (event->end.status == SCHEDULER_EXIT_STOPPED)
		return g_strdup("scx_rustland was stopped, but not by its service");
	return g_strdup_printf("scx_rustland ended with status %d", event->end.status);
}

static uint64_t back_off(const struct lifecycle *lc)
{
	uint64_t delay = lc->limits.delay_ms;

	for (uint32_t i = 1; i < lc->nr_ends && delay < lc->limits.delay_max_ms; i++)
		delay *= 2;
	return MIN(delay, lc->limits.delay_max_ms);
}

/* One more end that nobody ordered. */
static void count_end(struct lifecycle *lc, uint64_t now_ms)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < lc->nr_ends; i++)
		if (now_ms - lc->ends_ms[i] < lc->limits.window_ms)
			lc->ends_ms[kept++] = lc->ends_ms[i];
	lc->nr_ends = kept;
	if (lc->nr_ends >= MIN(lc->limits.restarts, LIFECYCLE_LIMIT_MAX)) {
		lc->given_up = true;
		return;
	}
	lc->ends_ms[lc->nr_ends++] = now_ms;
	lc->retry_ms = now_ms + back_off(lc);
}

static void forgive(struct lifecycle *lc, uint64_t now_ms)
{
	set_text(&lc->reason, g_strdup(""));
	lc->given_up = false;
	lc->nr_ends = 0;
	lc->retry_ms = now_ms;
}

/* The former arguments get what they had: another start, or none if they had been given up. */
static unsigned int revert(struct lifecycle *lc, uint64_t now_ms)
{
	lc->fallback = false;
	lc->limits = lc->fallback_limits;
	lc->given_up = lc->was_given_up;
	lc->nr_ends = 0;
	lc->retry_ms = now_ms;
	return LIFECYCLE_REVERT;
}

static unsigned int on_end(struct lifecycle *lc, const struct lifecycle_event *event,
			   uint64_t now_ms)
{
	bool was_stopping = lc->phase == LIFECYCLE_PHASE_STOPPING;

	enter(lc, LIFECYCLE_PHASE_NONE, now_ms);
	lc->late = lc->silent = false;
	lc->settle_ms = now_ms + LIFECYCLE_SETTLE_MS;
	lc->retry_ms = now_ms;
	if (lc->quitting || (was_stopping && lc->ordered))
		return 0;
	/* It refused to start because another scheduler was quicker: nobody's fault. */
	if (event->end.status == SCHEDULER_EXIT_FAILED && !event->end.signal &&
	    lc->kernel != RL_KERNEL_DISABLED && lc->kernel != RL_KERNEL_UNSUPPORTED) {
		lc->settle_ms = now_ms;
		return 0;
	}
	/* Nor is that: it is tried again for as long as it takes. */
	if (event->end.shortage) {
		set_text(&lc->reason, describe_end(event));
		lc->retry_ms = now_ms + LIFECYCLE_SHORTAGE_MS;
		return 0;
	}
	lc->all_ends++;
	/* Else the reason is why it was stopped, which says more than the signal. */
	if (!was_stopping)
		set_text(&lc->reason, describe_end(event));
	if (lc->fallback && !lc->proven)
		return revert(lc, now_ms);
	if (event->end.status == SCHEDULER_EXIT_USAGE && !event->end.signal)
		lc->given_up = true; /* the same arguments will not do better */
	else
		count_end(lc, now_ms);
	return 0;
}

/* ---- The other events ----------------------------------------------------------------------- */

static bool ours(const struct lifecycle *lc)
{
	return lc->kernel == RL_KERNEL_ENABLED && sched_ext_is_ours(lc->ops);
}

static unsigned int stop(struct lifecycle *lc, bool ordered, uint64_t now_ms)
{
	lc->ordered = ordered;
	lc->kill_ms = now_ms + LIFECYCLE_STOP_MS;
	enter(lc, LIFECYCLE_PHASE_STOPPING, now_ms);
	return LIFECYCLE_TERM;
}

static bool has_child(const struct lifecycle *lc)
{
	return lc->phase == LIFECYCLE_PHASE_STARTING || lc->phase == LIFECYCLE_PHASE_RUNNING;
}

static unsigned int on_config(struct lifecycle *lc, const struct lifecycle_event *event,
			      uint64_t now_ms)
{
	lc->limits = event->config.limits;
	if (!event->config.restart)
		return 0;
	lc->fallback = event->config.fallback;
	lc->fallback_limits = event->config.fallback_limits;
	lc->was_given_up = lc->given_up;
	lc->was_late = lc->late || lc->silent;
	lc->proven = false;
	forgive(lc, now_ms);
	return has_child(lc) ? stop(lc, true, now_ms) : 0;
}

static void on_heartbeat(struct lifecycle *lc, uint64_t now_ms)
{
	bool running = lc->phase == LIFECYCLE_PHASE_RUNNING;

	lc->heartbeat_ms = now_ms;
	lc->silent = false;
	if (!running || !ours(lc) || now_ms < lc->phase_ms + LIFECYCLE_TRIAL_MS)
		return;
	if (lc->late && !lc->was_late)
		return;
	lc->proven = true;
	lc->fallback = false;
}

static void on_kernel(struct lifecycle *lc, const struct lifecycle_event *event, uint64_t now_ms)
{
	bool was_ours = ours(lc);

	lc->kernel = event->kernel.state;
	set_text(&lc->ops, g_strdup(event->kernel.ops));
	/* A running child that was detached is back: its next sign of life is due from here. */
	if (ours(lc) && !was_ours)
		lc->heartbeat_ms = now_ms;
}

static unsigned int apply(struct lifecycle *lc, const struct lifecycle_event *event,
			  uint64_t now_ms)
{
	bool running = lc->phase == LIFECYCLE_PHASE_RUNNING;

	switch (event->type) {
	case LIFECYCLE_TICK:
		break;
	case LIFECYCLE_KERNEL:
		on_kernel(lc, event, now_ms);
		break;
	case LIFECYCLE_READY:
		/* Also from a running child, which executes itself anew when CPUs come and go. */
		if (!has_child(lc))
			break;
		if (!running)
			enter(lc, LIFECYCLE_PHASE_RUNNING, now_ms);
		lc->late = lc->silent = false;
		lc->heartbeat_ms = now_ms;
		break;
	case LIFECYCLE_HEARTBEAT:
		on_heartbeat(lc, now_ms);
		break;
	case LIFECYCLE_LATE:
	case LIFECYCLE_IN_TIME:
		lc->late = running && event->type == LIFECYCLE_LATE;
		break;
	case LIFECYCLE_END:
		return on_end(lc, event, now_ms);
	case LIFECYCLE_CONFIG:
		return on_config(lc, event, now_ms);
	case LIFECYCLE_RETRY:
		if (lc->given_up) {
			lc->proven = false;
			forgive(lc, now_ms);
		}
		break;
	case LIFECYCLE_QUIT:
		lc->quitting = true;
		return has_child(lc) ? stop(lc, true, now_ms) : 0;
	}
	return 0;
}

/* ---- What time brings ----------------------------------------------------------------------- */

static uint64_t silent_ms(const struct lifecycle *lc)
{
	return lc->heartbeat_ms + LIFECYCLE_HEARTBEAT_MS;
}

static uint64_t lost_ms(const struct lifecycle *lc)
{
	return lc->heartbeat_ms + LIFECYCLE_HEARTBEATS * LIFECYCLE_HEARTBEAT_MS;
}

/* When the trial has to be over; UINT64_MAX without one. */
static uint64_t trial_end_ms(const struct lifecycle *lc)
{
	return lc->fallback && !lc->proven ? lc->phase_ms + LIFECYCLE_TRIAL_MAX_MS : UINT64_MAX;
}

static bool may_start(const struct lifecycle *lc)
{
	return !lc->quitting && !lc->given_up && lc->kernel == RL_KERNEL_DISABLED;
}

static unsigned int pass_time(struct lifecycle *lc, uint64_t now_ms)
{
	switch (lc->phase) {
	case LIFECYCLE_PHASE_NONE:
		if (!may_start(lc) || now_ms < lc->retry_ms)
			return 0;
		enter(lc, LIFECYCLE_PHASE_STARTING, now_ms);
		return LIFECYCLE_START;
	case LIFECYCLE_PHASE_STARTING:
		if (now_ms < lc->phase_ms + LIFECYCLE_START_MS)
			return 0;
		set_text(&lc->reason,
			 g_strdup_printf("scx_rustland was not ready within %d seconds",
					 LIFECYCLE_START_MS / 1000));
		return stop(lc, false, now_ms);
	case LIFECYCLE_PHASE_RUNNING:
		if (now_ms >= trial_end_ms(lc)) {
			set_text(&lc->reason,
				 g_strdup_printf(lc->late
							 ? "its policy answered too late for %d "
							   "seconds"
							 : "it gave no sign of life for %d seconds",
						 LIFECYCLE_TRIAL_MAX_MS / 1000));
			return stop(lc, false, now_ms);
		}
		lc->silent = now_ms >= silent_ms(lc);
		if (now_ms < lost_ms(lc))
			return 0;
		set_text(&lc->reason,
			 g_strdup_printf("scx_rustland gave no sign of life for %d seconds",
					 LIFECYCLE_HEARTBEATS * LIFECYCLE_HEARTBEAT_MS / 1000));
		stop(lc, false, now_ms);
		return LIFECYCLE_KILL; /* it would not hear SIGTERM */
	case LIFECYCLE_PHASE_STOPPING:
		if (now_ms < lc->kill_ms)
			return 0;
		lc->kill_ms = now_ms + LIFECYCLE_STOP_MS;
		return LIFECYCLE_KILL;
	}
	return 0;
}

static void explain_kernel(struct lifecycle *lc)
{
	char *text = NULL;

	switch (lifecycle_state(lc)) {
	case LIFECYCLE_INHIBITED:
		text = g_strdup_printf(SCHED_EXT_OTHER ": %s",
				       *lc->ops ? lc->ops : "it is just starting");
		break;
	case LIFECYCLE_DISABLED:
		text = g_strdup(lc->kernel == RL_KERNEL_UNSUPPORTED
					? SCHED_EXT_MISSING "; it takes " SCHED_EXT_NEEDS
					: "the service is being stopped");
		break;
	default:
		text = g_strdup("");
	}
	set_text(&lc->kernel_reason, text);
}

unsigned int lifecycle_handle(struct lifecycle *lc, const struct lifecycle_event *event,
			      uint64_t now_ms)
{
	unsigned int actions = apply(lc, event, now_ms);

	actions |= pass_time(lc, now_ms);
	/* Whatever else: until the kernel has been seen without ours, it may still be ours. */
	if (lc->phase == LIFECYCLE_PHASE_NONE &&
	    (now_ms >= lc->settle_ms || lc->kernel == RL_KERNEL_DISABLED))
		lc->settle_ms = 0;
	explain_kernel(lc);
	return actions;
}

uint64_t lifecycle_due_ms(const struct lifecycle *lc)
{
	switch (lc->phase) {
	case LIFECYCLE_PHASE_STARTING:
		return lc->phase_ms + LIFECYCLE_START_MS;
	case LIFECYCLE_PHASE_RUNNING:
		return MIN(lc->silent ? lost_ms(lc) : silent_ms(lc), trial_end_ms(lc));
	case LIFECYCLE_PHASE_STOPPING:
		return lc->kill_ms;
	default:
		if (may_start(lc))
			return lc->retry_ms;
		return lc->settle_ms ? lc->settle_ms : UINT64_MAX;
	}
}

/* ---- What others see ------------------------------------------------------------------------ */

static enum lifecycle_state state_without_child(const struct lifecycle *lc)
{
	bool loaded = lc->kernel == RL_KERNEL_ENABLED || lc->kernel == RL_KERNEL_ENABLING;

	return loaded && !lc->settle_ms ? LIFECYCLE_INHIBITED : LIFECYCLE_STARTING;
}

enum lifecycle_state lifecycle_state(const struct lifecycle *lc)
{
	if (lc->kernel == RL_KERNEL_UNSUPPORTED)
		return LIFECYCLE_DISABLED;
	if (lc->quitting && lc->phase == LIFECYCLE_PHASE_NONE)
		return LIFECYCLE_DISABLED;
	if (lc->given_up)
		return LIFECYCLE_FAILED;
	switch (lc->phase) {
	case LIFECYCLE_PHASE_NONE:
		return state_without_child(lc);
	case LIFECYCLE_PHASE_STARTING:
		return LIFECYCLE_STARTING;
	default:
		/* Being stopped, it still schedules until the kernel says otherwise. */
		if (!ours(lc))
			return LIFECYCLE_STARTING;
		return lc->late || lc->silent ? LIFECYCLE_DEGRADED : LIFECYCLE_ACTIVE;
	}
}

bool lifecycle_settled(const struct lifecycle *lc)
{
	return lifecycle_state(lc) != LIFECYCLE_STARTING &&
	       (lc->phase == LIFECYCLE_PHASE_NONE || lc->phase == LIFECYCLE_PHASE_RUNNING);
}

bool lifecycle_proven(const struct lifecycle *lc)
{
	return lc->proven;
}

bool lifecycle_trying(const struct lifecycle *lc)
{
	return !lc->proven && (lc->phase != LIFECYCLE_PHASE_NONE || may_start(lc) ||
			       lifecycle_state(lc) == LIFECYCLE_STARTING);
}

const char *lifecycle_state_name(enum lifecycle_state state)
{
	static const char *const names[] = {
		[LIFECYCLE_STARTING] = "starting", [LIFECYCLE_ACTIVE] = "active",
		[LIFECYCLE_DEGRADED] = "degraded", [LIFECYCLE_INHIBITED] = "inhibited",
		[LIFECYCLE_DISABLED] = "disabled", [LIFECYCLE_FAILED] = "failed",
	};

	return names[state];
}

const char *lifecycle_reason(const struct lifecycle *lc)
{
	return *lc->kernel_reason ? lc->kernel_reason : lc->reason;
}

bool lifecycle_healthy(const struct lifecycle *lc, uint64_t now_ms)
{
	return lc->phase != LIFECYCLE_PHASE_STOPPING ||
	       now_ms < lc->phase_ms + 4 * LIFECYCLE_STOP_MS;
}

bool lifecycle_ended(const struct lifecycle *lc)
{
	return lc->quitting && lc->phase == LIFECYCLE_PHASE_NONE;
}
