#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The scheduler loads, runs, and goes away without a trace: run on every kernel and number of CPUs
# that is supported. It must stay quick, because it is run that often.
#
# usage: loads.sh [--loading-ms N]
#
#   --loading-ms N   it has to be loaded within N ms, beside hogs, too; for a virtual clock only

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

loading_ms=
while (($#)); do
	case $1 in
	--loading-ms) loading_ms=$2 && shift ;;
	*) die "unknown option $1" ;;
	esac
	shift
done

# By the kernel's clock, from before its process starts until the kernel says that it is enabled.
load_time() {
	kernel_log | awk -F '[][]' -v mark="$1" '
		index($0, mark) { from = $2 }
		from && /BPF scheduler .* enabled/ { printf "%d", ($2 - from) * 1000; exit }'
}

# start TEXT: starts it, and looks how long that takes.
start() {
	local mark="rustland test loads: $1" took
	echo "$mark" >/dev/kmsg
	scheduler_start || die "it starts"
	took=$(load_time "$mark")
	if [[ $loading_ms ]]; then
		verdict "$1 loading took ${took:-unknown} ms, of $loading_ms" \
			at_most "${took:-999999}" "$loading_ms"
	else
		note "$1 loading took ${took:-unknown} ms"
	fi
}

seq=$(enable_seq)
for signal in INT TERM; do
	start "on an idle machine (SIG$signal)"
	check_serving "started"
	# Every path of the backend is run, because a kernel function in a wrong place ends a
	# scheduler at its first call.
	"$bench/bench-run" --settle-seconds 2 --seconds 3 --pairs 1 --output "out/loads-$signal.json" ||
		fail "a short load ran"
	answers=$(stats nr_user_dispatches 1)
	note "worst wakeup $(json "out/loads-$signal.json" frame.wakeup_us.max) us," \
		"answers carried out in an idle second: ${answers:-unknown}"
	check_serving "after a short load"
	check_page_faults
	check_stop "$signal"
	verdict "not thrown out by the kernel" no_ejection
done

# As at boot, beside what keeps the machine busy.
"$bench/hog" --count $((2 * cpus)) --settle-seconds 0 --seconds 3000 >/dev/null &
sleep 1
start "beside $((2 * cpus)) hogs"
check_serving "beside hogs"
check_stop
verdict "not thrown out by the kernel" no_ejection
verdict "the kernel counted $(($(enable_seq) - seq)) starts of 3" [ $(($(enable_seq) - seq)) = 3 ]
finish
