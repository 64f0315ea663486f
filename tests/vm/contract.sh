#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What anyone may tell the kernel's scheduler still holds: the rows of contract.py under the kernel's own
# scheduler and under scx_rustland, in the same boot. Meant for tools/vm --icount. doc/contract.md says what is
# promised; here it is asserted.
#
# usage: contract.sh [--seconds S] [--rows GLOB,...]

# verdict calls functions.
# shellcheck disable=SC2317

# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

seconds=2 rows='*'
while (($#)); do
	case $1 in
	--seconds) seconds=$2 && shift ;;
	--rows) rows=$2 && shift ;;
	*) die "unknown option $1" ;;
	esac
	shift
done

here=$(dirname "$0")
measure() { python3 "$here/contract.py" --seconds "$seconds" --rows "$rows" "out/contract-$1.json"; }

# Without autogroups a session is nothing to both schedulers.
autogroup=/proc/sys/kernel/sched_autogroup_enabled
[[ ! -e $autogroup ]] || echo 1 >$autogroup
# The boot is not over when this begins.
sleep 5
measure eevdf || die "the rows run under the kernel's own scheduler"
scheduler_start || die "it starts"
measure rustland || die "the rows run under scx_rustland"
check_serving "after all rows"
verdict "the kernel did not throw it out" no_ejection
check_stop

python3 "$here/contract-judge.py" "$cpus" out/contract-eevdf.json out/contract-rustland.json >out/contract.tap
count_verdicts out/contract.tap "the judge"
finish
