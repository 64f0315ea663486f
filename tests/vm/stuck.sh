#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A policy that runs into an endless loop: its thread is runnable and takes all CPU time it gets, but
# never answers. The machine has to go on without it.
#
# usage: stuck.sh

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

gcc -shared -fPIC -o stuck.so stuck-policy.c || die "the policy is compiled"
scheduler_start --policy ./stuck.so || die "it starts"
verdict "a load of 10 s runs to its end" \
	"$bench/bench-run" --settle-seconds 2 --seconds 8 --pairs 1 --output out/stuck.json
note "frame loop: median wakeup $(json out/stuck.json frame.wakeup_us.p50) us," \
	"longest wait $(json out/stuck.json frame.longest_wait_us) us"
late=$(stats nr_late 1)
verdict "the policy is stuck: $(stats nr_asked 1) asked in a second" [ "$(stats nr_user_dispatches 1)" = 0 ]
note "tasks queued without asking in an idle second: ${late:-unknown}"
# Until it is stuck, the tasks it forgets wait for half a second each; so nothing is asserted here.
note "longest wait of a hog: $(json out/stuck.json hogs.longest_gap_us) us"
check_serving "with a stuck policy"

# Its main thread cannot end by itself any more.
kill -KILL "$scheduler_pid"
wait "$scheduler_pid" 2>/dev/null
verdict "killed, it leaves the kernel" wait_until 10 state_is disabled
verdict "not thrown out by the kernel" no_ejection
finish
