#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# An idle machine must be left alone: all that the scheduler may cost there is its heartbeat, one
# wakeup a second.
#
# usage: idle.sh [--seconds N]

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

seconds=20
while (($#)); do
	case $1 in
	--seconds) seconds=$2 ;;
	*) die "unknown option $1" ;;
	esac
	shift 2
done

# Times that any of its threads gave up its CPU, which is how often it had woken up.
switches() { awk '/ctxt_switches/ { n += $2 } END { print n }' "/proc/$scheduler_pid"/task/*/status; }
# CPU time of all its threads in microseconds.
cpu_us() { awk '{ n += $1 } END { printf "%d", n / 1000 }' "/proc/$scheduler_pid"/task/*/schedstat; }

scheduler_start || die "it starts"
sleep 10
before=$(switches) cpu_before=$(cpu_us)
sleep "$seconds"
after=$(switches) cpu_after=$(cpu_us)
note "$((after - before)) wakeups and $(((cpu_after - cpu_before) / seconds)) us of CPU a second" \
	"in $seconds s, $(find "/proc/$scheduler_pid/task" -mindepth 1 -maxdepth 1 | wc -l) threads"
# Whatever else wakes up meanwhile finds an idle CPU without asking; but some may meet.
verdict "wakeups a second: about one (at most 3; $((after - before)) in $seconds s)" \
	[ $((after - before)) -le $((3 * seconds)) ]
check_page_faults
check_stop
verdict "not thrown out by the kernel" no_ejection
finish
