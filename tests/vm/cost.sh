#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What scheduling in user space costs, in instructions: a round trip of two tasks that wake each other,
# under the kernel's own scheduler and under scx_rustland, and what a decision takes in each part of
# it. Meant for tools/vm --icount --shift 0 --cpus 1, where an instruction takes a nanosecond and
# nobody else's are counted.
#
# usage: cost.sh [--seconds N]

# verdict calls functions.
# shellcheck disable=SC2317

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

seconds=1
while (($#)); do
	case $1 in
	--seconds) seconds=$2 && shift ;;
	*) die "unknown option $1" ;;
	esac
	shift
done

positive() { awk -v value="$1" 'BEGIN { exit !(value > 0) }'; }

# trip PAIRS NAME: nanoseconds of a round trip where one pair has the CPU to itself; 0 where it was not measured.
trip() {
	if ! "$bench/ping-pong" --pairs "$1" --settle-seconds 1 --seconds "$seconds" >"out/cost-trips-$2.json"; then
		echo "$2: the pairs did not end well" >&2
		echo 0
		return
	fi
	awk -v trips="$(json "out/cost-trips-$2.json" trips)" -v seconds="$seconds" \
		'BEGIN { printf "%.0f\n", trips ? seconds * 1e9 / trips : 0 }'
}

# parts TEXT COMMAND...: what the decisions cost that this load needs.
parts() {
	local text=$1 file
	file=out/cost-${2##*/}.json
	shift
	"$@" --seconds $((seconds + 8)) >/dev/null &
	sleep 6
	echo
	echo "A decision, in instructions, with $text:"
	verdict "it can be told what it costs" python3 "$(dirname "$0")/cost.py" "$seconds" "$file"
	wait $!
}

sleep 10
for pairs in 1 4; do
	eevdf[pairs]=$(trip $pairs eevdf-$pairs)
done
scheduler_start || die "it starts"
for pairs in 1 4; do
	ours[pairs]=$(trip $pairs rustland-$pairs)
done
echo
echo "A round trip, in instructions (two wakeups and two switches, and reading and writing a byte twice):"
printf '  %-22s%10s%14s\n' '' EEVDF scx_rustland
for pairs in 1 4; do
	printf '  %-22s%10s%14s  x %s\n' "of $pairs pair(s)" "${eevdf[pairs]}" "${ours[pairs]}" \
		"$(awk -v old="${eevdf[pairs]}" -v new="${ours[pairs]}" 'BEGIN { printf "%.2f", old ? new / old : 0 }')"
	verdict "both were measured" positive $((eevdf[pairs] * ours[pairs]))
done

echo 1 >/proc/sys/kernel/bpf_stats_enabled
parts "4 pairs that wake each other" "$bench/ping-pong" --pairs 4
parts "4 hogs" "$bench/hog" --count 4
parts "a frame loop beside 4 hogs" "$bench/bench-run" --settle-seconds 4 --hogs 4
echo 0 >/proc/sys/kernel/bpf_stats_enabled
check_page_faults
check_stop
verdict "not thrown out by the kernel" no_ejection
finish
