#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Stops the scheduler's process in the middle of load, as a debugger or a bug would, and looks whether
# the machine goes on.
#
# usage: freeze.sh [--seconds N] [--limit-us N] [--shown-only]
#
#   --seconds N      how long it stays stopped (default 5)
#   --limit-us N     the longest that the frame loop may wait for a CPU (default 20000)
#   --shown-only     show that wait and assert nothing: on an emulator's real-time clock the wait
#                    is also the host's

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

seconds=5 limit=20000 shown_only=
while (($#)); do
	case $1 in
	--seconds) seconds=$2 && shift ;;
	--limit-us) limit=$2 && shift ;;
	--shown-only) shown_only=1 ;;
	*) die "unknown option $1" ;;
	esac
	shift
done

settle=5 before=2 after=3 result=out/freeze.json

scheduler_start || die "it starts"
"$bench/bench-run" --settle-seconds $settle --seconds $((before + seconds + after)) \
	--output $result &
load=$!
sleep $((settle + before))
kill -STOP "$scheduler_pid"
stopped() { grep -q '^State:	T' "/proc/$scheduler_pid/status"; }
verdict "the scheduler is stopped" wait_until 2 stopped
sleep "$seconds"
check_serving "stopped for $seconds s"
kill -CONT "$scheduler_pid"
verdict "the load ran to its end" wait "$load"

wait=$(json $result frame.longest_wait_us)
text="the frame loop's longest wait for a CPU: ${wait:-unknown} us, at most $limit"
note "the process was stopped from second $before to $((before + seconds)); the longest waits began at" \
	"$(json $result frame.longest_wait_at_us) us (frame loop) and" \
	"$(json $result hogs.longest_gap_at_us) us (hogs)"
if [[ -n $shown_only ]]; then
	note "$text (shown only: this clock is also the host's)"
elif [[ -z $wait ]]; then
	fail "$text"
else
	verdict "$text" at_most "$wait" "$limit"
fi
note "wakeups: median $(json $result frame.wakeup_us.p50) us, p99 $(json $result frame.wakeup_us.p99) us," \
	"worst $(json $result frame.wakeup_us.max) us"
wait=$(json $result hogs.longest_gap_us)
verdict "no hog waits a second for a CPU: ${wait:-unknown} us" at_most "${wait:-2000000}" 1000000

check_serving "after going on"
# Under load, since an idle machine has nothing to ask about.
"$bench/hog" --settle-seconds 1 --seconds 4 >out/freeze-hogs.json &
load=$!
sleep 1
answers=$(stats nr_user_dispatches 2)
verdict "answers flow again: ${answers:-unknown} in 2 s" [ "${answers:-0}" -gt 0 ]
wait "$load"
check_page_faults
check_stop
verdict "not thrown out by the kernel" no_ejection
finish
