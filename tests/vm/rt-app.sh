#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs workloads of rt-app under scx_rustland, and leaves what became of their tasks in out/, for
# tests/sim/beside, which sets the simulator's figures for the same files beside it. Meant for tools/vm --icount
# --shift 0, where an instruction takes a nanosecond.
#
# usage: rt-app.sh [--eevdf] [--seconds N] [FILE]...     without one: all of tests/sim/workloads/vm, copied beside it
#
# --eevdf: no scheduler is started, so that the kernel's own one runs them

# verdict calls functions.
# shellcheck disable=SC2317

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

seconds=20 policy=rustland
while [[ ${1:-} == --* ]]; do
	case $1 in
	--eevdf) policy=eevdf ;;
	--seconds) seconds=$2 && shift ;;
	*) die "unknown option $1" ;;
	esac
	shift
done
here=$(dirname "$0")
(($#)) || set -- "$here"/vm/*.json

sleep 8
printf '{"tasks": {"loop": {"run": 100000}}}\n' >loop.json
ns_per_loop=$(python3 "$here/rt-app.py" loop.json 4 0 -) || die "rt-app says what its loops take"
note "a loop of rt-app takes $ns_per_loop ns"
if [[ $policy == eevdf ]]; then
	# The simulator has no autogroups.
	autogroup=/proc/sys/kernel/sched_autogroup_enabled
	[[ ! -e $autogroup ]] || echo 0 >$autogroup
else
	scheduler_start || die "it starts"
fi
sleep 2
for file; do
	name=$(basename "$file" .json)
	verdict "$name" python3 "$here/rt-app.py" "$file" "$seconds" "$ns_per_loop" "out/$name.json" "$policy"
done
if [[ $policy == eevdf ]]; then
	verdict "the kernel's own scheduler ran them: state is $(state)" state_is disabled
else
	scheduler_stop
	check_stop
fi
finish
