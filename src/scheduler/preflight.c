/* SPDX-License-Identifier: GPL-2.0-only */
/* See preflight.h. */

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <time.h>

#include <rustland.h>

#include "common/capabilities.h"
#include "common/sched-ext.h"
#include "scheduler/messages.h"
#include "scheduler/preflight.h"

#define SETTLE_STEP_MS 50
#define SETTLE_MAX_MS  2000

static bool has(uint64_t capabilities, int capability)
{
	return capabilities & (UINT64_C(1) << capability);
}

bool preflight_may_load(uint64_t capabilities)
{
	return has(capabilities, CAP_SYS_ADMIN) ||
	       (has(capabilities, CAP_BPF) && has(capabilities, CAP_PERFMON));
}

/* A scheduler that is being replaced or restarted leaves these states within milliseconds. */
static int settled_state(char *ops_name, size_t size)
{
	const struct timespec step = {.tv_nsec = SETTLE_STEP_MS * 1000000L};
	int state = rl_kernel_state(ops_name, size);

	for (int ms = 0; ms < SETTLE_MAX_MS; ms += SETTLE_STEP_MS) {
		if (state != RL_KERNEL_ENABLING && state != RL_KERNEL_DISABLING)
			break;
		nanosleep(&step, NULL);
		state = rl_kernel_state(ops_name, size);
	}
	return state;
}

static int check_free(void)
{
	char ops_name[128];
	int state = settled_state(ops_name, sizeof(ops_name));

	switch (state) {
	case RL_KERNEL_DISABLED:
		return 0;
	case RL_KERNEL_ENABLED:
		log_write(RL_LOG_ERROR,
			  SCHED_EXT_OTHER
			  ": %s; stop it first (systemctl stop %s, or end its process)",
			  *ops_name ? ops_name : "its name is unknown",
			  sched_ext_is_ours(ops_name) ? "scx-rustland" : "scx scx_loader");
		return -EBUSY;
	case RL_KERNEL_ENABLING:
	case RL_KERNEL_DISABLING:
		log_write(RL_LOG_ERROR,
			  "another sched_ext scheduler has been %s for more than 2 seconds; try "
			  "again "
			  "when /sys/kernel/sched_ext/state says disabled",
			  state == RL_KERNEL_ENABLING ? "starting" : "stopping");
		return -EBUSY;
	default:
		log_write(RL_LOG_ERROR,
			  "cannot read /sys/kernel/sched_ext/state: %s; is /sys mounted?",
			  strerror(-state));
		return state;
	}
}

int preflight_check(void)
{
	uint64_t capabilities = 0;
	int r;

	if (rl_kernel_state(NULL, 0) == RL_KERNEL_UNSUPPORTED) {
		log_write(RL_LOG_ERROR, SCHED_EXT_MISSING
			  " (/sys/kernel/sched_ext is missing); boot " SCHED_EXT_NEEDS
			  ", such as the one in Debian's trixie-backports");
		return -EOPNOTSUPP;
	}
	r = capabilities_effective(&capabilities);
	if (r < 0) {
		log_write(RL_LOG_ERROR, "cannot read this process's capabilities: %s",
			  strerror(-r));
		return r;
	}
	if (!preflight_may_load(capabilities)) {
		log_write(RL_LOG_ERROR,
			  "loading a scheduler needs privileges: run it as root, or with the "
			  "capabilities CAP_BPF and CAP_PERFMON");
		return -EPERM;
	}
	return check_free();
}
