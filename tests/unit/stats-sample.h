/* SPDX-License-Identifier: GPL-2.0-only */
/* Statistics for the tests of what shows and sends them. */
#ifndef SCX_TEST_STATS_SAMPLE_H
#define SCX_TEST_STATS_SAMPLE_H

#include <rustland.h>

/* Every number differs, so that no two members can be mixed up. */
static const struct rl_stats sample = {
	.sz = sizeof(struct rl_stats),
	.nr_cpus = 8,
	.nr_running = 3,
	.nr_queued = 5,
	.nr_scheduled = 6,
	.nr_page_faults = 7,
	.nr_user_dispatches = 1001,
	.nr_kernel_dispatches = 1002,
	.nr_cancel_dispatches = 1003,
	.nr_bounce_dispatches = 1004,
	.nr_failed_dispatches = 1005,
	.nr_sched_congested = 1006,
	.nr_standing = 1007,
	.nr_late = 1008,
	.nr_flushed = 1009,
	.nr_asked = 1010,
	.nr_preempt_kicks = 1011,
	.policy_runtime_ns = 1012,
	.nr_rounds = 1013,
	.nr_resumed = 1014,
	.nr_hurried = 1015,
	.nr_throttled = 1016,
	.throttled_ns = 1017,
	.nr_groups_refused = 1018,
};

#define SAMPLE_JSON                                                                                \
	"{\"nr_cpus\":8,\"nr_running\":3,\"nr_queued\":5,\"nr_scheduled\":6,\"nr_page_faults\":7," \
	"\"nr_user_dispatches\":1001,\"nr_kernel_dispatches\":1002,\"nr_cancel_dispatches\":1003," \
	"\"nr_bounce_dispatches\":1004,\"nr_failed_dispatches\":1005,\"nr_sched_congested\":1006," \
	"\"nr_standing\":1007,\"nr_late\":1008,\"nr_flushed\":1009,\"nr_asked\":1010,"             \
	"\"nr_preempt_kicks\":1011,\"policy_runtime_ns\":1012,\"nr_rounds\":1013,"                 \
	"\"nr_resumed\":1014,\"nr_hurried\":1015,\"nr_throttled\":1016,"                           \
	"\"throttled_ns\":1017,\"nr_groups_refused\":1018}"

#endif /* SCX_TEST_STATS_SAMPLE_H */
