#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The scheduler loads, runs, and goes away without a trace: run on every kernel and number of CPUs
# that is supported. It must stay quick, because it is run that often.
#
# usage: loads.sh

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

seq=$(enable_seq)
for signal in INT TERM; do
	scheduler_start || die "it starts"
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
verdict "the kernel counted $(($(enable_seq) - seq)) starts of 2" [ $(($(enable_seq) - seq)) = 2 ]
finish
