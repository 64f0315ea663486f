#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Measures what operations of the backend and of the kernel cost, in instructions, and leaves a file of costs for
# rustland-sim(1) in out/. Meant for tools/vm --icount --shift 0 --cpus 1, with the present file, cost.py,
# calibrate.py and operations.c copied.
#
# usage: calibrate.sh [--seconds N] FILE

# verdict calls functions.
# shellcheck disable=SC2317

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

seconds=8
if [[ ${1:-} == --seconds ]]; then
	seconds=$2
	shift 2
fi
file=$1

gcc -O2 -o operations operations.c || die "operations.c is compiled"
sleep 8
./operations >out/operations.json
scheduler_start || die "it starts"
./operations >>out/operations.json
echo 1 >/proc/sys/kernel/bpf_stats_enabled
sleep 2
measure() {
	python3 calibrate.py "$file" "$seconds" "$bench/ping-pong --pairs 4 --seconds 60" \
		"$bench/hog --count 4 --seconds 60" "$bench/fork-storm --tasks 100000" \
		<out/operations.json >"out/$(basename "$file")"
}
verdict "operations can be measured" measure
diff "$file" "out/$(basename "$file")" | sed 's/^/# /'
scheduler_stop
check_stop
finish
