/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counters: added up over CPUs when somebody asks, so that counting costs the kernel side no
 * shared cache line. Never called by the scheduler loop.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/internal.h"

uint64_t rl_page_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt;
}

static int sum_counters(struct rl *rl, struct rl_counters *ret)
{
	uint32_t key = 0;

	memset(ret, 0, sizeof(*ret));
	if (bpf_map_lookup_elem(rl->counters_fd, &key, rl->counters))
		return -errno;
	for (int cpu = 0; cpu < rl->nr_possible_cpus; cpu++) {
		/* Every member is 64 bits wide, so the struct is a vector. */
		const uint64_t *from = (const uint64_t *)&rl->counters[cpu];
		uint64_t *to = (uint64_t *)ret;

		for (size_t i = 0; i < sizeof(*ret) / sizeof(*to); i++)
			to[i] += from[i];
	}
	return 0;
}

int rl_stats(struct rl *rl, struct rl_stats *ret)
{
	const struct rl_shared *shared = rl->shared;
	struct rl_counters c;
	struct rl_stats stats = {.sz = ret->sz};
	uint64_t asked, answered;
	int err;

	if (ret->sz < sizeof(ret->sz))
		return -EINVAL;
	err = sum_counters(rl, &c);
	if (err)
		return err;
	answered = __atomic_load_n(&shared->answered, __ATOMIC_ACQUIRE);
	asked = __atomic_load_n(&shared->asked, __ATOMIC_RELAXED);

	stats.nr_cpus = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
	stats.nr_running = c.nr_running > 0 ? (uint64_t)c.nr_running : 0;
	stats.nr_queued = asked - answered;
	stats.nr_scheduled = __atomic_load_n(&shared->held, __ATOMIC_RELAXED);
	stats.nr_page_faults = rl_page_faults() - rl->page_faults_at_attach;
	stats.nr_user_dispatches = c.nr_user_dispatches;
	stats.nr_kernel_dispatches = c.nr_kernel_dispatches;
	stats.nr_cancel_dispatches = c.nr_cancel_dispatches;
	stats.nr_bounce_dispatches = c.nr_bounce_dispatches;
	stats.nr_failed_dispatches = c.nr_failed_dispatches;
	stats.nr_sched_congested = c.nr_sched_congested;
	stats.nr_standing = c.nr_standing;
	stats.nr_resumed = c.nr_resumed;
	stats.nr_hurried = c.nr_hurried;
	stats.nr_throttled = c.nr_throttled;
	stats.throttled_ns = c.throttled_ns;
	stats.nr_groups_refused = c.nr_groups_refused;
	stats.nr_late = c.nr_late;
	stats.nr_flushed = c.nr_flushed;
	stats.nr_asked = asked;
	stats.nr_preempt_kicks = c.nr_preempt_kicks;
	stats.policy_runtime_ns = c.policy_runtime_ns;
	stats.nr_rounds = __atomic_load_n(&rl->rounds, __ATOMIC_RELAXED);
	memcpy(ret, &stats, ret->sz < sizeof(stats) ? ret->sz : sizeof(stats));
	return 0;
}
