#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Core scheduling: programs with cookies come and go beside hogs, a frame loop, pipes and short
# tasks. The threads of a core then share one lock, and the kernel asks the backend for work for one
# of them on another, so that a call in the wrong place stops the machine for good.
#
# One more program has a cookie from the beginning to the end, so that the kernel does not switch core
# scheduling on and off: it patches its own code for that, and 6.12 may carry out an old choice
# afterwards. An emulated machine can stop at either, under EEVDF too, see bpf/CONTEXTS.md.
#
# usage: core-sched.sh [--seconds N] [--eevdf] [--switch]
#
#   --seconds N   how long (default 60)
#   --eevdf       the same load without the scheduler, to compare; asserts nothing about it
#   --switch      without that program: core scheduling comes and goes

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

seconds=60 eevdf='' switch=
while (($#)); do
	case $1 in
	--seconds) seconds=$2 && shift ;;
	--eevdf) eevdf=1 ;;
	--switch) switch=1 ;;
	*) die "unknown option $1" ;;
	esac
	shift
done

# It ends at once where there is none.
"$bench/cookies" --programs 1 --threads 1 --settle-seconds 0 --seconds 1 >out/core-one.json
case $? in
0) ;;
77)
	skip "core scheduling" "this kernel, or a machine with one thread in a core, has none"
	finish
	;;
*) die "a program with a cookie runs" ;;
esac

# load TEXT OPTION...: cookies with these options, and the other loads beside them.
load() {
	local text=$1 duration=$2 name=out/core-$3
	shift 3
	timeout $((duration + 100)) "$bench/cookies" --seconds "$duration" "$@" >"$name.json" &
	local cookies=$!
	timeout $((duration + 100)) "$bench/bench-run" --hogs 2 --pairs 1 --seconds "$duration" --output "$name-bench.json" &
	local others=$!
	timeout "$duration" "$bench/fork-storm" --tasks 1000000 --parallel 2 >/dev/null
	verdict "$text: each got its share" wait "$cookies"
	verdict "$text: the other loads ran to their end" wait "$others"
	note "programs: $(json "$name.json" started), their threads' longest wait" \
		"$(json "$name.json" longest_gap_us) us, $(json "$name.json" units) units"
	note "frame loop: wakeup p50 $(json "$name-bench.json" frame.wakeup_us.p50)," \
		"p99 $(json "$name-bench.json" frame.wakeup_us.p99) us, longest wait" \
		"$(json "$name-bench.json" frame.longest_wait_us) us"
}

[[ -n $switch ]] || "$bench/cookies" --hold &
[[ -n $eevdf ]] || scheduler_start || die "it starts"
load "three programs with cookies" $((seconds / 4)) three
[[ -n $eevdf ]] || check_serving "after that"
load "programs with cookies that come and go" $((seconds - seconds / 4)) many \
	--programs 4 --life-ms 300
if [[ -z $eevdf ]]; then
	check_serving "after that"
	check_page_faults
	answers=$(stats nr_user_dispatches 2)
	note "answers carried out in 2 idle seconds: ${answers:-unknown}"
	check_stop
	verdict "not thrown out by the kernel" no_ejection
fi
finish
