#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# How many instructions the kernel's verifier goes through to accept each program of the backend,
# and that none needs more than its budget. They are what loading takes its time for, and beyond a
# million of them the kernel refuses a program: a loop or a branch in the wrong place multiplies
# them without a word. A budget is the most that 6.12 and 7.3 need, and a tenth on top: raise one
# only together with the change that needs it. It must never pass a program it has no budget for.
#
# usage: verifier.sh [--budget PROGRAM=N]...     instead of the one in here

# verdict calls functions.
# shellcheck disable=SC2317

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

declare -A budget=(
	[dispatch]=16350
	[enable]=170
	[enlist]=10
	[enqueue]=17040
	[exit]=27
	[exit_task]=2800
	[init]=1920
	[init_task]=8730
	[quiescent]=2550
	[runnable]=5040
	[running]=3320
	[select_cpu]=2810
	[stopping]=3100
	[yield]=37
)
while (($#)); do
	case $1 in
	--budget) budget[${2%%=*}]=${2#*=} && shift ;;
	*) die "unknown option $1" ;;
	esac
	shift
done

# name_of ID: of a program of the backend; false when it is another's.
name_of() {
	bpftool --json prog show id "$1" | python3 -c '
import json, sys
name = json.load(sys.stdin)["name"]
prefix = "rustland_"
if not name.startswith(prefix):
    sys.exit(1)
print(name[len(prefix):])'
}

# verified: lines "PROGRAM INSTRUCTIONS", from the programs that the scheduler has open.
verified() {
	local file id count name
	for file in /proc/"$scheduler_pid"/fdinfo/*; do
		id=$(awk '$1 == "prog_id:" { print $2 }' "$file")
		count=$(awk '$1 == "verified_insns:" { print $2 }' "$file")
		[[ $id && $count ]] || continue
		name=$(name_of "$id") && echo "$name $count"
	done | sort -u
}

scheduler_start || die "it starts"
verified >out/verifier.txt
check_stop
total=0
while read -r name count; do
	verdict "$name: $count of ${budget[$name]:-no budget}" \
		at_most "$count" "${budget[$name]:--1}"
	unset "budget[$name]"
	total=$((total + count))
done <out/verifier.txt
note "together: $total"
verdict "every program that has a budget was seen${budget[*]:+, but ${!budget[*]}}" [ ${#budget[@]} = 0 ]
finish
